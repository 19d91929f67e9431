//! The driver of Intel's NICs with advanced descriptors. For gigabit links these are the 82576 (QEMU's `igb`), I350, I210 and
//! I211, for 2.5 Gb/s the I225 and I226 (`igc` in other systems).
//!
//! | module | content |
//! | --- | --- |
//! | [`model`] | the supported cards, and their differences |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`setup`] | reset, queues, receiver, transmitter, interrupt |
//! | [`open`] | opening a card |
//!
//! The rest of the driver is in the crate `nic`. That crate's module `intel` has the part common to Intel's cards. Section
//! numbers refer to two manuals: \[82576\] *82576 Gigabit Ethernet Controller Datasheet*, 320961, and \[I210\] *Ethernet
//! Controller I210 Datasheet*, 333016. Facts about the I225 and I226 are from Intel's Linux driver, \[igc\]
//! `drivers/net/ethernet/intel/igc`.

#![cfg_attr(not(test), no_std)]

mod descriptor;
mod model;
mod open;
mod registers;
mod setup;

use runtime::Start;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, open::find)
}
