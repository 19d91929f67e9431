//! Finds all functions: those on bus 0, and those on the bus that the firmware assigned to each bridge.

use alloc::vec::Vec;

use super::configuration::{Address, Configuration};
use super::function::{self, Function};

const HEADER: u8 = 0x0c;
const HEADER_MANY: u32 = 1 << 23;
const HEADER_KIND: u32 = 0x7f << 16;
const HEADER_BRIDGE: u32 = 1 << 16;
const HEADER_CARDBUS: u32 = 2 << 16;
const BUSES: u8 = 0x18;
const CLASS: u8 = 0x08;
const CLASS_NETWORK: u8 = 2;
const CLASS_DISPLAY: u8 = 3;
const CLASS_BRIDGE: u8 = 6;
/// Interrupt controllers, IOMMUs, collectors of errors: parts of the machine that no driver of Caravan takes.
const CLASS_SYSTEM: u8 = 8;
const CLASS_SERIAL_BUS: u8 = 0x0c;
const SERIAL_BUS_USB: u8 = 3;

/// All functions of bus 0 and of the buses behind its bridges, ordered by address on each bus. None masters the bus afterwards, except those of [`keeps_mastering`]: firmware
/// may have left one writing into memory that has another owner by now. Network cards do not decode their regions either, so
/// that these may be probed.
pub fn functions(configuration: &impl Configuration) -> Vec<Function> {
    let mut found = Vec::new();
    let mut buses = Vec::from([0]);
    let mut next = 0;
    // A bus that is claimed twice is searched once, so that the search ends.
    while let Some(bus) = buses.get(next).copied() {
        next += 1;
        for device in 0..32 {
            search(configuration, bus, device, &mut found, &mut buses);
        }
    }
    found
}

fn search(
    configuration: &impl Configuration,
    bus: u8,
    device: u8,
    found: &mut Vec<Function>,
    buses: &mut Vec<u8>,
) {
    for function in 0..8 {
        let address = Address {
            bus,
            device,
            function,
        };
        let Some(identity) = function::identify(configuration, address) else {
            if function == 0 {
                return;
            }
            continue;
        };
        let function_here = Function { address, identity };
        let header = configuration.read(address, HEADER);
        let is_bridge = matches!(header & HEADER_KIND, HEADER_BRIDGE | HEADER_CARDBUS);
        match class_of(configuration, address) {
            (CLASS_NETWORK, _) => function_here.cut_off(configuration),
            class if is_bridge || keeps_mastering(class) => {}
            _ => function_here.stop_mastering(configuration),
        }
        found.push(function_here);
        if header & HEADER_KIND == HEADER_BRIDGE {
            let [_, behind, ..] = configuration.read(address, BUSES).to_le_bytes();
            if !buses.contains(&behind) {
                buses.push(behind);
            }
        }
        if function == 0 && header & HEADER_MANY == 0 {
            return;
        }
    }
}

/// Whether functions of a class and subclass may master the bus without a driver. Devices behind a bridge reach memory through it,
/// and what a display shows may be in memory. An interrupt controller may send its interrupts as writes to memory. Firmware that emulates a PS/2 keyboard uses a USB controller while Caravan runs.
fn keeps_mastering(class: (u8, u8)) -> bool {
    matches!(
        class,
        (CLASS_BRIDGE | CLASS_DISPLAY | CLASS_SYSTEM, _) | (CLASS_SERIAL_BUS, SERIAL_BUS_USB)
    )
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
mod tests {
    extern crate std;
    use super::super::configuration::fake::FakeBus;
    use super::*;
    use std::string::{String, ToString};

    /// The status and command of a function that the firmware has used: it decodes, masters the bus and reports errors.
    const USED: u32 = 0x0010_0107;

    fn at(bus: u8, device: u8, function: u8) -> Address {
        Address {
            bus,
            device,
            function,
        }
    }

    #[test]
    fn finds_the_functions_of_a_multi_function_device_and_behind_bridges() {
        let mut bus = FakeBus::default();
        bus.add(at(0, 0, 0), &[(0x00, 0x29c0_8086)]);
        bus.add(
            at(0, 2, 0),
            &[(0x00, 0x000c_1b36), (0x0c, 1 << 16), (0x18, 0x0001_0100)],
        );
        bus.add(at(0, 31, 0), &[(0x00, 0x2918_8086), (0x0c, 1 << 23)]);
        bus.add(at(0, 31, 2), &[(0x00, 0x2922_8086)]);
        bus.add(at(1, 0, 0), &[(0x00, 0x1041_1af4)]);
        // A device has further functions only if its function 0 is marked as multi-function.
        bus.add(at(1, 0, 1), &[(0x00, 0x1041_1af4)]);
        let found = functions(&bus);
        let found: Vec<String> = found
            .iter()
            .map(|function| function.address.to_string())
            .collect();
        assert_eq!(
            found,
            ["00:00.0", "00:02.0", "00:1f.0", "00:1f.2", "01:00.0"]
        );
    }

    #[test]
    fn a_network_card_that_the_firmware_used_is_cut_off() {
        let mut bus = FakeBus::default();
        let function = [
            (0x00, 0x1041_1af4),
            (0x04, USED),
            (0x08, u32::from(CLASS_NETWORK) << 24),
        ];
        bus.add(at(0, 2, 0), &function);
        functions(&bus);
        // No decoding, no bus mastering, no interrupt line.
        assert_eq!(bus.read(at(0, 2, 0), 0x04) & 0xffff, 1 << 10);
    }

    #[test]
    fn nothing_masters_the_bus_without_a_driver_except_bridges_displays_and_usb() {
        // Class and subclass: a disk, a sound card, a serial port, encryption, SMBus, and a class that does not exist.
        let stopped = [0x0106, 0x0403, 0x0700, 0x1080, 0x0c05, 0xff00];
        // Bridges to PCI, to ISA and to CardBus, displays, an interrupt controller, an IOMMU, USB.
        let kept = [
            0x0604, 0x0601, 0x0607, 0x0300, 0x0302, 0x0380, 0x0800, 0x0806, 0x0c03,
        ];
        for (classes, command) in [(&stopped[..], USED & !(1 << 2)), (&kept, USED)] {
            for class in classes {
                let mut bus = FakeBus::default();
                let function = [(0x00, 0x1041_1af4), (0x04, USED), (0x08, class << 16)];
                bus.add(at(0, 2, 0), &function);
                functions(&bus);
                let found = bus.read(at(0, 2, 0), 0x04) & 0xffff;
                assert_eq!(found, command & 0xffff, "class {class:04x}");
            }
        }
    }

    /// Its class may be another one than that of bridges.
    #[test]
    fn what_has_a_bridges_header_masters_the_bus() {
        for header in [HEADER_BRIDGE, HEADER_CARDBUS] {
            let mut bus = FakeBus::default();
            let function = [
                (0x00, 0x1041_1af4),
                (0x04, USED),
                (0x08, 0xff00 << 16),
                (0x0c, header),
            ];
            bus.add(at(0, 2, 0), &function);
            functions(&bus);
            assert_eq!(bus.read(at(0, 2, 0), 0x04) & 0xffff, USED & 0xffff);
        }
    }

    #[test]
    fn a_network_card_has_a_kind() {
        let mut bus = FakeBus::default();
        let kinds = [0x0200_0000, 0x0207_0010, 0x0280_0000, 0x0106_0100];
        for (device, class) in (0..).zip(kinds) {
            bus.add(at(0, device, 0), &[(0x00, 0x1041_1af4), (0x08, class)]);
        }
        let kinds = [0, 1, 2, 3].map(|device| network_kind(&bus, at(0, device, 0)));
        let expected = [
            Some("Ethernet"),
            Some("InfiniBand"),
            Some("another kind"),
            None,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_bridge_to_its_own_bus_does_not_make_the_search_endless() {
        let mut bus = FakeBus::default();
        bus.add(at(0, 2, 0), &[(0x00, 0x000c_1b36), (0x0c, 1 << 16)]);
        assert_eq!(functions(&bus).len(), 1);
    }
}
