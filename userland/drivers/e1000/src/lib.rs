//! The driver of Intel's gigabit NICs with legacy descriptors: the 82540EM (QEMU's `e1000`), the 82574L (QEMU's `e1000e`), and
//! the cards in Intel's chipsets, I217, I218 and I219.
//!
//! | module | content |
//! | --- | --- |
//! | [`model`] | the supported cards, and their differences |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`setup`] | reset, receiver, transmitter |
//! | [`chipset`] | the reset of a card in a chipset, and the steps before and after it |
//! | [`phy`] | such a card's PHY, which it shares with firmware |
//! | [`open`] | opening a card |
//! | `fake` | for tests: a card in a chipset, with its PHY and firmware |
//!
//! The rest of the driver is in the crate `nic`. That crate's module `intel` has the part common to Intel's cards. Section
//! numbers refer to two manuals: \[SDM\] *PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual*, for the
//! 82540EM, and \[82574\] *82574 GbE Controller Family Datasheet*, 317694. Facts about the cards in chipsets are from Intel's
//! Linux driver: \[ich8lan\] and \[netdev\] are files of `drivers/net/ethernet/intel/e1000e`.

#![cfg_attr(not(test), no_std)]

mod chipset;
mod descriptor;
#[cfg(test)]
mod fake;
mod model;
mod open;
mod phy;
mod registers;
mod setup;

use runtime::Start;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, open::find)
}
