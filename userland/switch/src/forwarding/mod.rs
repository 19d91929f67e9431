//! Which ports a frame goes to, and what is learned from it.
//!
//! ```text
//! from a domain, to a domain here        that port
//! from a domain, to somebody else        the uplink that it was heard from last, or every uplink
//! from an uplink, to a domain here       that port
//! from an uplink, to somebody else       nowhere
//! to a group                             every other port; from an uplink not to other uplinks
//!
//! to a domain that is leaving or away    the tunnel; from a domain, once it was heard from an uplink, that uplink
//! to a domain that has stopped here      nowhere; from a domain, once it was heard from an uplink, that uplink
//! from the tunnel, to a domain here      that port
//! from the tunnel, to anybody else       nowhere
//! ```
//!
//! A domain that is being moved has a port here that is leaving, and is away for a while when that is given up. Without a
//! tunnel it is anybody else. One that has stopped, or whose ring lies, is nowhere else. What comes from the tunnel was on the wire once: it never gets there again, and says
//! nothing about where its sender is.

use alloc::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::ports::{PortKind, PortNumber};

use crate::away::Away;
use crate::frame::Header;

/// Most addresses that are remembered. When they are more, the one heard of longest ago is forgotten.
pub const LEARNED_MAX: usize = 256;

/// A port, as far as forwarding is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// The port.
    pub port: PortNumber,
    /// A domain's only address.
    pub mac: Mac,
    /// The only IPv4 address that a domain speaks for.
    pub ip: Option<[u8; 4]>,
    /// What is behind it.
    pub kind: PortKind,
    /// Whether frames flow, and if not, why.
    pub service: Service,
}

/// How a port is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Frames flow.
    Active,
    /// No frame flows: its domain may run elsewhere soon.
    Leaving,
    /// No frame flows: its domain stands still, and will run nowhere, or cannot be served.
    Stopped,
}

impl Station {
    /// Whether frames flow.
    pub fn is_active(&self) -> bool {
        self.service == Service::Active
    }

    /// Whether it is the one of the domain with this address.
    fn is_domain(&self, mac: Mac) -> bool {
        self.kind == PortKind::Domain && self.mac == mac
    }

    /// Whether a domain here may send this. Everybody may speak for no address, as one does who asks for one or whether
    /// anybody has it.
    fn may_send(&self, header: &Header) -> bool {
        let is_own_ip = header
            .ip
            .is_none_or(|ip| ip == [0; 4] || self.ip == Some(ip));
        header.source == self.mac && is_own_ip
    }
}

/// What is known of who is where.
#[derive(Debug, Default)]
pub struct Forwarding {
    stations: Vec<Station>,
    /// Addresses behind uplinks, the one heard of last at the end.
    learned: Vec<(Mac, PortNumber)>,
    away: Away,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To this port.
    To(PortNumber),
    /// To every active port of this kind, but not back.
    ToAll(PortKind),
    /// To every active port with stations behind it, but not back.
    ToEverybody,
    /// Nowhere: it is for nobody behind another port.
    Nowhere,
    /// Nowhere: the sender is not who it says.
    Forged,
}

impl Forwarding {
    /// Adds a port, or changes what is known of it. What was heard of a domain's address elsewhere is forgotten: it is
    /// here, or goes from here.
    pub fn set(&mut self, station: Station) {
        if station.kind == PortKind::Domain {
            self.away.remove(station.mac);
            self.learned.retain(|(mac, _)| *mac != station.mac);
        }
        match self.find_mut(station.port) {
            Some(known) => *known = station,
            None => self.stations.push(station),
        }
    }

    /// Forgets a port and who was behind it.
    pub fn remove(&mut self, port: PortNumber) {
        self.stations.retain(|station| station.port != port);
        self.learned.retain(|(_, behind)| *behind != port);
    }

    /// Forgets a port whose domain runs elsewhere now, but keeps its address for a while.
    pub fn depart(&mut self, port: PortNumber, now_ns: u64) {
        let station = self.find(port).copied();
        self.remove(port);
        if let Some(Station { mac, .. }) = station {
            self.away.insert(mac, now_ns);
        }
    }

    /// Lets time pass: what was kept long enough is forgotten.
    pub fn expire(&mut self, now_ns: u64) {
        self.away.expire(now_ns);
    }

    /// What is known of a port.
    pub fn find(&self, port: PortNumber) -> Option<&Station> {
        self.stations.iter().find(|station| station.port == port)
    }

    fn find_mut(&mut self, port: PortNumber) -> Option<&mut Station> {
        self.stations
            .iter_mut()
            .find(|station| station.port == port)
    }

    /// Decides about a frame that came from `from`, and learns from it.
    pub fn decide(&mut self, from: PortNumber, header: &Header) -> Verdict {
        let Some(station) = self.find(from).copied() else {
            return Verdict::Nowhere;
        };
        match station.kind {
            PortKind::Domain if !station.may_send(header) => return Verdict::Forged,
            PortKind::Domain => {}
            PortKind::Uplink => self.learn(header.source, from),
            PortKind::Tunnel => {}
        }
        match header.destination.is_group() {
            true => to_group(station.kind),
            false => self.to_station(&station, header.destination),
        }
    }

    /// Decides about a frame for one station.
    fn to_station(&self, from: &Station, mac: Mac) -> Verdict {
        if let Some(port) = self.domain_at(mac) {
            return match port == from.port {
                true => Verdict::Nowhere,
                false => Verdict::To(port),
            };
        }
        match from.kind {
            PortKind::Tunnel => Verdict::Nowhere,
            PortKind::Uplink => self.tunnel_to(mac).map_or(Verdict::Nowhere, Verdict::To),
            PortKind::Domain => match self.uplink_of(mac).or_else(|| self.tunnel_to(mac)) {
                Some(port) => Verdict::To(port),
                None if self.has(mac, Service::Stopped) => Verdict::Nowhere,
                None => Verdict::ToAll(PortKind::Uplink),
            },
        }
    }

    /// Whether a frame from `from` with this verdict goes to `port`.
    pub fn goes_to(&self, from: PortNumber, verdict: Verdict, port: PortNumber) -> bool {
        let station = self.find(port).filter(|station| station.is_active());
        port != from
            && station.is_some_and(|station| match verdict {
                Verdict::To(wanted) => wanted == port,
                Verdict::ToAll(kind) => kind == station.kind,
                Verdict::ToEverybody => station.kind != PortKind::Tunnel,
                Verdict::Nowhere | Verdict::Forged => false,
            })
    }

    /// The active port of the domain with this address.
    fn domain_at(&self, mac: Mac) -> Option<PortNumber> {
        let mut stations = self.stations.iter();
        let found = stations.find(|station| station.is_domain(mac) && station.is_active())?;
        Some(found.port)
    }

    /// Whether the domain with this address has a port that is served so.
    fn has(&self, mac: Mac, service: Service) -> bool {
        let mut stations = self.stations.iter();
        stations.any(|station| station.is_domain(mac) && station.service == service)
    }

    /// The tunnel, if the domain with this address is leaving or away.
    pub fn tunnel_to(&self, mac: Mac) -> Option<PortNumber> {
        if !self.has(mac, Service::Leaving) && !self.away.contains(mac) {
            return None;
        }
        let mut stations = self.stations.iter();
        let tunnel =
            stations.find(|station| station.kind == PortKind::Tunnel && station.is_active())?;
        Some(tunnel.port)
    }

    fn uplink_of(&self, mac: Mac) -> Option<PortNumber> {
        let found = self.learned.iter().find(|(known, _)| *known == mac)?;
        Some(found.1)
    }

    fn learn(&mut self, mac: Mac, behind: PortNumber) {
        // What talks most is at the end, and is found there first.
        if mac.is_group() || self.learned.last() == Some(&(mac, behind)) {
            return;
        }
        match self.learned.iter().position(|(known, _)| *known == mac) {
            Some(index) => {
                self.learned.remove(index);
            }
            None if self.learned.len() == LEARNED_MAX => {
                self.learned.remove(0);
            }
            None => {}
        }
        self.learned.push((mac, behind));
    }
}

/// Decides about a frame for many stations.
fn to_group(from: PortKind) -> Verdict {
    match from {
        PortKind::Domain => Verdict::ToEverybody,
        PortKind::Uplink => Verdict::ToAll(PortKind::Domain),
        PortKind::Tunnel => Verdict::Nowhere,
    }
}

#[cfg(test)]
mod tests;
