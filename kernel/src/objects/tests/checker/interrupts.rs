//! Invariants of interrupts between system calls: their lists, their delivery and the masks of their lines.

use std::collections::BTreeSet;

use capabilities::Storage;

use super::all_objects;
use crate::arch::{self, Trigger, fake::Machine};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Interrupt, InterruptState, Object, SHARERS_MAX};

/// Checks every interrupt and every line.
pub fn check_interrupts(kernel: &Kernel) {
    let interrupt = |object| match object {
        Object::Interrupt(interrupt) => Some(interrupt),
        _ => None,
    };
    let all: Vec<_> = all_objects(kernel)
        .into_iter()
        .filter_map(interrupt)
        .collect();
    let mut listed = 0;
    let mut lines = BTreeSet::new();
    for vector in arch::DEVICE_VECTORS {
        let sharers: Vec<_> = kernel.interrupts_at(vector).take(SHARERS_MAX + 1).collect();
        assert!(sharers.len() <= SHARERS_MAX);
        listed += sharers.len();
        for interrupt in &sharers {
            assert!(all.contains(interrupt));
            assert_eq!(interrupt.vector, vector);
            assert_eq!(interrupt.line, sharers[0].line);
            check_delivery(kernel, *interrupt);
        }
        lines.extend(check_line(&sharers));
    }
    assert_eq!(listed, all.len());
    for open in Machine::open_lines() {
        assert!(lines.contains(&open), "line {open} belongs to no interrupt");
    }
}

/// The timer is due to deliver every undelivered interrupt that has a notification.
fn check_delivery(kernel: &Kernel, interrupt: Ref<Interrupt>) {
    let bound = SlotStorage.slot(interrupt.notification()).capability();
    let can_be_delivered = bound.is_some_and(|bound| !bound.object.header().is_retired());
    if interrupt.is_undelivered.get() && can_be_delivered {
        assert!(kernel.undelivered.contains(interrupt.vector));
    }
}

/// A level-triggered line is masked while one of its interrupts is in service, and unmasked if one is armed and none is in
/// service. Returns the line.
fn check_line(sharers: &[Ref<Interrupt>]) -> Option<u32> {
    let line = sharers.first()?.line?;
    let is_any = |state| {
        sharers
            .iter()
            .any(|interrupt| interrupt.state.get() == state)
    };
    let is_open = Machine::open_lines().contains(&line.gsi);
    let mut states = sharers.iter().map(|interrupt| interrupt.state.get());
    if states.any(InterruptState::is_in_service) {
        assert!(!is_open || line.trigger == Trigger::Edge);
    } else {
        assert!(is_open || !is_any(InterruptState::Armed));
    }
    Some(line.gsi)
}
