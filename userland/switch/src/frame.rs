//! The addresses in a frame's headers: destination and source of the Ethernet header, and the IPv4 source.
//!
//! ```text
//! 0 destination   6 source   12 EtherType   14 IPv4 packet: 26 source
//!                                           14 ARP message for Ethernet and IPv4: 28 sender
//! ```

use runtime::port::FRAME_BYTES_MIN;
use runtime::protocol::Mac;

/// The offset of the source address.
pub const SOURCE_OFFSET: usize = 6;
/// The offset of the EtherType.
pub const ETHERTYPE_OFFSET: usize = 12;

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
const CONTENT_OFFSET: usize = ETHERTYPE_OFFSET + 2;
const IPV4_SOURCE_OFFSET: usize = CONTENT_OFFSET + 12;
const ARP_SENDER_OFFSET: usize = CONTENT_OFFSET + 14;

/// The addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub destination: Mac,
    pub source: Mac,
    /// The claimed IPv4 source: the source of a packet, the sender of an ARP message.
    pub ip: Option<[u8; 4]>,
}

impl Header {
    /// Parses a frame's header; `None` if the frame is too short.
    pub fn parse(frame: &[u8]) -> Option<Header> {
        let header: &[u8; FRAME_BYTES_MIN] = frame.first_chunk()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
        Some(Header {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
            ip: sender_ip(frame),
        })
    }
}

/// The claimed IPv4 source of a frame, if its EtherType has one and the frame is long enough.
fn sender_ip(frame: &[u8]) -> Option<[u8; 4]> {
    let ethertype = frame.get(ETHERTYPE_OFFSET..)?.first_chunk()?;
    let offset = match *ethertype {
        ETHERTYPE_IPV4 => IPV4_SOURCE_OFFSET,
        ETHERTYPE_ARP => ARP_SENDER_OFFSET,
        _ => return None,
    };
    frame.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announcement;

    #[test]
    fn parses_the_source_addresses() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let arp = announcement::frame(mac, [10, 77, 0, 20]);
        let header = Header::parse(&arp).expect("a whole header");
        assert_eq!((header.source, header.ip), (mac, Some([10, 77, 0, 20])));
        let mut packet = [0; 60];
        packet[12..14].copy_from_slice(&[0x08, 0x00]);
        packet[26..30].copy_from_slice(&[10, 77, 0, 21]);
        let ip = |frame: &[u8]| Header::parse(frame).and_then(|header| header.ip);
        assert_eq!(ip(&packet), Some([10, 77, 0, 21]));
        assert_eq!(ip(&packet[..29]), None);
        packet[13] = 0xdd;
        assert_eq!(ip(&packet), None);
    }
}
