//! The ports that domains are provided with, which outlive them, and what goes along when a domain moves.

use abi::Error;
use abi::register::PageCount;
use manifest::Capability;
use runtime::Cap;
use runtime::capability::Memory;
use runtime::port::PORT_PAGES;
use runtime::protocol::ports::Side;
use runtime::protocol::{Ipv4, Mac};

use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;
use crate::switchboard::Station;

/// A port's station as it goes along when its domain moves.
pub fn export(station: Station) -> [u64; 2] {
    let ip = station.ip.map_or(u64::MAX, Ipv4::to_word);
    [station.mac.to_word(), ip]
}

/// The station that `export` told of; nothing if it makes no sense.
pub fn import(state: [u64; 2]) -> Option<Station> {
    let ip = match state[1] {
        u64::MAX => None,
        word => Some(Ipv4::from_word(word).ok()?),
    };
    Some(Station {
        mac: Mac::from_word(state[0]).ok()?,
        ip,
        side: Side::Domain,
    })
}

/// The domain's port, which may be there from its last life.
///
/// # Errors
/// What the kernel says.
pub(super) fn provide(
    root: &mut Supervisor,
    number: DomainNumber,
    described: &manifest::Domain,
) -> Result<Option<(Cap<Memory>, Station)>, Error> {
    let Some(port) = &described.port else {
        return Ok(None);
    };
    let side = match port.uplink {
        true => Side::Uplink,
        false => Side::Domain,
    };
    if let Some(port) = root.switchboard.of(number, side) {
        return Ok(Some((port.ring(), port.station())));
    }
    let station = Station {
        mac: Mac(port.mac.map_or([0; 6], |mac| mac.0)),
        ip: port.ip.map(|ip| Ipv4 {
            address: ip.address.octets(),
            prefix: ip.prefix,
        }),
        side,
    };
    root.add_port(number, station)
        .map(|ring| Some((ring, station)))
}

/// The migration server's tunnel, which may be there from its last life.
///
/// # Errors
/// What the kernel says.
pub(super) fn provide_tunnel(
    root: &mut Supervisor,
    number: DomainNumber,
    described: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !described.capabilities.contains(&Capability::Tunnel) {
        return Ok(None);
    }
    if let Some(tunnel) = root.switchboard.of(number, Side::Tunnel) {
        return Ok(Some(tunnel.ring()));
    }
    let station = Station {
        mac: Mac([0; 6]),
        ip: None,
        side: Side::Tunnel,
    };
    root.add_port(number, station).map(Some)
}

impl Supervisor {
    /// Makes a port with a ring of its own.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn add_port(
        &mut self,
        owner: DomainNumber,
        station: Station,
    ) -> Result<Cap<Memory>, Error> {
        let ring = self
            .machine
            .pool
            .create_populated_memory(PageCount(PORT_PAGES))?;
        self.switchboard.add(owner, station, ring);
        Ok(ring)
    }

    /// Takes a ring's memory back.
    pub fn destroy_ring(&self, ring: Cap<Memory>) {
        if let Err(error) = ring.destroy() {
            log::error!("cannot take back a ring: {error}");
        }
    }
}
