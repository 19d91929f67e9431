//! The ports of domains, which outlive them.

use abi::Error;
use abi::register::PageCount;
use manifest::Capability;
use runtime::Cap;
use runtime::capability::Memory;
use runtime::port::PORT_PAGES;
use runtime::protocol::Mac;
use runtime::protocol::ports::PortKind;

use crate::badge::DomainNumber;
use crate::machine::Machine;
use crate::start_error::StartError;
use crate::switchboard::{PortAddress, Switchboard};

/// The domain's port, which survives a restart.
///
/// # Errors
/// The kernel's refusal; [`StartError::AddressTaken`] if a domain that arrived from another machine has its address.
pub(super) fn find_or_create(
    machine: &Machine,
    switchboard: &mut Switchboard,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<(Cap<Memory>, PortAddress)>, StartError> {
    let Some(port) = &description.port else {
        return Ok(None);
    };
    let kind = if port.uplink {
        PortKind::Uplink
    } else {
        PortKind::Domain
    };
    if let Some(port) = switchboard.find(number, kind) {
        return Ok(Some((port.ring(), port.address())));
    }
    let address = PortAddress {
        mac: port.mac.unwrap_or(Mac([0; 6])),
        ip: port.ip,
        kind,
    };
    if kind == PortKind::Domain && switchboard.is_taken(number, address) {
        return Err(StartError::AddressTaken);
    }
    let ring = create(machine, switchboard, number, address).map_err(StartError::at("the port"))?;
    Ok(Some((ring, address)))
}

/// The migration server's tunnel, which survives a restart.
///
/// # Errors
/// The kernel's refusal.
pub(super) fn find_or_create_tunnel(
    machine: &Machine,
    switchboard: &mut Switchboard,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !description.capabilities.contains(&Capability::Tunnel) {
        return Ok(None);
    }
    if let Some(tunnel) = switchboard.find(number, PortKind::Tunnel) {
        return Ok(Some(tunnel.ring()));
    }
    let address = PortAddress {
        mac: Mac([0; 6]),
        ip: None,
        kind: PortKind::Tunnel,
    };
    create(machine, switchboard, number, address).map(Some)
}

/// Creates a port and its ring.
///
/// # Errors
/// The kernel's refusal.
pub fn create(
    machine: &Machine,
    switchboard: &mut Switchboard,
    owner: DomainNumber,
    address: PortAddress,
) -> Result<Cap<Memory>, Error> {
    let pages = PageCount(PORT_PAGES);
    let ring = machine.pool.create_populated_memory(pages)?;
    switchboard.add(owner, address, ring);
    Ok(ring)
}

/// Frees a ring's memory.
pub fn destroy_ring(ring: Cap<Memory>) {
    if let Err(error) = ring.destroy() {
        log::error!("cannot destroy a ring: {error}");
    }
}
