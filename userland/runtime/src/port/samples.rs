//! TCP segments for tests, from a client to a domain.

use std::vec::Vec;

use smoltcp::wire::Ipv4Packet;

use super::merge::HEADERS;
use super::tcp_checksum;

/// The addresses of the client and of the domain.
const ADDRESSES: [[u8; 4]; 2] = [[10, 77, 0, 100], [10, 77, 0, 21]];
/// The ports of the client and of the domain.
const PORTS: [[u8; 2]; 2] = [[0xc0, 1], [0x18, 0xeb]];

/// A segment from the client with this sequence number, after a change of its bytes. The checksums are those after the change.
pub(super) fn segment(sequence: u32, payload: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut frame = std::vec![0; HEADERS + payload.len()];
    frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
    let packet = (frame.len() - 14) as u16;
    frame[16..18].copy_from_slice(&packet.to_be_bytes());
    frame[20..24].copy_from_slice(&[0x40, 0, 64, 6]);
    frame[26..34].copy_from_slice(ADDRESSES.as_flattened());
    frame[34..38].copy_from_slice(PORTS.as_flattened());
    frame[38..42].copy_from_slice(&sequence.to_be_bytes());
    frame[46..50].copy_from_slice(&[0x50, 0x10, 0x20, 0x00]);
    frame[HEADERS..].copy_from_slice(payload);
    change(&mut frame);
    Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
    tcp_checksum::fill(&mut frame);
    frame
}

/// The acknowledgement with which the domain states that it expects this byte, after a change.
pub(super) fn acknowledgement(expected: u32, change: impl Fn(&mut [u8])) -> Vec<u8> {
    segment(7000, &[], |frame| {
        let [client, domain] = ADDRESSES;
        frame[26..34].copy_from_slice([domain, client].as_flattened());
        let [client, domain] = PORTS;
        frame[34..38].copy_from_slice([domain, client].as_flattened());
        frame[42..46].copy_from_slice(&expected.to_be_bytes());
        change(frame);
    })
}
