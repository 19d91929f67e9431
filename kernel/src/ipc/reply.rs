//! Answers, and reply rights that are given up.
//!
//! A reply right is a capability to a thread with the number of one of its calls as badge, derived from the thread's
//! origin. It answers only while the thread awaits the answer to that very call. It has the right GRANT if the call went through
//! a capability that had it, and else brings no capabilities.

use abi::{EndpointRights, Error, Rights};
use capabilities::{Badge, Capability, Place, Storage};

use super::transfer::{Blame, Message, transfer};
use crate::kernel::{Kernel, slot_error};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{DomainState, Object, Phase, Thread};

/// Puts the right to answer the call that `caller` begins into an empty slot.
#[inline(always)]
pub fn grant_reply(caller: Ref<Thread>, place: Place, rights: Rights) {
    let right = Capability {
        object: Object::Reply(caller),
        rights,
        badge: Badge::new(caller.next_call_number()),
    };
    capabilities::derive(&SlotStorage, caller.header.origin(), place, right)
        .expect("the slot was checked, and reply rights are one generation below a thread");
    caller.answerable.set(true);
}

/// Answers through the reply right at `place`, which is used up. The thread that is answered has yet to be woken.
///
/// # Errors
/// [`Error::EmptySlot`], [`Error::WrongKind`]; [`Error::Gone`] if the right is stale, which removes it; and what is wrong
/// with the message, [`Error::MissingRight`] for capabilities that it may not bring and [`Error::EmptySlot`] for one that
/// is missing included, in which case the right stays.
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
    // For a caller that has gone elsewhere the right is as stale as for one that awaits nothing.
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
    // The caller awaits no more and the replier's domain runs, so nothing follows from the slot having been emptied.
    capabilities::delete(&SlotStorage, place).map_err(slot_error)?;
    Ok(caller)
}

/// The right to answer this thread's call number was given up: if it still awaits, nobody will answer. One of a retired
/// domain goes on awaiting; if it ever runs here again, [`super::release`] ends that. One of a domain that ends never does.
pub fn abandon(kernel: &Kernel, caller: Ref<Thread>, call_number: u64) {
    if !awaits(caller, call_number) {
        return;
    }
    if caller.header.is_retired() || caller.domain.state() == DomainState::Ending {
        return caller.answerable.set(false);
    }
    super::end_wait(kernel, caller, Error::Gone);
    caller.domain.touch();
}

/// Whether a slot holds the right to answer a thread's fault message, so that emptying it stops the thread and writes a line to the
/// log. Those take too long for many in a step.
pub fn answers_fault(place: Place) -> bool {
    let held = SlotStorage.slot(place).capability();
    matches!(
        held.map(|held| held.object),
        Some(Object::Reply(caller)) if matches!(caller.phase.get(), Phase::AwaitingFault { .. })
    )
}

/// Puts the right to answer a thread that awaits, of a domain being restored, into an empty slot.
///
/// # Errors
/// [`Error::ArgumentRange`] for other rights than GRANT; [`Error::WrongState`] if the thread does not await an answer,
/// [`Error::OccupiedSlot`], [`Error::Gone`].
pub fn install_reply(caller: Ref<Thread>, place: Place, rights: Rights) -> Result<(), Error> {
    if !Rights::from(EndpointRights::GRANT).contains(rights) {
        return Err(Error::ArgumentRange);
    }
    if !is_awaiting(caller) {
        return Err(Error::WrongState);
    }
    crate::objects::check_lasting(Object::Thread(caller))?;
    crate::objects::check_free(place)?;
    grant_reply(caller, place, rights);
    Ok(())
}

/// Whether capabilities may pass with messages through a capability of these rights.
pub fn may_grant(rights: Rights) -> bool {
    rights.contains(EndpointRights::GRANT.into())
}

/// Whether a thread awaits the answer to its call of this number.
pub fn awaits(caller: Ref<Thread>, call_number: u64) -> bool {
    caller.call_number.get() == call_number && is_awaiting(caller)
}

fn is_awaiting(caller: Ref<Thread>) -> bool {
    matches!(
        caller.phase.get(),
        Phase::Awaiting | Phase::AwaitingFault { .. }
    )
}
