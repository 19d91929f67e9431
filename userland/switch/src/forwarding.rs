//! Which ports a frame goes to, and what is learned from it.
//!
//! ```text
//! from a domain, to a domain here        that port
//! from a domain, to somebody else        the uplink that it was heard from last, or every uplink
//! from an uplink, to a domain here       that port
//! from an uplink, to somebody else       nowhere
//! to a group                             every other port; from an uplink not to other uplinks
//! ```
//!
//! A domain that is being moved has an inactive port here: then its address may be heard from an uplink.

use alloc::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::ports::{PortNumber, Side};

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
    /// What is behind it.
    pub side: Side,
    /// Whether frames flow.
    pub active: bool,
}

/// What is known of who is where.
#[derive(Debug, Default)]
pub struct Forwarding {
    stations: Vec<Station>,
    /// Addresses behind uplinks, the one heard of last at the end.
    learned: Vec<(Mac, PortNumber)>,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To this port.
    To(PortNumber),
    /// To every active port of this side, but not back.
    ToAll(Side),
    /// To every active port, but not back.
    ToEverybody,
    /// Nowhere: it is for nobody behind another port.
    Nowhere,
    /// Nowhere: the sender is not who it says.
    Forged,
}

impl Forwarding {
    /// Adds a port, or changes what is known of it.
    pub fn set(&mut self, station: Station) {
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
        match station.side {
            Side::Domain if header.source != station.mac => return Verdict::Forged,
            Side::Domain => {}
            Side::Uplink => self.learn(header.source, from),
        }
        if header.destination.is_group() {
            return match station.side {
                Side::Domain => Verdict::ToEverybody,
                Side::Uplink => Verdict::ToAll(Side::Domain),
            };
        }
        match (self.domain_at(header.destination), station.side) {
            (Some(port), _) if port == from => Verdict::Nowhere,
            (Some(port), _) => Verdict::To(port),
            (None, Side::Uplink) => Verdict::Nowhere,
            (None, Side::Domain) => match self.uplink_of(header.destination) {
                Some(port) => Verdict::To(port),
                None => Verdict::ToAll(Side::Uplink),
            },
        }
    }

    /// Whether a frame from `from` with this verdict goes to `port`.
    pub fn goes_to(&self, from: PortNumber, verdict: Verdict, port: PortNumber) -> bool {
        let station = self.find(port).filter(|station| station.active);
        port != from
            && station.is_some_and(|station| match verdict {
                Verdict::To(wanted) => wanted == port,
                Verdict::ToAll(side) => side == station.side,
                Verdict::ToEverybody => true,
                Verdict::Nowhere | Verdict::Forged => false,
            })
    }

    /// The active port of the domain with this address.
    fn domain_at(&self, mac: Mac) -> Option<PortNumber> {
        let mut domains = self
            .stations
            .iter()
            .filter(|station| station.side == Side::Domain);
        let found = domains.find(|station| station.active && station.mac == mac)?;
        Some(found.port)
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

#[cfg(test)]
mod tests {
    use super::*;

    const A: PortNumber = PortNumber(1);
    const B: PortNumber = PortNumber(2);
    const WIRE: PortNumber = PortNumber(3);
    const WIRE2: PortNumber = PortNumber(4);

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, last])
    }

    fn station(port: PortNumber, side: Side) -> Station {
        Station {
            port,
            mac: mac(port.0 as u8),
            side,
            active: true,
        }
    }

    /// Two domains and two uplinks.
    fn forwarding() -> Forwarding {
        let mut forwarding = Forwarding::default();
        for (port, side) in [
            (A, Side::Domain),
            (B, Side::Domain),
            (WIRE, Side::Uplink),
            (WIRE2, Side::Uplink),
        ] {
            forwarding.set(station(port, side));
        }
        forwarding
    }

    fn targets(
        forwarding: &mut Forwarding,
        from: PortNumber,
        source: Mac,
        destination: Mac,
    ) -> Vec<PortNumber> {
        let header = Header {
            destination,
            source,
        };
        let verdict = forwarding.decide(from, &header);
        let ports = [A, B, WIRE, WIRE2].into_iter();
        ports
            .filter(|port| forwarding.goes_to(from, verdict, *port))
            .collect()
    }

    #[test]
    fn domains_reach_each_other_directly() {
        let mut forwarding = forwarding();
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [B]);
        assert!(targets(&mut forwarding, A, mac(1), mac(1)).is_empty());
    }

    #[test]
    fn a_stranger_is_sought_behind_every_uplink_until_it_was_heard() {
        let mut forwarding = forwarding();
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE, WIRE2]);
        assert_eq!(targets(&mut forwarding, WIRE2, mac(9), mac(1)), [A]);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE2]);
        targets(&mut forwarding, WIRE, mac(9), mac(1));
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE]);
    }

    #[test]
    fn what_is_for_nobody_here_goes_nowhere() {
        let mut forwarding = forwarding();
        assert!(targets(&mut forwarding, WIRE, mac(9), mac(8)).is_empty());
        assert!(targets(&mut forwarding, PortNumber(77), mac(1), mac(2)).is_empty());
    }

    #[test]
    fn a_group_is_everybody_but_no_frame_passes_between_uplinks() {
        let mut forwarding = forwarding();
        assert_eq!(
            targets(&mut forwarding, A, mac(1), Mac::BROADCAST),
            [B, WIRE, WIRE2]
        );
        assert_eq!(
            targets(&mut forwarding, WIRE, mac(9), Mac::BROADCAST),
            [A, B]
        );
    }

    #[test]
    fn a_domain_cannot_pass_for_another() {
        let mut forwarding = forwarding();
        let header = Header {
            destination: mac(9),
            source: mac(2),
        };
        assert_eq!(forwarding.decide(A, &header), Verdict::Forged);
        assert!(!forwarding.goes_to(A, Verdict::Forged, B));
    }

    #[test]
    fn a_domain_that_moved_away_is_found_where_it_was_heard_from() {
        let mut forwarding = forwarding();
        forwarding.set(Station {
            active: false,
            ..station(B, Side::Domain)
        });
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE, WIRE2]);
        assert!(targets(&mut forwarding, WIRE, mac(9), mac(2)).is_empty());
        assert_eq!(targets(&mut forwarding, WIRE, mac(2), Mac::BROADCAST), [A]);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE]);
        forwarding.set(station(B, Side::Domain));
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [B]);
    }

    #[test]
    fn a_removed_uplink_takes_its_stations_along() {
        let mut forwarding = forwarding();
        targets(&mut forwarding, WIRE2, mac(9), mac(1));
        forwarding.remove(WIRE2);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE]);
    }

    #[test]
    fn remembers_a_limited_number_of_addresses() {
        let mut forwarding = forwarding();
        let stranger = |index: usize| Mac([4, 0, 0, 0, (index >> 8) as u8, index as u8]);
        for index in 0..=LEARNED_MAX {
            targets(&mut forwarding, WIRE, stranger(index), mac(1));
        }
        assert_eq!(forwarding.learned.len(), LEARNED_MAX);
        assert_eq!(
            targets(&mut forwarding, A, mac(1), stranger(0)),
            [WIRE, WIRE2]
        );
        assert_eq!(
            targets(&mut forwarding, A, mac(1), stranger(LEARNED_MAX)),
            [WIRE]
        );
    }
}
