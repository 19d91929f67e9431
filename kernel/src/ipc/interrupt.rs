//! Devices' interrupts on their way to notifications, and their acknowledgement.

use capabilities::Storage;

use super::MET_PER_STEP;
use super::notify::signal_within;
use crate::arch;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Interrupt, InterruptState, Notification, Object, Step};

/// A device's interrupt came: all that share its line are signalled, since any of their devices may have caused it.
#[inline(never)]
pub fn deliver_interrupt(kernel: &Kernel, vector: u8) {
    for interrupt in kernel.interrupts_at(vector) {
        let is_asleep = interrupt.state.get() == InterruptState::Asleep;
        if interrupt.line.is_none() || !is_asleep {
            interrupt.state.set(InterruptState::Asked);
            interrupt.is_undelivered.set(true);
        }
    }
    deliver(kernel, vector);
}

/// Signals those at a vector that have not been signalled yet, as far as one step goes for all of them together. What is left,
/// because many threads wait without authority, is noted as undelivered. One that is bound to nothing stays undelivered until it is
/// bound, and so does one that is bound to a notification of a retired domain, in which nothing changes.
pub fn deliver(kernel: &Kernel, vector: u8) {
    let mut left = MET_PER_STEP;
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

/// The retirement of a domain was undone: lets the timer deliver the interrupts that have come meanwhile.
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

/// Its driver has seen to an interrupt: the next one may come, once that is true of all that share the line.
pub fn acknowledge_interrupt(kernel: &Kernel, interrupt: Ref<Interrupt>) {
    interrupt.state.set(InterruptState::Ready);
    unmask_if_all_are_ready(kernel, interrupt.vector);
}

/// Lets a line interrupt if one of those that share it is ready, and none has yet to acknowledge.
pub fn unmask_if_all_are_ready(kernel: &Kernel, vector: u8) {
    let states = || kernel.interrupts_at(vector).map(|other| other.state.get());
    let is_ready = states().any(|state| state == InterruptState::Ready);
    let is_asked = states().any(|state| state == InterruptState::Asked);
    let line = kernel
        .interrupts_at(vector)
        .find_map(|interrupt| interrupt.line);
    if let Some(line) = line
        && is_ready
        && !is_asked
    {
        // It was routed when the first of them was made, so a controller has it.
        let _ = arch::interrupts::unmask_line(line.gsi);
    }
}
