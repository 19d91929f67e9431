//! Registers that must survive many time slices of other threads.
//!
//! Two threads of different domains run the same script with different numbers, and preempt each other.

use guest_support::registers::keep_general;
use guest_support::worker::{Page, Script, Worker};

use crate::fixture::{Failure, Fixture, expect};

/// The word with a worker's own number.
pub const SEED: usize = 0;
/// The word with the result: zero if nothing was wrong, all ones while the script runs.
pub const WRONG: usize = 1;
/// Iterations of a loop that take several slices under emulation.
pub const TURNS: u64 = 8_000_000;

/// Whether CPUID has leaf 7, which lists newer features.
pub fn processor_has_leaf_7() -> bool {
    core::arch::x86_64::__cpuid(0).eax >= 7
}

/// Runs a script in two domains at once, with different numbers, and expects that neither found anything wrong.
pub fn two(fixture: &Fixture, script: Script) -> Result<(), Failure> {
    for worker in run_two(fixture, script)? {
        worker.end()?;
    }
    Ok(())
}

/// As [`two`], for a check that inspects the domains afterwards and destroys them.
pub fn run_two(fixture: &Fixture, script: Script) -> Result<[Worker; 2], Failure> {
    let workers = [fixture.worker()?, fixture.worker()?];
    for (worker, seed) in workers
        .iter()
        .zip([0x0123_4567_89ab_cdef, 0x1357_9bdf_0246_8ace])
    {
        worker.set(SEED, seed);
        worker.set(WRONG, u64::MAX);
        worker.start(script)?;
    }
    wait_for(fixture, &workers)?;
    for worker in &workers {
        expect("the error found", worker.word(WRONG), 0)?;
    }
    Ok(workers)
}

/// Waits until both scripts have stored their results.
pub fn wait_for(fixture: &Fixture, workers: &[Worker; 2]) -> Result<(), Failure> {
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        fixture.wait()?;
    }
    Ok(())
}

extern "C" fn keeps_general(page: Page) -> ! {
    let wrong = keep_general(page.word(SEED), TURNS);
    page.set(WRONG, wrong);
    page.done()
}

pub fn general(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, keeps_general)
}
