//! Flags, waits, deadlines.

use guest_support::worker::{PRIORITY, Page, Script, Worker};
use runtime::abi::MessageInfo;
use runtime::abi::calls::{Receive, Wait};
use runtime::system_call::invoke;
use runtime::{Error, clock};

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

/// Polls.
trait Poll {
    fn poll_once(self) -> Result<u64, Error>;
}

impl Poll for runtime::Cap<runtime::capability::Notification> {
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

/// Word 0 counts those that were woken; the words behind say when each was.
const WOKEN: usize = 0;

fn waits_for(page: Page, number: usize) -> ! {
    let ended = invoke(Wait {
        notification: NOTIFICATION,
        deadline: page.word(32 + number),
    });
    let order = page.word(WOKEN) + 1;
    page.set(WOKEN, order);
    page.set(number + 1, order);
    page.set(
        number + 16,
        ended.unwrap_or_else(|error| 1000 + error as u64),
    );
    if order == 3 { page.done() } else { page.rest() }
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

/// A worker whose three threads wait for a notification of the check's, in their order.
fn three_waiters(
    bed: &Bed,
    deadlines: [u64; 3],
) -> Result<(Worker, runtime::Cap<runtime::capability::Notification>), Failure> {
    let mut worker = bed.worker()?;
    let notification = bed.pool.create_notification()?;
    worker.give(notification, NOTIFICATION)?;
    for (index, deadline) in deadlines.into_iter().enumerate() {
        worker.set(32 + index, deadline);
    }
    let scripts: [Script; 3] = [waits_0, waits_1, waits_2];
    for (number, script) in scripts.into_iter().enumerate() {
        let thread = match number {
            0 => worker.thread,
            _ => worker.another_thread()?,
        };
        worker.start_thread(number as u64, thread, script, PRIORITY)?;
    }
    Ok((worker, notification))
}

pub fn deadlines_in_order(bed: &Bed) -> Result<(), Failure> {
    let now = clock::now_ns();
    let deadlines = [90_000_000, 30_000_000, 60_000_000].map(|after| now + after);
    let (worker, _) = three_waiters(bed, deadlines)?;
    bed.wait()?;
    for (number, order) in [3, 1, 2].into_iter().enumerate() {
        expect("the order", worker.word(number + 1), order)?;
        let must = 1000 + Error::TimedOut as u64;
        expect("the end", worker.word(number + 16), must)?;
    }
    Ok(worker.end()?)
}

pub fn first_waiter(bed: &Bed) -> Result<(), Failure> {
    let (worker, notification) = three_waiters(bed, [u64::MAX; 3])?;
    bed.settle()?;
    for flags in [0x10, 0x20, 0x30] {
        notification.signal(flags)?;
    }
    bed.wait()?;
    for number in 0..3 {
        expect("the order", worker.word(number + 1), number as u64 + 1)?;
        expect(
            "its flags",
            worker.word(number + 16),
            0x10 * (number as u64 + 1),
        )?;
    }
    Ok(worker.end()?)
}

extern "C" fn receives(page: Page) -> ! {
    for index in [0, 4] {
        let received = invoke(Receive {
            endpoint: ENDPOINT,
            info: MessageInfo::EMPTY,
            w0: 0,
            w1: 0,
            w2: 0,
            w3: 0,
            reply: REPLY,
        });
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
