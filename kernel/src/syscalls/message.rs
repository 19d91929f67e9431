//! Messages: call, reply, send, receive, signal, wait, yield.
//!
//! The calls that can block first set RIP back to the call. From then on the thread stands at the call (see
//! [`crate::objects::Thread`]). Completing the call advances RIP.

use abi::calls::{Call, Receive, Reply, ReplyAndReceive, Send, Signal, SignalAndWait, Wait};
use abi::register::Slot;
use abi::{EndpointRights, Error, MessageInfo, NotificationRights, Number};
use capabilities::Storage;

use super::{CallResult, Outcome, lookup};
use crate::ipc::{self, Message};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Phase, Step, Thread};

pub fn call(kernel: &Kernel, caller: Ref<Thread>, call: Call) -> CallResult {
    send_through(kernel, caller, call.endpoint, call.info)
}

pub fn send(kernel: &Kernel, caller: Ref<Thread>, call: Send) -> CallResult {
    send_through(kernel, caller, call.endpoint, call.info)
}

fn send_through(kernel: &Kernel, caller: Ref<Thread>, slot: Slot, info: MessageInfo) -> CallResult {
    let (endpoint, place, held) = lookup::endpoint_at(caller, slot, EndpointRights::SEND)?;
    let grant = ipc::may_grant(held.rights);
    if info.capabilities() > 0 && !grant {
        return Err(Error::MissingRight);
    }
    caller.rewind();
    caller.phase.set(Phase::Sending {
        endpoint,
        place,
        badge: held.badge.get(),
        grant,
    });
    ipc::send(kernel, caller, endpoint);
    Ok(Outcome::Settled)
}

pub fn receive(kernel: &Kernel, caller: Ref<Thread>, call: Receive) -> CallResult {
    let (endpoint, place, _) = lookup::endpoint_at(caller, call.endpoint, EndpointRights::RECEIVE)?;
    caller.rewind();
    ipc::receive(kernel, caller, endpoint, place);
    Ok(Outcome::Settled)
}

pub fn reply(kernel: &Kernel, caller: Ref<Thread>, call: Reply) -> CallResult {
    let place = caller.domain.place(call.reply)?;
    let message = Message {
        info: call.info,
        words: [call.w0, call.w1, call.w2, call.w3],
    };
    let client = ipc::reply(kernel, caller, place, message)?;
    kernel.scheduler.wake(client);
    Ok(Outcome::DONE)
}

/// A call of two parts. Once the first part is done, the thread stands at a `Receive`. If the thread is then stopped or
/// moved, the `Receive` restarts.
pub fn reply_and_receive(
    kernel: &Kernel,
    caller: Ref<Thread>,
    call: ReplyAndReceive,
) -> CallResult {
    let (endpoint, place, _) = lookup::endpoint_at(caller, call.endpoint, EndpointRights::RECEIVE)?;
    let right = caller.domain.place(call.reply)?;
    let message = Message {
        info: call.info,
        words: [call.w0, call.w1, call.w2, call.w3],
    };
    let client = match ipc::reply(kernel, caller, right, message) {
        Ok(client) => Some(client),
        // There was no client, or the client no longer waits and its stale right was removed. After any other error the
        // right stays in the slot, so that its holder can reply again.
        Err(_) if SlotStorage.slot(right).is_empty() => None,
        Err(error) => return Err(error),
    };
    caller.context.rax.set(Number::Receive as u64);
    caller.rewind();
    ipc::receive(kernel, caller, endpoint, place);
    if let Some(client) = client {
        kernel.scheduler.switch_to(client);
    }
    Ok(Outcome::Settled)
}

pub fn signal(kernel: &Kernel, caller: Ref<Thread>, call: Signal) -> CallResult {
    let notification = lookup::signal_target(caller, call.notification, call.flags)?;
    match ipc::signal(kernel, notification, call.flags) {
        Step::More => Ok(Outcome::Again),
        Step::Done => Ok(Outcome::DONE),
    }
}

pub fn wait(kernel: &Kernel, caller: Ref<Thread>, call: Wait) -> CallResult {
    let (notification, place, _) =
        lookup::notification_at(caller, call.notification, NotificationRights::WAIT)?;
    caller.rewind();
    ipc::wait(kernel, caller, notification, place, call.deadline);
    Ok(Outcome::Settled)
}

/// A call of two parts, like [`reply_and_receive`]: once the flags are raised, the thread stands at a `Wait`.
pub fn signal_and_wait(kernel: &Kernel, caller: Ref<Thread>, call: SignalAndWait) -> CallResult {
    let (notification, place, _) =
        lookup::notification_at(caller, call.notification, NotificationRights::WAIT)?;
    let signalled = lookup::signal_target(caller, call.signalled, call.flags)?;
    if let Step::More = ipc::signal(kernel, signalled, call.flags) {
        return Ok(Outcome::Again);
    }
    caller.context.rax.set(Number::Wait as u64);
    caller.rewind();
    ipc::wait(kernel, caller, notification, place, call.deadline);
    Ok(Outcome::Settled)
}

pub fn yield_now(kernel: &Kernel) -> CallResult {
    kernel.scheduler.rotate();
    Ok(Outcome::DONE)
}
