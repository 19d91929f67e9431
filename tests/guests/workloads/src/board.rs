//! A workload's pages: [`Board`], on which it reports, and [`Buffer`], its message buffer.

use core::ptr;

use runtime::Slot;
use runtime::abi::PAGE_BYTES;
use runtime::abi::message::{CAPABILITIES_MAX, RECEIVE_OFFSET, SEND_OFFSET};
use runtime::shared::SharedMemory;

use crate::calls::yield_times;

/// The words of a board.
const ROUNDS: usize = 0;
const FAILURE: usize = 1;
const INTERRUPTIONS: usize = 2;
const TICKS_PER_SECOND: usize = 3;
/// The first word that a workload may use freely.
pub const FREE: usize = 16;

/// The address of the boards, one page each.
pub const BOARDS: u64 = 4 << 30;
/// The address of the message buffers, in the same order.
pub const BUFFERS: u64 = 12 << 30;

/// The number of words of a page.
const WORDS: usize = PAGE_BYTES as usize / 8;

/// A workload's page, as the workload sees it.
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

    /// The state reported on it.
    pub fn state(self) -> State {
        State {
            rounds: self.rounds(),
            failure: self.word(FAILURE),
            interruptions: self.word(INTERRUPTIONS),
        }
    }

    /// The number of completed rounds.
    pub fn rounds(self) -> u64 {
        self.word(ROUNDS)
    }

    /// Counts another round.
    pub fn round(self) {
        self.set(ROUNDS, self.rounds() + 1);
    }

    /// Counts a call that a move interrupted.
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

    /// Ends the workload with this failure unless the condition holds.
    pub fn check(self, holds: bool, failure: u64) {
        if !holds {
            self.set(FAILURE, failure);
            loop {
                yield_times(1);
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
        // SAFETY: a board is a page of the workload, and the index is inside.
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
        // SAFETY: a buffer is a page of the workload, which the kernel writes only during its calls, and the index is inside.
        unsafe { self.0.add(index % WORDS).read_volatile() }
    }

    /// Sets a word.
    pub fn set_word(self, index: usize, value: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(index % WORDS).write_volatile(value) }
    }

    /// Sets a capability of the next message to send.
    pub fn send(self, number: usize, slot: Slot) {
        self.set_slot(SEND_OFFSET, number, slot);
    }

    /// Sets the slot for a capability of the next message received.
    pub fn receive_in(self, number: usize, slot: Slot) {
        self.set_slot(RECEIVE_OFFSET, number, slot);
    }

    fn set_slot(self, list: u64, number: usize, slot: Slot) {
        let slots = self.0.wrapping_byte_add(list as usize).cast::<u32>();
        // SAFETY: as in `word`; both lists are in the first half of the page.
        unsafe { slots.add(number % CAPABILITIES_MAX).write_volatile(slot.0) }
    }
}

/// The state reported on a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of completed rounds.
    pub rounds: u64,
    /// The failure that ended the workload, or zero.
    pub failure: u64,
    /// The number of interrupted calls.
    pub interruptions: u64,
}

/// Reads a board's page.
pub fn read(page: &[u8]) -> State {
    let mut words = page.chunks_exact(8).map(|chunk| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    });
    let words: [u64; 3] = core::array::from_fn(|_| words.next().unwrap_or(0));
    State {
        rounds: words[ROUNDS],
        failure: words[FAILURE],
        interruptions: words[INTERRUPTIONS],
    }
}

/// Initialises the board of this number.
pub fn initialise(boards: &SharedMemory<'_>, number: usize, ticks_per_second: u64) {
    let offset = number * PAGE_BYTES as usize + TICKS_PER_SECOND * 8;
    boards.write(offset, &ticks_per_second.to_le_bytes());
}
