//! Non-maskable interrupts: watchdogs, management controllers and bus errors send them. None stops the kernel.
//!
//! An NMI can interrupt the kernel anywhere, so its handler only counts it and sends its own core an ordinary interrupt. The
//! ordinary interrupt is delivered when interrupts are on, in user mode or while idling, and its handler logs the count.

use super::apic;
use super::port::read_byte;
use crate::log;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The chipset's port with the cause: bit 7 a bus error (SERR), bit 6 an error of an expansion card.
const REASON: u16 = 0x61;

static COUNT: AtomicU64 = AtomicU64::new(0);
static LAST_REASON: AtomicU8 = AtomicU8::new(0);

/// Counts an NMI. Called by the handler, in any state of the kernel.
pub(super) fn count() {
    COUNT.fetch_add(1, Ordering::Relaxed);
    LAST_REASON.store(read_byte(REASON), Ordering::Relaxed);
    apic::send_nmi_notice();
}

/// Logs the number of NMIs. Not called by their handler.
pub(super) fn log_count() {
    let (count, reason) = (
        COUNT.load(Ordering::Relaxed),
        LAST_REASON.load(Ordering::Relaxed),
    );
    log!("{count} non-maskable interrupt(s) since the start, the last for reason {reason:#04x}");
}
