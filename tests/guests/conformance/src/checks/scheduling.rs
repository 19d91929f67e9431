//! The order in which threads run.

use guest_support::worker::{PRIORITY, Page};
use runtime::Error;
use runtime::abi::calls::{Signal, ThreadSchedule, ThreadStart, ThreadStop, Wait, Yield};
use runtime::abi::kind::ThreadRights;
use runtime::system_call::invoke;

use super::given::{NOTIFICATION, THREAD};
use crate::fixture::{Failure, Fixture, expect, require, status};

/// The time for which spinners spin: many slices.
const WATCHED_NS: u64 = 200_000_000;

/// The word that a spinner counts in.
const COUNTER: usize = 0;

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(COUNTER, page.word(COUNTER) + 1);
    }
}

/// Runs spinners of these priorities side by side for a while, and returns their counts.
fn race<const COUNT: usize>(
    fixture: &Fixture,
    priorities: [u8; COUNT],
) -> Result<[u64; COUNT], Failure> {
    let mut workers = alloc::vec::Vec::new();
    for priority in priorities {
        let worker = fixture.worker()?;
        worker.start_thread(0, worker.thread, spins, priority)?;
        workers.push(worker);
    }
    fixture.pass_time(WATCHED_NS)?;
    let mut counts = [0; COUNT];
    for (count, worker) in counts.iter_mut().zip(workers) {
        *count = worker.word(COUNTER);
        worker.end()?;
    }
    Ok(counts)
}

pub fn priority(fixture: &Fixture) -> Result<(), Failure> {
    let [low, high] = race(fixture, [PRIORITY, PRIORITY + 1])?;
    expect("the count of the lower one", low, 0)?;
    require("progress of the higher one", high > 0)
}

pub fn slices(fixture: &Fixture) -> Result<(), Failure> {
    let counts = race(fixture, [PRIORITY; 3])?;
    let all: u64 = counts.iter().sum();
    for count in counts {
        require("fair share", count >= all / 6)?;
    }
    Ok(())
}

/// The word with the number of ticks after which [`yields_early`] yields.
const TURN: usize = 1;

/// Counts, and yields shortly before the end of its slice.
extern "C" fn yields_early(page: Page) -> ! {
    // SAFETY: all these machines have the counter.
    let now = || unsafe { core::arch::x86_64::_rdtsc() };
    loop {
        let end = now() + page.word(TURN);
        while now() < end {
            page.set(COUNTER, page.word(COUNTER) + 1);
        }
        // `Yield` cannot fail.
        let _ = invoke(Yield {});
    }
}

/// A thread that gives up the rest of its slice takes nothing from the one that runs next.
pub fn thief(fixture: &Fixture) -> Result<(), Failure> {
    let (thief, other) = (fixture.worker()?, fixture.worker()?);
    // 4.8 of a slice's 5 ms.
    thief.set(TURN, fixture.ticks_per_second * 48 / 10_000);
    other.set(TURN, u64::MAX / 2);
    thief.start(yields_early)?;
    other.start(yields_early)?;
    fixture.pass_time(WATCHED_NS)?;
    let (taken, left) = (thief.word(COUNTER), other.word(COUNTER));
    thief.end()?;
    other.end()?;
    require("fair share", left >= (taken + left) / 3)
}

/// Words of the two scripts below.
const SIGNALLED: usize = 0;
const WOKEN: usize = 1;
const SEEN: usize = 2;

extern "C" fn waits_and_notes(page: Page) -> ! {
    let notification = NOTIFICATION;
    let _ = invoke(Wait {
        notification,
        deadline: u64::MAX,
    });
    page.set(WOKEN, page.word(SIGNALLED) + 1);
    page.rest()
}

extern "C" fn signals_and_looks(page: Page) -> ! {
    page.set(SIGNALLED, 1);
    let notification = NOTIFICATION;
    let _ = invoke(Signal {
        notification,
        flags: 1,
    });
    page.set(SEEN, page.word(WOKEN));
    page.done()
}

pub fn preemption(fixture: &Fixture) -> Result<(), Failure> {
    let mut worker = fixture.worker()?;
    worker.give(fixture.pool.create_notification()?, NOTIFICATION)?;
    let waiter = worker.another_thread()?;
    worker.start_thread(1, waiter, waits_and_notes, PRIORITY + 1)?;
    fixture.settle()?;
    fixture.finish(&worker, signals_and_looks)?;
    // The waiter ran before the signalling thread continued.
    expect(
        "the value that the signalling thread saw",
        worker.word(SEEN),
        2,
    )?;
    waiter.delete()?;
    Ok(worker.end()?)
}

extern "C" fn raises_itself(page: Page) -> ! {
    let schedule = |priority| {
        let thread = THREAD;
        status(&invoke(ThreadSchedule { thread, priority }))
    };
    page.set(0, schedule(PRIORITY + 1));
    page.set(1, schedule(63));
    page.set(2, schedule(PRIORITY - 1));
    page.set(3, schedule(PRIORITY));
    page.done()
}

pub fn priority_limit(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker
        .domain
        .install(worker.thread, THREAD, ThreadRights::SCHEDULE, 0)?;
    fixture.finish(&worker, raises_itself)?;
    let refused = Error::MissingRight as u64;
    for (index, must) in [(0, refused), (1, refused), (2, 0), (3, refused)] {
        expect("the status", worker.word(index), must)?;
    }
    Ok(worker.end()?)
}

pub fn stop_and_start(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.start(spins)?;
    let mut before = 0;
    for _ in 0..4 {
        fixture.until(|| worker.word(COUNTER) > before)?;
        worker.thread.stop()?;
        let stopped = worker.word(COUNTER);
        fixture.pass_time(3_000_000)?;
        expect("its progress while stopped", worker.word(COUNTER), stopped)?;
        worker.thread.start()?;
        before = stopped;
    }
    worker.end()?;
    stops_itself(fixture)
}

extern "C" fn stops(page: Page) -> ! {
    let thread = THREAD;
    page.set(0, 1);
    page.set(1, 1 + status(&invoke(ThreadStop { thread })));
    page.done()
}

/// A thread that stopped itself returns from the call with success when it is started again.
fn stops_itself(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker
        .domain
        .install(worker.thread, THREAD, ThreadRights::RUN, 0)?;
    worker.start(stops)?;
    fixture.settle()?;
    expect("its progress", worker.word(0) + worker.word(1), 1)?;
    invoke(ThreadStart {
        thread: worker.thread.slot(),
    })?;
    fixture.wait()?;
    expect("the status", worker.word(1), 1)?;
    Ok(worker.end()?)
}
