//! A device's parts: [`Interrupt`], [`IoPorts`], and the authority over all of them: [`Hardware`].
//!
//! Interrupts of one level-triggered line share it, and a vector:
//!
//! ```text
//!   Kernel.interrupts[vector] -> Interrupt -> next -> next
//!                                  asleep --acknowledge--> ready --the line--> asked --acknowledge--> ready
//! ```
//!
//! Invariant: while one of them is asked, their line is masked.

use core::cell::Cell;

use capabilities::{Place, Slot};

use super::{Header, Object};
use crate::arch::Line;
use crate::memory::{Holder, Ref, place_of};

/// All devices. There is one, root's.
pub struct Hardware {
    /// What all objects have.
    pub header: Header,
}

/// A range of I/O ports.
pub struct IoPorts {
    /// What all objects have.
    pub header: Header,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// How far the handling of an interrupt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptState {
    /// Its driver has not acknowledged anything yet: it is not asked, so that it silences nobody else.
    Asleep,
    /// It is asked when the next interrupt comes.
    Ready,
    /// It was asked and has not acknowledged that.
    Asked,
}

/// A device's interrupt.
pub struct Interrupt {
    /// What all objects have.
    pub header: Header,
    /// The processor's vector that it arrives at.
    pub vector: u8,
    /// The line it comes from; none for a message.
    pub line: Option<Line>,
    /// The flags it raises.
    pub flags: Cell<u64>,
    /// How far its handling has come. A message's does not matter: it silences nobody.
    pub state: Cell<InterruptState>,
    /// Whether it is asked and its notification has not been signalled yet.
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
            state: Cell::new(InterruptState::Asleep),
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
