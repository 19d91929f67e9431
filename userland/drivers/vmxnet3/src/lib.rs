//! The driver of VMware's virtual NIC, version 1 of the interface (QEMU's `vmxnet3`).
//!
//! | module | content |
//! | --- | --- |
//! | [`registers`] | offsets and bits of registers, and the card's commands |
//! | [`shared`] | the memory from which the card reads its configuration |
//! | [`ring`] | rings of descriptors, each with a ring of completions |
//! | [`setup`] | reset, own address, activation, link |
//! | [`vmxnet3`] | sending and receiving frames |
//! | `fake` | for tests: a simulated card, which may violate its contract |
//!
//! The rest of the driver is in the crate `nic`. There is no manual: the interface is that of the drivers that VMware published.

#![cfg_attr(not(test), no_std)]

#[cfg(test)]
mod fake;
mod registers;
mod ring;
mod setup;
mod shared;
mod vmxnet3;

use runtime::Start;

use vmxnet3::Stopped;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, Stopped::find)
}
