//! Answers, and reply rights that are given up.
//!
//! A reply right is a capability to a thread with the number of one of its calls as badge, derived from the thread's
//! origin. It answers only while the thread awaits the answer to that very call.

use abi::Error;
use capabilities::{Badge, Capability, Place, Storage};

use super::transfer::{Blame, Message, transfer};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Object, Phase, Thread};

/// Puts the right to answer the call that `caller` begins into an empty slot.
pub fn grant_reply(caller: Ref<Thread>, place: Place) {
    let right = Capability {
        object: Object::Reply(caller),
        rights: abi::Rights(0),
        badge: Badge::new(caller.next_call_number()),
    };
    capabilities::derive(&SlotStorage, caller.header.origin(), place, right)
        .expect("the slot was checked, and reply rights are one generation below a thread");
    caller.answerable.set(true);
}

/// Answers through the reply right at `place`, which is used up.
///
/// # Errors
/// [`Error::EmptySlot`], [`Error::WrongKind`]; [`Error::Gone`] if the right is stale, which removes it; and what is wrong
/// with the message, in which case the right stays.
pub fn reply(
    kernel: &Kernel,
    replier: Ref<Thread>,
    place: Place,
    message: Message,
) -> Result<(), Error> {
    let right = SlotStorage
        .slot(place)
        .capability()
        .ok_or(Error::EmptySlot)?;
    let Object::Reply(caller) = right.object else {
        return Err(Error::WrongKind);
    };
    // For a caller that has gone elsewhere the right is as stale as for one that awaits nothing.
    let awaits = awaits(caller, right.badge.get()) && !caller.domain.is_retired();
    match caller.phase.get() {
        Phase::Awaiting if awaits => match transfer(kernel, replier, message, caller, 0, None) {
            Ok(()) => caller.complete(Ok(())),
            Err(Blame::Receiver(error)) => caller.complete(Err(error)),
            Err(Blame::Sender(error)) => return Err(error),
        },
        Phase::AwaitingFault if awaits => caller.phase.set(Phase::Ready),
        _ => {
            kernel.empty_slot(place)?;
            return Err(Error::Gone);
        }
    }
    caller.domain.touch();
    kernel.scheduler.wake(caller);
    kernel.empty_slot(place)
}

/// The right to answer this thread's call number was given up: if it still awaits, nobody will answer. One of a retired
/// domain goes on awaiting; if it ever runs here again, it is interrupted.
pub fn abandon(kernel: &Kernel, caller: Ref<Thread>, call_number: u64) {
    if !awaits(caller, call_number) {
        return;
    }
    if caller.domain.is_retired() {
        return caller.answerable.set(false);
    }
    super::end_wait(kernel, caller, Error::Gone);
    caller.domain.touch();
}

/// Puts the right to answer a thread that awaits, of a domain being restored, into an empty slot.
///
/// # Errors
/// [`Error::WrongState`] if the thread does not await an answer, [`Error::OccupiedSlot`].
pub fn install_reply(caller: Ref<Thread>, place: Place) -> Result<(), Error> {
    if !matches!(caller.phase.get(), Phase::Awaiting | Phase::AwaitingFault) {
        return Err(Error::WrongState);
    }
    crate::objects::check_free(place)?;
    grant_reply(caller, place);
    Ok(())
}

/// Whether a thread awaits the answer to its call of this number.
pub fn awaits(caller: Ref<Thread>, call_number: u64) -> bool {
    caller.call_number.get() == call_number
        && matches!(caller.phase.get(), Phase::Awaiting | Phase::AwaitingFault)
}
