//! The addresses in a frame's headers: destination and source of the Ethernet header, and the IPv4 source.
//!
//! ```text
//! 0 destination   6 source   12 EtherType   14 IPv4 packet: 26 source
//!                                           14 ARP message: kind   22 sender's Ethernet address   28 sender's IPv4 address
//! ```

use runtime::port::FRAME_BYTES_MIN;
use runtime::protocol::Mac;

/// The offset of the source address.
pub const SOURCE_OFFSET: usize = 6;
/// The offset of the EtherType.
pub const ETHERTYPE_OFFSET: usize = 12;

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
const CONTENT_OFFSET: usize = ETHERTYPE_OFFSET + 2;
const IPV4_SOURCE_OFFSET: usize = CONTENT_OFFSET + 12;
/// The beginning of an ARP message for Ethernet and IPv4: their numbers, and the lengths of their addresses.
const ARP_KIND: &[u8] = &[0, 1, 0x08, 0x00, 6, 4];
const ARP_MAC_OFFSET: usize = CONTENT_OFFSET + 8;
const ARP_SENDER_OFFSET: usize = ARP_MAC_OFFSET + 6;

/// The addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub destination: Mac,
    pub source: Mac,
    /// The claimed sender of its content.
    pub sender: Sender,
}

/// The claimed sender of a frame's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The source of an IPv4 packet, or the sender of an ARP message.
    Ipv4([u8; 4]),
    /// The source of an IPv6 packet. It is not read: the switch does not know its ports' IPv6 addresses.
    Ipv6,
    /// There is none to read: the frame is too short, its ARP message names another Ethernet address than its header, or its
    /// EtherType is another one, such as that of a VLAN's tag, behind which a receiver may look for an IPv4 packet.
    Hidden,
}

impl Header {
    /// Parses a frame's header; `None` if the frame is too short.
    pub fn parse(frame: &[u8]) -> Option<Header> {
        let header: &[u8; FRAME_BYTES_MIN] = frame.first_chunk()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
        Some(Header {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
            sender: sender(frame).unwrap_or(Sender::Hidden),
        })
    }
}

/// The claimed sender of a frame's content; `None` if there is none to read.
fn sender(frame: &[u8]) -> Option<Sender> {
    let ethertype = frame.get(ETHERTYPE_OFFSET..)?.first_chunk()?;
    let offset = match *ethertype {
        ETHERTYPE_IPV4 => IPV4_SOURCE_OFFSET,
        ETHERTYPE_ARP if is_arp_of_source(frame) => ARP_SENDER_OFFSET,
        ETHERTYPE_IPV6 => return Some(Sender::Ipv6),
        _ => return None,
    };
    let ip = frame.get(offset..)?.first_chunk()?;
    Some(Sender::Ipv4(*ip))
}

/// Whether a frame's content is an ARP message for Ethernet and IPv4 from the frame's source. In one for other protocols the
/// addresses are elsewhere.
fn is_arp_of_source(frame: &[u8]) -> bool {
    let source = frame.get(SOURCE_OFFSET..ETHERTYPE_OFFSET);
    frame[CONTENT_OFFSET..].starts_with(ARP_KIND)
        && frame.get(ARP_MAC_OFFSET..ARP_SENDER_OFFSET) == source
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announcement;

    fn sender(frame: &[u8]) -> Sender {
        Header::parse(frame).expect("a whole header").sender
    }

    #[test]
    fn parses_the_source_addresses() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let arp = announcement::frame(mac, [10, 77, 0, 20]);
        let header = Header::parse(&arp).expect("a whole header");
        let ip = Sender::Ipv4([10, 77, 0, 20]);
        assert_eq!((header.source, header.sender), (mac, ip));
        let mut packet = [0; 60];
        packet[12..14].copy_from_slice(&[0x08, 0x00]);
        packet[26..30].copy_from_slice(&[10, 77, 0, 21]);
        assert_eq!(sender(&packet), Sender::Ipv4([10, 77, 0, 21]));
        assert_eq!(sender(&packet[..29]), Sender::Hidden);
        packet[12..14].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(sender(&packet), Sender::Ipv6);
        packet[13] = 0xde;
        assert_eq!(sender(&packet), Sender::Hidden);
    }

    /// The lengths of the addresses decide where they are.
    #[test]
    fn an_arp_message_of_another_kind_or_station_has_no_sender_to_read() {
        let arp = announcement::frame(Mac([2, 0, 0, 0, 0, 1]), [10, 77, 0, 20]);
        let kind = CONTENT_OFFSET..CONTENT_OFFSET + ARP_KIND.len();
        for offset in kind.chain(ARP_MAC_OFFSET..ARP_SENDER_OFFSET) {
            let mut other = arp;
            other[offset] ^= 8;
            assert_eq!(sender(&other), Sender::Hidden, "{offset}");
        }
        for length in 14..32 {
            assert_eq!(sender(&arp[..length]), Sender::Hidden, "{length}");
        }
    }
}
