//! What a workload tells: [`Board`], its page, which it writes and the driver reads when the domain is frozen.

use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::Yield;
use runtime::shared::SharedMemory;
use runtime::system_call::invoke;

/// Words of a board, by their place.
const ROUNDS: usize = 0;
const COMPLAINT: usize = 1;
const INTERRUPTIONS: usize = 2;
const TICKS_PER_SECOND: usize = 3;

/// A workload's own page, as the workload has it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Board(*mut u64);

impl Board {
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

    fn word(self, index: usize) -> u64 {
        // SAFETY: a board is a page of the workload's own, in which `index` is one of the constants above.
        unsafe { self.0.add(index).read_volatile() }
    }

    fn set(self, index: usize, value: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(index).write_volatile(value) }
    }
}

/// What a board says, as the driver reads it.
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
