//! The driver of virtio NICs (Virtual I/O Device 1.2: modern PCI, split queues, message-signalled interrupts).
//!
//! | module | content |
//! | --- | --- |
//! | [`configuration`] | the location of the NIC's registers, from its configuration space |
//! | [`registers`] | offsets and bits of the NIC's registers |
//! | [`features`] | the features that the driver accepts |
//! | [`device`] | the NIC's set-up: reset, features, queues |
//! | [`queue`] | a split queue in memory that the NIC reads and writes |
//! | [`virtio_net`] | sending and receiving frames |
//! | `fake` | for tests: a NIC, its registers, and its side of the queues |
//!
//! The rest of the driver is in the crate `nic`. Each queue has buffers of its own in memory for DMA.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod configuration;
mod device;
#[cfg(test)]
mod fake;
mod features;
mod queue;
mod registers;
mod virtio_net;

use runtime::Start;

use virtio_net::find;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, find)
}
