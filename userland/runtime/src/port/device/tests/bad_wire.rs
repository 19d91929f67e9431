//! A client whose wire loses, repeats, reorders and damages frames, and the acknowledgements that it gets.

use std::vec::Vec;

use smoltcp::time::Duration;

use super::super::super::merge::HEADERS;
use super::super::super::samples::segment;
use super::stack::{BUFFER_BYTES, Domain, INITIAL, byte, frame};

const HEADER_CHECKSUM: usize = 24;
const PUSH: u8 = 0x08;

/// A source of numbers that look random (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// What arrives together of a stream of which the stack has received this much. Of `rarity` frames, about twelve arrive badly.
    fn frames(&mut self, acknowledged: u32, received: usize, rarity: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut offset = received;
        for _ in 0..=self.below(20) {
            let bytes = 1 + self.below(1460);
            let good = frame(acknowledged, offset, bytes, |_| {});
            let damaged = |at: usize, bit: usize| {
                let mut frame = good.clone();
                frame[at] ^= 1 << bit;
                frame
            };
            match self.below(rarity) {
                0 => {}
                1 => frames.extend([good.clone(), good]),
                2 => frames.push(damaged(HEADERS, self.below(8))),
                3 => frames.push(damaged(HEADER_CHECKSUM, self.below(8))),
                4 => {
                    let early = offset.saturating_sub(self.below(2000));
                    frames.push(frame(acknowledged, early, bytes, |_| {}));
                }
                5 => frames.push(frame(
                    acknowledged,
                    offset + self.below(3000),
                    bytes,
                    |_| {},
                )),
                6 => frames.push(frame(acknowledged, offset, bytes, |frame| frame[15] = 3)),
                7 => frames.push(frame(acknowledged, offset, bytes, |frame| frame[49] ^= 1)),
                8 => frames.push(frame(acknowledged, offset, 0, |_| {})),
                9 => frames.push(segment_before(acknowledged, received)),
                10 => frames.insert(self.below(frames.len() + 1), good),
                11 => frames.push([good, std::vec![0xee; 2]].concat()),
                _ => frames.push(frame(acknowledged, offset, bytes, |frame| {
                    frame[47] |= PUSH
                })),
            }
            offset += bytes;
        }
        frames
    }
}

/// A probe with a wrong byte before those that the stack has received (RFC 9293, 3.8.4).
fn segment_before(acknowledged: u32, received: usize) -> Vec<u8> {
    let wrong = [!byte(received.saturating_sub(1))];
    let sequence = INITIAL.wrapping_add(received as u32).wrapping_sub(1);
    segment(sequence, &wrong, |frame| {
        frame[..6].fill(2);
        frame[6..12].fill(4);
        frame[42..46].copy_from_slice(&acknowledged.to_be_bytes());
    })
}

/// The offset of the first byte of the stream after those of a frame.
fn end(frame: &[u8]) -> usize {
    let word = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let sequence = (word(38) << 16 | word(40)) as u32;
    sequence.wrapping_sub(INITIAL) as usize + word(16) - 40
}

#[test]
fn merging_changes_neither_data_nor_acknowledgements() {
    let mut frames = [0, 0];
    for seed in 1..=150 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut domains = [true, false].map(Domain::new);
        for round in 0.. {
            let received = domains.each_mut().map(Domain::received);
            assert_eq!(received[0], received[1], "seed {seed}, round {round}");
            if received[0] > 60_000 {
                break;
            }
            let rarity = 20 * (1 + seed as usize % 10);
            let mut batch = random.frames(domains[0].sequence, received[0], rarity);
            batch.retain(|frame| end(frame) <= domains[0].window_end);
            let (bytes, delay) = (random.below(2 * BUFFER_BYTES), random.below(20));
            let acknowledged = domains.each_mut().map(|domain| {
                let mut acknowledged = domain.poll(&batch);
                domain.read(bytes);
                domain.now += Duration::from_millis(delay as u64);
                acknowledged.extend(domain.poll(&[]));
                acknowledged
            });
            assert_eq!(
                acknowledged[0], acknowledged[1],
                "seed {seed}, round {round}"
            );
        }
        for (domain, frames) in domains.iter_mut().zip(&mut frames) {
            *frames += domain.frames;
            domain.read(BUFFER_BYTES);
            let stream: Vec<u8> = (0..domain.read.len()).map(byte).collect();
            assert!(domain.read == stream, "seed {seed}");
        }
    }
    let [merged, separate] = frames;
    assert!(10 * merged < 9 * separate, "{merged} of {separate} frames");
}

#[test]
fn a_flight_of_any_size_is_acknowledged_without_delay() {
    for count in 2..=11 {
        let mut domain = Domain::new(true);
        let acknowledged = domain.sequence;
        let part = |index: usize| frame(acknowledged, 1460 * index, 1460, |_| {});
        let frames: Vec<Vec<u8>> = (0..count).map(part).collect();
        let end = INITIAL.wrapping_add(1460 * count as u32);
        assert_eq!(domain.poll(&frames), [end], "{count} segments");
    }
}

#[test]
fn each_segment_after_a_lost_one_is_acknowledged() {
    let mut domain = Domain::new(true);
    let acknowledged = domain.sequence;
    let part = |index: usize| frame(acknowledged, 1460 * index, 1460, |_| {});
    domain.poll(&[part(0), part(1)]);
    let expected = INITIAL.wrapping_add(2 * 1460);
    let after: Vec<Vec<u8>> = (3..8).map(part).collect();
    assert_eq!(domain.poll(&after), [expected; 5]);
    let all = INITIAL.wrapping_add(8 * 1460);
    assert_eq!(domain.poll(&[part(2)]), [all]);
}

#[test]
fn more_than_the_window_is_not_received() {
    let mut domain = Domain::new(true);
    let acknowledged = domain.sequence;
    let part = |index: usize| frame(acknowledged, 1460 * index, 1460, |_| {});
    let frames: Vec<Vec<u8>> = (0..15).map(part).collect();
    let sent = domain.poll(&frames);
    assert_eq!(domain.received(), BUFFER_BYTES);
    let full = INITIAL.wrapping_add(BUFFER_BYTES as u32);
    assert_eq!(sent.last(), Some(&full));
    domain.read(2 * BUFFER_BYTES);
    let stream: Vec<u8> = (0..BUFFER_BYTES).map(byte).collect();
    assert!(domain.read == stream);
    // The next ones begin where the window ended, not where the last segment did.
    assert_eq!(domain.poll(&[]), [full]);
    let rest = |offset: usize| frame(acknowledged, BUFFER_BYTES + offset, 1000, |_| {});
    domain.poll(&[rest(0), rest(1000), rest(2000)]);
    assert_eq!(domain.received(), BUFFER_BYTES + 3000);
}
