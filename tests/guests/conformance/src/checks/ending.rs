//! Objects and domains that are destroyed, frozen or retired while in use.

use guest_support::worker::{PLAYGROUND, Page, Script};
use runtime::abi::calls::{Call, Receive, Wait};
use runtime::abi::register::{Access, PageCount, PageIndex};
use runtime::abi::{MessageInfo, NO_DEADLINE};
use runtime::capability::{Freeze, Kind, Memory};
use runtime::message::Message;
use runtime::system_call::invoke;
use runtime::{Cap, Error, Slot};

use super::given::{ENDPOINT, MEMORY, NOTIFICATION, REPLY};
use crate::fixture::{Failure, Fixture, expect, expect_refusal, require, status};

fn note<T>(page: Page, result: Result<T, Error>) -> ! {
    page.set(0, 1000 + status(&result));
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
    wait(page, u64::MAX)
}

extern "C" fn sleeps(page: Page) -> ! {
    wait(page, u64::MAX - 1)
}

fn wait(page: Page, deadline: u64) -> ! {
    let notification = NOTIFICATION;
    note(
        page,
        invoke(Wait {
            notification,
            deadline,
        }),
    )
}

extern "C" fn spins(page: Page) -> ! {
    loop {
        page.set(1, page.word(1) + 1);
    }
}

extern "C" fn faults(_: Page) -> ! {
    // SAFETY: nothing is mapped there; the check needs the fault.
    unsafe { (PLAYGROUND as *const u64).read_volatile() };
    runtime::entry::stop()
}

/// Populates and discards a large Memory forever, so that a long call is always in progress.
extern "C" fn populates(_: Page) -> ! {
    let (first_page, page_count) = (PageIndex(0), PageCount(LARGE));
    loop {
        let _ = Cap::<Memory>::from_slot(MEMORY).populate(first_page, page_count);
        let _ = Cap::<Memory>::from_slot(MEMORY).discard(first_page, page_count);
    }
}

const LARGE: u64 = 400;

pub fn endpoint(fixture: &Fixture) -> Result<(), Failure> {
    for script in [calls as Script, receives] {
        let endpoint = fixture.pool.create_endpoint()?;
        ends_the_wait(fixture, endpoint, ENDPOINT, script)?;
    }
    Ok(())
}

pub fn notification(fixture: &Fixture) -> Result<(), Failure> {
    for script in [waits as Script, sleeps] {
        let notification = fixture.pool.create_notification()?;
        ends_the_wait(fixture, notification, NOTIFICATION, script)?;
    }
    Ok(())
}

/// Checks that destroying the object in this slot ends the script's wait for it.
fn ends_the_wait<T: Kind>(
    fixture: &Fixture,
    object: Cap<T>,
    slot: Slot,
    script: Script,
) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.give(object, slot)?;
    worker.start(script)?;
    fixture.settle()?;
    object.destroy()?;
    fixture.wait()?;
    expect("the status", worker.word(0), 1000 + Error::Gone as u64)?;
    Ok(worker.end()?)
}

/// Scripts for every state in which a domain may be when it is destroyed.
const SCRIPTS: [Script; 7] = [spins, calls, receives, waits, sleeps, faults, populates];
/// The number of domains that run each script.
const REPEATS: usize = 10;

/// Whatever a domain is doing when it is destroyed, its resources are released and nothing more is received from it.
pub fn in_the_middle(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let notification = fixture.pool.create_notification()?;
    let spent = fixture.pool.report()?.spent.0;
    let scripts = SCRIPTS.into_iter().cycle().take(SCRIPTS.len() * REPEATS);
    for (round, script) in scripts.enumerate() {
        let worker = fixture.worker()?;
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
        fixture.pass_time(50_000 * (round as u64 % 11))?;
        worker.end()?;
        expect(
            "the pool's spent pages",
            fixture.pool.report()?.spent.0,
            spent,
        )?;
    }
    notification.signal(1)?;
    // The endpoint's queue is empty.
    let worker = fixture.worker()?;
    worker.give(endpoint, ENDPOINT)?;
    worker.start(calls)?;
    fixture.receive(endpoint)?;
    fixture.send_reply(&Message::new())?;
    fixture.wait()?;
    expect("the status", worker.word(0), 1000)?;
    Ok(worker.end()?)
}

pub fn retire(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
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

pub fn empty_pool(fixture: &Fixture) -> Result<(), Failure> {
    let pool = fixture.pool.split(PageCount(8))?;
    let report = pool.report()?;
    let mut made = alloc::vec::Vec::new();
    while pool.report()?.spent.0 < report.total.0 {
        made.push(pool.create_endpoint()?);
    }
    expect_refusal("one more", pool.create_endpoint(), Error::PoolEmpty)?;
    expect_refusal("a domain", pool.create_domain(), Error::PoolEmpty)?;
    // The other pool is not affected.
    fixture.pool.create_endpoint()?.destroy()?;
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
