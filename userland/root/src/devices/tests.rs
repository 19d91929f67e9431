//! What root does to reach a card, on a bus behind the ports of a test's kernel.

use runtime::host::{DONE, with_kernel};

use super::configuration::Configuration;
use super::configuration::fake::{self, FakeBus};
use super::*;

const COMMAND: u8 = 0x04;
const POWER_CONTROL: u8 = 0x44;
const OUTER: Address = at(0, 1);
const INNER: Address = at(1, 0);
const BESIDE: Address = at(0, 2);
const CARD: Address = at(2, 0);
const USB: Address = at(2, 1);

const fn at(bus: u8, device: u8) -> Address {
    Address {
        bus,
        device,
        function: 0,
    }
}

fn bridge(bus: &mut FakeBus, address: Address, [first, last]: [u8; 2], command: u32) {
    let buses = u32::from_le_bytes([address.bus, first, last, 0]);
    let registers = [
        (0x00, 0x000c_1b36),
        (COMMAND, command),
        (0x0c, 1 << 16),
        (0x18, buses),
    ];
    bus.add(address, &registers);
}

/// A sleeping card and a USB controller behind two bridges, the outer one with this command; and a bridge beside these, which leads elsewhere.
fn bus(outer: u32) -> FakeBus {
    let mut bus = FakeBus::default();
    bridge(&mut bus, OUTER, [1, 2], outer);
    bridge(&mut bus, INNER, [2, 2], 0x0007);
    bridge(&mut bus, BESIDE, [5, 5], 0x0002);
    let card = [
        (0x00, 0x100e_8086),
        (COMMAND, 0x0010_0000),
        (0x08, 2 << 24),
        (0x10, 0xfeb0_0000),
        (0x34, 0x40),
        (0x40, 0x0001),
        (POWER_CONTROL, 0x8103),
    ];
    bus.add(CARD, &card);
    bus.mask(CARD, 0x10, 0xfffe_0000);
    // Writing zeros to the status changes nothing.
    bus.mask(CARD, COMMAND, 0xffff);
    let usb = [(0x00, 0x7020_8086), (COMMAND, 6), (0x08, 0x0c03_0000)];
    bus.add(USB, &usb);
    bus
}

fn kernel(request: &abi::Request) -> runtime::host::CallResult {
    fake::access(request).unwrap_or(DONE)
}

fn command(address: Address) -> u32 {
    fake::on_bus(|bus| bus.read(address, COMMAND)) & 0xffff
}

/// A machine with this bus, and the card that it has.
fn scanned(bus: FakeBus) -> (Machine, Devices, Function) {
    fake::connect(bus);
    let machine = Machine::for_tests();
    let devices = Devices::scan(&machine).expect("a bus");
    let mut functions = devices.functions.iter();
    let card = functions.find(|function| function.address == CARD);
    let card = *card.expect("a card");
    (machine, devices, card)
}

#[test]
fn the_bridges_above_a_card_are_opened_for_its_registers_and_later_for_its_memory() {
    with_kernel(kernel, || {
        let (machine, devices, card) = scanned(bus(0));
        assert_eq!((command(OUTER), command(INNER)), (0, 7));
        devices.make_reachable(&machine, card);
        assert_eq!((command(OUTER), command(INNER)), (2, 7));
        devices.let_master(card);
        assert_eq!((command(OUTER), command(INNER)), (6, 7));
        assert_eq!(command(BESIDE), 2);
    });
}

#[test]
fn nothing_else_masters_the_bus_when_a_bridge_is_opened() {
    for (outer, usb) in [(0x0007, 6), (0x0002, 2)] {
        with_kernel(kernel, || {
            let (_, devices, card) = scanned(bus(outer));
            assert_eq!(command(USB), usb);
            devices.let_master(card);
            assert_eq!(command(USB), usb);
        });
    }
}

#[test]
fn a_sleeping_card_is_woken_and_its_regions_are_placed_again() {
    let ((), calls) = with_kernel(kernel, || {
        let (machine, devices, card) = scanned(bus(0x0007));
        // A card that wakes may reset itself.
        fake::on_bus(|bus| bus.set(CARD, 0x10, 0));
        devices.make_reachable(&machine, card);
        let register = |offset| fake::on_bus(|bus| bus.read(CARD, offset));
        assert_eq!(register(POWER_CONTROL), 0x0100);
        assert_eq!(register(0x10), 0xfeb0_0000);
    });
    let waits = |call: &abi::Request| matches!(call, abi::Request::Wait(_));
    assert_eq!(calls.iter().filter(|call| waits(call)).count(), 1);
}
