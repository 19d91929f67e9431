//! Frames for domains that are leaving, away, back or stopped, and frames from the tunnel.

use super::*;
use crate::away::KEPT_NS;

/// As [`forwarding`], with a tunnel, and B leaving.
fn forwarding_with_tunnel() -> Forwarding {
    let mut forwarding = forwarding();
    forwarding.set(entry(TUNNEL, PortKind::Tunnel));
    set_leaving(&mut forwarding);
    forwarding
}

/// Marks B's port as leaving.
fn set_leaving(forwarding: &mut Forwarding) {
    forwarding.set(PortEntry {
        service: Service::Leaving,
        ..entry(B, PortKind::Domain)
    });
}

#[test]
fn frames_for_a_leaving_domain_go_through_the_tunnel() {
    let mut forwarding = forwarding_with_tunnel();
    assert_eq!(targets(&mut forwarding, WIRE, mac(9), mac(2)), [TUNNEL]);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [TUNNEL]);
    assert_eq!(targets(&mut forwarding, WIRE, mac(9), mac(1)), [A]);
    forwarding.set(entry(B, PortKind::Domain));
    assert_eq!(
        targets(&mut forwarding, WIRE, mac(9), mac(2)),
        [B],
        "B is active again"
    );
}

#[test]
fn frames_for_a_stopped_domain_are_dropped() {
    let mut forwarding = forwarding_with_tunnel();
    let stopped = PortEntry {
        service: Service::Stopped,
        ..entry(B, PortKind::Domain)
    };
    forwarding.set(stopped);
    for (from, source) in [(A, mac(1)), (WIRE, mac(9)), (TUNNEL, mac(9))] {
        let targets = targets(&mut forwarding, from, source, mac(2));
        assert!(targets.is_empty(), "from {from:?} to {targets:?}");
    }
    // It receives no broadcast either.
    let reached = targets(&mut forwarding, A, mac(1), Mac::BROADCAST);
    assert_eq!(reached, [WIRE, WIRE2]);
    // A newer copy of it runs on another machine.
    targets(&mut forwarding, WIRE, mac(2), Mac::BROADCAST);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE]);
    assert!(targets(&mut forwarding, WIRE2, mac(9), mac(2)).is_empty());
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
fn a_domain_that_is_back_is_no_longer_away() {
    let mut forwarding = forwarding_with_tunnel();
    forwarding.depart(B, 0);
    let back = PortEntry {
        port: PortNumber(6),
        ..entry(B, PortKind::Domain)
    };
    forwarding.set(back);
    forwarding.remove(back.port);
    assert!(targets(&mut forwarding, WIRE, mac(9), mac(2)).is_empty());
}

#[test]
fn a_leaving_domain_that_was_seen_at_an_uplink_is_reached_there_by_domains() {
    let mut forwarding = forwarding();
    forwarding.set(entry(TUNNEL, PortKind::Tunnel));
    // B's address was learned at an uplink earlier: updating B's port forgets that.
    targets(&mut forwarding, WIRE2, mac(2), mac(1));
    set_leaving(&mut forwarding);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [TUNNEL]);
    targets(&mut forwarding, WIRE, mac(2), Mac::BROADCAST);
    assert_eq!(targets(&mut forwarding, A, mac(1), mac(2)), [WIRE]);
    assert_eq!(targets(&mut forwarding, WIRE2, mac(9), mac(2)), [TUNNEL]);
}

#[test]
fn frames_from_the_tunnel_reach_only_domains_here() {
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
fn group_frames_do_not_enter_the_tunnel_and_no_frame_can_address_it() {
    let mut forwarding = forwarding_with_tunnel();
    for (from, source) in [(A, mac(1)), (WIRE, mac(9))] {
        for destination in [Mac::BROADCAST, mac(5)] {
            let targets = targets(&mut forwarding, from, source, destination);
            assert!(!targets.contains(&TUNNEL), "{destination}");
        }
    }
}
