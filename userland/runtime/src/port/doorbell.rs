//! The doorbell that wakes the switch: [`Doorbell`], and its deferred ring.
//!
//! The switch runs at a higher priority than the domains, so a ring per frame would cost a context switch and a notification
//! of the NIC per frame. A device defers its ring instead, and the executor rings once at the end of a round, after
//! all ready tasks have run: in the call with which it waits, so that the domain is not entered again only to wait.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::register::Slot;

use crate::capability::{Cap, Notification};

/// The slot of the notification to signal. A domain has one port, so one doorbell.
static DEFERRED_SLOT: AtomicU32 = AtomicU32::new(Slot::NONE.0);
/// The flags to raise there; zero when no ring is deferred.
static DEFERRED_FLAGS: AtomicU64 = AtomicU64::new(0);

/// A notification that wakes the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell {
    /// The notification to signal.
    pub notification: Cap<Notification>,
    /// This side's flags in it.
    pub flags: u64,
}

impl Doorbell {
    /// Rings. An error is ignored: it means that the switch is gone, and a switch that starts checks all its ports.
    pub fn ring(&self) {
        let _ = self.notification.signal(self.flags);
    }

    /// Defers the ring to the end of the executor's round.
    pub fn defer(&self) {
        DEFERRED_SLOT.store(self.notification.slot().0, Ordering::Relaxed);
        DEFERRED_FLAGS.fetch_or(self.flags, Ordering::Relaxed);
    }
}

/// Rings if a ring was deferred.
pub fn ring_deferred() {
    if let Some(doorbell) = take_deferred() {
        doorbell.ring();
    }
}

/// Takes a deferred ring: the caller rings.
pub fn take_deferred() -> Option<Doorbell> {
    let flags = DEFERRED_FLAGS.swap(0, Ordering::Relaxed);
    let notification = Cap::from_slot(Slot(DEFERRED_SLOT.load(Ordering::Relaxed)));
    (flags != 0).then_some(Doorbell {
        notification,
        flags,
    })
}
