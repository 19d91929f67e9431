//! The names of outside objects, and the grant that each name stands for on this machine.

use abi::kind::EndpointRights;
use abi::kind::{InterruptRights, IoPortsRights, MemoryRights, NotificationRights};
use abi::register::{Access, PageCount};
use runtime::capability::{Cap, Endpoint, Memory};
use runtime::port::Layout;
use runtime::protocol::Mtu;
use runtime::protocol::ports::doorbell_flag;

use crate::badge::{DomainNumber, Interface, badge};
use crate::grant::{Grant, Place};
use crate::keyboard::Keyboard;
use crate::layout;
use crate::machine::Machine;
use crate::screen::Screen;
use crate::switchboard::PortAddress;

/// The size of a domain's records.
pub const RECORDS_PAGES: PageCount = PageCount(16);

/// The endpoint for log lines.
pub const LOG: &str = "log";
/// The endpoint for reading the log, for the console.
pub const JOURNAL: &str = "journal";
/// The endpoint for reading what root knows of the hardware.
pub const INVENTORY: &str = "inventory";
/// The endpoint for listing, starting and moving domains, for the migration server.
pub const ROOT: &str = "root";
/// The endpoint for requests about the domain's device, for its driver.
pub const DEVICE: &str = "device";
/// The endpoint for listing domains, for the console.
pub const DOMAINS: &str = "domains";
/// The endpoint for root's commands to the switch.
pub const PORTS: &str = "ports";
/// The endpoint that receives a domain's faults. The domain's thread refers to it; the domain's table does not have it.
pub const FAULTS: &str = "faults";
pub const SERIAL: &str = "serial";
pub const SERIAL_INTERRUPT: &str = "serial-interrupt";
pub const SCREEN: &str = "screen";
pub const KEYBOARD_DATA: &str = "keyboard-data";
pub const KEYBOARD_CONTROL: &str = "keyboard-control";
pub const KEYBOARD_INTERRUPT: &str = "keyboard-interrupt";
pub const RING: &str = "port";
/// The ring of the migration server's tunnel.
pub const TUNNEL: &str = "tunnel";
/// The notification that a domain's executor waits on. Root holds it too, for the switch to signal.
pub const WAKE: &str = "wake";
/// A domain's Memory that outlives it.
pub const RECORDS: &str = "records";
/// The notification that wakes the switch.
pub const DOORBELL: &str = "doorbell";

/// Whether this is the name of an object other than a domain's service.
pub fn is_built_in(name: &str) -> bool {
    let names = [
        LOG,
        JOURNAL,
        INVENTORY,
        ROOT,
        DOMAINS,
        DEVICE,
        PORTS,
        FAULTS,
        SERIAL,
        SERIAL_INTERRUPT,
        SCREEN,
        KEYBOARD_DATA,
        KEYBOARD_CONTROL,
        KEYBOARD_INTERRUPT,
        RING,
        TUNNEL,
        WAKE,
        RECORDS,
        DOORBELL,
        crate::clock::NAME,
        // Those of every domain to its own objects (`spawn`).
        "domain",
        "thread",
        "pool",
        "heap",
    ];
    names.contains(&name)
}

/// One of root's interfaces, for a domain. Only those of the migration server and of the switch transfer capabilities.
pub fn interface(
    machine: &Machine,
    name: &'static str,
    interface: Interface,
    domain: DomainNumber,
) -> Grant<'static> {
    let rights = match interface {
        Interface::Root | Interface::Ports => EndpointRights::SEND | EndpointRights::GRANT,
        Interface::Log
        | Interface::Faults
        | Interface::Journal
        | Interface::Inventory
        | Interface::Domains
        | Interface::Device => EndpointRights::SEND,
    };
    Grant::new(name, machine.endpoint, rights).badged(badge(interface, domain))
}

/// A service of another domain, for a client: it transfers data and no capabilities.
pub fn service<'a>(name: &'a str, endpoint: Cap<Endpoint>, domain: DomainNumber) -> Grant<'a> {
    Grant::new(name, endpoint, EndpointRights::SEND).badged(u64::from(domain.0))
}

/// A service of a domain, for the domain that provides it.
pub fn provider(name: &str, endpoint: Cap<Endpoint>) -> Grant<'_> {
    Grant::new(name, endpoint, EndpointRights::RECEIVE)
}

/// The ring of the domain's port, mapped.
pub fn ring(ring: Cap<Memory>, mtu: Mtu) -> Grant<'static> {
    ring_at(RING, ring, mtu, layout::PORT)
}

/// The ring of the tunnel, mapped.
pub fn tunnel(ring: Cap<Memory>) -> Grant<'static> {
    ring_at(TUNNEL, ring, Mtu::STANDARD, layout::TUNNEL)
}

fn ring_at(name: &'static str, ring: Cap<Memory>, mtu: Mtu, address: u64) -> Grant<'static> {
    Grant::new(name, ring, MemoryRights::READ | MemoryRights::WRITE).mapped(Place {
        address,
        pages: PageCount(Layout::of(mtu).pages()),
        access: Access::ReadWrite,
    })
}

/// The serial port and its interrupt, for the console.
pub fn serial<'a>() -> impl Iterator<Item = Grant<'a>> {
    let grants = crate::console::serial().map(|(ports, interrupt)| {
        [
            Grant::new(SERIAL, ports, IoPortsRights::IN | IoPortsRights::OUT),
            Grant::new(SERIAL_INTERRUPT, interrupt, InterruptRights::HANDLE),
        ]
    });
    grants.into_iter().flatten()
}

/// The screen, mapped, for the console.
pub fn screen(screen: Screen) -> Grant<'static> {
    let rights = MemoryRights::READ | MemoryRights::WRITE;
    Grant::new(SCREEN, screen.memory, rights).mapped(Place {
        address: layout::SCREEN,
        pages: screen.pages,
        access: Access::ReadWrite,
    })
}

/// The keyboard's controller and its interrupt, for the console.
pub fn keyboard<'a>(keyboard: Keyboard) -> [Grant<'a>; 3] {
    let ports = IoPortsRights::IN | IoPortsRights::OUT;
    [
        Grant::new(KEYBOARD_DATA, keyboard.data, ports),
        Grant::new(KEYBOARD_CONTROL, keyboard.control, ports),
        Grant::new(
            KEYBOARD_INTERRUPT,
            keyboard.interrupt,
            InterruptRights::HANDLE,
        ),
    ]
}

/// The Memory that outlives the domain, mapped.
pub fn records(records: Cap<Memory>) -> Grant<'static> {
    Grant::new(RECORDS, records, MemoryRights::READ | MemoryRights::WRITE).mapped(Place {
        address: layout::RECORDS,
        pages: RECORDS_PAGES,
        access: Access::ReadWrite,
    })
}

/// The doorbell for the owner of a port, with that port's flag and no other.
pub fn doorbell(machine: &Machine, port: PortAddress) -> Grant<'static> {
    Grant::new(DOORBELL, machine.doorbell, NotificationRights::SIGNAL)
        .badged(doorbell_flag(port.mac))
}

/// The doorbell for the switch itself.
pub fn own_doorbell(machine: &Machine) -> Grant<'static> {
    let rights = NotificationRights::SIGNAL | NotificationRights::WAIT;
    Grant::new(DOORBELL, machine.doorbell, rights)
}
