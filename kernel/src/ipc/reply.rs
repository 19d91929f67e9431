//! Replies, and abandoned reply rights.
//!
//! A reply right is a capability to a thread, derived from the thread's origin. Its badge is the number of one of the
//! thread's calls. It is valid only while the thread awaits the reply to that call. A reply right has GRANT if the call went
//! through a capability with GRANT. Only then may the reply carry capabilities.

use abi::{EndpointRights, Error, Rights};
use capabilities::{Badge, Capability, Place, Storage};

use super::transfer::{Blame, Message, transfer};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{DomainState, Object, Phase, Thread, slot_error};

/// Puts the right to reply to the call that `caller` begins into an empty slot.
#[inline(always)]
pub fn grant_reply(caller: Ref<Thread>, place: Place, rights: Rights) {
    let right = Capability {
        object: Object::Reply(caller),
        rights,
        badge: Badge::new(caller.next_call_number()),
    };
    capabilities::derive(&SlotStorage, caller.header.origin(), place, right)
        .expect("the slot was checked, and reply rights are one generation below a thread");
    caller.has_reply_right.set(true);
}

/// Replies through the reply right at `place`, which is consumed. Returns the thread that got the reply, for the caller of this
/// function to wake.
///
/// # Errors
/// [`Error::EmptySlot`], [`Error::WrongKind`]; [`Error::Gone`] if the right is stale, which removes it. An error about the
/// message leaves the right in its slot: for example [`Error::MissingRight`] for capabilities without GRANT, or
/// [`Error::EmptySlot`] for a capability that is not there.
pub fn reply(
    kernel: &Kernel,
    replier: Ref<Thread>,
    place: Place,
    message: Message,
) -> Result<Ref<Thread>, Error> {
    let right = SlotStorage
        .slot(place)
        .capability()
        .ok_or(Error::EmptySlot)?;
    let Object::Reply(caller) = right.object else {
        return Err(Error::WrongKind);
    };
    // The right is also stale if the caller's domain was moved away.
    let awaits = awaits(caller, right.badge.get()) && !caller.header.is_retired();
    match caller.phase.get() {
        Phase::Awaiting
            if awaits && message.info.capabilities() > 0 && !may_grant(right.rights) =>
        {
            return Err(Error::MissingRight);
        }
        Phase::Awaiting if awaits => match transfer(kernel, replier, message, caller, 0, None) {
            Ok(()) => caller.complete(Ok(())),
            Err(Blame::Receiver(error)) => caller.complete(Err(error)),
            Err(Blame::Sender(error)) => return Err(error),
        },
        Phase::AwaitingFault { .. } if awaits => caller.phase.set(Phase::Ready),
        _ => {
            kernel.empty_slot(place)?;
            return Err(Error::Gone);
        }
    }
    caller.domain.touch();
    // The caller no longer awaits a reply and the replier's domain runs, so emptying the slot has no further effects.
    capabilities::delete(&SlotStorage, place).map_err(slot_error)?;
    Ok(caller)
}

/// Handles the loss of the right to reply to this call of a thread. If the thread still awaits the reply, its wait fails.
/// But a thread of a retired domain keeps waiting; if it ever runs here again, [`super::release`] ends its wait. A thread of
/// a domain that is being destroyed never runs again.
pub fn abandon(kernel: &Kernel, caller: Ref<Thread>, call_number: u64) {
    if !awaits(caller, call_number) {
        return;
    }
    if caller.header.is_retired() || caller.domain.state() == DomainState::Destroying {
        return caller.has_reply_right.set(false);
    }
    super::end_wait(kernel, caller, Error::Gone);
    caller.domain.touch();
}

/// Whether a slot holds the right to reply to a fault message. Emptying such a slot stops the thread and writes a log line.
/// This is too slow to do more than once in a step.
pub fn replies_to_fault(place: Place) -> bool {
    let held = SlotStorage.slot(place).capability();
    matches!(
        held.map(|held| held.object),
        Some(Object::Reply(caller)) if matches!(caller.phase.get(), Phase::AwaitingFault { .. })
    )
}

/// Puts the right to reply to a waiting thread, of a domain that is being restored, into an empty slot.
///
/// # Errors
/// [`Error::ArgumentRange`] for other rights than GRANT; [`Error::WrongState`] if the thread does not await a reply,
/// [`Error::OccupiedSlot`], [`Error::Gone`].
pub fn install_reply(caller: Ref<Thread>, place: Place, rights: Rights) -> Result<(), Error> {
    if !Rights::from(EndpointRights::GRANT).contains(rights) {
        return Err(Error::ArgumentRange);
    }
    if !is_awaiting(caller) {
        return Err(Error::WrongState);
    }
    crate::objects::check_alive(Object::Thread(caller))?;
    crate::objects::check_free(place)?;
    grant_reply(caller, place, rights);
    Ok(())
}

/// Whether messages through a capability with these rights may carry capabilities.
pub fn may_grant(rights: Rights) -> bool {
    rights.contains(EndpointRights::GRANT.into())
}

/// Whether a thread awaits the reply to its call of this number.
pub fn awaits(caller: Ref<Thread>, call_number: u64) -> bool {
    caller.call_number.get() == call_number && is_awaiting(caller)
}

fn is_awaiting(caller: Ref<Thread>) -> bool {
    matches!(
        caller.phase.get(),
        Phase::Awaiting | Phase::AwaitingFault { .. }
    )
}
