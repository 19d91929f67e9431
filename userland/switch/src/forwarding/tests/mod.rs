//! Forwarding decisions and address learning.

mod tunnel;

use super::*;
use crate::announcement;
use crate::frame::Sender;

const A: PortNumber = PortNumber(1);
const B: PortNumber = PortNumber(2);
const WIRE: PortNumber = PortNumber(3);
const WIRE2: PortNumber = PortNumber(4);
const TUNNEL: PortNumber = PortNumber(5);

fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn entry(port: PortNumber, kind: PortKind) -> PortEntry {
    PortEntry {
        port,
        mac: mac(port.0 as u8),
        ip: Some([10, 77, 0, port.0 as u8]),
        kind,
        service: Service::Active,
    }
}

/// Two domains and two uplinks.
fn forwarding() -> Forwarding {
    let mut forwarding = Forwarding::default();
    for (port, kind) in [
        (A, PortKind::Domain),
        (B, PortKind::Domain),
        (WIRE, PortKind::Uplink),
        (WIRE2, PortKind::Uplink),
    ] {
        forwarding.set(entry(port, kind));
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
        sender: Sender::Ipv6,
    };
    let route = forwarding.decide(from, &header);
    let ports = [A, B, WIRE, WIRE2, TUNNEL].into_iter();
    ports
        .filter(|port| forwarding.goes_to(from, route, *port))
        .collect()
}

#[test]
fn domains_reach_each_other_directly() {
    let mut forwarding = forwarding();
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [B]);
    assert!(targets(&mut forwarding, A, mac(1), mac(1)).is_empty());
}

#[test]
fn an_unknown_station_is_sought_behind_every_uplink_until_it_is_learned() {
    let mut forwarding = forwarding();
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE, WIRE2]);
    assert_eq!(targets(&mut forwarding, WIRE2, mac(9), mac(1)), [A]);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE2]);
    targets(&mut forwarding, WIRE, mac(9), mac(1));
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(9)), [WIRE]);
}

#[test]
fn frames_for_no_station_here_are_dropped() {
    let mut forwarding = forwarding();
    assert!(targets(&mut forwarding, WIRE, mac(9), mac(8)).is_empty());
    assert!(targets(&mut forwarding, PortNumber(77), mac(1), mac(2)).is_empty());
}

#[test]
fn group_frames_go_to_all_but_not_between_uplinks() {
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
fn a_domain_cannot_impersonate_another() {
    let mut forwarding = forwarding();
    let header = Header {
        destination: mac(9),
        source: mac(2),
        sender: Sender::Ipv6,
    };
    assert_eq!(forwarding.decide(A, &header), Route::Forged);
    assert!(!forwarding.goes_to(A, Route::Forged, B));
}

#[test]
fn a_domain_that_moved_away_is_found_where_it_was_last_seen() {
    let mut forwarding = forwarding();
    forwarding.set(PortEntry {
        service: Service::Leaving,
        ..entry(B, PortKind::Domain)
    });
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE, WIRE2]);
    assert!(targets(&mut forwarding, WIRE, mac(9), mac(2)).is_empty());
    assert_eq!(targets(&mut forwarding, WIRE, mac(2), Mac::BROADCAST), [A]);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE]);
    forwarding.set(entry(B, PortKind::Domain));
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [B]);
}

#[test]
fn removing_an_uplink_forgets_its_stations() {
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

#[test]
fn a_domain_may_use_only_its_own_ip_address() {
    let mut forwarding = forwarding();
    let mut route = |from: PortNumber, sender: Sender| {
        let header = Header {
            destination: Mac::BROADCAST,
            source: mac(from.0 as u8),
            sender,
        };
        forwarding.decide(from, &header)
    };
    let [own, other] = [[10, 77, 0, 1], [10, 77, 0, 2]].map(Sender::Ipv4);
    assert_eq!(route(A, own), Route::Flood);
    assert_eq!(route(A, Sender::Ipv6), Route::Flood);
    assert_eq!(route(A, Sender::Ipv4([0; 4])), Route::Flood);
    assert_eq!(route(A, other), Route::Forged);
    // Many stations are behind a NIC, and a frame from the tunnel was checked by the machine that forwarded it.
    assert_eq!(route(WIRE, other), Route::ToAll(PortKind::Domain));
    // A domain without an address may use none.
    forwarding.set(PortEntry {
        ip: None,
        ..entry(A, PortKind::Domain)
    });
    let header = Header {
        destination: mac(2),
        source: mac(1),
        sender: own,
    };
    assert_eq!(forwarding.decide(A, &header), Route::Forged);
}

#[test]
fn a_domain_with_dhcp_may_use_any_ip_address_that_no_other_port_has() {
    let mut forwarding = forwarding();
    forwarding.set(PortEntry {
        ip: Some(UNSPECIFIED),
        ..entry(A, PortKind::Domain)
    });
    let mut route = |source, sender| {
        let header = Header {
            destination: Mac::BROADCAST,
            source,
            sender,
        };
        forwarding.decide(A, &header)
    };
    let free = [UNSPECIFIED, [10, 77, 0, 99]].map(Sender::Ipv4);
    for sender in free.into_iter().chain([Sender::Ipv6]) {
        assert_eq!(route(mac(1), sender), Route::Flood, "{sender:?}");
        assert_eq!(route(mac(2), sender), Route::Forged, "{sender:?}");
    }
    for sender in [Sender::Ipv4([10, 77, 0, 2]), Sender::Hidden] {
        assert_eq!(route(mac(1), sender), Route::Forged, "{sender:?}");
    }
}

/// Receivers may look for an IPv4 packet or an ARP message behind a tag or the header of another protocol. Linux takes a tag of VLAN 0 for none.
#[test]
fn a_domain_cannot_hide_the_sender_of_a_frame() {
    let arp = announcement::frame(mac(1), [10, 77, 0, 1]);
    let behind = |header: &[u8], message: &[u8]| [&arp[..12], header, message].concat();
    let tagged = |tag: u16| behind(&[tag.to_be_bytes(), [0, 0]].concat(), &arp[12..]);
    let mut forwarding = forwarding();
    let mut route = |from: PortNumber, frame: &[u8]| {
        let header = Header::parse(frame).expect("a whole header");
        forwarding.decide(from, &header)
    };
    assert_eq!(route(A, &arp), Route::Flood);
    let mut hidden = [0x8100, 0x88a8, 0x9100, 0x8847].map(tagged).to_vec();
    let snap = [0, 36, 0xaa, 0xaa, 3, 0, 0, 0];
    hidden.push(behind(&snap, &arp[12..]));
    hidden.extend((14..32).map(|length| arp[..length].to_vec()));
    for frame in hidden {
        assert_eq!(route(A, &frame), Route::Forged, "{frame:02x?}");
        let route = route(WIRE, &frame);
        assert_eq!(route, Route::ToAll(PortKind::Domain), "{frame:02x?}");
    }
}
