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
//! from the tunnel, to a domain here      that port
//! from the tunnel, to anybody else       nowhere
//! ```
//!
//! A domain that is being moved has an inactive port here, and is away for a while when that is given up. Without a
//! tunnel it is anybody else. What comes from the tunnel was on the wire once: it never gets there again, and says
//! nothing about where its sender is.

use alloc::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::ports::{PortNumber, Side};

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
    away: Away,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To this port.
    To(PortNumber),
    /// To every active port of this side, but not back.
    ToAll(Side),
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
        if station.side == Side::Domain {
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
        match station.side {
            Side::Domain if header.source != station.mac => return Verdict::Forged,
            Side::Domain => {}
            Side::Uplink => self.learn(header.source, from),
            Side::Tunnel => {}
        }
        match header.destination.is_group() {
            true => to_group(station.side),
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
        match from.side {
            Side::Tunnel => Verdict::Nowhere,
            Side::Uplink => self.tunnel_to(mac).map_or(Verdict::Nowhere, Verdict::To),
            Side::Domain => match self.uplink_of(mac).or_else(|| self.tunnel_to(mac)) {
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
                Verdict::ToEverybody => station.side != Side::Tunnel,
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

    /// The tunnel, if the domain with this address is leaving or away.
    fn tunnel_to(&self, mac: Mac) -> Option<PortNumber> {
        let mut stations = self.stations.iter();
        let is_leaving = stations
            .any(|station| station.side == Side::Domain && !station.active && station.mac == mac);
        if !is_leaving && !self.away.contains(mac) {
            return None;
        }
        let mut stations = self.stations.iter();
        let tunnel = stations.find(|station| station.side == Side::Tunnel && station.active)?;
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
fn to_group(from: Side) -> Verdict {
    match from {
        Side::Domain => Verdict::ToEverybody,
        Side::Uplink => Verdict::ToAll(Side::Domain),
        Side::Tunnel => Verdict::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::away::KEPT_NS;

    const A: PortNumber = PortNumber(1);
    const B: PortNumber = PortNumber(2);
    const WIRE: PortNumber = PortNumber(3);
    const WIRE2: PortNumber = PortNumber(4);
    const TUNNEL: PortNumber = PortNumber(5);

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
        let ports = [A, B, WIRE, WIRE2, TUNNEL].into_iter();
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

    /// The same with a tunnel, and B no longer served.
    fn forwarding_with_tunnel() -> Forwarding {
        let mut forwarding = forwarding();
        forwarding.set(station(TUNNEL, Side::Tunnel));
        quiesce(&mut forwarding);
        forwarding
    }

    fn quiesce(forwarding: &mut Forwarding) {
        forwarding.set(Station {
            active: false,
            ..station(B, Side::Domain)
        });
    }

    #[test]
    fn frames_for_a_domain_that_leaves_go_through_the_tunnel() {
        let mut forwarding = forwarding_with_tunnel();
        assert_eq!(targets(&mut forwarding, WIRE, mac(9), mac(2)), [TUNNEL]);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [TUNNEL]);
        assert_eq!(targets(&mut forwarding, WIRE, mac(9), mac(1)), [A]);
        forwarding.set(station(B, Side::Domain));
        assert_eq!(
            targets(&mut forwarding, WIRE, mac(9), mac(2)),
            [B],
            "it stays"
        );
    }

    #[test]
    fn a_domain_that_has_left_is_reached_through_the_tunnel_for_a_while() {
        let mut forwarding = forwarding_with_tunnel();
        forwarding.depart(B, 100);
        forwarding.expire(100 + KEPT_NS - 1);
        assert_eq!(targets(&mut forwarding, WIRE, mac(9), mac(2)), [TUNNEL]);
        forwarding.expire(100 + KEPT_NS);
        assert!(targets(&mut forwarding, WIRE, mac(9), mac(2)).is_empty());
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE, WIRE2]);
    }

    #[test]
    fn a_domain_that_is_back_is_away_no_more() {
        let mut forwarding = forwarding_with_tunnel();
        forwarding.depart(B, 0);
        let back = Station {
            port: PortNumber(6),
            ..station(B, Side::Domain)
        };
        forwarding.set(back);
        forwarding.remove(back.port);
        assert!(targets(&mut forwarding, WIRE, mac(9), mac(2)).is_empty());
    }

    #[test]
    fn domains_talk_directly_to_one_that_was_heard_elsewhere() {
        let mut forwarding = forwarding();
        forwarding.set(station(TUNNEL, Side::Tunnel));
        // Heard before it was here: that says nothing of where it goes.
        targets(&mut forwarding, WIRE2, mac(2), mac(1));
        quiesce(&mut forwarding);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [TUNNEL]);
        targets(&mut forwarding, WIRE, mac(2), Mac::BROADCAST);
        assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE]);
        assert_eq!(targets(&mut forwarding, WIRE2, mac(9), mac(2)), [TUNNEL]);
    }

    #[test]
    fn what_comes_from_the_tunnel_reaches_domains_here_and_nobody_else() {
        let mut forwarding = forwarding_with_tunnel();
        targets(&mut forwarding, WIRE, mac(9), mac(1));
        assert_eq!(targets(&mut forwarding, TUNNEL, mac(9), mac(1)), [A]);
        for destination in [mac(2), mac(8), mac(9), mac(5), Mac::BROADCAST] {
            let targets = targets(&mut forwarding, TUNNEL, mac(7), destination);
            assert!(targets.is_empty(), "{destination}");
        }
        assert_eq!(
            targets(&mut forwarding, A, mac(1), mac(7)),
            [WIRE, WIRE2],
            "nothing was learned"
        );
    }

    #[test]
    fn no_group_is_behind_the_tunnel_and_nobody_can_address_it() {
        let mut forwarding = forwarding_with_tunnel();
        for (from, source) in [(A, mac(1)), (WIRE, mac(9))] {
            for destination in [Mac::BROADCAST, mac(5)] {
                let targets = targets(&mut forwarding, from, source, destination);
                assert!(!targets.contains(&TUNNEL), "{destination}");
            }
        }
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
