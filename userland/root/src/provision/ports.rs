//! The ports of domains, which outlive them, and the part of a port's state that moves with its domain.

use abi::Error;
use abi::register::PageCount;
use manifest::Capability;
use runtime::Cap;
use runtime::capability::Memory;
use runtime::port::PORT_PAGES;
use runtime::protocol::ports::PortKind;
use runtime::protocol::{Ipv4, Mac};

use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;
use crate::switchboard::PortAddress;

/// A port's address as the state of a binding.
pub fn export(address: PortAddress) -> [u64; 2] {
    let ip = address.ip.map_or(u64::MAX, Ipv4::to_word);
    [address.mac.to_word(), ip]
}

/// The inverse of [`export`]; `None` if the state is malformed.
pub fn import(state: [u64; 2]) -> Option<PortAddress> {
    let ip = match state[1] {
        u64::MAX => None,
        word => Some(Ipv4::from_word(word).ok()?),
    };
    Some(PortAddress {
        mac: Mac::from_word(state[0]).ok()?,
        ip,
        kind: PortKind::Domain,
    })
}

/// The domain's port, which survives a restart.
///
/// # Errors
/// The kernel's refusal.
pub(super) fn find_or_create(
    root: &mut Supervisor,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<(Cap<Memory>, PortAddress)>, Error> {
    let Some(port) = &description.port else {
        return Ok(None);
    };
    let kind = match port.uplink {
        true => PortKind::Uplink,
        false => PortKind::Domain,
    };
    if let Some(port) = root.switchboard.find(number, kind) {
        return Ok(Some((port.ring(), port.address())));
    }
    let address = PortAddress {
        mac: Mac(port.mac.map_or([0; 6], |mac| mac.0)),
        ip: port.ip.map(|ip| Ipv4 {
            address: ip.address.octets(),
            prefix: ip.prefix,
        }),
        kind,
    };
    root.add_port(number, address)
        .map(|ring| Some((ring, address)))
}

/// The migration server's tunnel, which survives a restart.
///
/// # Errors
/// The kernel's refusal.
pub(super) fn find_or_create_tunnel(
    root: &mut Supervisor,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !description.capabilities.contains(&Capability::Tunnel) {
        return Ok(None);
    }
    if let Some(tunnel) = root.switchboard.find(number, PortKind::Tunnel) {
        return Ok(Some(tunnel.ring()));
    }
    let address = PortAddress {
        mac: Mac([0; 6]),
        ip: None,
        kind: PortKind::Tunnel,
    };
    root.add_port(number, address).map(Some)
}

impl Supervisor {
    /// Creates a port and its ring.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn add_port(
        &mut self,
        owner: DomainNumber,
        address: PortAddress,
    ) -> Result<Cap<Memory>, Error> {
        let ring = self
            .machine
            .pool
            .create_populated_memory(PageCount(PORT_PAGES))?;
        self.switchboard.add(owner, address, ring);
        Ok(ring)
    }

    /// Frees a ring's memory.
    pub fn destroy_ring(&self, ring: Cap<Memory>) {
        if let Err(error) = ring.destroy() {
            log::error!("cannot destroy a ring: {error}");
        }
    }
}
