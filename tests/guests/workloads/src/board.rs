//! A workload's own pages: [`Board`], on which it reports to its observer, and [`Buffer`], its message buffer.

use core::ptr;

use runtime::Slot;
use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::Yield;
use runtime::abi::message::CAPABILITIES_MAX;
use runtime::abi::message::{RECEIVE_OFFSET, SEND_OFFSET};
use runtime::shared::SharedMemory;
use runtime::system_call::invoke;

/// Words of a board, by their place.
const ROUNDS: usize = 0;
const COMPLAINT: usize = 1;
const INTERRUPTIONS: usize = 2;
const TICKS_PER_SECOND: usize = 3;
/// The first word that a workload may use as it likes.
pub const FREE: usize = 16;

/// The address of the boards: a page each.
pub const BOARDS: u64 = 4 << 30;
/// The address of the message buffers, in the same order.
pub const BUFFERS: u64 = 12 << 30;

/// Words of a page.
const WORDS: usize = PAGE_BYTES as usize / 8;

/// A workload's own page, as the workload has it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Board(*mut u64);

impl Board {
    /// The board of the workload of this number, in its own domain.
    pub fn at(number: usize) -> Board {
        Board(ptr::with_exposed_provenance_mut(
            BOARDS as usize + number * PAGE_BYTES as usize,
        ))
    }

    /// Its report.
    pub fn told(self) -> Told {
        Told {
            rounds: self.rounds(),
            complaint: self.word(COMPLAINT),
            interruptions: self.word(INTERRUPTIONS),
        }
    }

    /// How many rounds it has done.
    pub fn rounds(self) -> u64 {
        self.word(ROUNDS)
    }

    /// Another round is done.
    pub fn round(self) {
        self.set(ROUNDS, self.rounds() + 1);
    }

    /// A call was interrupted by a move.
    pub fn interrupted(self) {
        self.set(INTERRUPTIONS, self.word(INTERRUPTIONS) + 1);
    }

    /// The rate of the time-stamp counter.
    pub fn ticks_per_second(self) -> u64 {
        self.word(TICKS_PER_SECOND)
    }

    /// The board of the workload before this one.
    pub fn before(self) -> Board {
        Board(self.0.wrapping_byte_sub(PAGE_BYTES as usize))
    }

    /// Ends the workload with a complaint unless all is well.
    pub fn check(self, is_well: bool, complaint: u64) {
        if !is_well {
            self.set(COMPLAINT, complaint);
            loop {
                // Nothing follows from its failing.
                let _ = invoke(Yield {});
            }
        }
    }

    /// The address of a word.
    pub fn address_of(self, index: usize) -> u64 {
        self.0.wrapping_add(index % WORDS) as u64
    }

    /// The workload's message buffer.
    pub fn buffer(self) -> Buffer {
        Buffer(self.0.wrapping_byte_add((BUFFERS - BOARDS) as usize))
    }

    /// A word.
    pub fn word(self, index: usize) -> u64 {
        // SAFETY: a board is a page of the workload's own, and the index is inside.
        unsafe { self.0.add(index % WORDS).read_volatile() }
    }

    /// Sets a word.
    pub fn set(self, index: usize, value: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(index % WORDS).write_volatile(value) }
    }
}

/// A workload's message buffer.
#[derive(Clone, Copy)]
pub struct Buffer(*mut u64);

impl Buffer {
    /// A word.
    pub fn word(self, index: usize) -> u64 {
        // SAFETY: a buffer is a page of the workload's own, which the kernel writes during its calls only, and the index is
        // inside.
        unsafe { self.0.add(index % WORDS).read_volatile() }
    }

    /// Sets a word.
    pub fn set_word(self, index: usize, value: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(index % WORDS).write_volatile(value) }
    }

    /// Names the capability of this number in the next message.
    pub fn send(self, number: usize, slot: Slot) {
        self.set_slot(SEND_OFFSET, number, slot);
    }

    /// Names the slot for the capability of this number in the next message received.
    pub fn receive_in(self, number: usize, slot: Slot) {
        self.set_slot(RECEIVE_OFFSET, number, slot);
    }

    fn set_slot(self, list: u64, number: usize, slot: Slot) {
        let slots = self.0.wrapping_byte_add(list as usize).cast::<u32>();
        // SAFETY: as in `word`; both lists are in the first half of the page.
        unsafe { slots.add(number % CAPABILITIES_MAX).write_volatile(slot.0) }
    }
}

/// The report on a board, as its observer reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many rounds.
    pub rounds: u64,
    /// The complaint, if not zero.
    pub complaint: u64,
    /// How many interruptions.
    pub interruptions: u64,
}

/// Reads a board's page.
pub fn read(page: &[u8]) -> Told {
    let mut words = page.chunks_exact(8).map(|chunk| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    });
    let words: [u64; 3] = core::array::from_fn(|_| words.next().unwrap_or(0));
    Told {
        rounds: words[ROUNDS],
        complaint: words[COMPLAINT],
        interruptions: words[INTERRUPTIONS],
    }
}

/// Writes what the board of this number begins with.
pub fn begin(boards: &SharedMemory<'_>, number: usize, ticks_per_second: u64) {
    let offset = number * PAGE_BYTES as usize + TICKS_PER_SECOND * 8;
    boards.write(offset, &ticks_per_second.to_le_bytes());
}
