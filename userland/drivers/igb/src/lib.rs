//! The driver of Intel's NICs with advanced descriptors and a queue per ring: for gigabit links 82576 (QEMU's `igb`), I350, I210 and
//! I211, for 2.5 Gb/s I225 and I226 (`igc` in other systems).
//!
//! | module | noun |
//! | --- | --- |
//! | [`model`] | the cards that it drives, and where they differ |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`setup`] | reset, queues, receiver, transmitter, interrupt |
//! | [`card`] | opening a card |
//!
//! The rest of the driver is the crate `nic`; what other cards of Intel have too is in its module `intel`. Sections are those of two
//! manuals: \[82576\] *82576 Gigabit Ethernet Controller Datasheet*, 320961, and \[I210\] *Ethernet Controller I210
//! Datasheet*, 333016. Facts about the I225 and I226 are of Intel's driver in Linux, \[igc\]
//! `drivers/net/ethernet/intel/igc`.

#![cfg_attr(not(test), no_std)]

mod card;
mod descriptor;
mod model;
mod registers;
mod setup;

use runtime::Start;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, card::open)
}
