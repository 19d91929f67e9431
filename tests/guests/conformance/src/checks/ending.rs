//! Objects and domains that end, freeze or retire while they are in use.

use guest_support::worker::{PLAYGROUND, Page, Script};
use runtime::abi::calls::{Call, MemoryDiscard, MemoryPopulate, Receive, Wait};
use runtime::abi::register::{Access, PageCount, PageIndex};
use runtime::abi::{MessageInfo, NO_DEADLINE};
use runtime::capability::Freeze;
use runtime::message::Message;
use runtime::system_call::invoke;
use runtime::{Cap, Error};

use super::given::{ENDPOINT, MEMORY, NOTIFICATION, REPLY};
use crate::bed::{Bed, Failure, expect, expect_refusal, require};

fn note<T>(page: Page, result: Result<T, Error>) -> ! {
    page.set(0, 1000 + result.err().map_or(0, |error| error as u64));
    page.done()
}

fn call() -> Call {
    Call::new(ENDPOINT, MessageInfo::EMPTY, [0; 4])
}

extern "C" fn calls(page: Page) -> ! {
    note(page, invoke(call()))
}

extern "C" fn receives(page: Page) -> ! {
    note(page, invoke(Receive::new(ENDPOINT, Some(REPLY))))
}

extern "C" fn waits(page: Page) -> ! {
    note(
        page,
        invoke(Wait {
            notification: NOTIFICATION,
            deadline: u64::MAX,
        }),
    )
}

extern "C" fn sleeps(page: Page) -> ! {
    note(
        page,
        invoke(Wait {
            notification: NOTIFICATION,
            deadline: u64::MAX - 1,
        }),
    )
}

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(1, page.word(1) + 1);
    }
}

extern "C" fn faults(_: Page) -> ! {
    // SAFETY: nothing is mapped there: the fault is what the check is about.
    unsafe { (PLAYGROUND as *const u64).read_volatile() };
    runtime::entry::stop()
}

/// Populates and discards a large Memory for ever: a long call is always in the middle.
extern "C" fn populates(_: Page) -> ! {
    let (first_page, page_count) = (PageIndex(0), PageCount(LARGE));
    loop {
        let _ = invoke(MemoryPopulate {
            memory: MEMORY,
            first_page,
            page_count,
        });
        let _ = invoke(MemoryDiscard {
            memory: MEMORY,
            first_page,
            page_count,
        });
    }
}

const LARGE: u64 = 400;

pub fn endpoint(bed: &Bed) -> Result<(), Failure> {
    for script in [calls as Script, receives] {
        let worker = bed.worker()?;
        let endpoint = bed.pool.create_endpoint()?;
        worker.give(endpoint, ENDPOINT)?;
        worker.start(script)?;
        bed.settle()?;
        endpoint.destroy()?;
        bed.wait()?;
        expect("the status", worker.word(0), 1000 + Error::Gone as u64)?;
        worker.end()?;
    }
    Ok(())
}

pub fn notification(bed: &Bed) -> Result<(), Failure> {
    for script in [waits as Script, sleeps] {
        let worker = bed.worker()?;
        let notification = bed.pool.create_notification()?;
        worker.give(notification, NOTIFICATION)?;
        worker.start(script)?;
        bed.settle()?;
        notification.destroy()?;
        bed.wait()?;
        expect("the status", worker.word(0), 1000 + Error::Gone as u64)?;
        worker.end()?;
    }
    Ok(())
}

/// Whatever a domain does when it ends, all its resources are released, and nothing is received from it any more.
pub fn in_the_middle(bed: &Bed) -> Result<(), Failure> {
    let endpoint = bed.pool.create_endpoint()?;
    let notification = bed.pool.create_notification()?;
    let spent = bed.pool.report()?.spent.0;
    for (round, script) in [
        spins as Script,
        calls,
        receives,
        waits,
        sleeps,
        faults,
        populates,
    ]
    .into_iter()
    .cycle()
    .take(70)
    .enumerate()
    {
        let worker = bed.worker()?;
        worker.give(endpoint, ENDPOINT)?;
        worker.give(notification, NOTIFICATION)?;
        let memory = worker.pool.create_memory(PageCount(LARGE))?;
        worker.map(memory, LARGE, Access::ReadWrite)?;
        worker.give(memory, MEMORY)?;
        memory.delete()?;
        if round % 3 == 0 {
            worker.thread.bind(Some(notification))?;
        }
        worker.start(script)?;
        bed.pass_time(50_000 * (round as u64 % 11))?;
        worker.end()?;
        expect("what the pool has spent", bed.pool.report()?.spent.0, spent)?;
    }
    notification.signal(1)?;
    // Nobody is left in the queue of the endpoint.
    let worker = bed.worker()?;
    worker.give(endpoint, ENDPOINT)?;
    worker.start(calls)?;
    bed.receive(endpoint)?;
    bed.answer(&Message::new())?;
    bed.wait()?;
    expect("the status", worker.word(0), 1000)?;
    Ok(worker.end()?)
}

pub fn retire(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let endpoint = worker.pool.create_endpoint()?;
    let notification = worker.pool.create_notification()?;
    let Freeze { version, token } = worker.domain.freeze(NO_DEADLINE)?;
    let again = worker.domain.freeze(NO_DEADLINE);
    expect_refusal("a second freeze", again, Error::InUse)?;
    let stranger = worker.domain.retire(version, token.wrapping_add(1));
    expect_refusal("another token", stranger, Error::InUse)?;
    expect_refusal(
        "another version",
        worker.domain.retire(version + 1, token),
        Error::VersionMoved,
    )?;
    worker.domain.retire(version, token)?;
    expect_refusal("a send", endpoint.send(&Message::new()), Error::Gone)?;
    expect_refusal("a signal", notification.signal(1), Error::Gone)?;
    expect_refusal("an object", worker.pool.create_endpoint(), Error::Gone)?;
    expect_refusal("a start", worker.thread.start(), Error::Gone)?;
    expect_refusal("a thaw", worker.domain.thaw(token), Error::WrongState)?;
    worker.pool.report()?;
    worker.domain.unretire(NO_DEADLINE)?;
    notification.signal(1)?;
    for slot in [endpoint.slot(), notification.slot()] {
        Cap::<runtime::capability::Any>::from_slot(slot).delete()?;
    }
    Ok(worker.end()?)
}

pub fn empty_pool(bed: &Bed) -> Result<(), Failure> {
    let pool = bed.pool.split(PageCount(8))?;
    let report = pool.report()?;
    let mut made = alloc::vec::Vec::new();
    while pool.report()?.spent.0 < report.total.0 {
        made.push(pool.create_endpoint()?);
    }
    expect_refusal("one more", pool.create_endpoint(), Error::PoolEmpty)?;
    expect_refusal("a domain", pool.create_domain(), Error::PoolEmpty)?;
    // The other pool has what it had.
    bed.pool.create_endpoint()?.destroy()?;
    let first = made.swap_remove(0);
    first.destroy()?;
    made.push(pool.create_endpoint()?);
    pool.destroy()?;
    for endpoint in made {
        require("empty slot", endpoint.inspect()?.kind.is_none())?;
        endpoint.forget();
    }
    Ok(())
}
