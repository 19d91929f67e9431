//! The driver of virtio NICs (Virtual I/O Device 1.2: modern PCI, split queues, message-signalled interrupts).
//!
//! | module | content |
//! | --- | --- |
//! | [`configuration`] | the location of the NIC's registers, from its configuration space |
//! | [`device`] | the NIC's common registers: reset, features, queues |
//! | [`queue`] | a split queue in memory that the NIC reads and writes |
//! | [`virtio_net`] | sending and receiving frames |
//!
//! The rest of the driver is in the crate `nic`. Each queue has buffers of its own in memory for DMA.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod configuration;
mod device;
mod queue;
mod virtio_net;

use runtime::Start;

use virtio_net::VirtioNet;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    nic::run(&start, VirtioNet::open)
}
