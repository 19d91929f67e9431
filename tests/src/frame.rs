//! Ethernet frames with IPv4 packets, as a test injects and expects them: [`ipv4`], [`udp`].

use crate::{MacAddress, Node};

/// The protocol number of ICMP.
pub const ICMP: u8 = 1;
/// The protocol number of UDP.
const UDP: u8 = 17;

/// The bytes of the headers before a datagram's content.
const HEADERS_BYTES: usize = 14 + 20 + 8;

/// An Ethernet and an IPv4 address.
pub type Addresses = (MacAddress, [u8; 4]);

/// The addresses of a machine's migration server.
pub fn migration_server(node: Node) -> Addresses {
    let last = node as u8 + 1;
    let mac = MacAddress([0x52, 0x54, 0x00, 0x4d, 0x00, last]);
    (mac, [10, 77, 0, last])
}

/// A packet of this protocol in a frame.
pub fn ipv4(protocol: u8, from: Addresses, to: Addresses, payload: &[u8]) -> Vec<u8> {
    let mut ip = [0; 20];
    let length = ip.len() + payload.len();
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    // Time to live, and the protocol.
    ip[8..10].copy_from_slice(&[64, protocol]);
    ip[12..16].copy_from_slice(&from.1);
    ip[16..20].copy_from_slice(&to.1);
    let sum = checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&sum);
    [&to.0.0[..], &from.0.0, &[0x08, 0x00], &ip, payload].concat()
}

/// A datagram from a port to another one, without a checksum.
pub fn udp(from: (Addresses, u16), to: (Addresses, u16), content: &[u8]) -> Vec<u8> {
    let length = 8 + content.len() as u16;
    let header = [from.1, to.1, length, 0].map(u16::to_be_bytes).concat();
    ipv4(UDP, from.0, to.0, &[&header[..], content].concat())
}

/// Whether a frame has a datagram from any port of one address to a port of another one.
pub fn is_udp(frame: &[u8], from: Addresses, to: (Addresses, u16)) -> bool {
    frame.len() >= HEADERS_BYTES
        && frame[..6] == to.0.0.0
        && frame[12..15] == [0x08, 0x00, 0x45]
        && frame[23] == UDP
        && frame[26..30] == from.1
        && frame[30..34] == to.0.1
        && frame[36..38] == to.1.to_be_bytes()
}

/// The addresses of the sender of an ARP message or an IPv4 packet, as the frame states them.
pub fn sender(frame: &[u8]) -> Option<Addresses> {
    let address = match frame.get(12..14)? {
        [0x08, 0x06] => frame.get(28..32)?,
        [0x08, 0x00] => frame.get(26..30)?,
        _ => return None,
    };
    let mac = frame.get(6..12)?.try_into().ok()?;
    Some((MacAddress(mac), address.try_into().ok()?))
}

/// The checksum of bytes whose checksum field is zero (RFC 791).
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks().0.iter();
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    !fold(fold(sum)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_has_its_headers_and_their_checksum() {
        let [a, b] = [Node::A, Node::B].map(migration_server);
        let frame = udp((a, 9), (b, 7), b"text");
        assert!(frame.len() == HEADERS_BYTES + 4 && frame.ends_with(b"text"));
        assert_eq!((&frame[..6], &frame[6..12]), (&b.0.0[..], &a.0.0[..]));
        assert_eq!((&frame[26..30], &frame[30..34]), (&a.1[..], &b.1[..]));
        assert_eq!(checksum(&frame[14..34]), 0);
    }

    #[test]
    fn a_datagram_is_recognized_by_its_addresses_and_port() {
        let [a, b] = [Node::A, Node::B].map(migration_server);
        let frame = udp((a, 9), (b, 7), b"text");
        assert!(is_udp(&frame, a, (b, 7)));
        assert!(!is_udp(&frame, a, (b, 9)) && !is_udp(&frame, b, (b, 7)));
        assert!(!is_udp(&frame[..30], a, (b, 7)));
    }

    #[test]
    fn a_frame_has_a_sender_if_it_is_arp_or_ipv4() {
        let [a, b] = [Node::A, Node::B].map(migration_server);
        let mut frame = udp((a, 9), (b, 7), b"text");
        assert_eq!(sender(&frame), Some(a));
        frame[13] = 6;
        frame[28..32].copy_from_slice(&b.1);
        assert_eq!(sender(&frame), Some((a.0, b.1)));
        assert_eq!(sender(&frame[..31]), None);
        frame[12] = 0x86;
        assert_eq!(sender(&frame), None);
    }

    #[test]
    fn a_checksum_carries_twice() {
        assert_eq!(checksum(&[0xff, 0xff, 0xff, 0xff, 0, 1]), 0xfffe);
        assert_eq!(checksum(&[]), 0xffff);
    }
}
