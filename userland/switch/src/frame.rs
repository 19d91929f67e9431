//! An Ethernet header: who shall receive the frame, who sends it, and whose IPv4 address it speaks for.
//!
//! ```text
//! 0 destination   6 source   12 kind   14 IPv4 packet: 26 source
//!                                      14 ARP message for Ethernet and IPv4: 28 sender
//! ```

use runtime::port::FRAME_BYTES_MIN;
use runtime::protocol::Mac;

/// Where the sender's address begins.
pub const SOURCE_OFFSET: usize = 6;
/// Where the kind of content is said.
pub const KIND_OFFSET: usize = 12;

const KIND_IPV4: [u8; 2] = [0x08, 0x00];
const KIND_ARP: [u8; 2] = [0x08, 0x06];
const CONTENT_OFFSET: usize = KIND_OFFSET + 2;
const IPV4_SOURCE_OFFSET: usize = CONTENT_OFFSET + 12;
const ARP_SENDER_OFFSET: usize = CONTENT_OFFSET + 14;

/// The addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who shall receive it.
    pub destination: Mac,
    /// Who sends it.
    pub source: Mac,
    /// The IPv4 address that it says to come from: the source of a packet, the sender of an ARP message.
    pub ip: Option<[u8; 4]>,
}

impl Header {
    /// Reads a frame's header; nothing if the frame is too short for one.
    pub fn of(frame: &[u8]) -> Option<Header> {
        let header: &[u8; FRAME_BYTES_MIN] = frame.first_chunk()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
        Some(Header {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
            ip: sender_ip(frame),
        })
    }
}

/// The IPv4 address that a frame says to come from, if it is of a kind that says one, and long enough.
fn sender_ip(frame: &[u8]) -> Option<[u8; 4]> {
    let kind = frame.get(KIND_OFFSET..)?.first_chunk()?;
    let offset = match *kind {
        KIND_IPV4 => IPV4_SOURCE_OFFSET,
        KIND_ARP => ARP_SENDER_OFFSET,
        _ => return None,
    };
    frame.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announcement;

    #[test]
    fn a_frame_says_whose_address_it_speaks_for() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let arp = announcement::frame(mac, [10, 77, 0, 20]);
        let header = Header::of(&arp).expect("a whole header");
        assert_eq!((header.source, header.ip), (mac, Some([10, 77, 0, 20])));
        let mut packet = [0; 60];
        packet[12..14].copy_from_slice(&[0x08, 0x00]);
        packet[26..30].copy_from_slice(&[10, 77, 0, 21]);
        let ip = |frame: &[u8]| Header::of(frame).and_then(|header| header.ip);
        assert_eq!(ip(&packet), Some([10, 77, 0, 21]));
        assert_eq!(ip(&packet[..29]), None);
        packet[13] = 0xdd;
        assert_eq!(ip(&packet), None);
    }
}
