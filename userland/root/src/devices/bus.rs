//! Finds all functions: those on each root bus, and those on the bus that the firmware assigned to each bridge.
//!
//! Bus 0 is a root bus. A server with several sockets has further ones, and their numbers are in ACPI's byte code, which root does not
//! interpret. So each number that is behind no bridge is tried.

use alloc::vec::Vec;

use super::configuration::{Address, Configuration};
use super::function::{self, Function};
use super::path::Bridges;

const HEADER: u8 = 0x0c;
const HEADER_MANY: u32 = 1 << 23;
const HEADER_KIND: u32 = 0x7f << 16;
const HEADER_BRIDGE: u32 = 1 << 16;
const HEADER_CARDBUS: u32 = 2 << 16;
/// A bridge's buses: the one that it is on, the one behind it, and the last one that it leads to.
const BUSES: u8 = 0x18;
const BUS_COUNT: usize = 256;
/// The registers by which a bus is compared with bus 0: identity, class, the first regions, and a bridge's buses.
const COMPARED: [u8; 5] = [0x00, CLASS, 0x10, 0x14, BUSES];
const CLASS: u8 = 0x08;
const CLASS_NETWORK: u8 = 2;
const CLASS_DISPLAY: u8 = 3;
const CLASS_BRIDGE: u8 = 6;
/// Bridges to another machine, which writes into this one's memory through them, have one of these subclasses, and a device's header.
const BRIDGE_SEMI_TRANSPARENT: u8 = 9;
const BRIDGE_OTHER: u8 = 0x80;
const CLASS_SYSTEM: u8 = 8;
const SYSTEM_INTERRUPTS: u8 = 0;
const SYSTEM_IOMMU: u8 = 6;
const SYSTEM_ERRORS: u8 = 7;
const CLASS_SERIAL_BUS: u8 = 0x0c;
const SERIAL_BUS_USB: u8 = 3;

/// All functions of bus 0 and of the buses behind its bridges, then those of each further root bus, ordered by address on each bus.
/// None masters the bus afterwards, except those of [`keeps_mastering`]: firmware may have left one writing into memory that has
/// another owner by now. Network cards do not decode their regions either, so that these may be probed.
pub fn search(configuration: &impl Configuration) -> Found {
    let mut search = Search {
        configuration,
        found: Found::default(),
        buses: Vec::new(),
        behind: [false; BUS_COUNT],
    };
    search.root(0);
    // Without a function on bus 0 there is no configuration space, as on a board without PCI.
    if !search.found.functions.is_empty() {
        for bus in 1..=u8::MAX {
            search.further_root(bus);
        }
    }
    search.found
}

/// What a search finds.
#[derive(Debug, Default)]
pub struct Found {
    pub functions: Vec<Function>,
    pub bridges: Bridges,
}

/// A search for functions in progress.
struct Search<'a, C: Configuration> {
    configuration: &'a C,
    found: Found,
    /// The buses that are searched, each once, so that the search ends even if a bus is claimed twice.
    buses: Vec<u8>,
    /// The buses that are not root buses: each is in the range of numbers of a bridge that was found. On such a bus there is nothing but
    /// what its bridge leads to.
    behind: [bool; BUS_COUNT],
}

impl<C: Configuration> Search<'_, C> {
    /// Searches a further root bus with this number, if there is one.
    fn further_root(&mut self, bus: u8) {
        let is_known = self.behind[usize::from(bus)] || self.buses.contains(&bus);
        if is_known || self.is_mirror(bus) {
            return;
        }
        let before = self.found.functions.len();
        self.root(bus);
        let count = self.found.functions.len() - before;
        if count > 0 {
            log::info!(
                "bus {bus:02x} is a further root bus, with {count} functions on it and behind its bridges"
            );
        }
    }

    /// Whether this bus is bus 0 under another number, as on machines that do not decode all bits of a number.
    fn is_mirror(&self, bus: u8) -> bool {
        let is_same = |device, offset| {
            let register = |bus| {
                let address = Address {
                    bus,
                    device,
                    function: 0,
                };
                self.configuration.read(address, offset)
            };
            register(0) == register(bus)
        };
        COMPARED
            .into_iter()
            .all(|offset| (0..32).all(|device| is_same(device, offset)))
    }

    /// Searches a root bus and the buses behind its bridges.
    fn root(&mut self, root: u8) {
        let mut next = self.buses.len();
        self.buses.push(root);
        while let Some(bus) = self.buses.get(next).copied() {
            next += 1;
            for device in 0..32 {
                self.device(bus, device);
            }
        }
    }

    fn device(&mut self, bus: u8, device: u8) {
        for function in 0..8 {
            let address = Address {
                bus,
                device,
                function,
            };
            let Some(identity) = function::identify(self.configuration, address) else {
                if function == 0 {
                    return;
                }
                continue;
            };
            let header = self.function(Function { address, identity });
            if function == 0 && header & HEADER_MANY == 0 {
                return;
            }
        }
    }

    /// Whether the bridges above a function let it reach memory.
    fn is_reached(&self, address: Address) -> bool {
        let bridges = &self.found.bridges;
        bridges.forward(self.configuration, address.bus)
    }

    /// Adds a function that was found, and the bus behind it if it is a bridge. Returns the register with its kind of header.
    fn function(&mut self, function: Function) -> u32 {
        let (configuration, address) = (self.configuration, function.address);
        let header = configuration.read(address, HEADER);
        let is_bridge = matches!(header & HEADER_KIND, HEADER_BRIDGE | HEADER_CARDBUS);
        match class_of(configuration, address) {
            (CLASS_NETWORK, _) => function.cut_off(configuration),
            _ if is_bridge => {}
            // If it cannot reach memory, nothing uses it, and it must not begin when a bridge is opened for a card beside it.
            class if keeps_mastering(class) && self.is_reached(address) => {}
            _ => function.stop_mastering(configuration),
        }
        self.found.functions.push(function);
        if is_bridge {
            let [_, first, last, _] = configuration.read(address, BUSES).to_le_bytes();
            if header & HEADER_KIND == HEADER_BRIDGE && !self.buses.contains(&first) {
                self.buses.push(first);
                self.found.bridges.add(address, first);
            }
            // A bridge that the firmware has not configured leads to bus 0 or to its own bus. It has no range.
            if address.bus < first {
                let range = usize::from(first)..=usize::from(last);
                range.for_each(|bus| self.behind[bus] = true);
            }
        }
        header
    }
}

/// Whether functions of a class and subclass, without a bridge's header, may master the bus without a driver. A bridge to an older bus does so
/// for the devices on it, and what a display shows may be in memory. Interrupt controllers, IOMMUs and collectors of errors may send
/// interrupts as writes to memory. Firmware that emulates a PS/2 keyboard uses a USB controller while Caravan runs.
fn keeps_mastering(class: (u8, u8)) -> bool {
    match class {
        (CLASS_BRIDGE, kind) => !matches!(kind, BRIDGE_SEMI_TRANSPARENT | BRIDGE_OTHER),
        (CLASS_SYSTEM, kind) => matches!(kind, SYSTEM_INTERRUPTS | SYSTEM_IOMMU | SYSTEM_ERRORS),
        (CLASS_DISPLAY, _) | (CLASS_SERIAL_BUS, SERIAL_BUS_USB) => true,
        _ => false,
    }
}

/// The class and subclass of the function at an address.
fn class_of(configuration: &impl Configuration, address: Address) -> (u8, u8) {
    let [.., kind, class] = configuration.read(address, CLASS).to_le_bytes();
    (class, kind)
}

/// The kind of network card of the function at an address, if it is one (PCI Code and ID Assignment 1.11, 1.3).
pub fn network_kind(configuration: &impl Configuration, address: Address) -> Option<&'static str> {
    let (class, kind) = class_of(configuration, address);
    (class == CLASS_NETWORK).then_some(match kind {
        0 => "Ethernet",
        1 => "token ring",
        2 => "FDDI",
        3 => "ATM",
        4 => "ISDN",
        7 => "InfiniBand",
        8 => "host fabric",
        _ => "another kind",
    })
}

#[cfg(test)]
mod tests;
