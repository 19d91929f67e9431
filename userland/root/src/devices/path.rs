//! The bridges between a root bus and a function: [`Bridges`].
//!
//! A bridge forwards accesses to registers behind it only if it decodes memory, and accesses to memory and interrupt messages from behind it
//! only if it masters the bus. Firmware may have left one closed, for example because it has no driver for the card behind it.

use alloc::vec::Vec;

use super::configuration::{Address, Configuration, read_half};
use super::function::{COMMAND, COMMAND_BUS_MASTER, set_command};

/// A bridge, and the bus right behind it, whose number is higher than that of the bus on which it is.
#[derive(Clone, Copy, Debug)]
struct Bridge {
    address: Address,
    bus: u8,
}

/// All bridges that lead to another bus.
#[derive(Clone, Debug, Default)]
pub struct Bridges(Vec<Bridge>);

impl Bridges {
    /// Adds a bridge to this bus, unless it leads back, as one does that firmware has not configured.
    pub fn add(&mut self, address: Address, bus: u8) {
        if address.bus < bus {
            self.0.push(Bridge { address, bus });
        }
    }

    /// The bridges on the way from a bus to its root bus.
    fn path(&self, mut bus: u8) -> impl Iterator<Item = Address> {
        core::iter::from_fn(move || {
            let mut bridges = self.0.iter();
            let bridge = bridges.find(|bridge| bridge.bus == bus)?;
            bus = bridge.address.bus;
            Some(bridge.address)
        })
    }

    /// Whether functions on this bus can reach memory.
    pub fn forward(&self, configuration: &impl Configuration, bus: u8) -> bool {
        let masters =
            |address| read_half(configuration, address, COMMAND) & COMMAND_BUS_MASTER != 0;
        self.path(bus).all(masters)
    }

    /// Sets these bits in the command register of each bridge on the way to a function, and logs which bridge lacked one.
    pub fn open(&self, configuration: &impl Configuration, function: Address, bits: u16) {
        for bridge in self.path(function.bus) {
            let command = read_half(configuration, bridge, COMMAND);
            if command & bits != bits {
                log::info!("the bridge at {bridge} is opened for the device at {function}");
                set_command(configuration, bridge, command | bits);
            }
        }
    }
}
