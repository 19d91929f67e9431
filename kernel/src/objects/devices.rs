//! A device's parts: [`Interrupt`], [`IoPorts`], and the authority over all of them: [`Hardware`].

use core::cell::Cell;

use capabilities::{Place, Slot};

use super::{Header, Object};
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

/// A device's interrupt.
pub struct Interrupt {
    /// What all objects have.
    pub header: Header,
    /// The processor's vector that it arrives at.
    pub vector: u8,
    /// The line it comes from; none for a message.
    pub line: Option<u32>,
    /// The flags it raises.
    pub flags: Cell<u64>,
    notification: Slot<Object>,
}

impl Interrupt {
    /// An interrupt bound to nothing.
    pub fn new(header: Header, vector: u8, line: Option<u32>, this: Ref<Interrupt>) -> Interrupt {
        let holder = Holder::InterruptNotification(this).pack();
        Interrupt {
            header,
            vector,
            line,
            flags: Cell::new(0),
            notification: Slot::empty(holder),
        }
    }

    /// The slot of the notification it raises flags in.
    pub fn notification(&self) -> Place {
        place_of(&self.notification)
    }
}
