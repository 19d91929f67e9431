//! The names that domains know outside objects by, and what each stands for on this machine.

use abi::kind::EndpointRights;
use abi::kind::{InterruptRights, IoPortsRights, MemoryRights, NotificationRights};
use abi::register::{Access, PageCount};
use runtime::capability::{Any, Cap, Endpoint, Memory};
use runtime::port::PORT_PAGES;
use runtime::protocol::Name;
use runtime::protocol::ports::doorbell_flag;
use runtime::protocol::root::Binding;

use crate::badge::{DomainNumber, Interface, badge};
use crate::domain::Held;
use crate::grant::{Grant, Place};
use crate::layout;
use crate::machine::Machine;
use crate::switchboard::Station;

/// Pages of a domain's records.
pub const RECORDS_PAGES: PageCount = PageCount(16);

/// To say something.
pub const LOG: &str = "log";
/// What was said, for the one who has the serial port.
pub const JOURNAL: &str = "journal";
/// Root's list of domains.
pub const ROOT: &str = "root";
/// Root's commands to the switch.
pub const PORTS: &str = "ports";
/// Where a domain's faults are heard of. No capability of the domain's, but held by its thread.
pub const FAULTS: &str = "faults";
/// The serial port.
pub const SERIAL: &str = "serial";
/// Its interrupt.
pub const SERIAL_INTERRUPT: &str = "serial-interrupt";
/// A port's ring.
pub const RING: &str = "port";
/// The ring of the migration server's tunnel.
pub const TUNNEL: &str = "tunnel";
/// A domain's own word of flags, which root knows too, since the switch raises some of them.
pub const WAKE: &str = "wake";
/// Memory of a domain's own that outlives it.
pub const RECORDS: &str = "records";
/// What wakes the switch.
pub const DOORBELL: &str = "doorbell";

/// An interface of root's, for a domain. Capabilities pass through those of the migration server and of the switch only.
pub fn interface(
    machine: &Machine,
    name: &'static str,
    interface: Interface,
    domain: DomainNumber,
) -> Grant<'static> {
    let rights = match interface {
        Interface::Root | Interface::Ports => EndpointRights::SEND | EndpointRights::GRANT,
        Interface::Log | Interface::Faults | Interface::Journal => EndpointRights::SEND,
    };
    Grant::new(name, machine.endpoint, rights).badged(badge(interface, domain))
}

/// A service that another domain provides, for a domain that calls it: with data, no capabilities.
pub fn service<'a>(name: &'a str, endpoint: Cap<Endpoint>, domain: DomainNumber) -> Grant<'a> {
    Grant::new(name, endpoint, EndpointRights::SEND).badged(u64::from(domain.0))
}

/// The same service, for the domain that provides it.
pub fn provision(name: &str, endpoint: Cap<Endpoint>) -> Grant<'_> {
    Grant::new(name, endpoint, EndpointRights::RECEIVE)
}

/// A port's ring, mapped.
pub fn ring(ring: Cap<Memory>) -> Grant<'static> {
    ring_at(RING, ring, layout::PORT)
}

/// The ring of a tunnel, mapped.
pub fn tunnel(ring: Cap<Memory>) -> Grant<'static> {
    ring_at(TUNNEL, ring, layout::TUNNEL)
}

fn ring_at(name: &'static str, ring: Cap<Memory>, address: u64) -> Grant<'static> {
    Grant::new(name, ring, MemoryRights::READ | MemoryRights::WRITE).mapped(Place {
        address,
        pages: PageCount(PORT_PAGES),
        access: Access::ReadWrite,
    })
}

/// The serial port, for the console.
pub fn serial<'a>() -> impl Iterator<Item = Grant<'a>> {
    let grants = crate::console::serial().map(|(ports, interrupt)| {
        [
            Grant::new(SERIAL, ports, IoPortsRights::IN | IoPortsRights::OUT),
            Grant::new(SERIAL_INTERRUPT, interrupt, InterruptRights::HANDLE),
        ]
    });
    grants.into_iter().flatten()
}

/// Memory that outlives the domain, mapped.
pub fn records(records: Cap<Memory>) -> Grant<'static> {
    Grant::new(RECORDS, records, MemoryRights::READ | MemoryRights::WRITE).mapped(Place {
        address: layout::RECORDS,
        pages: RECORDS_PAGES,
        access: Access::ReadWrite,
    })
}

/// What wakes the switch, for those who have a port: with that port's flag and no other.
pub fn doorbell(machine: &Machine, port: Station) -> Grant<'static> {
    Grant::new(DOORBELL, machine.doorbell, NotificationRights::SIGNAL)
        .badged(doorbell_flag(port.mac))
}

/// What wakes the switch, for the switch.
pub fn own_doorbell(machine: &Machine) -> Grant<'static> {
    let rights = NotificationRights::SIGNAL | NotificationRights::WAIT;
    Grant::new(DOORBELL, machine.doorbell, rights)
}

/// The record of a grant of an outside object. `state` goes along when the domain moves.
pub fn held(grant: &Grant, state: [u64; 2]) -> Option<Held> {
    Some(Held {
        binding: Binding {
            name: Name::try_new(grant.name)?,
            state,
        },
        capability: Cap::<Any>::from_slot(grant.capability.slot()),
        badge: grant.badge,
        minted: None,
    })
}
