//! The checksums of TCP segments (RFC 9293, 3.1), which the device computes and verifies instead of the stack.
//!
//! The stack adds two bytes at a time, which took more instructions than anything else for a large value. This adds eight. It is
//! a sum of ones' complements, so the order of the bytes in a word does not matter (RFC 1071).
//!
//! A fragment is verified as if it were a whole segment. That is right only because the stack drops fragments: a stack that put them
//! together would have to verify the checksum itself.

use core::ops::Range;

const TCP: u8 = 6;
const ETHERTYPE: Range<usize> = 12..14;
const PACKET: usize = 14;
const IPV4_HEADER_BYTES_MIN: usize = 20;
const IPV4_ADDRESSES: Range<usize> = 12..20;
const IPV6_HEADER_BYTES: usize = 40;
const IPV6_ADDRESSES: Range<usize> = 8..40;
/// The IPv6 header that the stack accepts before that of TCP. No known host sends it there.
const HOP_BY_HOP: u8 = 0;
/// The offset of the checksum in a segment.
const CHECKSUM: usize = 16;

/// The content of a frame.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Segment(Segment),
    /// A packet of TCP whose headers are not those of a segment.
    Malformed,
    /// Anything else.
    Other,
}

/// The place of a TCP segment in a frame.
#[derive(Debug, PartialEq, Eq)]
struct Segment {
    bytes: Range<usize>,
    /// The source and destination address.
    addresses: Range<usize>,
}

/// Whether the checksum of a frame's TCP segment is correct. A frame without TCP is valid.
pub(super) fn is_valid(frame: &[u8]) -> bool {
    match content(frame) {
        Content::Segment(segment) => sum(frame, &segment) == u16::MAX,
        Content::Malformed => false,
        Content::Other => true,
    }
}

/// Whether the checksum of a segment is correct whose headers of Ethernet, IPv4 and TCP, without options, are separate from its data.
pub(super) fn is_valid_in_parts(headers: &[u8; 54], data: &[u8]) -> bool {
    let segment = &headers[PACKET + IPV4_HEADER_BYTES_MIN..];
    let addresses = &headers[PACKET + IPV4_ADDRESSES.start..PACKET + IPV4_ADDRESSES.end];
    let sum = pseudo_header(addresses, segment.len() + data.len());
    fold(add(add(sum, segment), data)) == u16::MAX
}

/// Whether the checksum of an IPv4 header is correct.
pub(super) fn is_ipv4_header_valid(header: &[u8]) -> bool {
    fold(add(0, header)) == u16::MAX
}

/// Writes the checksum of a frame's TCP segment, if there is one.
pub(super) fn fill(frame: &mut [u8]) {
    if let Content::Segment(segment) = content(frame) {
        let at = segment.bytes.start + CHECKSUM;
        frame[at..at + 2].fill(0);
        let checksum = !sum(frame, &segment);
        frame[at..at + 2].copy_from_slice(&checksum.to_ne_bytes());
    }
}

/// Finds the segment, by the fields by which the stack recognises TCP.
fn content(frame: &[u8]) -> Content {
    let packet = frame.get(PACKET..).unwrap_or(&[]);
    let protocol = |at: usize| packet.get(at).copied();
    let place = match frame.get(ETHERTYPE) {
        Some([0x08, 0x00]) if protocol(9) == Some(TCP) => in_ipv4(packet),
        Some([0x86, 0xdd]) if protocol(6) == Some(TCP) => in_ipv6(packet),
        Some([0x86, 0xdd]) if protocol(6) == Some(HOP_BY_HOP) => {
            match protocol(IPV6_HEADER_BYTES) {
                Some(TCP) => None,
                _ => return Content::Other,
            }
        }
        _ => return Content::Other,
    };
    match place.filter(|(bytes, _)| bytes.len() >= CHECKSUM + 2 && bytes.end <= packet.len()) {
        Some((bytes, addresses)) => Content::Segment(Segment {
            bytes: PACKET + bytes.start..PACKET + bytes.end,
            addresses: PACKET + addresses.start..PACKET + addresses.end,
        }),
        None => Content::Malformed,
    }
}

/// The places of the segment and of the addresses in an IPv4 packet, which may be truncated.
fn in_ipv4(packet: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let begin = usize::from(packet[0] & 0xf) * 4;
    let end = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    (begin >= IPV4_HEADER_BYTES_MIN).then_some((begin..end, IPV4_ADDRESSES))
}

/// The places of the segment and of the addresses in an IPv6 packet, which may be truncated.
fn in_ipv6(packet: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    Some((
        IPV6_HEADER_BYTES..IPV6_HEADER_BYTES + length,
        IPV6_ADDRESSES,
    ))
}

/// The sum of a segment and its pseudo-header. The words have this processor's order of bytes.
fn sum(frame: &[u8], segment: &Segment) -> u16 {
    let addresses = &frame[segment.addresses.clone()];
    let pseudo_header = pseudo_header(addresses, segment.bytes.len());
    fold(add(pseudo_header, &frame[segment.bytes.clone()]))
}

/// The sum of the pseudo-header: the addresses, the protocol, and the length of the segment.
fn pseudo_header(addresses: &[u8], length: usize) -> u64 {
    let [high, low] = (length as u16).to_be_bytes();
    add(u32::from_ne_bytes([0, TCP, high, low]).into(), addresses)
}

fn fold(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Adds bytes to a sum, eight at a time. The last ones are filled up with zeros.
fn add(mut sum: u64, bytes: &[u8]) -> u64 {
    const WORDS: usize = 8;
    let (words, rest) = bytes.as_chunks();
    let (blocks, words) = words.as_chunks::<WORDS>();
    // One carry goes through a block: on x86-64, a word takes one instruction.
    for block in blocks {
        let mut carry = false;
        for word in block {
            (sum, carry) = sum.carrying_add(u64::from_ne_bytes(*word), carry);
        }
        sum = add_word(sum, carry.into());
    }
    for word in words {
        sum = add_word(sum, u64::from_ne_bytes(*word));
    }
    if rest.is_empty() {
        return sum;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add_word(sum, u64::from_ne_bytes(last))
}

fn add_word(sum: u64, word: u64) -> u64 {
    let (sum, carry) = sum.overflowing_add(word);
    // A sum that has wrapped around is not the largest number.
    sum + u64::from(carry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::wire::{IpAddress, Ipv4Address, TcpPacket};
    use std::vec::Vec;

    const IPV4: [Ipv4Address; 2] = [
        Ipv4Address::new(10, 77, 0, 100),
        Ipv4Address::new(10, 77, 0, 21),
    ];

    /// A frame of TCP over IPv4 with these options in the header of IPv4, this payload, and bytes after the packet.
    fn ipv4_frame(options: &[u8], payload: &[u8], padding: usize) -> Vec<u8> {
        let header_bytes = 20 + options.len();
        let packet_bytes = header_bytes + 20 + payload.len();
        let mut frame = std::vec![0xee; 14 + packet_bytes + padding];
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        frame[14] = 0x40 | (header_bytes / 4) as u8;
        frame[16..18].copy_from_slice(&(packet_bytes as u16).to_be_bytes());
        frame[23] = TCP;
        for (at, address) in [(26, IPV4[0]), (30, IPV4[1])] {
            frame[at..at + 4].copy_from_slice(&address.octets());
        }
        frame[34..34 + options.len()].copy_from_slice(options);
        let segment = 14 + header_bytes;
        frame[segment + 12] = 5 << 4;
        frame[segment + 20..segment + 20 + payload.len()].copy_from_slice(payload);
        frame
    }

    /// Has the stack's own code verify the checksum of a frame.
    fn is_valid_to_the_stack(frame: &[u8]) -> bool {
        let begin = 14 + usize::from(frame[14] & 0xf) * 4;
        let end = 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let segment = TcpPacket::new_checked(&frame[begin..end]).unwrap();
        let [source, destination] = IPV4.map(IpAddress::Ipv4);
        segment.verify_checksum(&source, &destination)
    }

    #[test]
    fn agrees_with_the_stack_for_every_length() {
        for length in (0..300).chain([1459, 1460]) {
            for factor in [0, 37, 0xff] {
                let payload: Vec<u8> = (0..length)
                    .map(|at| ((at % 255 + 1) * factor) as u8)
                    .collect();
                let mut frame = ipv4_frame(&[1; 4][..length % 2 * 4], &payload, length % 7);
                fill(&mut frame);
                assert!(is_valid(&frame), "{length} bytes");
                assert!(is_valid_to_the_stack(&frame), "{length} bytes");
            }
        }
    }

    #[test]
    fn notices_every_changed_bit_of_the_segment_and_the_addresses() {
        let mut frame = ipv4_frame(&[], &[0x5a; 150], 6);
        fill(&mut frame);
        let counts = |at: usize| (26..204).contains(&at);
        for at in 26..frame.len() {
            for bit in 0..8 {
                frame[at] ^= 1 << bit;
                assert_eq!(is_valid(&frame), !counts(at), "bit {bit} of byte {at}");
                frame[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn a_carry_at_the_end_of_a_block_is_added() {
        // The sum of ones' complements does not depend on the length of the words.
        for bytes in [[0xff; 64], [0xfe; 64], [0x80; 64]] {
            for initial in [0, 1, u64::MAX - 1, u64::MAX] {
                let one_by_one = bytes.as_chunks().0.iter();
                let expected = one_by_one.fold(initial, |sum, word| {
                    add_word(sum, u64::from_ne_bytes(*word))
                });
                assert_eq!(add(initial, &bytes) % u64::MAX, expected % u64::MAX);
            }
        }
    }

    #[test]
    fn covers_ipv6_and_drops_tcp_that_it_does_not_find() {
        let mut frame = std::vec![0x11; 14 + 40 + 24];
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        frame[18..20].copy_from_slice(&24_u16.to_be_bytes());
        frame[20] = TCP;
        fill(&mut frame);
        assert!(is_valid(&frame));
        frame[70] ^= 1;
        assert!(!is_valid(&frame));
        frame[20] = HOP_BY_HOP;
        assert!(is_valid(&frame), "the next header is not TCP");
        frame[54] = TCP;
        assert!(!is_valid(&frame));
    }

    #[test]
    fn a_truncated_or_malformed_segment_is_invalid() {
        let mut frame = ipv4_frame(&[], &[7; 30], 0);
        fill(&mut frame);
        for length in 24..frame.len() {
            assert!(!is_valid(&frame[..length]), "{length} bytes");
        }
        for length in 0..24 {
            assert!(is_valid(&frame[..length]), "it is not known to be TCP");
        }
        frame[14] = 0x44;
        assert!(!is_valid(&frame), "the header is too short");
    }

    #[test]
    fn leaves_other_frames_alone() {
        let mut frame = ipv4_frame(&[], &[7; 30], 0);
        frame[23] = 17;
        let before = frame.clone();
        fill(&mut frame);
        assert_eq!(frame, before);
        assert!(is_valid(&frame));
    }
}
