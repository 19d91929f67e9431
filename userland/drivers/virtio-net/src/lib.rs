//! The driver of virtio network cards (Virtual I/O Device 1.2: modern PCI, split queues, interrupts by message).
//!
//! | module | noun |
//! | --- | --- |
//! | [`configuration`] | where the card's registers are, as its configuration space says |
//! | [`registers`] | reading and writing registers; the one place with `unsafe` |
//! | [`device`] | the card's common registers: reset, features, queues |
//! | [`queue`] | a split queue in memory that the card reads and writes |
//! | [`card`] | the card as the driver uses it: frames out, frames in |
//! | [`bridge`] | frames between the card and the switch's ring |
//!
//! The driver is one more owner of a port at the switch: what it receives there goes out on the wire, and what comes
//! from the wire it sends there. It sleeps until the switch or the card wakes it. Root has switched the card on and
//! set up its interrupt; the card's memory is made from the driver's pool, and shows bus addresses.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod bridge;
pub mod card;
pub mod configuration;
pub mod device;
pub mod queue;
pub mod registers;

use runtime::capability::{Cap, Interrupt, Notification};
use runtime::port::{Doorbell, Port, Side};
use runtime::{Start, events};

use bridge::Bridge;
use card::Card;

/// The driver's first function.
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
    let card = Card::open(&start).unwrap_or_else(|error| panic!("the card: {error}"));
    if let Err(error) = interrupt.bind(Some(wake), events::INTERRUPT) {
        panic!("the interrupt: {error}");
    }
    match card.mac() {
        Some(mac) => log::info!("card {mac} is up"),
        None => log::info!("a card without an address of its own is up"),
    }
    let mut bridge = Bridge::new(card, port, doorbell);
    loop {
        bridge
            .move_all()
            .unwrap_or_else(|error| panic!("the port is corrupt: {error}"));
        let flags = wake
            .wait()
            .unwrap_or_else(|error| panic!("waiting: {error}"));
        if flags & events::INTERRUPT != 0 {
            // The next may come from now on; what this one was about is looked at afterwards.
            let acknowledged = interrupt.acknowledge();
            acknowledged.unwrap_or_else(|error| panic!("the interrupt: {error}"));
        }
    }
}
