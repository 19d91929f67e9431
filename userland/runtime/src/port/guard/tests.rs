//! Frames of honest, faulty and hostile neighbours, whole and cut.

use std::vec::Vec;

use super::*;
use router::admits;

use advertisement::Advertisement;

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TCP: u8 = 6;
const ICMP: u8 = 1;

fn at(seconds: u64) -> Instant {
    Instant::from_secs(seconds)
}

fn is_admitted(frame: &[u8]) -> bool {
    Guard::new().admits(frame, || at(0))
}

/// An IPv4 frame with this length of the header in units of four bytes.
fn ipv4(source: [u8; 4], protocol: u8, units: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = std::vec![0; 14 + usize::from(units) * 4];
    frame[12..14].copy_from_slice(&IPV4);
    frame[14] = 0x40 | units;
    frame[23] = protocol;
    frame[26..30].copy_from_slice(&source);
    frame.extend(payload);
    frame
}

/// A DHCP server's datagram with these options.
fn dhcp_reply(options: &[u8]) -> Vec<u8> {
    let mut datagram = std::vec![0; 8 + 240];
    datagram[..4].copy_from_slice(&[0, 67, 0, 68]);
    datagram.extend(options);
    datagram
}

fn is_lease_admitted(options: &[u8]) -> bool {
    is_admitted(&ipv4([10, 77, 0, 1], UDP, 5, &dhcp_reply(options)))
}

/// The advertisement of the router with this number, with these options.
fn advertised(router: u8, lifetime_seconds: u16, options: &[u8]) -> Vec<u8> {
    let mut frame = std::vec![0; 14 + 40 + 16];
    frame[12..14].copy_from_slice(&IPV6);
    frame[14] = 0x60;
    frame[18..20].copy_from_slice(&(16 + options.len() as u16).to_be_bytes());
    (frame[20], frame[21]) = (58, 255);
    (frame[22], frame[23], frame[37]) = (0xfe, 0x80, router);
    frame[54] = 134;
    frame[60..62].copy_from_slice(&lifetime_seconds.to_be_bytes());
    frame.extend(options);
    frame
}

fn prefix(bits: u8, first: u8) -> [u8; 32] {
    let mut option = [0; 32];
    (option[0], option[1], option[2], option[3]) = (3, 4, bits, 0xc0);
    (option[16], option[17]) = (first, 1);
    option
}

#[test]
fn only_igmp_may_come_from_no_address() {
    for protocol in 0..=255 {
        let nobody = ipv4([0; 4], protocol, 6, &[0; 20]);
        assert_eq!(is_admitted(&nobody), protocol == IGMP, "{protocol}");
        assert!(is_admitted(&ipv4([10, 0, 0, 1], protocol, 5, &[0; 20])));
        assert!(is_admitted(&ipv4([0, 0, 0, 1], protocol, 5, &[0; 20])));
    }
}

#[test]
fn a_lease_may_name_only_hosts_as_routers() {
    let router = |address: [u8; 4]| [&[53, 1, 5, 3, 4][..], &address, &[255]].concat();
    assert!(is_lease_admitted(&router([10, 77, 0, 1])));
    assert!(is_lease_admitted(&router([169, 254, 0, 1])));
    for address in [[0; 4], [255; 4], [224, 0, 0, 1], [239, 255, 255, 255]] {
        assert!(!is_lease_admitted(&router(address)), "{address:?}");
    }
}

#[test]
fn every_router_of_a_lease_is_checked() {
    let (good, bad) = ([3, 4, 10, 77, 0, 1], [3, 4, 0, 0, 0, 0]);
    assert!(is_lease_admitted(&[good, good].concat()));
    assert!(!is_lease_admitted(&[good, bad].concat()));
    assert!(!is_lease_admitted(&[bad, good].concat()));
    assert!(
        !is_lease_admitted(&[&[0, 0, 0][..], &bad].concat()),
        "padding"
    );
    assert!(
        !is_lease_admitted(&[3, 8, 10, 77, 0, 1, 0, 0, 0, 0]),
        "two in one"
    );
    // What follows the end or an option that is cut, the stack does not read.
    assert!(is_lease_admitted(&[&[255][..], &bad].concat()));
    assert!(is_lease_admitted(&[&[12, 200][..], &bad].concat()));
}

#[test]
fn a_lease_is_found_behind_options_of_ipv4_and_nowhere_else() {
    let reply = dhcp_reply(&[3, 4, 0, 0, 0, 0]);
    let source = [10, 77, 0, 1];
    for units in 5..16 {
        assert!(!is_admitted(&ipv4(source, UDP, units, &reply)), "{units}");
    }
    assert!(is_admitted(&ipv4(source, TCP, 5, &reply)));
    assert!(is_admitted(&ipv4(source, ICMP, 5, &reply)));
    let mut other_port = reply;
    other_port[3] = 69;
    assert!(is_admitted(&ipv4(source, UDP, 5, &other_port)));
}

#[test]
fn a_prefix_is_one_of_hosts() {
    let admits = |bits, first| is_admitted(&advertised(1, 1800, &prefix(bits, first)));
    assert!(admits(64, 0x20) && admits(0, 0) && admits(128, 0xfd) && admits(64, 0xfe));
    assert!(!admits(129, 0x20) && !admits(255, 0x20) && !admits(64, 0xff));
}

#[test]
fn every_option_of_an_advertisement_is_checked() {
    let admits = |options: &[u8]| is_admitted(&advertised(1, 1800, options));
    let (good, bad, mtu) = (
        prefix(64, 0x20),
        prefix(129, 0x20),
        [5, 1, 0, 0, 0, 0, 5, 220],
    );
    assert!(admits(&[]) && admits(&mtu) && admits(&[&mtu[..], &good].concat()));
    assert!(!admits(&[&mtu[..], &bad].concat()));
    assert!(!admits(&[good, bad].concat()));
    assert!(!admits(&[bad, good].concat()));
    assert!(!admits(&[5, 0, 0, 0, 0, 0, 0, 0]), "no length");
    assert!(!admits(&[&mtu[..], &[5]].concat()), "half an option");
    assert!(!admits(&[5, 2, 0, 0, 0, 0, 0, 0]), "cut");
}

#[test]
fn an_advertisement_is_found_behind_hop_by_hop_options() {
    let plain = advertised(1, 1800, &prefix(129, 0x20));
    for units in 0..4_u8 {
        let skipped = (usize::from(units) + 1) * 8;
        let mut frame = plain[..54].to_vec();
        frame[20] = 0;
        frame[18..20].copy_from_slice(&(48 + skipped as u16).to_be_bytes());
        frame.extend([58, units]);
        frame.resize(54 + skipped, 0);
        frame.extend(&plain[54..]);
        assert!(!is_admitted(&frame), "{units}");
        frame[54 + skipped] = 130;
        assert!(is_admitted(&frame), "a query for multicast listeners");
    }
}

#[test]
fn only_a_neighbour_advertises() {
    let honest = advertised(1, 1800, &[]);
    assert!(is_admitted(&honest));
    for (byte, value) in [(21, 254), (22, 0x20), (23, 0xc0), (24, 1), (22, 0xff)] {
        let mut frame = honest.clone();
        frame[byte] = value;
        assert!(!is_admitted(&frame), "byte {byte}");
    }
}

#[test]
fn the_stack_gets_one_router_until_its_lifetime_is_over() {
    let mut guard = Guard::new();
    let mut admits = |router, lifetime, seconds| {
        guard.admits(&advertised(router, lifetime, &[]), || at(seconds))
    };
    assert!(admits(1, 100, 0));
    assert!(!admits(2, 100, 0));
    assert!(admits(2, 0, 0), "it is no router, and adds no route");
    assert!(admits(1, 100, 50));
    assert!(!admits(2, 100, 149));
    assert!(admits(2, 100, 150));
    assert!(!admits(1, 100, 150));
}

/// The stack may have dropped the advertisement with the shorter lifetime.
#[test]
fn a_router_keeps_its_place_though_it_shortens_its_lifetime() {
    let mut known = None;
    let mut admits = |router: u8, lifetime_seconds, seconds| {
        let router = [router; 16];
        let new = Advertisement {
            router,
            lifetime_seconds,
        };
        admits(&mut known, &new, at(seconds))
    };
    assert!(admits(1, 100, 0));
    assert!(admits(1, 1, 0) && admits(1, 0, 0));
    assert!(!admits(2, 100, 99));
    assert!(admits(2, 100, 100));
}

#[test]
fn other_frames_pass_and_no_frame_that_is_cut_or_changed_panics() {
    let frames = [
        ipv4(
            [10, 77, 0, 1],
            UDP,
            6,
            &dhcp_reply(&[3, 4, 10, 77, 0, 1, 255]),
        ),
        ipv4([0; 4], UDP, 5, &[7; 20]),
        advertised(1, 1800, &prefix(64, 0x20)),
    ];
    for frame in &frames {
        for length in 0..frame.len() {
            is_admitted(&frame[..length]);
        }
        for byte in 0..frame.len() {
            for value in [0, 1, 0x45, 0x7f, 0x80, 0xff] {
                let mut changed = frame.clone();
                changed[byte] = value;
                is_admitted(&changed);
                is_admitted(&changed[..frame.len() - 1]);
            }
        }
    }
    // ARP, a tagged frame, and frames that are too short for what they claim to be.
    for ethertype in [[0x08, 0x06], [0x81, 0x00], IPV4, IPV6] {
        let mut frame = [0xff; 60];
        frame[12..14].copy_from_slice(&ethertype);
        assert!(is_admitted(&frame));
        assert!(is_admitted(&frame[..14]) && is_admitted(&frame[..13]) && is_admitted(&[]));
    }
}
