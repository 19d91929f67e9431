//! The driver of Realtek's NICs with descriptor rings: the 8139C+ (QEMU's `rtl8139`), the 8168, which is also sold as 8111, and
//! the 8125 for 2.5 Gb/s.
//!
//! | module | content |
//! | --- | --- |
//! | [`model`] | the supported cards, and their differences |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`interrupts`] | the mask and causes |
//! | [`setup`] | reset, own address, receiver, transmitter, link |
//! | [`realtek`] | sending and receiving frames |
//! | `fake` | for tests: a simulated card, which may violate its contract |
//!
//! The rest of the driver is in the crate `nic`. Section numbers refer to two manuals: \[8139C+\] *RTL8139C(L)+ Datasheet* 1.6,
//! and \[8169\] *RTL8169 Datasheet* 1.21, whose registers and descriptors the 8168 has. Facts about the 8125 are from the Linux
//! driver, \[r8169\] `drivers/net/ethernet/realtek/r8169_main.c`.

#![cfg_attr(not(test), no_std)]

mod descriptor;
#[cfg(test)]
mod fake;
mod interrupts;
mod model;
mod realtek;
mod registers;
mod setup;

use runtime::Start;

use realtek::Stopped;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, Stopped::find)
}
