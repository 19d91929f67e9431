//! Packets with TCP that are not merged, whatever their segments contain.

use std::vec::Vec;

use super::super::super::samples::segment;
use super::segments::{Wire, changed_data, data, is_passed_alone, payloads};
use super::*;

#[test]
fn options_of_ipv4_are_not_merged() {
    is_passed_alone(&segment(1010, &[1; 30], |frame| frame[14] = 0x46));
    // Empty options, which do not change the header's checksum, in the place of the ports.
    let no_ports = |frame: &mut [u8]| frame[34..38].fill(0);
    let mut wire = Wire::new();
    wire.begin(1000, no_ports, no_ports);
    let frames = [1000, 1030].map(|at| {
        segment(at, &[1; 30], |frame| {
            frame[14] = 0x46;
            no_ports(frame);
        })
    });
    assert_eq!(wire.receive(&frames), frames);
}

#[test]
fn headers_that_differ_are_not_merged() {
    // MAC addresses, time to live, and the flag against fragmentation.
    for place in [0, 6, 22] {
        is_passed_alone(&changed_data(1010, |frame| frame[place] ^= 1));
    }
    is_passed_alone(&changed_data(1010, |frame| frame[20] ^= 0x40));
    is_passed_alone(&changed_data(1010, |frame| frame[20] |= 0x80));
}

#[test]
fn fragments_are_not_merged() {
    // The first fragment, the last one, and one between them.
    for fragment in [[0x20, 0], [0, 1], [0x20, 1], [0x1f, 0xff]] {
        let change = |frame: &mut [u8]| frame[20..22].copy_from_slice(&fragment);
        is_passed_alone(&changed_data(1010, change));
        let frames = [1000, 1010].map(|sequence| changed_data(sequence, change));
        assert_eq!(Wire::new().receive(&frames), frames);
    }
}

#[test]
fn other_protocols_are_not_merged() {
    // A VLAN, a length instead of an EtherType, IPv6 without its header; UDP.
    for ethertype in [[0x81, 0x00], [0x00, 0x32], [0x86, 0xdd]] {
        is_passed_alone(&changed_data(1010, |frame| {
            frame[12..14].copy_from_slice(&ethertype);
        }));
    }
    let datagrams = [1000, 1010].map(|at| changed_data(at, |frame| frame[23] = 17));
    assert_eq!(Wire::new().receive(&datagrams), datagrams);
}

/// A segment of the client's stream over IPv6, behind these headers, of which the first is of this kind.
fn ipv6_segment(sequence: u32, kind: u8, headers: &[u8]) -> Vec<u8> {
    let mut frame = data(sequence);
    let length = (headers.len() + frame.len() - 34) as u16;
    let ipv6 = [
        &[0x60, 0, 0, 0][..],
        &length.to_be_bytes(),
        &[kind, 64],
        &[0xfd; 32],
    ]
    .concat();
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    frame.splice(14..34, [&ipv6[..], headers].concat());
    tcp_checksum::fill(&mut frame);
    frame
}

#[test]
fn segments_over_ipv6_are_not_merged() {
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const DESTINATION_OPTIONS: u8 = 60;
    let header = [6, 0, 1, 4, 0, 0, 0, 0];
    for kind in [ROUTING, FRAGMENT, DESTINATION_OPTIONS] {
        let frames = [1000, 1010].map(|sequence| ipv6_segment(sequence, kind, &header));
        assert_eq!(Wire::new().receive(&frames), frames);
    }
    let frames = [1000, 1010].map(|sequence| ipv6_segment(sequence, 6, &[]));
    assert_eq!(Wire::new().receive(&frames), frames);
    // The stack would accept a segment behind hop-by-hop options, whose checksum nobody has verified.
    let unverified = ipv6_segment(1000, 0, &header);
    assert_eq!(Wire::new().receive(&[unverified, data(1000)]), [data(1000)]);
}

#[test]
fn padding_and_lengths_that_lie_stay_out_of_the_stream() {
    let padded = |sequence| [data(sequence), std::vec![0xee; 6]].concat();
    let frames = [padded(1000), padded(1010), data(1020)];
    let received = Wire::new().receive(&frames);
    let expected = [[232; 10], [242; 10], [252; 10]].concat();
    assert_eq!(payloads(&received), [&expected[..]]);
    // A packet longer than its frame, and one shorter than its headers.
    for length in [51, 500, 0xffff, 39, 20, 0] {
        let lie = changed_data(1010, |frame| {
            frame[16..18].copy_from_slice(&u16::to_be_bytes(length));
        });
        let mut received = Wire::new().receive(&[data(1000), lie.clone(), data(1010)]);
        // The stack may get it, but alone.
        received.retain(|frame| *frame != lie);
        assert_eq!(payloads(&received).concat(), expected[..20]);
    }
}
