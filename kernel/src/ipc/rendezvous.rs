//! A sender meets a receiver.

use abi::fault::FAULT_WORDS;
use abi::register::{Register, Slot};
use abi::{Error, MessageInfo, Number};
use capabilities::{Place, Storage};

use super::reply::grant_reply;
use super::transfer::{Blame, Message, transfer};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Endpoint, Phase, Thread};

/// Others that one step of a call tries to meet. Whoever cannot be met has his wait ended, so that the next step meets the
/// next ones.
const MET_PER_STEP: usize = 16;

/// The argument register of `Receive` that names the slot for a reply right.
const REPLY_ARGUMENT: usize = 6;

/// A thread sends through an endpoint, with the phase ([`Phase::Sending`] or [`Phase::SendingFault`]) that says what.
/// It meets a receiver that waits, or waits itself.
pub fn send(kernel: &Kernel, sender: Ref<Thread>, endpoint: Ref<Endpoint>, phase: Phase) {
    kernel.scheduler.remove(sender);
    sender.phase.set(phase);
    for _ in 0..MET_PER_STEP {
        let Some(receiver) = endpoint.receivers.first() else {
            return endpoint.senders.push(sender);
        };
        match hand_over(kernel, sender, receiver) {
            Ok(()) => {
                endpoint.receivers.remove(receiver);
                return complete_both(kernel, sender, receiver);
            }
            Err(Blame::Sender(error)) => {
                sender.complete(Err(error));
                return kernel.scheduler.wake(sender);
            }
            Err(Blame::Receiver(error)) => super::end_wait(kernel, receiver, error),
        }
    }
    start_again(kernel, sender);
}

/// A thread receives at an endpoint: its bound notification's flags, or the first message that can be handed to it; or
/// it waits.
pub fn receive(kernel: &Kernel, receiver: Ref<Thread>, endpoint: Ref<Endpoint>) {
    kernel.scheduler.remove(receiver);
    receiver.phase.set(Phase::Receiving { endpoint });
    if super::notify::take_bound_flags(receiver) {
        receiver.complete(Ok(()));
        return kernel.scheduler.wake(receiver);
    }
    for _ in 0..MET_PER_STEP {
        let Some(sender) = endpoint.senders.first() else {
            return endpoint.receivers.push(receiver);
        };
        match hand_over(kernel, sender, receiver) {
            Ok(()) => {
                endpoint.senders.remove(sender);
                return complete_both(kernel, sender, receiver);
            }
            Err(Blame::Sender(error)) => super::end_wait(kernel, sender, error),
            Err(Blame::Receiver(error)) => {
                receiver.complete(Err(error));
                return kernel.scheduler.wake(receiver);
            }
        }
    }
    start_again(kernel, receiver);
}

/// Lets a thread make the call, or the fault, that it stands at once more.
fn start_again(kernel: &Kernel, thread: Ref<Thread>) {
    thread.phase.set(Phase::Ready);
    kernel.scheduler.wake(thread);
}

/// What a sender has to say.
struct Outgoing {
    message: Message,
    badge: u64,
    wants_answer: bool,
}

impl Outgoing {
    fn of(sender: Ref<Thread>) -> Result<Outgoing, Blame> {
        match sender.phase.get() {
            Phase::SendingFault { badge, fault, .. } => {
                let info = MessageInfo::words_only(FAULT_WORDS)
                    .map_err(Blame::Sender)?
                    .as_fault();
                let [w0, w1, w2] = fault.words;
                let message = Message {
                    info,
                    words: [w0, w1, w2, sender.context.rip.get()],
                };
                Ok(Outgoing {
                    message,
                    badge,
                    wants_answer: true,
                })
            }
            Phase::Sending { badge, .. } => {
                let message = Message::of_arguments(sender).map_err(Blame::Sender)?;
                let wants_answer = sender.context.rax.get() == Number::Call as u64;
                Ok(Outgoing {
                    message,
                    badge,
                    wants_answer,
                })
            }
            phase => panic!("a thread that sends is in phase {phase:?}"),
        }
    }
}

/// Moves the message; after that both calls are to be completed, or the sender's first part.
fn hand_over(kernel: &Kernel, sender: Ref<Thread>, receiver: Ref<Thread>) -> Result<(), Blame> {
    let outgoing = Outgoing::of(sender)?;
    let reply_slot = match outgoing.wants_answer {
        true => Some(reply_slot(receiver).map_err(|error| blame_for_reply_slot(sender, error))?),
        false => None,
    };
    transfer(
        kernel,
        sender,
        outgoing.message,
        receiver,
        outgoing.badge,
        reply_slot,
    )?;
    if let Some(place) = reply_slot {
        grant_reply(sender, place);
    }
    Ok(())
}

/// A caller is refused by a receiver that named no room for a reply right; a faulting thread has no choice, so there
/// the receiver is told.
fn blame_for_reply_slot(sender: Ref<Thread>, error: Error) -> Blame {
    match sender.phase.get() {
        Phase::SendingFault { .. } => Blame::Receiver(error),
        _ => Blame::Sender(error),
    }
}

fn reply_slot(receiver: Ref<Thread>) -> Result<Place, Error> {
    let slot = Slot::from_register(receiver.arguments()[REPLY_ARGUMENT])
        .map_err(|_| Error::MessageSize)?;
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

fn complete_both(kernel: &Kernel, sender: Ref<Thread>, receiver: Ref<Thread>) {
    receiver.complete(Ok(()));
    match sender.phase.get() {
        Phase::SendingFault { .. } => sender.phase.set(Phase::AwaitingFault),
        _ if sender.context.rax.get() == Number::Call as u64 => sender.phase.set(Phase::Awaiting),
        _ => sender.complete(Ok(())),
    }
    kernel.scheduler.wake(receiver);
    kernel.scheduler.wake(sender);
}
