//! A captured domain's pages: copies, bitmaps of present and dirty pages, a mapping for a debugger, and a retired domain's
//! pages for another Memory.

use abi::calls::{
    DomainBeginLog, DomainGrantPages, DomainMapCaptured, DomainPages, DomainReadPages,
};
use abi::register::{Access, ObjectId};
use abi::{DomainRights, Error, MemoryRights};

use super::{CallResult, Outcome, Results, lookup};
use crate::capture::{self, CopyRequest, Grant};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Attribute, Domain, MemoryObject, Object, Search, Thread};
use crate::paging::{self, MapRequest};

/// The argument registers of `DomainGrantPages` that hold the first page, the number of pages and the pages moved so far.
const GRANT_PROGRESS: [usize; 3] = [3, 4, 5];

pub fn read_set(kernel: &Kernel, caller: Ref<Thread>, call: DomainPages) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let Some(memory) = own_memory(domain, call.memory)? else {
        return Ok(Outcome::Again);
    };
    let buffer = ipc::message_buffer(kernel, caller)?;
    let covered = capture::read_page_set(
        memory,
        call.log,
        call.first_page.0,
        call.page_count.0,
        call.which,
        buffer,
    )?;
    // The buffer's own page may have been marked clean before the bitmap was written to it.
    ipc::message_buffer(kernel, caller)?;
    Ok(Outcome::one(covered))
}

pub fn read(caller: Ref<Thread>, call: DomainReadPages) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let into = lookup::memory(caller, call.into, MemoryRights::WRITE)?;
    let found = match call.log {
        0 => visible_memory(domain, call.memory)?,
        _ => own_memory(domain, call.memory)?,
    };
    let Some(memory) = found else {
        return Ok(Outcome::Again);
    };
    let copied = capture::copy_pages(CopyRequest {
        memory,
        log: call.log,
        first_page: call.first_page.0,
        wanted: call.wanted,
        into,
        into_page: call.into_page.0,
    })?;
    Ok(Outcome::Return(Results::Three(
        copied.remaining,
        copied.data,
        copied.zero,
    )))
}

pub fn begin_log(caller: Ref<Thread>, call: DomainBeginLog) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let Some(memory) = own_memory(domain, call.memory)? else {
        return Ok(Outcome::Again);
    };
    Ok(Outcome::one(memory.begin_log()))
}

pub fn map_captured(kernel: &Kernel, caller: Ref<Thread>, call: DomainMapCaptured) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    // Only the domain's own Memories can be mapped. The mapping is derived from the Domain, so another domain's Memory would
    // stay mapped after its owner had revoked it.
    let Some(memory) = own_memory(domain, call.memory)? else {
        return Ok(Outcome::Again);
    };
    if memory.attribute != Attribute::Ordinary || !domain.is_quiescent() {
        return Err(Error::WrongState);
    }
    let into = lookup::domain(caller, call.into, DomainRights::MAP)?;
    let request = MapRequest {
        memory,
        through: caller.domain.place(call.domain)?,
        address: call.address.0,
        first_page: 0,
        page_count: memory.page_count,
        access: Access::Read,
        is_capture: true,
    };
    paging::map(kernel, into, request)?;
    Ok(Outcome::DONE)
}

/// Takes one step, and advances the argument registers by it.
pub fn grant(kernel: &Kernel, caller: Ref<Thread>, call: DomainGrantPages) -> CallResult {
    let rights = DomainRights::RETIRE | DomainRights::CAPTURE;
    let domain = lookup::domain(caller, call.domain, rights)?;
    // A retired domain's own Memory is refused here, so the two Memories have different pools.
    let target = lookup::memory(caller, call.target, MemoryRights::MANAGE)?;
    let Some(source) = own_memory(domain, call.memory)? else {
        return Ok(Outcome::Again);
    };
    let (first_page, page_count) = (call.first_page.0, call.page_count.0);
    let grant = Grant {
        domain,
        source,
        target,
        first_page,
        page_count,
    };
    let step = grant.step(kernel)?;
    let moved = call.progress.saturating_add(step.moved);
    if step.handled == page_count {
        return Ok(Outcome::one(moved));
    }
    let rest = [first_page + step.handled, page_count - step.handled, moved];
    for (register, value) in GRANT_PROGRESS.into_iter().zip(rest) {
        caller.set_argument(register, value);
    }
    Ok(Outcome::Again)
}

/// A Memory of the domain's own pool; `None` if the search is unfinished.
fn own_memory(domain: Ref<Domain>, id: ObjectId) -> Result<Option<Ref<MemoryObject>>, Error> {
    match domain.pool().seek(id) {
        Search::Found(Object::Memory(memory)) if memory.header.id() == id => Ok(Some(memory)),
        Search::Found(object) if object.id() == id => Err(Error::WrongKind),
        Search::Found(_) | Search::Absent => Err(Error::NotThere),
        Search::Unfinished => Ok(None),
    }
}

/// A Memory of the domain's own pool, or one that the domain has mapped and so may read. `None` if the search is unfinished.
fn visible_memory(domain: Ref<Domain>, id: ObjectId) -> Result<Option<Ref<MemoryObject>>, Error> {
    own_memory(domain, id).or_else(|error| domain.mapped_memory(id).map(Some).ok_or(error))
}
