//! A device's parts, [`Interrupt`] and [`IoPorts`], and the authority over all devices: [`Hardware`].
//!
//! Interrupts of one level-triggered line share it, and a vector:
//!
//! ```text
//!   Kernel.interrupts[vector] -> Interrupt -> next -> next
//!                              disarmed --acknowledge--> armed --interrupt--> in service --acknowledge--> armed
//! ```
//!
//! Invariant: while one of them is in service, their line is masked.

use core::cell::Cell;

use capabilities::{Place, Slot};

use super::{Header, Object};
use crate::arch::Line;
use crate::memory::{Holder, Ref, place_of};

/// The authority over all devices. There is one object, root's.
pub struct Hardware {
    pub header: Header,
}

/// A range of I/O ports.
pub struct IoPorts {
    pub header: Header,
    pub first: u16,
    pub last: u16,
}

/// The state of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptState {
    /// Its driver has not acknowledged anything yet: it is not signalled, so that it does not block the others on its line.
    Disarmed,
    /// The next interrupt signals it.
    Armed,
    /// It was signalled and has not been acknowledged.
    InService,
}

/// A device's interrupt.
pub struct Interrupt {
    pub header: Header,
    /// The processor's vector that it arrives at.
    pub vector: u8,
    /// Its line; none for a message-signalled interrupt.
    pub line: Option<Line>,
    /// The flags it raises.
    pub flags: Cell<u64>,
    /// Irrelevant for a message-signalled interrupt, which shares no line.
    pub state: Cell<InterruptState>,
    /// Whether it is in service and its notification has not been signalled yet.
    pub is_undelivered: Cell<bool>,
    /// The next one on the same line.
    pub next: Cell<Option<Ref<Interrupt>>>,
    notification: Slot<Object>,
}

impl Interrupt {
    /// An interrupt bound to nothing.
    pub fn new(header: Header, vector: u8, line: Option<Line>, this: Ref<Interrupt>) -> Interrupt {
        let holder = Holder::InterruptNotification(this).pack();
        Interrupt {
            header,
            vector,
            line,
            flags: Cell::new(0),
            state: Cell::new(InterruptState::Disarmed),
            is_undelivered: Cell::new(false),
            next: Cell::new(None),
            notification: Slot::empty(holder),
        }
    }

    /// The slot of the notification it raises flags in.
    pub fn notification(&self) -> Place {
        place_of(&self.notification)
    }
}
