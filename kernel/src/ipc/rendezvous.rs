//! A sender meets a receiver.

use abi::fault::FAULT_WORDS;
use abi::register::{Register, Slot};
use abi::{EndpointRights, Error, MessageInfo, Number, Rights};
use capabilities::{Place, Storage};

use super::MET_PER_STEP;
use super::fault::stop_unhandled;
use super::reply::grant_reply;
use super::standing::{may_receive, may_send, turn_away};
use super::transfer::{Blame, Message, transfer};
use super::waiting::stand_again;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Endpoint, Phase, Thread};

/// The argument register of `Receive` that names the slot for a reply right.
const REPLY_ARGUMENT: usize = 6;

/// The running thread sends through an endpoint; its phase ([`Phase::Sending`] or [`Phase::SendingFault`]) decides which
/// message. It meets a receiver that waits, or waits itself.
pub fn send(kernel: &Kernel, sender: Ref<Thread>, endpoint: Ref<Endpoint>) {
    for _ in 0..MET_PER_STEP {
        let Some(receiver) = endpoint.receivers.first() else {
            kernel.scheduler.remove(sender);
            return endpoint.senders.push(sender);
        };
        if !may_receive(receiver) {
            turn_away(kernel, receiver);
            continue;
        }
        return match hand_over(kernel, sender, receiver) {
            Ok(()) => {
                endpoint.receivers.remove(receiver);
                complete_both(kernel, sender, receiver);
            }
            Err(error) => refuse(kernel, sender, error),
        };
    }
    // It makes the call, or the fault, that it stands at once more.
    stand_again(kernel, sender);
}

/// The running thread receives at an endpoint, through the slot `place`: its bound notification's flags, or the first message that
/// can be handed to it; or it waits.
pub fn receive(kernel: &Kernel, receiver: Ref<Thread>, endpoint: Ref<Endpoint>, place: Place) {
    receiver.phase.set(Phase::Receiving { endpoint, place });
    if super::notify::take_bound_flags(receiver) {
        return receiver.complete(Ok(()));
    }
    for _ in 0..MET_PER_STEP {
        let Some(sender) = endpoint.senders.first() else {
            kernel.scheduler.remove(receiver);
            return endpoint.receivers.push(receiver);
        };
        let faults = matches!(sender.phase.get(), Phase::SendingFault { .. });
        if !may_send(sender) {
            turn_away(kernel, sender);
        } else {
            let result = hand_over(kernel, sender, receiver);
            endpoint.senders.remove(sender);
            match result {
                Ok(()) => return complete_both(kernel, sender, receiver),
                Err(error) => refuse(kernel, sender, error),
            }
        }
        if faults {
            // It may have stopped, with a line in the log: those take too long for many in a step.
            break;
        }
    }
    receiver.phase.set(Phase::Ready);
}

/// Ends the attempt of a sender, which is in no queue, whose message the receiver cannot take: a call or send with an error;
/// a thread whose fault it is stops. The receiver does not notice.
#[cold]
fn refuse(kernel: &Kernel, sender: Ref<Thread>, error: Error) {
    if let Phase::SendingFault { fault, .. } = sender.phase.get() {
        return stop_unhandled(kernel, sender, fault);
    }
    sender.complete(Err(error));
    kernel.scheduler.wake(sender);
}

/// What a sender has to say.
struct Outgoing {
    message: Message,
    badge: u64,
    /// The rights of the reply right that it wants, if it does.
    answer: Option<Rights>,
}

impl Outgoing {
    #[inline(always)]
    fn of(sender: Ref<Thread>) -> Result<Outgoing, Error> {
        match sender.phase.get() {
            Phase::SendingFault { badge, fault, .. } => {
                let info = MessageInfo::words_only(FAULT_WORDS)?.as_fault();
                let [w0, w1, w2] = fault.words;
                let message = Message {
                    info,
                    words: [w0, w1, w2, sender.context.rip.get()],
                };
                Ok(Outgoing {
                    message,
                    badge,
                    answer: Some(Rights::default()),
                })
            }
            Phase::Sending { badge, grant, .. } => {
                let message = Message::of_arguments(sender)?;
                let rights = match grant {
                    true => EndpointRights::GRANT.into(),
                    false => Rights::default(),
                };
                let is_call = sender.context.rax.get() == Number::Call as u64;
                Ok(Outgoing {
                    message,
                    badge,
                    answer: is_call.then_some(rights),
                })
            }
            phase => panic!("a thread that sends is in phase {phase:?}"),
        }
    }
}

/// Moves the message; after that both calls are to be completed, or the sender's first part.
///
/// # Errors
/// The sender's, before anything has moved: whatever a message lacks or the receiver has no room for concerns the one who
/// sent it, so that no sender can end the receiver's call for the others.
fn hand_over(kernel: &Kernel, sender: Ref<Thread>, receiver: Ref<Thread>) -> Result<(), Error> {
    let outgoing = Outgoing::of(sender)?;
    let reply_slot = match outgoing.answer {
        Some(rights) => Some((reply_slot(receiver)?, rights)),
        None => None,
    };
    transfer(
        kernel,
        sender,
        outgoing.message,
        receiver,
        outgoing.badge,
        reply_slot.map(|(place, _)| place),
    )
    .map_err(|blame| match blame {
        Blame::Sender(error) => error,
        // A receiver without a buffer takes short messages only.
        Blame::Receiver(_) => Error::MessageSize,
    })?;
    if let Some((place, rights)) = reply_slot {
        grant_reply(sender, place, rights);
    }
    Ok(())
}

#[inline(always)]
fn reply_slot(receiver: Ref<Thread>) -> Result<Place, Error> {
    let slot =
        Slot::from_register(receiver.argument(REPLY_ARGUMENT)).map_err(|_| Error::MessageSize)?;
    let place = receiver
        .domain
        .place(slot)
        .map_err(|_| Error::MessageSize)?;
    if SlotStorage.slot(place).is_empty() {
        Ok(place)
    } else {
        Err(Error::MessageSize)
    }
}

/// Completes both calls, or of a call its first part. A caller gives the core to the thread that it called; a thread that sends
/// or receives keeps it.
#[inline(always)]
fn complete_both(kernel: &Kernel, sender: Ref<Thread>, receiver: Ref<Thread>) {
    receiver.complete(Ok(()));
    match sender.phase.get() {
        Phase::SendingFault { fault, .. } => {
            let is_trap = fault.is_trap();
            sender.phase.set(Phase::AwaitingFault { is_trap });
        }
        _ if sender.context.rax.get() == Number::Call as u64 => sender.phase.set(Phase::Awaiting),
        _ => {
            sender.complete(Ok(()));
            kernel.scheduler.wake(receiver);
            return kernel.scheduler.wake(sender);
        }
    }
    kernel.scheduler.remove(sender);
    kernel.scheduler.switch_to(receiver);
}
