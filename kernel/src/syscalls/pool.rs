//! Pools and their objects: split, create, destroy.

use abi::calls::{
    Destroy, DestroyChild, DomainCreate, EndpointCreate, MemoryCreate, MemoryCreateContiguous,
    NotificationCreate, PoolReport, PoolSplit, ThreadCreate,
};
use abi::{DomainRights, Error, PoolRights, Rights};
use capabilities::Place;

use super::{CallResult, Outcome, Results, lookup};
use crate::kernel::Kernel;
use crate::memory::{Ref, RunRequest};
use crate::objects::{self, Attribute, Contiguous, Object, Pool, Search, Thread, destroy_step};

/// The argument register of `MemoryCreateContiguous` that holds the lowest address.
const CONTIGUOUS_FROM: usize = 4;

pub fn split(kernel: &Kernel, caller: Ref<Thread>, call: PoolSplit) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.into)?;
    let (_, held) = lookup::lookup(caller, call.pool)?;
    objects::create_pool(kernel, pool, call.pages.0, child_rights(held.rights), into)?;
    Ok(Outcome::DONE)
}

/// The rights over a child pool for a holder of these rights over the parent: all rights that affect only the child. DMA is
/// passed on only if the parent's holder has it. It reaches beyond the child, since a device writes to any address that its
/// driver gives it.
fn child_rights(parent: Rights) -> Rights {
    let dma = PoolRights::DMA;
    if parent.contains(dma.into()) {
        PoolRights::all().into()
    } else {
        (PoolRights::all() - dma).into()
    }
}

pub fn report(caller: Ref<Thread>, call: PoolReport) -> CallResult {
    let pool = lookup::pool(caller, call.pool, PoolRights::REPORT)?;
    Ok(Outcome::Return(Results::Two(pool.limit, pool.used())))
}

pub fn create_domain(kernel: &Kernel, caller: Ref<Thread>, call: DomainCreate) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.into)?;
    objects::create_domain(kernel, pool, into)?;
    Ok(Outcome::DONE)
}

pub fn create_thread(kernel: &Kernel, caller: Ref<Thread>, call: ThreadCreate) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::SPAWN)?;
    objects::create_thread(kernel, domain, lookup::free_slot(caller, call.into)?)?;
    Ok(Outcome::DONE)
}

pub fn create_memory(kernel: &Kernel, caller: Ref<Thread>, call: MemoryCreate) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.into)?;
    objects::create_memory(kernel, pool, call.pages.0, Attribute::Ordinary, into)?;
    Ok(Outcome::DONE)
}

pub fn create_contiguous(
    kernel: &Kernel,
    caller: Ref<Thread>,
    call: MemoryCreateContiguous,
) -> CallResult {
    let pool = lookup::pool(caller, call.pool, PoolRights::CREATE | PoolRights::DMA)?;
    let into = lookup::free_slot(caller, call.into)?;
    let request = RunRequest {
        count: call.pages.0,
        alignment: call.alignment.0,
        from: call.from,
        below: call.below,
    };
    match objects::create_contiguous(kernel, pool, request, into)? {
        Contiguous::Made(address) => Ok(Outcome::one(address)),
        Contiguous::Searching(from) => {
            caller.set_argument(CONTIGUOUS_FROM, from);
            Ok(Outcome::Again)
        }
    }
}

pub fn create_endpoint(kernel: &Kernel, caller: Ref<Thread>, call: EndpointCreate) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.into)?;
    objects::create_endpoint(kernel, pool, into)?;
    Ok(Outcome::DONE)
}

pub fn create_notification(
    kernel: &Kernel,
    caller: Ref<Thread>,
    call: NotificationCreate,
) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.into)?;
    objects::create_notification(kernel, pool, into)?;
    Ok(Outcome::DONE)
}

pub fn destroy(kernel: &Kernel, caller: Ref<Thread>, call: Destroy) -> CallResult {
    let (object, place) = lookup::destructible(caller, call.object)?;
    destroy_in_steps(kernel, caller, object, Some(place))
}

pub fn destroy_child(kernel: &Kernel, caller: Ref<Thread>, call: DestroyChild) -> CallResult {
    let pool = lookup::pool(caller, call.pool, PoolRights::DESTROY)?;
    match pool.seek(call.child) {
        Search::Found(object) if object.id() != call.child => Err(Error::NotThere),
        Search::Found(object @ Object::Pool(_)) => destroy_in_steps(kernel, caller, object, None),
        Search::Found(_) => Err(Error::WrongKind),
        Search::Absent => Err(Error::NotThere),
        Search::Unfinished => Ok(Outcome::Again),
    }
}

/// Takes steps towards the destruction of an object.
fn destroy_in_steps(
    kernel: &Kernel,
    caller: Ref<Thread>,
    object: Object,
    keep: Option<Place>,
) -> CallResult {
    let holds_caller = match object {
        Object::Pool(pool) => caller.domain.pool().is_within(pool),
        Object::Domain(domain) => caller.domain == domain,
        Object::Thread(thread) => caller == thread,
        _ => false,
    };
    if holds_caller {
        return Err(Error::Oneself);
    }
    super::in_steps(|| Ok(destroy_step(kernel, object, keep)))
}

/// The pool and the empty slot for a new object.
fn pool_and_slot(
    caller: Ref<Thread>,
    pool: abi::register::Slot,
    into: abi::register::Slot,
) -> Result<(Ref<Pool>, Place), Error> {
    Ok((
        lookup::pool(caller, pool, PoolRights::CREATE)?,
        lookup::free_slot(caller, into)?,
    ))
}
