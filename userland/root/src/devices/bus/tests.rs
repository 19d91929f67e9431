//! Buses of functions, and what the search finds and changes there.

extern crate std;
use super::*;
use crate::devices::configuration::fake::FakeBus;
use std::string::{String, ToString};

/// The status and command of a function that the firmware has used: it decodes, masters the bus and reports errors.
const USED: u32 = 0x0010_0107;

fn functions(bus: &FakeBus) -> Vec<Function> {
    search(bus).functions
}

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
    let expected = ["00:00.0", "00:02.0", "00:1f.0", "00:1f.2", "01:00.0"];
    assert_eq!(addresses(&bus), expected);
}

/// The addresses of the functions on a bus, in the order in which they are found.
fn addresses(bus: &FakeBus) -> Vec<String> {
    let found = functions(bus).into_iter();
    found.map(|function| function.address.to_string()).collect()
}

/// A bridge from one bus to a range of buses.
fn bridge(bus: u8, [first, last]: [u8; 2]) -> [(u8, u32); 3] {
    let buses = u32::from_le_bytes([bus, first, last, 0]);
    [(0x00, 0x000c_1b36), (0x0c, 1 << 16), (0x18, buses)]
}

const CARD: [(u8, u32); 2] = [(0x00, 0x10d3_8086), (0x08, 0x0200_0000)];

#[test]
fn finds_further_root_buses_after_those_behind_bus_0() {
    let mut bus = FakeBus::default();
    bus.add(at(0, 1, 0), &bridge(0, [1, 1]));
    bus.add(at(1, 0, 0), &CARD);
    bus.add(at(0x80, 3, 0), &bridge(0x80, [0x81, 0x82]));
    bus.add(at(0x81, 0, 0), &bridge(0x81, [0x82, 0x82]));
    bus.add(at(0x82, 0, 0), &CARD);
    bus.add(at(0xff, 31, 0), &CARD);
    let expected = [
        "00:01.0", "01:00.0", "80:03.0", "81:00.0", "82:00.0", "ff:1f.0",
    ];
    assert_eq!(addresses(&bus), expected);
}

#[test]
fn a_card_on_a_further_root_bus_is_cut_off() {
    let mut bus = FakeBus::default();
    bus.add(at(0, 0, 0), &[(0x00, 0x29c0_8086)]);
    bus.add(at(0x40, 0, 0), &[CARD[0], (0x04, USED), CARD[1]]);
    functions(&bus);
    assert_eq!(bus.read(at(0x40, 0, 0), 0x04) & 0xffff, 1 << 10);
}

#[test]
fn a_bus_in_the_range_of_a_bridge_is_no_root_bus() {
    // To buses 2 to 4, of which no bridge leads to 3 and 4; and to CardBus, behind which no function is used.
    let mut bus = FakeBus::default();
    let [identity, _, buses] = bridge(0, [5, 6]);
    bus.add(at(0, 1, 0), &bridge(0, [2, 4]));
    bus.add(at(0, 2, 0), &[identity, (0x0c, HEADER_CARDBUS), buses]);
    for number in [3, 4, 5, 6] {
        bus.add(at(number, 0, 0), &CARD);
    }
    assert_eq!(addresses(&bus), ["00:01.0", "00:02.0"]);
}

#[test]
fn a_bridge_that_is_not_configured_or_leads_to_another_root_bus_adds_nothing() {
    let mut bus = FakeBus::default();
    bus.add(at(0, 1, 0), &bridge(0, [0, 0]));
    bus.add(at(0x80, 1, 0), &bridge(0, [0, 0]));
    bus.add(at(0x80, 2, 0), &bridge(0x80, [0x80, 0x80]));
    bus.add(at(0x80, 3, 0), &bridge(0x80, [0xff, 0x20]));
    // Only half of its numbers are configured.
    bus.add(at(0, 2, 0), &bridge(0, [0, 0xff]));
    bus.add(at(0x90, 0, 0), &CARD);
    let expected = [
        "00:01.0", "00:02.0", "80:01.0", "80:02.0", "80:03.0", "90:00.0",
    ];
    assert_eq!(addresses(&bus), expected);
}

#[test]
fn a_bus_that_is_bus_0_under_another_number_is_not_searched() {
    let mut bus = FakeBus::default();
    for number in [0, 0x40, 0x80] {
        bus.add(at(number, 0, 0), &[(0x00, 0x29c0_8086)]);
        bus.add(at(number, 3, 0), &[CARD[0], CARD[1], (0x10, 0xfebc_0000)]);
    }
    // The same kinds of functions, but the card is another one.
    bus.write(at(0x80, 3, 0), 0x10, 0xfeb0_0000);
    let expected = ["00:00.0", "00:03.0", "80:00.0", "80:03.0"];
    assert_eq!(addresses(&bus), expected);
}

#[test]
fn without_a_function_on_bus_0_there_is_none() {
    let mut bus = FakeBus::default();
    bus.add(at(0x80, 0, 0), &CARD);
    assert!(addresses(&bus).is_empty());
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
    // Class and subclass: a disk, a sound card, a serial port, encryption, SMBus, a class that does not exist; a DMA controller, a host for
    // memory cards, another part of the machine; bridges to another machine.
    let stopped = [
        0x0106, 0x0403, 0x0700, 0x1080, 0x0c05, 0xff00, 0x0801, 0x0805, 0x0880, 0x0609, 0x0680,
    ];
    // Bridges to PCI, to ISA and to CardBus, displays, an interrupt controller, an IOMMU, a collector of errors, USB.
    let kept = [
        0x0604, 0x0601, 0x0607, 0x0300, 0x0302, 0x0380, 0x0800, 0x0806, 0x0807, 0x0c03,
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
