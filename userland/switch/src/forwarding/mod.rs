//! The forwarding decision for a frame, and address learning.
//!
//! ```text
//! to                            from a domain                  from an uplink    from the tunnel
//! a domain here                 its port                       its port          its port
//! another station               the uplink where it was last   nowhere           nowhere
//!                               seen, or every uplink
//! a group                       every other port, but not      every domain      nowhere
//!                               the tunnel
//! a domain leaving or away      the uplink where it was last   the tunnel        nowhere
//!                               seen, or the tunnel
//! a domain that has stopped     the uplink where it was last   nowhere           nowhere
//!                               seen, or nowhere
//! ```
//!
//! A domain that is being moved has a leaving port here. When that port is detached, the domain is away for a while. Without a
//! tunnel, a domain that is leaving or away counts as another station. A domain that has stopped, or whose ring is corrupt, is
//! not moving, so frames for it do not enter the tunnel. A frame from the tunnel was on the wire before: it is not sent there
//! again, and its source address is not learned.

use alloc::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::ports::{PortKind, PortNumber};

use crate::away::Away;
use crate::frame::{Header, Sender};

/// The maximum number of learned addresses. If there are more, the least recently seen one is forgotten.
pub const LEARNED_MAX: usize = 256;

/// The IPv4 address of a port whose domain gets one by DHCP. A host without an address also sends from it.
pub const UNSPECIFIED: [u8; 4] = [0; 4];

/// The entry of a port in the forwarding table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// The port.
    pub port: PortNumber,
    /// The only address of a domain.
    pub mac: Mac,
    /// The only valid IPv4 source address of a domain. [`UNSPECIFIED`] for a domain that gets its address by DHCP: that
    /// domain is identified by `mac`, and may use any address that no other port here has.
    pub ip: Option<[u8; 4]>,
    /// The kind of device behind it.
    pub kind: PortKind,
    /// Whether frames are forwarded, and if not, the reason.
    pub service: Service,
}

/// The service state of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Frames are forwarded.
    Active,
    /// No frame is forwarded: its domain may run elsewhere soon.
    Leaving,
    /// No frame is forwarded: its domain has stopped for good, or cannot be served.
    Stopped,
}

impl PortEntry {
    /// Whether frames are forwarded.
    pub fn is_active(&self) -> bool {
        self.service == Service::Active
    }

    /// Whether it is the port of the domain with this address.
    fn is_domain(&self, mac: Mac) -> bool {
        self.kind == PortKind::Domain && self.mac == mac
    }
}

/// The forwarding table.
#[derive(Debug, Default)]
pub struct Forwarding {
    entries: Vec<PortEntry>,
    /// Addresses behind uplinks, the most recently seen one at the end.
    learned: Vec<(Mac, PortNumber)>,
    away: Away,
}

/// The ports that a frame is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this port.
    To(PortNumber),
    /// To every other active port of this kind.
    ToAll(PortKind),
    /// To every other active port that has stations behind it.
    Flood,
    /// Dropped: its destination is not behind another port.
    Nowhere,
    /// Dropped: a source address is forged, or cannot be checked.
    Forged,
}

impl Forwarding {
    /// Adds or updates a port's entry. A domain's address learned at an uplink is forgotten: the domain is here, or is
    /// leaving from here.
    pub fn set(&mut self, entry: PortEntry) {
        if entry.kind == PortKind::Domain {
            self.away.remove(entry.mac);
            self.learned.retain(|(mac, _)| *mac != entry.mac);
        }
        match self.find_mut(entry.port) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Removes a port and the addresses behind it.
    pub fn remove(&mut self, port: PortNumber) {
        self.entries.retain(|entry| entry.port != port);
        self.learned.retain(|(_, behind)| *behind != port);
    }

    /// Removes a port whose domain now runs elsewhere, but keeps its address for a while.
    pub fn depart(&mut self, port: PortNumber, now_ns: u64) {
        let entry = self.find(port).copied();
        self.remove(port);
        if let Some(PortEntry { mac, .. }) = entry {
            self.away.insert(mac, now_ns);
        }
    }

    /// Forgets expired addresses of domains that have left.
    pub fn expire(&mut self, now_ns: u64) {
        self.away.expire(now_ns);
    }

    /// The time at which the next of these addresses expires, if any is kept.
    pub fn next_ns(&self) -> Option<u64> {
        self.away.next_ns()
    }

    /// The entry of a port.
    pub fn find(&self, port: PortNumber) -> Option<&PortEntry> {
        self.entries.iter().find(|entry| entry.port == port)
    }

    fn find_mut(&mut self, port: PortNumber) -> Option<&mut PortEntry> {
        self.entries.iter_mut().find(|entry| entry.port == port)
    }

    /// Whether the frame's source addresses are the port's own (anti-spoofing). The IPv4 address may also be zero, as when a
    /// host requests an address or probes for one.
    fn may_send(&self, entry: &PortEntry, header: &Header) -> bool {
        let is_taken = |ip| self.entries.iter().any(|other| other.ip == Some(ip));
        let is_own_ip = match (header.sender, entry.ip) {
            (Sender::Hidden, _) => false,
            (Sender::Ipv6 | Sender::Ipv4(UNSPECIFIED), _) => true,
            (Sender::Ipv4(ip), Some(UNSPECIFIED)) => !is_taken(ip),
            (Sender::Ipv4(ip), own) => own == Some(ip),
        };
        header.source == entry.mac && is_own_ip
    }

    /// Decides where a frame from `from` goes, and learns its source address.
    pub fn decide(&mut self, from: PortNumber, header: &Header) -> Route {
        let Some(entry) = self.find(from).copied() else {
            return Route::Nowhere;
        };
        match entry.kind {
            PortKind::Domain if !self.may_send(&entry, header) => return Route::Forged,
            PortKind::Domain => {}
            PortKind::Uplink => self.learn(header.source, from),
            PortKind::Tunnel => {}
        }
        if header.destination.is_group() {
            to_group(entry.kind)
        } else {
            self.to_unicast(&entry, header.destination)
        }
    }

    /// Decides about a unicast frame.
    fn to_unicast(&self, from: &PortEntry, mac: Mac) -> Route {
        if let Some(port) = self.domain_at(mac) {
            return if port == from.port {
                Route::Nowhere
            } else {
                Route::To(port)
            };
        }
        match from.kind {
            PortKind::Tunnel => Route::Nowhere,
            PortKind::Uplink => self.tunnel_to(mac).map_or(Route::Nowhere, Route::To),
            PortKind::Domain => match self.uplink_of(mac).or_else(|| self.tunnel_to(mac)) {
                Some(port) => Route::To(port),
                None if self.has(mac, Service::Stopped) => Route::Nowhere,
                None => Route::ToAll(PortKind::Uplink),
            },
        }
    }

    /// Whether a frame from `from` with this route is sent to `port`.
    pub fn goes_to(&self, from: PortNumber, route: Route, port: PortNumber) -> bool {
        let entry = self.find(port).filter(|entry| entry.is_active());
        port != from
            && entry.is_some_and(|entry| match route {
                Route::To(wanted) => wanted == port,
                Route::ToAll(kind) => kind == entry.kind,
                Route::Flood => entry.kind != PortKind::Tunnel,
                Route::Nowhere | Route::Forged => false,
            })
    }

    /// The active port of the domain with this address.
    fn domain_at(&self, mac: Mac) -> Option<PortNumber> {
        let mut entries = self.entries.iter();
        let found = entries.find(|entry| entry.is_domain(mac) && entry.is_active())?;
        Some(found.port)
    }

    /// Whether the domain with this address has a port in this service state.
    fn has(&self, mac: Mac, service: Service) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.is_domain(mac) && entry.service == service)
    }

    /// The tunnel, if the domain with this address is leaving or away.
    pub fn tunnel_to(&self, mac: Mac) -> Option<PortNumber> {
        if !self.has(mac, Service::Leaving) && !self.away.contains(mac) {
            return None;
        }
        let mut entries = self.entries.iter();
        let tunnel = entries.find(|entry| entry.kind == PortKind::Tunnel && entry.is_active())?;
        Some(tunnel.port)
    }

    fn uplink_of(&self, mac: Mac) -> Option<PortNumber> {
        let found = self.learned.iter().find(|(known, _)| *known == mac)?;
        Some(found.1)
    }

    fn learn(&mut self, mac: Mac, behind: PortNumber) {
        // The busiest address is usually at the end already.
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

/// Decides about a group frame.
fn to_group(from: PortKind) -> Route {
    match from {
        PortKind::Domain => Route::Flood,
        PortKind::Uplink => Route::ToAll(PortKind::Domain),
        PortKind::Tunnel => Route::Nowhere,
    }
}

#[cfg(test)]
mod tests;
