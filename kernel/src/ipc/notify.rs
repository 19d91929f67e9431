//! Flags: signal, wait, interrupts, deadlines.

use abi::{Error, MessageInfo};
use capabilities::Storage;

use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Notification, Object, Phase, Thread};

/// Raises flags: ends a wait, or the receiving of the thread that is bound; or they stay until somebody asks.
pub fn signal(kernel: &Kernel, notification: Ref<Notification>, flags: u64) {
    if flags == 0 {
        return;
    }
    let all = notification.flags.replace(0) | flags;
    if let Some(waiter) = notification.waiters.first() {
        super::leave(kernel, waiter);
        waiter.set_argument(0, all);
        waiter.complete(Ok(()));
        return kernel.scheduler.wake(waiter);
    }
    if let Some(receiver) = notification
        .bound
        .get()
        .filter(|thread| matches!(thread.phase.get(), Phase::Receiving { .. }))
    {
        super::leave(kernel, receiver);
        return give_bound_flags(kernel, receiver, all);
    }
    notification.flags.set(all);
    notification.header.touch();
}

/// A thread waits for flags until a deadline in its domain's time, in nanoseconds.
pub fn wait(kernel: &Kernel, thread: Ref<Thread>, notification: Ref<Notification>, deadline: u64) {
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
    thread.phase.set(Phase::Waiting { notification });
    notification.waiters.push(thread);
    if let Some(deadline) = deadline {
        kernel
            .scheduler
            .timers
            .insert(thread, kernel.clock.ticks_at(deadline));
        kernel.scheduler.arm();
    }
}

/// A waiting thread's deadline has come; it has left the list of deadlines.
pub fn time_out(kernel: &Kernel, thread: Ref<Thread>) {
    super::end_wait(kernel, thread, Error::TimedOut);
}

/// A device's interrupt came.
pub fn deliver_interrupt(kernel: &Kernel, vector: u8) {
    let Some(interrupt) = kernel.interrupts[usize::from(vector)].get() else {
        return;
    };
    let bound = SlotStorage.slot(interrupt.notification()).capability();
    if let Some(Object::Notification(notification)) = bound.map(|capability| capability.object) {
        signal(kernel, notification, interrupt.flags.get());
    }
}

/// Puts the flags of a receiver's bound notification, if any are raised, into its registers.
pub(super) fn take_bound_flags(receiver: Ref<Thread>) -> bool {
    let bound = SlotStorage.slot(receiver.bound_notification()).capability();
    let Some(Object::Notification(notification)) = bound.map(|capability| capability.object) else {
        return false;
    };
    if notification.header.is_retired() {
        return false;
    }
    let flags = take_flags(notification);
    if flags != 0 {
        set_bound_flags(receiver, flags);
    }
    flags != 0
}

/// Takes the flags that are raised. Whoever waits may be outside, and the domain that owns the notification frozen.
fn take_flags(notification: Ref<Notification>) -> u64 {
    let flags = notification.flags.take();
    if flags != 0 {
        notification.header.touch();
    }
    flags
}

fn give_bound_flags(kernel: &Kernel, receiver: Ref<Thread>, flags: u64) {
    set_bound_flags(receiver, flags);
    receiver.complete(Ok(()));
    kernel.scheduler.wake(receiver);
}

fn set_bound_flags(receiver: Ref<Thread>, flags: u64) {
    receiver.set_argument(0, flags);
    receiver.set_argument(1, MessageInfo::notified().bits());
}

/// A deadline of the domain's clock in the machine's; none for the end of time.
fn machine_deadline(thread: Ref<Thread>, deadline: u64) -> Option<u64> {
    if deadline == u64::MAX {
        return None;
    }
    let machine = i128::from(deadline) - i128::from(thread.domain.clock_offset.get());
    Some(u64::try_from(machine.max(0)).unwrap_or(u64::MAX))
}
