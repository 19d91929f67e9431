//! Leaving whatever a thread waits in.

use abi::Error;

use super::fault::{stop_unanswered, stop_unhandled};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Phase, Thread};

/// Takes a thread out of the queue that its phase says, and off the core if it is there. The phase stays.
pub fn leave(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::Ready => kernel.scheduler.remove(thread),
        Phase::Sending { endpoint, .. } | Phase::SendingFault { endpoint, .. } => {
            endpoint.senders.remove(thread)
        }
        Phase::Receiving { endpoint, .. } => endpoint.receivers.remove(thread),
        Phase::Waiting { notification, .. } => {
            notification.waiters.remove(thread);
            kernel.scheduler.timers.threads.remove(thread);
        }
        Phase::Awaiting | Phase::AwaitingFault { .. } => {}
    }
}

/// Makes a thread that is blocked in a one-part call, or in the first part of one, stand at the call again. One that
/// awaits an answer goes on awaiting it.
pub fn roll_back(kernel: &Kernel, thread: Ref<Thread>) {
    leave(kernel, thread);
    if !matches!(
        thread.phase.get(),
        Phase::Awaiting | Phase::AwaitingFault { .. }
    ) {
        stand_again(kernel, thread);
    }
}

/// Makes a thread that has left its queue, or has not entered it, stand at its call or its faulting instruction. Behind a trap
/// there is nothing to stand at: the thread stops as if nobody handled the trap, since it would go on as if somebody had.
pub fn stand_again(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } if fault.is_trap() => {
            stop_unhandled(kernel, thread, fault);
        }
        _ => thread.phase.set(Phase::Ready),
    }
}

/// Whether [`hold`] or [`release`] may stop a thread for good and write a line to the log.
pub fn is_trapped(thread: Ref<Thread>) -> bool {
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } => fault.is_trap(),
        Phase::AwaitingFault { is_trap } => is_trap && !thread.answerable.get(),
        _ => false,
    }
}

/// Makes a blocked thread stand at its call, or its faulting instruction, and make it again as soon as it can run.
pub fn start_again(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    kernel.scheduler.wake(thread);
}

/// Stops a thread because its domain stands still.
pub fn hold(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    thread.held.set(true);
}

/// Lets a thread of a domain that runs again run. A wait for an answer that nobody can give any more ends: a call with
/// [`Error::Interrupted`]; after a fault the thread makes its instruction again; and after a trap, whose instruction is over, it
/// stops, since it would go on as if the answer had come.
pub fn release(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::Awaiting if !thread.answerable.get() => thread.complete(Err(Error::Interrupted)),
        Phase::AwaitingFault { is_trap: true } if !thread.answerable.get() => {
            stop_unanswered(kernel, thread);
        }
        Phase::AwaitingFault { is_trap: false } if !thread.answerable.get() => {
            thread.phase.set(Phase::Ready);
        }
        _ => {}
    }
    thread.held.set(false);
    kernel.scheduler.wake(thread);
}

/// Stops a thread, until it is started.
pub fn stop(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    thread.stopped.set(true);
}

/// Ends a thread's wait with an error. A thread whose fault message nobody receives or answers stops where it is, which is
/// logged: [`super::answers_fault`] and the thread's phase decide when.
pub fn end_wait(kernel: &Kernel, thread: Ref<Thread>, error: Error) {
    leave(kernel, thread);
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } => stop_unhandled(kernel, thread, fault),
        Phase::AwaitingFault { .. } => stop_unanswered(kernel, thread),
        _ => thread.complete(Err(error)),
    }
    kernel.scheduler.wake(thread);
}
