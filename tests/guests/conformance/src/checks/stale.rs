//! Stale TLB entries: a page that is removed while the processor may still have its translation.

use guest_support::worker::{PLAYGROUND, Page, Worker};
use runtime::Cap;
use runtime::abi::calls::{CapabilityRevoke, DomainMap, DomainUnmap};
use runtime::abi::kind::{DomainRights, MemoryRights};
use runtime::abi::register::{Access, UserAddress};
use runtime::capability::Memory;
use runtime::message::Message;
use runtime::system_call::invoke;

use super::given::{DOMAIN, MEMORY};
use super::memory::{FOUND, MARK, ONE, USER, ZERO, expect_page_fault, read, write};
use crate::fixture::{Failure, Fixture, expect};

/// The word with the value that a script read after the removal.
const AGAIN: usize = 1;
/// The words with the success of the removal and of a script's own mapping.
const REMOVED: usize = 2;
const MAPPED: usize = 3;

/// Writes a page, so that the TLB has its translation, removes it with `take`, and reads it.
fn touches_and(page: Page, take: impl Fn() -> bool) -> ! {
    write(PLAYGROUND, MARK);
    page.set(FOUND, read(PLAYGROUND));
    page.set(REMOVED, u64::from(take()));
    page.set(AGAIN, read(PLAYGROUND));
    page.done()
}

extern "C" fn discards(page: Page) -> ! {
    touches_and(page, || {
        Cap::<Memory>::from_slot(MEMORY).discard(ZERO, ONE).is_ok()
    })
}

extern "C" fn unmaps(page: Page) -> ! {
    touches_and(page, || {
        let address = UserAddress(PLAYGROUND);
        invoke(DomainUnmap {
            domain: DOMAIN,
            address,
        })
        .is_ok()
    })
}

extern "C" fn revokes(page: Page) -> ! {
    let address = UserAddress(PLAYGROUND);
    let mapped = invoke(DomainMap {
        domain: DOMAIN,
        memory: MEMORY,
        address,
        first_page: ZERO,
        page_count: ONE,
        access: Access::ReadWrite,
    });
    page.set(MAPPED, u64::from(mapped.is_ok()));
    touches_and(page, || invoke(CapabilityRevoke { slot: MEMORY }).is_ok())
}

/// Creates a worker that may manage a Memory of one page and map it into its own domain.
fn self_manager(fixture: &Fixture) -> Result<(Worker, Cap<Memory>), Failure> {
    let worker = fixture.worker()?;
    let memory = worker.pool.create_populated_memory(ONE)?;
    let rights = MemoryRights::MANAGE | MemoryRights::READ | MemoryRights::WRITE;
    worker.domain.install(memory, MEMORY, rights, 0)?;
    worker
        .domain
        .install(worker.domain, DOMAIN, DomainRights::MAP, 0)?;
    Ok((worker, memory))
}

/// Expects that the page that the script removed is gone, so that reading it faults.
fn expect_gone(fixture: &Fixture, worker: &Worker) -> Result<(), Failure> {
    expect_page_fault(fixture, PLAYGROUND, USER)?;
    expect("the value written and read", worker.word(FOUND), MARK)?;
    expect("the removal's success", worker.word(REMOVED), 1)
}

pub fn discard(fixture: &Fixture) -> Result<(), Failure> {
    let (worker, memory) = self_manager(fixture)?;
    worker.map(memory, 1, Access::ReadWrite)?;
    worker.start(discards)?;
    expect_gone(fixture, &worker)?;
    memory.populate(ZERO, ONE)?;
    fixture.send_reply(&Message::new())?;
    fixture.wait()?;
    expect("the new page's content", worker.word(AGAIN), 0)?;
    memory.delete()?;
    Ok(worker.end()?)
}

pub fn unmap(fixture: &Fixture) -> Result<(), Failure> {
    let (worker, memory) = self_manager(fixture)?;
    worker.map(memory, 1, Access::ReadWrite)?;
    worker.start(unmaps)?;
    expect_gone(fixture, &worker)?;
    memory.delete()?;
    Ok(worker.end()?)
}

pub fn revoke_mapping(fixture: &Fixture) -> Result<(), Failure> {
    let (worker, memory) = self_manager(fixture)?;
    worker.start(revokes)?;
    expect_gone(fixture, &worker)?;
    expect("whether it was mapped", worker.word(MAPPED), 1)?;
    memory.delete()?;
    Ok(worker.end()?)
}
