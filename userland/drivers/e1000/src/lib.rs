//! The driver of Intel's first gigabit NICs: the 82540EM (QEMU's `e1000`) and the 82574L (QEMU's `e1000e`).
//!
//! | module | noun |
//! | --- | --- |
//! | [`model`] | the cards that it drives, and where they differ |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`setup`] | reset, receiver, transmitter |
//! | [`card`] | opening a card |
//!
//! The rest of the driver is the crate `nic`; what other cards of Intel have too is in its module `intel`. Sections are those of
//! two manuals: \[SDM\] *PCI/PCI-X Family of Gigabit Ethernet
//! Controllers Software Developer's Manual*, for the 82540EM, and \[82574\] *82574 GbE Controller Family Datasheet*,
//! 317694.

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
