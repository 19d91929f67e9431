//! Domains that stand still for a while.

use guest_support::worker::{PRIORITY, Page};
use runtime::abi::NO_DEADLINE;
use runtime::capability::{Domain, Freeze};
use runtime::{Cap, Error, clock};

use crate::bed::{Bed, Failure, expect, expect_refusal, require};

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(1, page.word(1) + 1);
    }
}

pub fn freeze(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.start(spins)?;
    let mut before = 0;
    for _ in 0..4 {
        bed.until(|| worker.word(1) > before)?;
        let freeze = worker.domain.freeze(NO_DEADLINE)?;
        let frozen = worker.word(1);
        bed.pass_time(3_000_000)?;
        expect(
            "how far it came while it was frozen",
            worker.word(1),
            frozen,
        )?;
        worker.domain.thaw(freeze.token)?;
        before = frozen;
    }
    Ok(worker.end()?)
}

/// A domain whose freeze has a deadline runs again by itself, and the token of that freeze is of no use any more.
pub fn freeze_with_deadline(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.start(spins)?;
    bed.until(|| worker.word(1) > 0)?;
    let freeze = freeze_for_a_while(worker.domain)?;
    let frozen = worker.word(1);
    bed.until(|| worker.word(1) > frozen)?;
    let late = worker.domain.retire(freeze.version, freeze.token);
    expect_refusal("a retirement", late, Error::WrongState)?;
    let other = worker.domain.freeze(NO_DEADLINE)?;
    let late = worker.domain.retire(other.version, freeze.token);
    expect_refusal("the old token", late, Error::InUse)?;
    require("version that rose", other.version > freeze.version)?;
    Ok(worker.end()?)
}

/// Freezes a domain until a deadline; until a later one, if the machine under this one stood still until the first had passed.
fn freeze_for_a_while(domain: Cap<Domain>) -> Result<Freeze, Failure> {
    let mut ns = 10_000_000;
    loop {
        match domain.freeze(clock::now_ns() + ns) {
            Err(Error::TimedOut) if ns < LONGEST_NS => ns *= 2,
            outcome => return Ok(outcome?),
        }
    }
}

/// A machine that stands still for so long is broken.
const LONGEST_NS: u64 = 10_000_000_000;

/// Threads of a domain that takes several steps to stop and to start.
const CROWD: usize = 12;
/// The first of the words in which they count.
const COUNTS: usize = 16;

/// Counts in the word that the thread's stack pointer chooses: every stack begins at another multiple of 2 MiB.
extern "C" fn counts(page: Page) -> ! {
    let here = &raw const page as u64;
    let word = COUNTS + (here >> 21) as usize % 32;
    loop {
        page.set(word, page.word(word) + 1);
    }
}

/// A domain with more threads than one step of a freeze or a thaw sees to: all of them stand, and all of them go on.
pub fn freeze_a_crowd(bed: &Bed) -> Result<(), Failure> {
    let mut worker = bed.worker()?;
    let mut threads = alloc::vec![worker.thread];
    while threads.len() < CROWD {
        threads.push(worker.another_thread()?);
    }
    for (number, thread) in (0..).zip(&threads) {
        worker.start_thread(number, *thread, counts, PRIORITY)?;
    }
    let read = || core::array::from_fn::<u64, CROWD, _>(|index| worker.word(COUNTS + index));
    let mut before = [0; CROWD];
    for _ in 0..3 {
        bed.until(|| before.iter().zip(read()).all(|(before, now)| now > *before))?;
        let freeze = worker.domain.freeze(NO_DEADLINE)?;
        before = read();
        bed.pass_time(3_000_000)?;
        require("stand of every thread", read() == before)?;
        worker.domain.thaw(freeze.token)?;
    }
    bed.until(|| before.iter().zip(read()).all(|(before, now)| now > *before))?;
    for thread in threads.into_iter().skip(1) {
        thread.delete()?;
    }
    Ok(worker.end()?)
}
