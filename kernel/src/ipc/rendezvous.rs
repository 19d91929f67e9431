//! Synchronous rendezvous: sending and receiving.

use abi::fault::FAULT_WORDS;
use abi::register::{Register, Slot};
use abi::{EndpointRights, Error, MessageInfo, Number, Rights};
use capabilities::{Place, Storage};

use super::PEERS_PER_STEP;
use super::authority::{abort_wait, may_receive, may_send};
use super::fault::stop_unhandled;
use super::reply::grant_reply;
use super::transfer::{Blame, Message, transfer};
use super::waiting::reset_phase;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Endpoint, Phase, Thread};

/// The argument register of `Receive` that names the slot for the reply right.
const REPLY_ARGUMENT: usize = 6;

/// Sends the running thread's message through an endpoint. The thread's phase ([`Phase::Sending`] or [`Phase::SendingFault`])
/// selects the message. The first waiting receiver gets it; without a receiver the sender blocks. A message that cannot be
/// delivered to that receiver fails the sender.
pub fn send(kernel: &Kernel, sender: Ref<Thread>, endpoint: Ref<Endpoint>) {
    for _ in 0..PEERS_PER_STEP {
        let Some(receiver) = endpoint.receivers.first() else {
            kernel.scheduler.remove(sender);
            return endpoint.senders.push(sender);
        };
        if !may_receive(receiver) {
            abort_wait(kernel, receiver);
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
    // The sender repeats its call or its faulting instruction.
    reset_phase(kernel, sender);
}

/// Receives at an endpoint, through the slot `place`. The running thread gets the flags of its bound notification, if any
/// are raised. Otherwise it gets the first message that can be delivered. If no sender waits, it blocks. After
/// several refused senders, or one refused fault, it repeats its call in the next step.
pub fn receive(kernel: &Kernel, receiver: Ref<Thread>, endpoint: Ref<Endpoint>, place: Place) {
    receiver.phase.set(Phase::Receiving { endpoint, place });
    if super::notify::take_bound_flags(receiver) {
        return receiver.complete(Ok(()));
    }
    for _ in 0..PEERS_PER_STEP {
        let Some(sender) = endpoint.senders.first() else {
            kernel.scheduler.remove(receiver);
            return endpoint.receivers.push(receiver);
        };
        let faults = matches!(sender.phase.get(), Phase::SendingFault { .. });
        if !may_send(sender) {
            abort_wait(kernel, sender);
        } else {
            let result = hand_over(kernel, sender, receiver);
            endpoint.senders.remove(sender);
            match result {
                Ok(()) => return complete_both(kernel, sender, receiver),
                Err(error) => refuse(kernel, sender, error),
            }
        }
        if faults {
            // The sender may have stopped, which writes a log line. This is too slow to do more than once in a step.
            break;
        }
    }
    receiver.phase.set(Phase::Ready);
}

/// Fails a sender whose message cannot be delivered: its call or send returns the error, but a faulting thread stops. The
/// sender must be in no queue. The receiver's call continues.
#[cold]
fn refuse(kernel: &Kernel, sender: Ref<Thread>, error: Error) {
    if let Phase::SendingFault { fault, .. } = sender.phase.get() {
        return stop_unhandled(kernel, sender, fault);
    }
    sender.complete(Err(error));
    kernel.scheduler.wake(sender);
}

/// A sender's message.
struct Outgoing {
    message: Message,
    badge: u64,
    /// The rights of the reply right, if the message needs one.
    reply_rights: Option<Rights>,
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
                    reply_rights: Some(Rights::default()),
                })
            }
            Phase::Sending { badge, grant, .. } => {
                let message = Message::of_arguments(sender)?;
                let rights = if grant {
                    EndpointRights::GRANT.into()
                } else {
                    Rights::default()
                };
                let is_call = sender.context.rax.get() == Number::Call as u64;
                Ok(Outgoing {
                    message,
                    badge,
                    reply_rights: is_call.then_some(rights),
                })
            }
            phase => panic!("a thread that sends is in phase {phase:?}"),
        }
    }
}

/// Copies the message. After that [`complete_both`] completes the threads' calls.
///
/// # Errors
/// The error for the sender; nothing was copied. If the message is invalid, or the receiver has no room for it, only the
/// sender fails. So no sender can make a `Receive` fail that other senders depend on.
fn hand_over(kernel: &Kernel, sender: Ref<Thread>, receiver: Ref<Thread>) -> Result<(), Error> {
    let outgoing = Outgoing::of(sender)?;
    let reply_slot = match outgoing.reply_rights {
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
        // A receiver without a buffer takes only short messages.
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

/// Completes the receiver's call, and the sender's Send or the sending half of its Call. A caller yields the core to the
/// thread that it called. A thread that sends or receives keeps the core.
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
