//! The order in which threads run.

use guest_support::worker::{PRIORITY, Page};
use runtime::Error;
use runtime::abi::calls::{Signal, ThreadSchedule, ThreadStart, ThreadStop, Wait, Yield};
use runtime::abi::kind::ThreadRights;
use runtime::system_call::invoke;

use super::given::{NOTIFICATION, THREAD};
use crate::bed::{Bed, Failure, expect, require};

/// How long spinners spin: many slices.
const WATCHED_NS: u64 = 200_000_000;

/// The word that a spinner counts in.
const COUNTER: usize = 0;

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(COUNTER, page.word(COUNTER) + 1);
    }
}

/// Lets spinners of these priorities run side by side for a while, and returns how far each came.
fn race<const COUNT: usize>(bed: &Bed, priorities: [u8; COUNT]) -> Result<[u64; COUNT], Failure> {
    let mut workers = alloc::vec::Vec::new();
    for priority in priorities {
        let worker = bed.worker()?;
        worker.start_thread(0, worker.thread, spins, priority)?;
        workers.push(worker);
    }
    bed.pass_time(WATCHED_NS)?;
    let mut counts = [0; COUNT];
    for (count, worker) in counts.iter_mut().zip(workers) {
        *count = worker.word(COUNTER);
        worker.end()?;
    }
    Ok(counts)
}

pub fn priority(bed: &Bed) -> Result<(), Failure> {
    let [low, high] = race(bed, [PRIORITY, PRIORITY + 1])?;
    expect("how far the lower one came", low, 0)?;
    require("progress of the higher one", high > 0)
}

pub fn slices(bed: &Bed) -> Result<(), Failure> {
    let counts = race(bed, [PRIORITY; 3])?;
    let all: u64 = counts.iter().sum();
    for count in counts {
        require("fair share", count >= all / 6)?;
    }
    Ok(())
}

/// The word with the ticks for which the thread below runs before it yields.
const TURN: usize = 1;

/// Counts, and yields shortly before its slice is over.
extern "C" fn yields_early(page: Page) -> ! {
    // SAFETY: every processor of these machines has the counter.
    let now = || unsafe { core::arch::x86_64::_rdtsc() };
    loop {
        let end = now() + page.word(TURN);
        while now() < end {
            page.set(COUNTER, page.word(COUNTER) + 1);
        }
        // It has nothing to fail with.
        let _ = invoke(Yield {});
    }
}

/// A thread that gives up the rest of its slice takes nothing from the one that runs next.
pub fn thief(bed: &Bed) -> Result<(), Failure> {
    let (thief, other) = (bed.worker()?, bed.worker()?);
    // Of a slice of 5 ms.
    thief.set(TURN, bed.ticks_per_second * 48 / 10_000);
    other.set(TURN, u64::MAX / 2);
    thief.start(yields_early)?;
    other.start(yields_early)?;
    bed.pass_time(WATCHED_NS)?;
    let (taken, left) = (thief.word(COUNTER), other.word(COUNTER));
    thief.end()?;
    other.end()?;
    require("fair share", left >= (taken + left) / 3)
}

/// Words of the two below.
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

pub fn preemption(bed: &Bed) -> Result<(), Failure> {
    let mut worker = bed.worker()?;
    worker.give(bed.pool.create_notification()?, NOTIFICATION)?;
    let waiter = worker.another_thread()?;
    worker.start_thread(1, waiter, waits_and_notes, PRIORITY + 1)?;
    bed.settle()?;
    bed.finish(&worker, signals_and_looks)?;
    // The waiter was woken and ran, before the signal's own caller went on.
    expect("what the signaller saw", worker.word(SEEN), 2)?;
    waiter.delete()?;
    Ok(worker.end()?)
}

extern "C" fn raises_itself(page: Page) -> ! {
    let schedule = |priority| {
        let thread = THREAD;
        let result = invoke(ThreadSchedule { thread, priority });
        result.err().map_or(0, |error| error as u64)
    };
    page.set(0, schedule(PRIORITY + 1));
    page.set(1, schedule(63));
    page.set(2, schedule(PRIORITY - 1));
    page.set(3, schedule(PRIORITY));
    page.done()
}

pub fn priority_limit(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker
        .domain
        .install(worker.thread, THREAD, ThreadRights::SCHEDULE, 0)?;
    bed.finish(&worker, raises_itself)?;
    let refused = Error::MissingRight as u64;
    for (index, must) in [(0, refused), (1, refused), (2, 0), (3, refused)] {
        expect("the status", worker.word(index), must)?;
    }
    Ok(worker.end()?)
}

pub fn stop_and_start(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.start(spins)?;
    let mut before = 0;
    for _ in 0..4 {
        bed.until(|| worker.word(COUNTER) > before)?;
        worker.thread.stop()?;
        let stopped = worker.word(COUNTER);
        bed.pass_time(3_000_000)?;
        expect(
            "how far it came while it was stopped",
            worker.word(COUNTER),
            stopped,
        )?;
        worker.thread.start()?;
        before = stopped;
    }
    worker.end()?;
    stops_itself(bed)
}

extern "C" fn stops(page: Page) -> ! {
    let thread = THREAD;
    page.set(0, 1);
    let status = invoke(ThreadStop { thread })
        .err()
        .map_or(0, |error| error as u64);
    page.set(1, status + 1);
    page.done()
}

/// A thread that stops itself finds, when it is started, that it worked.
fn stops_itself(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker
        .domain
        .install(worker.thread, THREAD, ThreadRights::RUN, 0)?;
    worker.start(stops)?;
    bed.settle()?;
    expect("how far it came", worker.word(0) + worker.word(1), 1)?;
    invoke(ThreadStart {
        thread: worker.thread.slot(),
    })?;
    bed.wait()?;
    expect("what it found", worker.word(1), 1)?;
    Ok(worker.end()?)
}
