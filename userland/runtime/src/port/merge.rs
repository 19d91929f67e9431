//! Merging of received TCP segments: those that arrive together and continue each other reach the stack as one.
//!
//! The stack works per segment, not per byte, so a large value costs it less if it arrives in fewer segments. Linux does the same
//! (generic receive offload), under the same conditions: the segments are of one connection, one follows the other, and their headers
//! differ only in what must differ. A [`Run`] is the first segment with those that continue it:
//!
//! ```text
//! received frame    Ethernet 14 | IPv4 20 | TCP 20 | payload
//! next frame        Ethernet 14 | IPv4 20 | TCP 20 |         payload
//! merged frame      Ethernet 14 | IPv4 20 | TCP 20 | payload payload
//! ```
//!
//! The checksum of TCP is verified for each segment, and is not that of the merged one.

use super::frame::Frame;
use super::tcp_checksum;

/// The headers of Ethernet, IPv4 and TCP, the latter two without options.
const HEADERS: usize = 54;
type Headers = [u8; HEADERS];

/// The longest merged frame: the headers, and the data that a stack's connection can receive at once.
pub(super) const MERGED_BYTES_MAX: usize = HEADERS + (16 << 10);

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
    /// The run that a received frame begins; `None` if it is not a segment of data without peculiarities. Its checksums are valid.
    pub(super) fn begin(frame: &[u8]) -> Option<Run> {
        let headers: &Headers = frame.first_chunk()?;
        let length = frame_bytes(headers)?;
        is_plain(headers).then(|| Run {
            length,
            next: sequence(headers).wrapping_add((length - HEADERS) as u32),
        })
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
        // As RFC 1624 updates a checksum, so that an invalid one stays invalid.
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
mod tests {
    use super::super::{Port, Side, layout};
    use super::*;
    use crate::host::shared_memory;
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{Ipv4Packet, Ipv4Repr};
    use std::vec::Vec;

    /// A segment with this sequence number, after a change of its bytes.
    fn segment(sequence: u32, payload: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut frame = std::vec![0; HEADERS + payload.len()];
        frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
        let packet = (frame.len() - 14) as u16;
        frame[TOTAL_LENGTH..TOTAL_LENGTH + 2].copy_from_slice(&packet.to_be_bytes());
        frame[20..24].copy_from_slice(&[0x40, 0, 64, 6]);
        frame[26..34].copy_from_slice(&[10, 77, 0, 100, 10, 77, 0, 21]);
        frame[34..38].copy_from_slice(&[0xc0, 1, 0x18, 0xeb]);
        frame[SEQUENCE..SEQUENCE + 4].copy_from_slice(&sequence.to_be_bytes());
        frame[46..48].copy_from_slice(&[0x50, ACK]);
        frame[HEADERS..].copy_from_slice(payload);
        change(&mut frame);
        Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
        tcp_checksum::fill(&mut frame);
        frame
    }

    /// Merges frames as the device does; returns the merged one, and the effect of each frame after the first.
    fn merge(frames: &[Vec<u8>], room: usize) -> (Vec<u8>, Vec<Step>) {
        let memory = shared_memory(layout::PORT_BYTES);
        let [switch, domain] =
            [Side::Switch, Side::Domain].map(|side| Port::try_new(memory, side).unwrap());
        let mut buffer = std::vec![0xee; room];
        buffer[..frames[0].len()].copy_from_slice(&frames[0]);
        let Some(mut run) = Run::begin(&frames[0]) else {
            return (frames[0].clone(), Vec::new());
        };
        let mut steps = Vec::new();
        for frame in &frames[1..] {
            switch.outgoing().send(frame).unwrap();
            let queued = domain.incoming().peek().unwrap().unwrap();
            steps.push(run.add(&mut buffer, &queued));
            domain.incoming().take();
        }
        let length = run.finish(&mut buffer);
        buffer.truncate(length);
        (buffer, steps)
    }

    #[test]
    fn segments_that_continue_each_other_become_one_packet() {
        for first in [1000, u32::MAX - 70] {
            let parts: Vec<Vec<u8>> = (1..=11).map(|part| std::vec![part; 1460]).collect();
            let mut frames = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let sequence = first.wrapping_add(1460 * index as u32);
                frames.push(segment(sequence, part, |frame| frame[19] = index as u8));
            }
            let (merged, steps) = merge(&frames, MERGED_BYTES_MAX);
            assert_eq!(steps, [Step::Added; 10]);
            assert_eq!(merged[HEADERS..], parts.concat());
            assert_eq!(merged[26..HEADERS - 4], frames[0][26..HEADERS - 4]);
            let packet = Ipv4Packet::new_checked(&merged[14..]).unwrap();
            let packet = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
            assert_eq!(packet.payload_len, 20 + 11 * 1460);
        }
    }

    #[test]
    fn a_push_is_kept_and_a_run_of_one_is_unchanged() {
        let push = segment(1100, &[2; 50], |frame| frame[FLAGS] |= PUSH);
        let (merged, steps) = merge(&[segment(1000, &[1; 100], |_| {}), push.clone()], 2000);
        assert_eq!((steps, merged[FLAGS]), (std::vec![Step::Added], ACK | PUSH));
        assert_eq!(merge(core::slice::from_ref(&push), 2000).0, push);
    }

    #[test]
    fn a_frame_that_does_not_continue_the_run_ends_it() {
        let first = segment(1000, &[1; 100], |_| {});
        // MAC, type of service, fragment, time to live, protocol, addresses, ports, acknowledgement, length, flags, window.
        let places = [0, 15, 20, 22, 23, 29, 33, 35, 37, 45, 46, FLAGS, 49];
        for place in places {
            let other = segment(1100, &[2; 100], |frame| frame[place] ^= 1);
            let (merged, steps) = merge(&[first.clone(), other], 2000);
            assert_eq!((steps, merged), (std::vec![Step::Ended], first.clone()));
        }
        for sequence in [1000, 1099, 1101] {
            let other = segment(sequence, &[2; 100], |_| {});
            assert_eq!(merge(&[first.clone(), other], 2000).1, [Step::Ended]);
        }
        let empty = segment(1100, &[], |_| {});
        assert_eq!(merge(&[first.clone(), empty], 2000).1, [Step::Ended]);
        let next = segment(1100, &[2; 100], |_| {});
        for room in [HEADERS + 199, HEADERS + 200] {
            let expected = if room < HEADERS + 200 {
                Step::Ended
            } else {
                Step::Added
            };
            assert_eq!(merge(&[first.clone(), next.clone()], room).1, [expected]);
        }
    }

    #[test]
    fn a_damaged_segment_is_not_added_and_its_repetition_is() {
        let first = segment(1000, &[1; 100], |_| {});
        let next = segment(1100, &[2; 100], |_| {});
        let mut damaged = next.clone();
        damaged[HEADERS + 7] ^= 4;
        let mut long = next.clone();
        long[TOTAL_LENGTH] = 1;
        let mut wrong_header = next.clone();
        wrong_header[HEADER_CHECKSUM] ^= 1;
        let frames = [first, damaged, long, wrong_header, next];
        let (merged, steps) = merge(&frames, 2000);
        assert_eq!(
            steps,
            [Step::Damaged, Step::Ended, Step::Ended, Step::Added]
        );
        assert_eq!(merged[HEADERS..], [[1; 100], [2; 100]].concat());
    }

    #[test]
    fn only_plain_segments_of_data_begin_a_run() {
        let begins = |payload: &[u8], change: &dyn Fn(&mut [u8])| {
            Run::begin(&segment(1000, payload, change)).is_some()
        };
        assert!(begins(&[1; 10], &|_| {}));
        assert!(!begins(&[], &|_| {}));
        for flags in [0x02, ACK | 0x01, ACK | 0x04, ACK | 0x20, ACK | 0x40, PUSH] {
            assert!(!begins(&[1; 10], &|frame| frame[FLAGS] = flags));
        }
        for (place, value) in [
            (12, 0x86),
            (14, 0x46),
            (20, 0x20),
            (21, 1),
            (23, 17),
            (46, 0x60),
        ] {
            assert!(!begins(&[1; 10], &|frame| frame[place] = value));
        }
        assert!(Run::begin(&[8; 53]).is_none());
    }
}
