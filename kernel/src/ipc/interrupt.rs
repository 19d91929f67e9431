//! Delivering devices' interrupts to notifications, and acknowledging them.

use capabilities::Storage;

use super::PEERS_PER_STEP;
use super::notify::signal_within;
use crate::arch;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Interrupt, InterruptState, Notification, Object, Step};

/// Handles an interrupt from a device. It arrives for every [`Interrupt`] of the line, since any of their devices may have caused
/// it, and is delivered to those that are armed.
#[inline(never)]
pub fn deliver_interrupt(kernel: &Kernel, vector: u8) {
    for interrupt in kernel.interrupts_at(vector) {
        interrupt.arrive();
    }
    deliver(kernel, vector);
}

/// Signals the notifications of the undelivered interrupts at a vector. All of them together take at most one step: if too
/// many threads wait without authority, the timer interrupt continues the work. An interrupt stays undelivered while it is
/// not bound. It also stays undelivered while it is bound to a notification of a retired domain, since nothing in that domain
/// may change.
pub fn deliver(kernel: &Kernel, vector: u8) {
    let mut left = PEERS_PER_STEP;
    for interrupt in kernel.interrupts_at(vector) {
        if !interrupt.is_undelivered.get() {
            continue;
        }
        let Some(notification) = bound_notification(interrupt) else {
            continue;
        };
        if signal_within(kernel, notification, interrupt.flags.get(), &mut left) == Step::More {
            kernel.undelivered.insert(vector);
            kernel.scheduler.arm_at(arch::ticks());
            return;
        }
        interrupt.is_undelivered.set(false);
    }
}

/// Lets the timer deliver all undelivered interrupts. Called when the retirement of a domain is undone: interrupts may have
/// arrived while the domain was retired.
pub fn deliver_undelivered(kernel: &Kernel) {
    for vector in arch::DEVICE_VECTORS {
        let mut interrupts = kernel.interrupts_at(vector);
        if interrupts.any(|interrupt| interrupt.is_undelivered.get()) {
            kernel.undelivered.insert(vector);
            kernel.scheduler.arm_at(arch::ticks());
        }
    }
}

/// The notification that an interrupt can be delivered to now.
fn bound_notification(interrupt: Ref<Interrupt>) -> Option<Ref<Notification>> {
    let bound = SlotStorage.slot(interrupt.notification()).capability()?;
    match bound.object {
        Object::Notification(notification) if !notification.header.is_retired() => {
            Some(notification)
        }
        _ => None,
    }
}

/// Acknowledges an interrupt for its driver, and delivers it again if it has arrived meanwhile. The line is unmasked once none of
/// the interrupts that share it is in service.
pub fn acknowledge_interrupt(kernel: &Kernel, interrupt: Ref<Interrupt>) {
    if interrupt.state.replace(InterruptState::Armed) == InterruptState::Repeated {
        interrupt.arrive();
        deliver(kernel, interrupt.vector);
    }
    unmask_if_acknowledged(kernel, interrupt.vector);
}

/// Unmasks a line if one of the interrupts that share it is armed and none is in service.
pub fn unmask_if_acknowledged(kernel: &Kernel, vector: u8) {
    let states = || kernel.interrupts_at(vector).map(|other| other.state.get());
    let is_armed = states().any(|state| state == InterruptState::Armed);
    let is_in_service = states().any(InterruptState::is_in_service);
    let line = kernel
        .interrupts_at(vector)
        .find_map(|interrupt| interrupt.line);
    if let Some(line) = line
        && is_armed
        && !is_in_service
    {
        // The line exists: it was routed when the first of its interrupts was created.
        let _ = arch::interrupts::unmask_line(line.gsi);
    }
}
