//! The driver of Realtek's NICs with descriptor rings: the 8139C+ (QEMU's `rtl8139`) and the 8168, which is also sold as 8111.
//!
//! | module | noun |
//! | --- | --- |
//! | [`model`] | the cards that it drives, and where they differ |
//! | [`registers`] | offsets and bits of their registers |
//! | [`descriptor`] | the layout of descriptors |
//! | [`setup`] | reset, own address, receiver, transmitter, link |
//! | [`card`] | sending and receiving frames |
//! | `fake` | for tests: a card of registers and rings, which may lie |
//!
//! The rest of the driver is the crate `nic`. Sections are those of two manuals: \[8139C+\] *RTL8139C(L)+ Datasheet* 1.6, and
//! \[8169\] *RTL8169 Datasheet* 1.21, of which the 8168 has the registers and descriptors.

#![cfg_attr(not(test), no_std)]

mod card;
mod descriptor;
#[cfg(test)]
mod fake;
mod model;
mod registers;
mod setup;

use runtime::Start;

use card::Realtek;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, Realtek::open)
}
