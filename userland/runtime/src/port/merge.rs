//! Merging of received TCP segments: those that arrive together and continue each other reach the stack as one.
//!
//! The stack works per segment, not per byte, so a large value costs it less if it arrives in fewer segments. Linux does the same
//! (generic receive offload), under the same conditions: the segments are of one connection, one follows the other, and their headers
//! differ only in what must differ. In addition, merging must not change when the stack acknowledges (`connections.rs`). A [`Run`] is the
//! first segment with those that continue it:
//!
//! ```text
//! received frame    Ethernet 14 | IPv4 20 | TCP 20 | payload
//! next frame        Ethernet 14 | IPv4 20 | TCP 20 |         payload
//! merged frame      Ethernet 14 | IPv4 20 | TCP 20 | payload payload
//! ```
//!
//! The checksum of TCP is verified for each segment, and is not that of the merged one.

use super::FRAME_BYTES_LIMIT;
use super::frame::Frame;
use super::tcp_checksum;

/// The headers of Ethernet, IPv4 and TCP, the latter two without options.
pub(super) const HEADERS: usize = 54;
/// The bytes of these headers.
pub(super) type Headers = [u8; HEADERS];

/// The most data that segments are merged to: as much as a connection can receive at once.
pub const MERGED_DATA_BYTES_MAX: usize = 16 << 10;
/// The longest merged frame.
pub(super) const MERGED_BYTES_MAX: usize = HEADERS + MERGED_DATA_BYTES_MAX;

// A header can state the length of every merged frame: it is at most this long, or as long as a received one.
const _: () = assert!(MERGED_BYTES_MAX - 14 <= u16::MAX as usize);
const _: () = assert!(FRAME_BYTES_LIMIT - 14 <= u16::MAX as usize);

const TOTAL_LENGTH: usize = 16;
const HEADER_CHECKSUM: usize = 24;
const SEQUENCE: usize = 38;
const FLAGS: usize = 47;
const ACK: u8 = 0x10;
const PUSH: u8 = 0x08;

/// The segments merged so far, at the beginning of a buffer.
#[derive(Debug)]
pub(super) struct Run {
    /// The length of the merged frame.
    length: usize,
    /// The sequence number of the first segment.
    first: u32,
    /// The sequence number of the next segment.
    next: u32,
}

/// The effect of a frame on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The frame was added, and is to be removed from its queue.
    Added,
    /// The frame would continue the run, but is damaged, and is to be removed from its queue.
    Damaged,
    /// The run ends before the frame.
    Ended,
}

impl Run {
    /// The run that a received frame begins; `None` if it is not a segment of data without peculiarities, or the checksum of its IPv4
    /// header is wrong. The checksum of its TCP segment is valid.
    pub(super) fn begin(frame: &[u8]) -> Option<Run> {
        let headers: &Headers = frame.first_chunk()?;
        let length = frame_bytes(headers)?;
        // The stack would drop a run whose first header is damaged, and with it the intact segments.
        let is_intact = tcp_checksum::is_ipv4_header_valid(&headers[14..34]);
        (is_plain(headers) && is_intact).then(|| Run {
            length,
            first: sequence(headers),
            next: sequence(headers).wrapping_add((length - HEADERS) as u32),
        })
    }

    /// The sequence number of its first byte.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// The sequence number of the segment that would continue it.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Adds a queued frame to the run in this buffer, if it continues the run and the buffer has room for it.
    pub(super) fn add(&mut self, buffer: &mut [u8], frame: &Frame<'_>) -> Step {
        let mut headers = [0; HEADERS];
        frame.copy_to(&mut headers);
        let payload = match frame_bytes(&headers) {
            Some(bytes) if bytes <= frame.length() => bytes - HEADERS,
            _ => return Step::Ended,
        };
        let end = self.length + payload;
        let follows = sequence(&headers) == self.next && continues(&headers, buffer);
        if !follows || end > buffer.len() {
            return Step::Ended;
        }
        frame.copy_part_to(HEADERS, &mut buffer[self.length..end]);
        if !tcp_checksum::is_valid_in_parts(&headers, &buffer[self.length..end]) {
            return Step::Damaged;
        }
        buffer[FLAGS] |= headers[FLAGS];
        self.next = self.next.wrapping_add(payload as u32);
        self.length = end;
        Step::Added
    }

    /// Writes the length into the merged frame's header.
    pub(super) fn finish(self, buffer: &mut [u8]) -> usize {
        let length = (self.length - 14) as u16;
        let word = |at: usize| u16::from_be_bytes([buffer[at], buffer[at + 1]]);
        // As RFC 1624 updates a checksum.
        let sum =
            u32::from(!word(HEADER_CHECKSUM)) + u32::from(!word(TOTAL_LENGTH)) + u32::from(length);
        let sum = (sum & 0xffff) + (sum >> 16);
        let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
        buffer[TOTAL_LENGTH..TOTAL_LENGTH + 2].copy_from_slice(&length.to_be_bytes());
        buffer[HEADER_CHECKSUM..HEADER_CHECKSUM + 2].copy_from_slice(&checksum.to_be_bytes());
        self.length
    }
}

/// The length of the frame of an IPv4 packet with these headers, if it has data.
fn frame_bytes(headers: &Headers) -> Option<usize> {
    let packet = u16::from_be_bytes([headers[TOTAL_LENGTH], headers[TOTAL_LENGTH + 1]]);
    let length = 14 + usize::from(packet);
    (length > HEADERS).then_some(length)
}

fn sequence(headers: &Headers) -> u32 {
    let bytes = [SEQUENCE, SEQUENCE + 1, SEQUENCE + 2, SEQUENCE + 3].map(|at| headers[at]);
    u32::from_be_bytes(bytes)
}

/// Whether these are the headers of a segment without options and without flags that have an effect of their own, in a packet
/// without options that is not a fragment.
fn is_plain(headers: &Headers) -> bool {
    const IPV4: [u8; 3] = [0x08, 0x00, 0x45];
    const DO_NOT_FRAGMENT: u8 = 0x40;
    const TCP: u8 = 6;
    const TCP_HEADER_WORDS: u8 = 5 << 4;
    headers[12..15] == IPV4
        && headers[20] & !DO_NOT_FRAGMENT == 0
        && headers[21] == 0
        && headers[23] == TCP
        && headers[46] == TCP_HEADER_WORDS
        && headers[FLAGS] & !PUSH == ACK
}

/// Whether these headers differ from those of a run in nothing but lengths, identification, sequence number, [`PUSH`] and checksums,
/// and the checksum of the IPv4 header is valid.
fn continues(headers: &Headers, run: &[u8]) -> bool {
    // Up to the type of service; fragment and protocol; addresses and ports; acknowledgement and header length; window.
    let same = [0..16, 20..24, 26..38, 42..47, 48..50];
    same.into_iter()
        .all(|part| headers[part.clone()] == run[part])
        && (headers[FLAGS] ^ run[FLAGS]) & !PUSH == 0
        && tcp_checksum::is_ipv4_header_valid(&headers[14..34])
}

#[cfg(test)]
mod tests;
