//! Flags, waits and deadlines.

use guest_support::worker::{DONE, PRIORITY, Page, Script, Worker};
use runtime::abi::NotificationRights;
use runtime::abi::calls::{Receive, Signal, Wait};
use runtime::capability::Notification;
use runtime::system_call::invoke;
use runtime::{Cap, Error, clock};

use super::given::{ENDPOINT, NOTIFICATION, REPLY};
use crate::fixture::{Failure, Fixture, expect, expect_refusal, require};

pub fn flags(fixture: &Fixture) -> Result<(), Failure> {
    let notification = fixture.pool.create_notification()?;
    expect_refusal("an empty one", poll(notification), Error::TimedOut)?;
    for flag in [1, 4, 1 << 63] {
        notification.signal(flag)?;
    }
    expect("the flags", poll(notification)?, 1 << 63 | 5)?;
    expect_refusal("a second poll", poll(notification), Error::TimedOut)?;
    notification.signal(0)?;
    expect_refusal("no flag", poll(notification), Error::TimedOut)
}

pub fn badge(fixture: &Fixture) -> Result<(), Failure> {
    let notification = fixture.pool.create_notification()?;
    let badged = notification.mint(NotificationRights::SIGNAL, 1 << 63 | 6)?;
    let copy = badged.duplicate()?;
    for through in [badged, copy] {
        through.signal(1 << 63 | 2)?;
        expect("the flags", poll(notification)?, 1 << 63 | 2)?;
        for flags in [1, 7, u64::MAX] {
            expect_refusal("a signal", through.signal(flags), Error::MissingRight)?;
        }
        expect_refusal("no flag", poll(notification), Error::TimedOut)?;
    }
    let wider = badged.mint(NotificationRights::SIGNAL, u64::MAX);
    expect_refusal("another badge", wider.map(drop), Error::BadgeFixed)?;
    for capability in [copy, badged] {
        capability.delete()?;
    }
    Ok(())
}

fn poll(notification: Cap<Notification>) -> Result<u64, Error> {
    let (notification, deadline) = (notification.slot(), 0);
    invoke(Wait {
        notification,
        deadline,
    })
}

pub fn deadline(fixture: &Fixture) -> Result<(), Failure> {
    let notification = fixture.pool.create_notification()?;
    for ns in [1, 1_000, 100_000, 3_000_000, 7_000_000] {
        let until = clock::now_ns() + ns;
        expect("the flags", notification.wait_until_ns(until)?, 0)?;
        require("wait until the deadline", clock::now_ns() >= until)?;
    }
    Ok(())
}

/// The first of three words with the waiters' deadlines, and the first of three with the results of their waits.
const DEADLINES: usize = 0;
const ENDS: usize = 8;

/// Waits, records the result, and raises a flag of its own.
extern "C" fn waits<const NUMBER: usize>(page: Page) -> ! {
    let ended = invoke(Wait {
        notification: NOTIFICATION,
        deadline: page.word(DEADLINES + NUMBER),
    });
    let end = ended.unwrap_or_else(|error| 1000 + error as u64);
    page.set(ENDS + NUMBER, end);
    // The check detects a failure.
    let _ = invoke(Signal {
        notification: DONE,
        flags: 1 << NUMBER,
    });
    page.rest()
}

/// Creates a worker whose three threads wait for a notification in their order, each until its deadline.
fn three_waiters(
    fixture: &Fixture,
    notification: Cap<Notification>,
    deadlines: [u64; 3],
) -> Result<Worker, Failure> {
    let mut worker = fixture.worker()?;
    worker.give(notification, NOTIFICATION)?;
    let scripts: [Script; 3] = [waits::<0>, waits::<1>, waits::<2>];
    for (number, script) in scripts.into_iter().enumerate() {
        let thread = match number {
            0 => worker.thread,
            _ => worker.another_thread()?,
        };
        worker.set(DEADLINES + number, deadlines[number]);
        worker.start_thread(number as u64, thread, script, PRIORITY)?;
    }
    Ok(worker)
}

/// Each wait ends before the next deadline. If one does not, the host may have suspended the machine, so the check tries again with
/// longer gaps.
pub fn deadlines_in_order(fixture: &Fixture) -> Result<(), Failure> {
    let mut gap_ns = 30_000_000;
    while !end_in_order(fixture, gap_ns)? {
        gap_ns *= 2;
        require("order among the waits", gap_ns < LONGEST_NS)?;
    }
    Ok(())
}

/// A host that suspends the machine for longer is too slow for the check.
const LONGEST_NS: u64 = 10_000_000_000;

fn end_in_order(fixture: &Fixture, gap_ns: u64) -> Result<bool, Failure> {
    let notification = fixture.pool.create_notification()?;
    let start = clock::now_ns();
    let deadlines = [3, 1, 2].map(|gaps| start + gaps * gap_ns);
    let worker = three_waiters(fixture, notification, deadlines)?;
    let mut in_order = true;
    for (number, next) in [(1, deadlines[2]), (2, deadlines[0]), (0, u64::MAX)] {
        in_order &= fixture.wait_for_flags()? == 1 << number && clock::now_ns() < next;
        if !in_order {
            break;
        }
        let must = 1000 + Error::TimedOut as u64;
        expect("the end", worker.word(ENDS + number), must)?;
    }
    worker.end()?;
    notification.destroy()?;
    // Clears the flags of threads that were not waited for.
    fixture.done.poll()?;
    Ok(in_order)
}

pub fn first_waiter(fixture: &Fixture) -> Result<(), Failure> {
    let notification = fixture.pool.create_notification()?;
    let worker = three_waiters(fixture, notification, [u64::MAX; 3])?;
    fixture.settle()?;
    for (number, flags) in [0x10, 0x20, 0x30].into_iter().enumerate() {
        notification.signal(flags)?;
        expect("the woken thread", fixture.wait_for_flags()?, 1 << number)?;
        expect("its flags", worker.word(ENDS + number), flags)?;
    }
    Ok(worker.end()?)
}

extern "C" fn receives(page: Page) -> ! {
    for index in [0, 4] {
        let received = invoke(Receive::new(ENDPOINT, Some(REPLY)));
        if let Ok(received) = received {
            page.set(index, received.badge);
            page.set(index + 1, u64::from(received.info.is_notification()));
        }
    }
    page.done()
}

pub fn bound(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    let notification = fixture.pool.create_notification()?;
    worker.give(fixture.pool.create_endpoint()?, ENDPOINT)?;
    worker.thread.bind(Some(notification))?;
    // One signal before it receives, and one while it does.
    notification.signal(0x30)?;
    worker.start(receives)?;
    fixture.settle()?;
    expect("the flags raised before", worker.word(0), 0x30)?;
    notification.signal(0x50)?;
    fixture.wait()?;
    expect("the flags", worker.word(4), 0x50)?;
    expect(
        "the number of notifications",
        worker.word(1) + worker.word(5),
        2,
    )?;
    Ok(worker.end()?)
}

/// Flags that were raised before a thread was bound end the `Receive` that it is blocked in.
pub fn bound_late(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    let notification = fixture.pool.create_notification()?;
    worker.give(fixture.pool.create_endpoint()?, ENDPOINT)?;
    worker.start(receives)?;
    fixture.settle()?;
    notification.signal(0x30)?;
    worker.thread.bind(Some(notification))?;
    fixture.settle()?;
    expect("the flags raised before", worker.word(0), 0x30)?;
    Ok(worker.end()?)
}

pub fn bound_once(fixture: &Fixture) -> Result<(), Failure> {
    let (one, other) = (fixture.worker()?, fixture.worker()?);
    let notification = fixture.pool.create_notification()?;
    one.thread.bind(Some(notification))?;
    expect_refusal(
        "the second",
        other.thread.bind(Some(notification)),
        Error::InUse,
    )?;
    one.thread.bind(None)?;
    other.thread.bind(Some(notification))?;
    one.end()?;
    Ok(other.end()?)
}
