//! Whether a blocked thread still has the right to its operation.
//!
//! A blocked thread stands at its call: its RIP is there. Its authority is the capability that is now in the slot of the call,
//! not the one that was there when the thread blocked. So the slot is checked again whenever something reaches a blocked
//! thread: a message, a signal, flags of a bound notification, or a deadline. The checks are [`may_send`], [`may_receive`]
//! and [`may_wait`]. A thread that fails the check is passed over: [`abort_wait`] makes it repeat its call, which then
//! returns the error. So a revocation need not walk any queues.
//!
//! The state of the thread's domain is not checked. A thread that was stopped with its domain is in no queue. A thread that
//! is yet to be stopped is served as before. Otherwise two such threads could abort each other's waits for ever.
//!
//! The thread's phase holds the slot's place, which stays valid. No slot of a table moves. None is removed before the
//! domain's threads have left all queues. A blocked thread's argument registers do not change.

use abi::{EndpointRights, NotificationRights, Rights};
use capabilities::{Capability, Place, Storage};

use super::reply::may_grant;
use super::waiting::restart;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Fault, FaultHandler, Object, Phase, Thread};

/// Whether the capability that a thread sends through is still in its slot, with the rights and the badge that the call
/// found. For a fault, this is the capability of the fault's handler.
#[inline(always)]
pub fn may_send(thread: Ref<Thread>) -> bool {
    match thread.phase.get() {
        Phase::Sending {
            endpoint,
            place,
            badge,
            grant,
        } => held(place, Object::Endpoint(endpoint), EndpointRights::SEND)
            .is_some_and(|held| held.badge.get() == badge && may_grant(held.rights) == grant),
        Phase::SendingFault { .. } => may_send_fault(thread),
        _ => false,
    }
}

#[inline(never)]
fn may_send_fault(thread: Ref<Thread>) -> bool {
    let Phase::SendingFault {
        endpoint,
        badge,
        fault,
    } = thread.phase.get()
    else {
        return false;
    };
    handler_of(thread, fault)
        .is_some_and(|held| held.object == Object::Endpoint(endpoint) && held.badge.get() == badge)
}

/// Whether a thread receives through a capability that is still in its slot, with the right to receive.
#[inline(always)]
pub fn may_receive(thread: Ref<Thread>) -> bool {
    let Phase::Receiving { endpoint, place } = thread.phase.get() else {
        return false;
    };
    let object = Object::Endpoint(endpoint);
    held(place, object, EndpointRights::RECEIVE).is_some()
}

/// Whether a thread waits through a capability that is still in its slot, with the right to wait.
#[inline(always)]
pub fn may_wait(thread: Ref<Thread>) -> bool {
    let Phase::Waiting {
        notification,
        place,
    } = thread.phase.get()
    else {
        return false;
    };
    let object = Object::Notification(notification);
    held(place, object, NotificationRights::WAIT).is_some()
}

/// Removes a thread without authority from its queue and makes it repeat its call or its faulting instruction. A thread
/// whose fault endpoint is gone stops instead, because not every exception happens again.
#[cold]
pub fn abort_wait(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::SendingFault { fault, .. }
            if fault.handler == FaultHandler::FaultEndpoint
                && SlotStorage.slot(thread.fault_endpoint()).is_empty() =>
        {
            super::leave(kernel, thread);
            super::fault::stop_unhandled(kernel, thread, fault);
        }
        _ => restart(kernel, thread),
    }
}

/// The capability that handles a thread's fault, if there is one now. A pager handles the fault only if the same page is
/// still mapped there.
fn handler_of(thread: Ref<Thread>, fault: Fault) -> Option<Capability<Object>> {
    SlotStorage.slot(handler_slot(thread, fault)?).capability()
}

fn handler_slot(thread: Ref<Thread>, fault: Fault) -> Option<Place> {
    match fault.handler {
        FaultHandler::FaultEndpoint => Some(thread.fault_endpoint()),
        FaultHandler::Pager(address) => {
            let mapping = thread.domain.mapping_at(address)?;
            let [_, page, _] = fault.words;
            let memory = mapping.memory.get()?;
            (mapping.page_at(address) == page).then(|| memory.pager())
        }
    }
}

/// The capability in the slot of a blocked thread's call, if it is to this object and has these rights.
#[inline(always)]
fn held(place: Place, object: Object, rights: impl Into<Rights>) -> Option<Capability<Object>> {
    let held = SlotStorage.slot(place).capability()?;
    (held.object == object && held.rights.contains(rights.into())).then_some(held)
}
