//! The driver of virtio NICs (Virtual I/O Device 1.2: modern PCI, split queues, message-signalled interrupts).
//!
//! | module | noun |
//! | --- | --- |
//! | [`configuration`] | the location of the NIC's registers, from its configuration space |
//! | [`registers`] | reading and writing registers; the only file with `unsafe` |
//! | [`device`] | the NIC's common registers: reset, features, queues |
//! | [`queue`] | a split queue in memory that the NIC reads and writes |
//! | [`nic`] | sending and receiving frames |
//! | [`bridge`] | frames between the NIC and the switch's ring |
//!
//! The driver owns a port at the switch like any domain: it sends frames from there to the wire, and frames
//! from the wire there. It sleeps until the switch or the NIC wakes it. Root has enabled the NIC and
//! set up its interrupt; the NIC's memory comes from the driver's pool, and has bus addresses.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod bridge;
mod configuration;
mod device;
mod nic;
mod queue;
mod registers;

use runtime::capability::{Cap, Interrupt, Notification};
use runtime::port::{Doorbell, Port, Side};
use runtime::{Start, events};

use bridge::Bridge;
use nic::Nic;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    let wake: Cap<Notification> = start.require("wake");
    let interrupt: Cap<Interrupt> = start.require("interrupt");
    let doorbell = Doorbell {
        notification: start.require("doorbell"),
        flags: start.require_argument("doorbell"),
    };
    let ring = start.shared_memory("port");
    let port = ring.and_then(|memory| Port::try_new(memory, Side::Domain));
    let port = port.unwrap_or_else(|| panic!("started without a port"));
    let nic = Nic::open(&start).unwrap_or_else(|error| panic!("the NIC: {error}"));
    if let Err(error) = interrupt.bind(Some(wake), events::INTERRUPT) {
        panic!("the interrupt: {error}");
    }
    match nic.mac() {
        Some(mac) => log::info!("NIC {mac} is up"),
        None => log::info!("a NIC without an address of its own is up"),
    }
    let mut bridge = Bridge::new(nic, port, doorbell);
    loop {
        bridge
            .move_all()
            .unwrap_or_else(|error| panic!("the port is corrupt: {error}"));
        let flags = wake
            .wait()
            .unwrap_or_else(|error| panic!("waiting: {error}"));
        if flags & events::INTERRUPT != 0 {
            // The next interrupt may follow from here on; the cause of this one is handled below.
            let acknowledged = interrupt.acknowledge();
            acknowledged.unwrap_or_else(|error| panic!("the interrupt: {error}"));
        }
    }
}
