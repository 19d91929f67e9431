//! Frozen domains.

use guest_support::worker::{PRIORITY, Page};
use runtime::abi::NO_DEADLINE;
use runtime::capability::{Domain, Freeze};
use runtime::{Cap, Error, clock};

use crate::fixture::{Failure, Fixture, expect, expect_refusal, require};

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(1, page.word(1) + 1);
    }
}

pub fn freeze(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.start(spins)?;
    let mut before = 0;
    for _ in 0..4 {
        fixture.until(|| worker.word(1) > before)?;
        let freeze = worker.domain.freeze(NO_DEADLINE)?;
        let frozen = worker.word(1);
        fixture.pass_time(3_000_000)?;
        expect("its progress while frozen", worker.word(1), frozen)?;
        worker.domain.thaw(freeze.token)?;
        before = frozen;
    }
    Ok(worker.end()?)
}

/// A freeze ends at its deadline, and its token becomes invalid.
pub fn freeze_with_deadline(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.start(spins)?;
    fixture.until(|| worker.word(1) > 0)?;
    let freeze = freeze_for_a_while(worker.domain)?;
    let frozen = worker.word(1);
    fixture.until(|| worker.word(1) > frozen)?;
    let late = worker.domain.retire(freeze.version, freeze.token);
    expect_refusal("a retirement", late, Error::WrongState)?;
    let other = worker.domain.freeze(NO_DEADLINE)?;
    let late = worker.domain.retire(other.version, freeze.token);
    expect_refusal("the old token", late, Error::InUse)?;
    require("version that rose", other.version > freeze.version)?;
    Ok(worker.end()?)
}

/// Freezes a domain until a deadline. If the host suspended the machine past it, tries again with a later one.
fn freeze_for_a_while(domain: Cap<Domain>) -> Result<Freeze, Failure> {
    let mut ns = 10_000_000;
    loop {
        match domain.freeze(clock::now_ns() + ns) {
            Err(Error::TimedOut) if ns < LONGEST_NS => ns *= 2,
            outcome => return Ok(outcome?),
        }
    }
}

/// A host that suspends the machine for longer is too slow for the check.
const LONGEST_NS: u64 = 10_000_000_000;

/// The number of threads, so large that a freeze and a thaw take several steps.
const CROWD: usize = 12;
/// The first of the words that these threads count in.
const COUNTS: usize = 16;

/// Counts in a word of its own, chosen by the stack pointer: the stacks are 2 MiB apart.
extern "C" fn counts(page: Page) -> ! {
    let here = &raw const page as u64;
    let word = COUNTS + (here >> 21) as usize % 32;
    loop {
        page.set(word, page.word(word) + 1);
    }
}

/// All threads of a domain stop and continue, although a freeze and a thaw handle only a few of them per step.
pub fn freeze_a_crowd(fixture: &Fixture) -> Result<(), Failure> {
    let mut worker = fixture.worker()?;
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
        fixture.until(|| before.iter().zip(read()).all(|(before, now)| now > *before))?;
        let freeze = worker.domain.freeze(NO_DEADLINE)?;
        before = read();
        fixture.pass_time(3_000_000)?;
        require("frozen thread", read() == before)?;
        worker.domain.thaw(freeze.token)?;
    }
    fixture.until(|| before.iter().zip(read()).all(|(before, now)| now > *before))?;
    for thread in threads.into_iter().skip(1) {
        thread.delete()?;
    }
    Ok(worker.end()?)
}
