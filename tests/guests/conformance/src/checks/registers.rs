//! Registers that are filled, left alone over many slices of others, and looked at.
//!
//! Two threads of different domains run the same script with different numbers, so that each runs between the other's
//! instructions.

use guest_support::registers::keep_general;
use guest_support::worker::{Page, Script, Worker};

use crate::bed::{Bed, Failure, expect};

/// The word with a worker's own number.
pub const SEED: usize = 0;
/// The word with what was wrong, zero if nothing.
pub const WRONG: usize = 1;
/// Turns of a loop that take several slices under emulation.
pub const TURNS: u64 = 8_000_000;

/// Whether CPUID has the leaf that lists what processors of our time have.
pub fn processor_has_leaf_7() -> bool {
    core::arch::x86_64::__cpuid(0).eax >= 7
}

/// Runs a script in two domains at once, with a number each, and expects that neither found anything wrong.
pub fn two(bed: &Bed, script: Script) -> Result<(), Failure> {
    for worker in run_two(bed, script)? {
        worker.end()?;
    }
    Ok(())
}

/// The same, for a check that looks at the domains afterwards, and ends them.
pub fn run_two(bed: &Bed, script: Script) -> Result<[Worker; 2], Failure> {
    let workers = [bed.worker()?, bed.worker()?];
    for (worker, seed) in workers
        .iter()
        .zip([0x0123_4567_89ab_cdef, 0x1357_9bdf_0246_8ace])
    {
        worker.set(SEED, seed);
        worker.set(WRONG, u64::MAX);
        worker.start(script)?;
    }
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        bed.wait()?;
    }
    for worker in &workers {
        expect("what was wrong", worker.word(WRONG), 0)?;
    }
    Ok(workers)
}

extern "C" fn keeps_general(page: Page) -> ! {
    let wrong = keep_general(page.word(SEED), TURNS);
    page.set(WRONG, wrong);
    page.done()
}

pub fn general(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_general)
}
