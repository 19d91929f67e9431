//! Flags: signal, wait, deadlines.

use abi::{Error, MessageInfo};
use capabilities::Place;

use super::PEERS_PER_STEP;
use super::authority::{abort_wait, may_receive, may_wait};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Notification, Phase, Step, Thread};

/// Raises flags. They complete a wait or the `Receive` of the bound thread, or they stay until a thread takes them. After
/// [`Step::More`] no flag is raised yet, and repeating the call continues.
pub fn signal(kernel: &Kernel, notification: Ref<Notification>, flags: u64) -> Step {
    let mut left = PEERS_PER_STEP;
    signal_within(kernel, notification, flags, &mut left)
}

/// As [`signal`], for a step with several signals, which may still try `left` threads. Subtracts from `left` the number of
/// threads that it tried, and one if it found no waiter.
pub(super) fn signal_within(
    kernel: &Kernel,
    notification: Ref<Notification>,
    flags: u64,
    left: &mut usize,
) -> Step {
    if flags == 0 {
        return Step::Done;
    }
    while let Some(rest) = left.checked_sub(1) {
        *left = rest;
        let Some(waiter) = notification.waiters.first() else {
            raise(kernel, notification, flags);
            return Step::Done;
        };
        if may_wait(waiter) {
            super::leave(kernel, waiter);
            waiter.set_argument(0, notification.flags.take() | flags);
            waiter.complete(Ok(()));
            kernel.scheduler.wake(waiter);
            return Step::Done;
        }
        abort_wait(kernel, waiter);
    }
    Step::More
}

/// Handles flags for which no thread waits: delivers them to the bound thread if it receives, else raises them. Raising a
/// flag that is already raised does not count as a change. Otherwise signals alone could raise a frozen domain's version
/// without end.
fn raise(kernel: &Kernel, notification: Ref<Notification>, flags: u64) {
    if let Some(receiver) = notification.bound.get().filter(|thread| receives(*thread)) {
        if may_receive(receiver) {
            return complete_with_flags(kernel, receiver, take_flags(notification) | flags);
        }
        abort_wait(kernel, receiver);
    }
    let raised = notification.flags.get();
    let all = raised | flags;
    if all != raised {
        notification.flags.set(all);
        notification.header.touch();
    }
}

/// Completes a thread's `Receive` with the flags that its bound notification has already raised, if any.
pub fn deliver_bound_flags(kernel: &Kernel, thread: Ref<Thread>) {
    if !receives(thread) {
        return;
    }
    if !may_receive(thread) {
        return abort_wait(kernel, thread);
    }
    let flags = bound_flags(thread);
    if flags != 0 {
        complete_with_flags(kernel, thread, flags);
    }
}

fn receives(thread: Ref<Thread>) -> bool {
    matches!(thread.phase.get(), Phase::Receiving { .. })
}

/// Completes the `Receive` of a blocked thread with flags instead of a message.
fn complete_with_flags(kernel: &Kernel, receiver: Ref<Thread>, flags: u64) {
    super::leave(kernel, receiver);
    set_bound_flags(receiver, flags);
    receiver.complete(Ok(()));
    kernel.scheduler.wake(receiver);
}

/// Waits for flags, through the slot `place`, until a deadline in the time of the thread's domain, in nanoseconds.
pub fn wait(
    kernel: &Kernel,
    thread: Ref<Thread>,
    notification: Ref<Notification>,
    place: Place,
    deadline: u64,
) {
    let flags = take_flags(notification);
    if flags != 0 {
        thread.set_argument(0, flags);
        return thread.complete(Ok(()));
    }
    let deadline = machine_deadline(thread, deadline);
    if deadline.is_some_and(|deadline| deadline <= kernel.now_ns()) {
        return thread.complete(Err(Error::TimedOut));
    }
    kernel.scheduler.remove(thread);
    thread.phase.set(Phase::Waiting {
        notification,
        place,
    });
    notification.waiters.push(thread);
    if let Some(deadline) = deadline {
        let ticks = kernel.clock.ticks_at(deadline);
        kernel.scheduler.timers.threads.insert(thread, ticks);
        kernel.scheduler.arm();
    }
}

/// Ends the wait of a thread whose deadline has passed. The deadline is no longer in the list of deadlines.
pub fn time_out(kernel: &Kernel, thread: Ref<Thread>) {
    if may_wait(thread) {
        super::end_wait(kernel, thread, Error::TimedOut);
    } else {
        abort_wait(kernel, thread);
    }
}

/// Moves the flags of a receiver's bound notification into its registers; returns whether there were any.
#[inline(always)]
pub(super) fn take_bound_flags(receiver: Ref<Thread>) -> bool {
    let flags = bound_flags(receiver);
    if flags != 0 {
        set_bound_flags(receiver, flags);
    }
    flags != 0
}

/// Takes the flags that a thread's bound notification has raised.
#[inline(always)]
fn bound_flags(thread: Ref<Thread>) -> u64 {
    match thread.bound() {
        Some(notification) if !notification.header.is_retired() => take_flags(notification),
        _ => 0,
    }
}

/// Takes the raised flags. This is a change to the domain that owns the notification, which may be frozen while another
/// domain's thread waits.
fn take_flags(notification: Ref<Notification>) -> u64 {
    let flags = notification.flags.take();
    if flags != 0 {
        notification.header.touch();
    }
    flags
}

fn set_bound_flags(receiver: Ref<Thread>, flags: u64) {
    receiver.set_argument(0, flags);
    receiver.set_argument(1, MessageInfo::notified().bits());
}

/// Converts a deadline from the time of a thread's domain to the machine's time; `None` for [`abi::NO_DEADLINE`].
pub fn machine_deadline(thread: Ref<Thread>, deadline: u64) -> Option<u64> {
    if deadline == abi::NO_DEADLINE {
        return None;
    }
    let machine = i128::from(deadline) - i128::from(thread.domain.clock_offset.get());
    Some(u64::try_from(machine.max(0)).unwrap_or(u64::MAX))
}
