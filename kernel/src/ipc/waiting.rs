//! Ending, rolling back and releasing a thread's wait.
//!
//! A thread *stands at* a call or an instruction if its RIP is there: it makes the call or executes the instruction when it runs.

use abi::Error;

use super::fault::{stop_unhandled, stop_without_reply};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Phase, Thread};

/// Removes a thread from the queue that its phase names, or from the core. The phase does not change.
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

/// Makes a thread that is blocked in a one-part call, or in the first part of a two-part call, stand at the call again. A thread
/// that awaits a reply keeps awaiting it.
pub fn roll_back(kernel: &Kernel, thread: Ref<Thread>) {
    leave(kernel, thread);
    if !matches!(
        thread.phase.get(),
        Phase::Awaiting | Phase::AwaitingFault { .. }
    ) {
        reset_phase(kernel, thread);
    }
}

/// Makes a thread that is in no queue stand at its call or its faulting instruction. After a trap the instruction is
/// complete and cannot be repeated. So the thread stops as if the trap had no handler; otherwise it would resume as if the
/// trap had been handled.
pub fn reset_phase(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } if fault.is_trap() => {
            stop_unhandled(kernel, thread, fault);
        }
        _ => thread.phase.set(Phase::Ready),
    }
}

/// Whether [`hold`] or [`release`] may stop a thread for good and write a log line.
pub fn is_trapped(thread: Ref<Thread>) -> bool {
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } => fault.is_trap(),
        Phase::AwaitingFault { is_trap } => is_trap && !thread.has_reply_right.get(),
        _ => false,
    }
}

/// Makes a blocked thread repeat its call or its faulting instruction as soon as it can run.
pub fn restart(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    kernel.scheduler.wake(thread);
}

/// Stops a thread with its domain.
pub fn hold(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    thread.held.set(true);
}

/// Lets a thread run again with its domain. If it awaits a reply that can no longer come, the wait ends. A call then returns
/// [`Error::Interrupted`], and a faulting thread repeats its instruction. After a trap the instruction is complete, so the
/// thread stops; otherwise it would resume as if it had got a reply.
pub fn release(kernel: &Kernel, thread: Ref<Thread>) {
    match thread.phase.get() {
        Phase::Awaiting if !thread.has_reply_right.get() => {
            thread.complete(Err(Error::Interrupted))
        }
        Phase::AwaitingFault { is_trap: true } if !thread.has_reply_right.get() => {
            stop_without_reply(kernel, thread);
        }
        Phase::AwaitingFault { is_trap: false } if !thread.has_reply_right.get() => {
            thread.phase.set(Phase::Ready);
        }
        _ => {}
    }
    thread.held.set(false);
    kernel.scheduler.wake(thread);
}

/// Stops a thread until it is started.
pub fn stop(kernel: &Kernel, thread: Ref<Thread>) {
    roll_back(kernel, thread);
    thread.stopped.set(true);
}

/// Ends a thread's wait with an error. A thread that waits because of a fault stops instead, which is logged.
pub fn end_wait(kernel: &Kernel, thread: Ref<Thread>, error: Error) {
    leave(kernel, thread);
    match thread.phase.get() {
        Phase::SendingFault { fault, .. } => stop_unhandled(kernel, thread, fault),
        Phase::AwaitingFault { .. } => stop_without_reply(kernel, thread),
        _ => thread.complete(Err(error)),
    }
    kernel.scheduler.wake(thread);
}
