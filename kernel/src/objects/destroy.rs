//! Destroying objects, step by step.
//!
//! ```text
//!   destroy_step(object): the newest object inside it first (a pool's objects, a domain's threads), for each
//!     1. quiesce:   stop it if it is a thread or a domain, one thread per step; create nothing more in a pool
//!     2. revoke:    delete one capability to it; create no new ones
//!     3. dismantle: release one part: a page, a mapping, a waiter, a table
//!     4. finish:    return its frame to its pool
//! ```
//!
//! The invoked capability stays until the last step, and a pool's other capabilities stay while the pool holds anything. So an
//! interrupted destruction can be resumed by the same call, through any other remaining capability, or by destroying the
//! object's container. Capabilities are deleted one per step, and the invoked one is the last. If its holder is destroyed
//! meanwhile, an empty pool may remain to which there is no capability. `DestroyChild` on its parent destroys such a pool.

use abi::Error;
use capabilities::Place;

use super::domain::dismantle_domain;
use super::endpoint::dismantle_endpoint;
use super::interrupt::dismantle_interrupt;
use super::memory::dismantle_memory;
use super::notification::dismantle_notification;
use super::thread::dismantle_thread;
use super::{Domain, DomainState, Object, Pool, Thread};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::{capture, ipc};

/// The result of one bounded step of a longer operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not done: repeat the call.
    More,
    /// Complete.
    Done,
}

/// Does one bounded step of destroying `object`. `keep` is the slot of the invoked capability; it is `None` if the object
/// was named through its parent. The slot is empty when this returns [`Step::Done`].
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
        // The object's last capability. The slot is empty if its domain was destroyed with the object.
        let _ = kernel.empty_slot(keep);
    }
    finish(kernel, target);
    if target == object {
        Step::Done
    } else {
        Step::More
    }
}

/// The object to destroy first: the innermost of [`inwards`].
fn innermost(object: Object) -> Object {
    inwards(object).last().unwrap_or(object)
}

/// The object, then the first object to destroy inside it, and so on inwards. The depth is bounded by the nesting of pools.
fn inwards(object: Object) -> impl Iterator<Item = Object> {
    let inside = |object: &Object| match object {
        Object::Pool(pool) => pool.last(),
        Object::Domain(domain) => domain.first_thread.get().map(Object::Thread),
        _ => None,
    };
    core::iter::successors(Some(object), inside)
}

/// Stops the domains and threads among [`inwards`], and closes the pools there to new objects. Otherwise a domain could
/// create objects as fast as they are destroyed. A pool's capabilities stay until it is empty, so that any holder can
/// continue an interrupted destruction.
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

/// The maximum number of a domain's threads that one step stops. It is small, because an entry takes several steps, and stopping
/// a sleeping thread takes a thousand instructions.
const STOPPED_PER_STEP: usize = 1;

/// Does one step of stopping a domain for good. Once its threads are stopped, each step fails one of the waits of other domains'
/// threads that are still pending from the domain's retirement. Stopping the last thread counts as a whole step, since nested domains have
/// threads of their own.
fn stop_domain_step(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    if domain.state() != DomainState::Destroying {
        domain.set_state(DomainState::Destroying);
    }
    capture::end_by_timer(kernel, domain, STOPPED_PER_STEP)
}

fn revoke_one(kernel: &Kernel, target: Object, keep: Option<Place>) -> Step {
    let origin = target.header().origin();
    // Keeping the origin has no effect: it is not its own descendant.
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

/// Ends the wait of a thread at an object that is being destroyed; done when no thread waits.
pub fn end_one_wait(kernel: &Kernel, waiter: Option<Ref<Thread>>) -> Step {
    match waiter {
        Some(thread) => {
            ipc::end_wait(kernel, thread, Error::Gone);
            Step::More
        }
        None => Step::Done,
    }
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

/// The pool that pays for an object being destroyed.
pub fn pool_of(object: Object) -> Ref<Pool> {
    object
        .header()
        .pool
        .expect("the root pool is never destroyed")
}
