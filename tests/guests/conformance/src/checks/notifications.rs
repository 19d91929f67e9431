//! Flags, waits, deadlines.

use guest_support::worker::{DONE, PRIORITY, Page, Script, Worker};
use runtime::abi::NotificationRights;
use runtime::abi::calls::{Receive, Signal, Wait};
use runtime::capability::Notification;
use runtime::system_call::invoke;
use runtime::{Cap, Error, clock};

use super::given::{ENDPOINT, NOTIFICATION, REPLY};
use crate::bed::{Bed, Failure, expect, expect_refusal, require};

pub fn flags(bed: &Bed) -> Result<(), Failure> {
    let notification = bed.pool.create_notification()?;
    expect_refusal("an empty one", notification.poll_once(), Error::TimedOut)?;
    for flag in [1, 4, 1 << 63] {
        notification.signal(flag)?;
    }
    expect("the flags", notification.poll_once()?, 1 << 63 | 5)?;
    expect_refusal("what is left", notification.poll_once(), Error::TimedOut)?;
    notification.signal(0)?;
    expect_refusal("no flag", notification.poll_once(), Error::TimedOut)
}

pub fn badge(bed: &Bed) -> Result<(), Failure> {
    let notification = bed.pool.create_notification()?;
    let badged = notification.mint(NotificationRights::SIGNAL, 1 << 63 | 6)?;
    let copy = badged.duplicate()?;
    for through in [badged, copy] {
        through.signal(1 << 63 | 2)?;
        expect("the flags", notification.poll_once()?, 1 << 63 | 2)?;
        for flags in [1, 7, u64::MAX] {
            expect_refusal("a signal", through.signal(flags), Error::MissingRight)?;
        }
        expect_refusal("no flag", notification.poll_once(), Error::TimedOut)?;
    }
    let wider = badged.mint(NotificationRights::SIGNAL, u64::MAX);
    expect_refusal("another badge", wider.map(drop), Error::BadgeFixed)?;
    for capability in [copy, badged] {
        capability.delete()?;
    }
    Ok(())
}

/// Polls.
trait Poll {
    fn poll_once(self) -> Result<u64, Error>;
}

impl Poll for Cap<Notification> {
    fn poll_once(self) -> Result<u64, Error> {
        let notification = self.slot();
        invoke(Wait {
            notification,
            deadline: 0,
        })
    }
}

pub fn deadline(bed: &Bed) -> Result<(), Failure> {
    let notification = bed.pool.create_notification()?;
    for ns in [1, 1_000, 100_000, 3_000_000, 7_000_000] {
        let until = clock::now_ns() + ns;
        expect("the flags", notification.wait_until_ns(until)?, 0)?;
        require("wait until the deadline", clock::now_ns() >= until)?;
    }
    Ok(())
}

/// The first of the words with the deadlines of three waiters, and of those with how their waits ended.
const DEADLINES: usize = 0;
const ENDS: usize = 8;

/// Waits, notes how that ended, and raises a flag of its own when it is done.
fn waits_for(page: Page, number: usize) -> ! {
    let ended = invoke(Wait {
        notification: NOTIFICATION,
        deadline: page.word(DEADLINES + number),
    });
    let end = ended.unwrap_or_else(|error| 1000 + error as u64);
    page.set(ENDS + number, end);
    // The check notices if it fails.
    let _ = invoke(Signal {
        notification: DONE,
        flags: 1 << number,
    });
    page.rest()
}

extern "C" fn waits_0(page: Page) -> ! {
    waits_for(page, 0)
}

extern "C" fn waits_1(page: Page) -> ! {
    waits_for(page, 1)
}

extern "C" fn waits_2(page: Page) -> ! {
    waits_for(page, 2)
}

/// A worker whose three threads wait for a notification of the check's, in their order, each until its deadline.
fn three_waiters(
    bed: &Bed,
    notification: Cap<Notification>,
    deadlines: [u64; 3],
) -> Result<Worker, Failure> {
    let mut worker = bed.worker()?;
    worker.give(notification, NOTIFICATION)?;
    let scripts: [Script; 3] = [waits_0, waits_1, waits_2];
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

/// Each wait ends before the next deadline comes. One that does not may be the fault of a machine that stood still meanwhile: then
/// it is tried again with more time between them.
pub fn deadlines_in_order(bed: &Bed) -> Result<(), Failure> {
    let mut gap_ns = 30_000_000;
    while !end_in_order(bed, gap_ns)? {
        gap_ns *= 2;
        require("order among the waits", gap_ns < LONGEST_NS)?;
    }
    Ok(())
}

/// A machine that stands still for so long is broken.
const LONGEST_NS: u64 = 10_000_000_000;

fn end_in_order(bed: &Bed, gap_ns: u64) -> Result<bool, Failure> {
    let notification = bed.pool.create_notification()?;
    let start = clock::now_ns();
    let deadlines = [3, 1, 2].map(|gaps| start + gaps * gap_ns);
    let worker = three_waiters(bed, notification, deadlines)?;
    let mut in_order = true;
    for (number, next) in [(1, deadlines[2]), (2, deadlines[0]), (0, u64::MAX)] {
        in_order &= bed.wait_for_flags()? == 1 << number && clock::now_ns() < next;
        if !in_order {
            break;
        }
        let must = 1000 + Error::TimedOut as u64;
        expect("the end", worker.word(ENDS + number), must)?;
    }
    worker.end()?;
    notification.destroy()?;
    // What came of the threads that were not waited for.
    bed.done.poll()?;
    Ok(in_order)
}

pub fn first_waiter(bed: &Bed) -> Result<(), Failure> {
    let notification = bed.pool.create_notification()?;
    let worker = three_waiters(bed, notification, [u64::MAX; 3])?;
    bed.settle()?;
    for (number, flags) in [0x10, 0x20, 0x30].into_iter().enumerate() {
        notification.signal(flags)?;
        expect("who was woken", bed.wait_for_flags()?, 1 << number)?;
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

pub fn bound(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let notification = bed.pool.create_notification()?;
    worker.give(bed.pool.create_endpoint()?, ENDPOINT)?;
    worker.thread.bind(Some(notification))?;
    // One before it receives, one while it does.
    notification.signal(0x30)?;
    worker.start(receives)?;
    bed.settle()?;
    expect("the flags raised before", worker.word(0), 0x30)?;
    notification.signal(0x50)?;
    bed.wait()?;
    expect("the flags", worker.word(4), 0x50)?;
    expect("whether it was told so", worker.word(1) + worker.word(5), 2)?;
    Ok(worker.end()?)
}

/// Flags that were raised before a thread was bound end the `Receive` that it is blocked in.
pub fn bound_late(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let notification = bed.pool.create_notification()?;
    worker.give(bed.pool.create_endpoint()?, ENDPOINT)?;
    worker.start(receives)?;
    bed.settle()?;
    notification.signal(0x30)?;
    worker.thread.bind(Some(notification))?;
    bed.settle()?;
    expect("the flags raised before", worker.word(0), 0x30)?;
    Ok(worker.end()?)
}

pub fn bound_once(bed: &Bed) -> Result<(), Failure> {
    let (one, other) = (bed.worker()?, bed.worker()?);
    let notification = bed.pool.create_notification()?;
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
