//! Whether a device masters the bus: never before its driver has asked for that, and never after the driver's end.

use alloc::rc::Rc;

use manifest::{Capability, Device, DeviceKind, Restart, Role};
use runtime::fault::Fault;
use runtime::protocol::device::Request as DeviceRequest;

use super::*;
use crate::badge::{Interface, badge};
use crate::definition::Definition;
use crate::devices::Devices;
use crate::devices::configuration::fake::{self, FakeBus};
use crate::devices::configuration::{Address, Configuration};
use crate::image::tests::good;

const COMMAND: u8 = 0x04;
const MASTER: u32 = 1 << 2;

/// The place of the card with this number, each an 82540EM: it has no reset that root could cause.
fn card(number: u8) -> Address {
    Address {
        bus: 0,
        device: 3 + number,
        function: 0,
    }
}

/// Two cards that the firmware has used.
fn bus() -> FakeBus {
    let mut bus = FakeBus::default();
    for address in [card(0), card(1)] {
        let registers = [
            (0x00, 0x100e_8086),
            (COMMAND, 6),
            (0x08, 2 << 24),
            (0x10, 0xfeb0_0000),
        ];
        bus.add(address, &registers);
        bus.mask(address, 0x10, 0xfffe_0000);
        for unused in [0x14, 0x18, 0x1c, 0x20, 0x24] {
            bus.mask(address, unused, 0);
        }
    }
    bus
}

/// A kernel with this bus, on which pools have room for what is made in them.
fn with_bus(request: &Request) -> host::CallResult {
    if let Request::PoolReport(_) = request {
        return Ok([64 << 8, 0, 0, 0, 0, 0, 0, 0]);
    }
    fake::access(request).unwrap_or_else(|| accept_all(request))
}

/// The cards that master the bus.
fn masters() -> [bool; 2] {
    [card(0), card(1)].map(|card| fake::on_bus(|bus| bus.read(card, COMMAND)) & MASTER != 0)
}

/// A driver of a card.
fn driver() -> Definition {
    let mut entry = Definition::for_tests(Restart::Always).description;
    entry.movable = false;
    entry.role = Some(Role::Driver);
    entry.capabilities = [Capability::Log, Capability::Pool, Capability::Device].into();
    entry.device = Some(Device {
        kind: DeviceKind::Nic,
        index: 0,
    });
    Definition::received(entry, good(), 0)
}

/// A machine with a driver, which has started, and another domain.
fn machine() -> Supervisor {
    fake::connect(bus());
    let mut root = root(DomainState::Running, 1);
    root.devices = Devices::scan(&root.machine).expect("a bus");
    let name = Name::try_new("nic0").expect("a name");
    let number = root.domains.add_at_home(name, Rc::new(driver())).number;
    root.start(number).expect("a driver");
    root
}

fn number(root: &Supervisor) -> DomainNumber {
    root.domains.nth(1).expect("a driver").number
}

/// Root's reply to a request of this domain.
fn request(root: &mut Supervisor, domain: DomainNumber, words: &[u64]) -> Vec<u64> {
    let mut server = Server::new(root.machine.endpoint).expect("a free slot");
    let badge = badge(Interface::Device, domain);
    match crate::api::call(root, &mut server, badge, &Message::of(words)) {
        Handled::Reply(reply) => reply.words().into(),
        Handled::NoReply => panic!("no reply"),
    }
}

/// Root's reply to a domain that asks for its device to master the bus.
fn ask(root: &mut Supervisor, domain: DomainNumber) -> Vec<u64> {
    let words = encode(&DeviceRequest::MasterBus);
    request(root, domain, words.as_slice())
}

fn refusal(refusal: Refusal) -> Vec<u64> {
    refused(refusal).as_slice().into()
}

#[test]
fn a_device_masters_the_bus_only_when_its_driver_has_asked_for_it() {
    with_kernel(with_bus, || {
        let mut root = machine();
        let number = number(&root);
        assert_eq!(masters(), [false, false]);
        for _ in 0..2 {
            assert_eq!(ask(&mut root, number), done().as_slice());
            assert_eq!(masters(), [true, false]);
        }
    });
}

#[test]
fn the_device_of_a_restarted_driver_does_not_master_the_bus_while_the_driver_waits() {
    with_kernel(with_bus, || {
        let mut root = machine();
        let number = number(&root);
        ask(&mut root, number);
        let fault = Fault::Page {
            address: 0,
            code: 0,
            instruction: 0,
        };
        crate::api::faults::handle(&mut root, number, fault);
        let driver = root.domains.by_number(number).expect("a driver");
        assert_eq!(driver.state, DomainState::Running);
        assert_eq!(masters(), [false, false]);
        ask(&mut root, number);
        assert_eq!(masters(), [true, false]);
    });
}

#[test]
fn a_domain_without_a_device_and_one_that_has_ended_are_refused() {
    with_kernel(with_bus, || {
        let mut root = machine();
        let (driver, other) = (number(&root), first(&root).number);
        assert_eq!(ask(&mut root, other), refusal(Refusal::NoSuchObject));
        let nobody = DomainNumber(99);
        assert_eq!(ask(&mut root, nobody), refusal(Refusal::NoSuchDomain));
        for words in [&[][..], &[1], &[0, 0]] {
            let reply = request(&mut root, driver, words);
            assert_eq!(reply, refusal(Refusal::Malformed));
        }
        root.end(driver);
        assert_eq!(ask(&mut root, driver), refusal(Refusal::WrongState));
        assert_eq!(masters(), [false, false]);
    });
}
