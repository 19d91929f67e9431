//! The bell that wakes the switch: [`Doorbell`], and the one that is owed.
//!
//! The switch runs above the domains, so a bell for every frame would mean a switch of domains for every frame, and
//! a kick of the card. A device owes its bell instead, and the executor rings it once at the end of a round, when all
//! tasks have had their turn.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::register::Slot;

use crate::capability::{Cap, Notification};

/// The slot of the notification to be signalled. A domain has one port, so one bell.
static OWED_SLOT: AtomicU32 = AtomicU32::new(Slot::NONE.0);
/// The flags to raise there; zero when nothing is owed.
static OWED_FLAGS: AtomicU64 = AtomicU64::new(0);

/// What wakes the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell {
    /// The notification.
    pub notification: Cap<Notification>,
    /// This side's flags in it.
    pub flags: u64,
}

impl Doorbell {
    /// Rings. One that is gone belongs to a switch that is, which will look at all its ports when it is back.
    pub fn ring(&self) {
        let _ = self.notification.signal(self.flags);
    }

    /// Rings at the end of the executor's round.
    pub fn owe(&self) {
        OWED_SLOT.store(self.notification.slot().0, Ordering::Relaxed);
        OWED_FLAGS.fetch_or(self.flags, Ordering::Relaxed);
    }
}

/// Rings what is owed.
pub fn ring_owed() {
    let flags = OWED_FLAGS.swap(0, Ordering::Relaxed);
    if flags != 0 {
        let notification = Cap::from_slot(Slot(OWED_SLOT.load(Ordering::Relaxed)));
        Doorbell {
            notification,
            flags,
        }
        .ring();
    }
}
