//! Destroying objects, step by step.
//!
//! ```text
//!   destroy_step(object): the newest object inside it first (a pool's objects, a domain's threads), for each
//!     1. quiesce:   stop it if it is a thread or a domain, a few threads per step; create nothing more in a pool
//!     2. revoke:    delete one capability to it; create no new ones
//!     3. dismantle: release one part: a page, a mapping, a waiter, a table
//!     4. finish:    return its frame to its pool
//! ```
//!
//! The invoked capability stays until the last step, and a pool's other capabilities as long as the pool holds anything. So an
//! interrupted destruction can be resumed by the same call, through any other remaining capability, or by destroying the
//! object's container. Capabilities are deleted one per step, ancestors of the invoked one before it: if its holder is
//! destroyed meanwhile, an empty pool may remain that no capability refers to. `DestroyChild` on its parent destroys that.

use abi::{Error, PAGES_PER_TABLE};
use capabilities::{Place, Storage};

use super::{
    Domain, DomainState, Endpoint, Interrupt, MemoryObject, Notification, Object, Pool, Thread,
};
use crate::kernel::Kernel;
use crate::memory::{Ref, SLOTS_PER_FRAME, SlotStorage};
use crate::{arch, capture, ipc, paging};

/// The result of one bounded step of a longer operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not done: repeat the call.
    More,
    /// Complete.
    Done,
}

/// Does one bounded step of destroying `object`; `keep` is the slot of the invoked capability, unless the object was named by
/// its parent. The slot is empty when this returns [`Step::Done`].
pub fn destroy_step(kernel: &Kernel, object: Object, keep: Option<Place>) -> Step {
    if quiesce(kernel, object) == Step::More {
        return Step::More;
    }
    let target = innermost(object);
    target.header().begin_destruction();
    if revoke_one(kernel, target, keep) == Step::More || dismantle(kernel, target) == Step::More {
        return Step::More;
    }
    if let Some(keep) = keep.filter(|_| target == object) {
        // The last capability of its tree, unless its holder was destroyed before it.
        let _ = kernel.empty_slot(keep);
    }
    finish(kernel, target);
    if target == object {
        Step::Done
    } else {
        Step::More
    }
}

/// The object inside that is destroyed first.
fn innermost(object: Object) -> Object {
    inwards(object).last().unwrap_or(object)
}

/// The object, then repeatedly the first to destroy inside it: no deeper than pools are nested.
fn inwards(object: Object) -> impl Iterator<Item = Object> {
    let inside = |object: &Object| match object {
        Object::Pool(pool) => pool.last(),
        Object::Domain(domain) => domain.first_thread.get().map(Object::Thread),
        _ => None,
    };
    core::iter::successors(Some(object), inside)
}

/// Stops domains and threads along the way in, and closes the pools there to new objects: a domain could otherwise create
/// objects as fast as they are destroyed. A pool's capabilities stay until it is empty, so that any holder can continue an
/// interrupted destruction.
fn quiesce(kernel: &Kernel, object: Object) -> Step {
    for object in inwards(object) {
        match object {
            Object::Pool(pool) => {
                pool.header.begin_destruction();
                if let Some(domain) = pool.domain.get()
                    && stop_domain_step(kernel, domain) == Step::More
                {
                    return Step::More;
                }
            }
            Object::Domain(domain) if stop_domain_step(kernel, domain) == Step::More => {
                return Step::More;
            }
            Object::Thread(thread) if !thread.stopped.get() => {
                ipc::stop(kernel, thread);
                thread.domain.touch();
            }
            _ => {}
        }
    }
    Step::Done
}

/// Threads of a domain that one step stops: a call does several steps, and stopping a sleeping thread takes a thousand instructions.
const STOPPED_PER_STEP: usize = 1;

/// Does one step of stopping a domain for good, and then of failing the outside waiters that its retirement has not reached.
/// Stopping the last thread counts as a whole step, since nested domains have threads of their own.
fn stop_domain_step(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    if domain.state() != DomainState::Destroying {
        domain.set_state(DomainState::Destroying);
    }
    capture::end_by_timer(kernel, domain, STOPPED_PER_STEP)
}

fn revoke_one(kernel: &Kernel, target: Object, keep: Option<Place>) -> Step {
    let origin = target.header().origin();
    // Nothing is derived from itself, so keeping the origin keeps nothing.
    kernel
        .revoke_step(origin, keep.unwrap_or(origin))
        .unwrap_or(Step::Done)
}

fn dismantle(kernel: &Kernel, target: Object) -> Step {
    match target {
        Object::Domain(domain) => dismantle_domain(kernel, domain),
        Object::Thread(thread) | Object::Reply(thread) => dismantle_thread(kernel, thread),
        Object::Memory(memory) => dismantle_memory(kernel, memory),
        Object::Endpoint(endpoint) => dismantle_endpoint(kernel, endpoint),
        Object::Notification(notification) => dismantle_notification(kernel, notification),
        Object::Interrupt(interrupt) => dismantle_interrupt(kernel, interrupt),
        Object::Pool(_) | Object::IoPorts(_) | Object::Hardware(_) => Step::Done,
    }
}

fn dismantle_domain(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    if let Some(mapping) = domain.mappings().next() {
        let _ = kernel.empty_step(mapping.slot());
        return Step::More;
    }
    if domain.directory.first_index() < domain.table.frame_count() {
        return dismantle_slot_frame(kernel, domain);
    }
    if let Some(frame) = domain.take_mapping_frame() {
        kernel.return_frame(domain.pool(), frame);
        return Step::More;
    }
    // An empty bookmark is refused, which is fine.
    let _ = kernel.empty_slot(domain.parent_search.bookmark());
    if let Some(table) = domain.space.dismantle() {
        kernel.return_unmapped(domain.pool(), table);
        return Step::More;
    }
    if let Some(frame) = domain.directory.take_frame() {
        kernel.return_frame(domain.pool(), frame);
    }
    domain.pool().refund(domain.paid_slot_frames().into());
    domain.set_paid_slot_frames(0);
    domain.pool().domain.set(None);
    Step::Done
}

/// Slots that are emptied in one step.
const SLOTS_PER_STEP: usize = 16;

/// Empties some slots of the first remaining frame of the table, or returns the frame when all are empty.
fn dismantle_slot_frame(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    let index = domain.directory.first_index();
    let slots = index * SLOTS_PER_FRAME..(index + 1) * SLOTS_PER_FRAME;
    let places = slots.filter_map(|number| domain.place(abi::register::Slot(number)).ok());
    let mut occupied = places.filter(|place| !SlotStorage.slot(*place).is_empty());
    for place in occupied.by_ref().take(SLOTS_PER_STEP) {
        let is_logged = ipc::answers_fault(place);
        // It is occupied, and a table holds no origin.
        let _ = kernel.empty_slot(place);
        if is_logged {
            return Step::More;
        }
    }
    if occupied.next().is_none()
        && let Some(frame) = domain.directory.detach_first()
    {
        kernel.return_frame(domain.pool(), frame);
    }
    Step::More
}

fn dismantle_thread(kernel: &Kernel, thread: Ref<Thread>) -> Step {
    for slot in [thread.fault_endpoint(), thread.bound_notification()] {
        let _ = kernel.empty_slot(slot);
    }
    kernel.scheduler.forget(thread);
    thread.domain.remove_thread(thread);
    thread.domain.touch();
    Step::Done
}

/// Pages released in one step.
const PAGES_PER_STEP: usize = 32;

fn dismantle_memory(kernel: &Kernel, memory: Ref<MemoryObject>) -> Step {
    if let Some(mapping) = memory.first_mapping.get() {
        let _ = kernel.empty_step(mapping.slot());
        return Step::More;
    }
    let _ = kernel.empty_slot(memory.pager());
    let pool = pool_of(Object::Memory(memory));
    if let Some(page) = memory.first_leaf() {
        if paging::discard(kernel, memory, page, PAGES_PER_TABLE, PAGES_PER_STEP) {
            memory.header.touch();
            return Step::More;
        }
        if let Some(table) = memory.take_leaf(page) {
            kernel.return_unmapped(pool, table);
        }
        return Step::More;
    }
    match memory.take_directory() {
        Some(directory) => {
            kernel.return_frame(pool, directory);
            Step::More
        }
        None => Step::Done,
    }
}

fn dismantle_endpoint(kernel: &Kernel, endpoint: Ref<Endpoint>) -> Step {
    match endpoint.senders.first().or(endpoint.receivers.first()) {
        Some(thread) => {
            ipc::end_wait(kernel, thread, Error::Gone);
            Step::More
        }
        None => Step::Done,
    }
}

fn dismantle_notification(kernel: &Kernel, notification: Ref<Notification>) -> Step {
    match notification.waiters.first() {
        Some(thread) => {
            ipc::end_wait(kernel, thread, Error::Gone);
            Step::More
        }
        None => Step::Done,
    }
}

fn dismantle_interrupt(kernel: &Kernel, interrupt: Ref<Interrupt>) -> Step {
    let _ = kernel.empty_slot(interrupt.notification());
    let (vector, next) = (interrupt.vector, interrupt.next.take());
    let before = kernel
        .interrupts_at(vector)
        .find(|other| other.next.get() == Some(interrupt));
    match before {
        Some(before) => before.next.set(next),
        None => kernel.interrupts[usize::from(vector)].set(next),
    }
    if kernel.interrupts_at(vector).next().is_some() {
        // It may have been the last one that was not acknowledged.
        ipc::unmask_if_acknowledged(kernel, vector);
    } else if let Some(line) = interrupt.line {
        // It was routed, so it belongs to a controller.
        let _ = arch::interrupts::mask_line(line.gsi);
    }
    Step::Done
}

/// Returns the object's frame; for a pool, its whole reservation.
fn finish(kernel: &Kernel, target: Object) {
    let header = target.header();
    let cleared = capabilities::clear_leaf(&SlotStorage, header.origin());
    assert!(
        cleared.is_ok(),
        "a finished object has no capabilities left: {cleared:?}"
    );
    let parent = pool_of(target);
    parent.delist(target);
    match target {
        Object::Pool(pool) => {
            assert_eq!(pool.used(), 1, "a finished pool has spent its own frame");
            let limit = pool.limit;
            kernel.frames.release(header.vacate());
            parent.refund(limit);
        }
        _ => kernel.return_frame(parent, header.vacate()),
    }
}

fn pool_of(object: Object) -> Ref<Pool> {
    object
        .header()
        .pool
        .expect("the root pool is never destroyed")
}
