//! The frames for one domain that arrived here, assembled from pieces. Each frame comes out once and in order, whatever
//! happens to the datagrams.

use alloc::vec::Vec;

use crate::late::FRAME_BYTES_MAX;

/// The receiving end of a stream of frames.
#[derive(Debug, Default)]
pub struct Inlet {
    /// The current stream, once one has begun, and the number of its next piece.
    expected: Option<(u32, u64)>,
    begun: Vec<u8>,
}

/// The result of a piece.
#[derive(Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The number of the next piece.
    pub next: u64,
    /// The frames that the piece completed.
    pub frames: Vec<Vec<u8>>,
}

/// The number of bytes of the length that precedes each frame.
const LENGTH_BYTES: usize = 2;

impl Inlet {
    /// Handles a piece. Returns `None` if the beginning of its stream was not received.
    pub fn handle_piece(&mut self, stream: u32, number: u64, bytes: &[u8]) -> Option<Assembled> {
        let next = match self.expected {
            Some((known, next)) if known == stream => next,
            // Either no stream has begun yet, or the source was restarted and begins another.
            _ if number == 0 => {
                self.begun.clear();
                0
            }
            _ => return None,
        };
        self.expected = Some((stream, next));
        let frames = Vec::new();
        if number != next {
            return Some(Assembled { next, frames });
        }
        self.begun.extend_from_slice(bytes);
        let Some(frames) = self.split_frames() else {
            // A frame's length is invalid, so the boundaries of all later frames are lost.
            *self = Inlet::default();
            return None;
        };
        let next = next + 1;
        self.expected = Some((stream, next));
        Some(Assembled { next, frames })
    }

    /// Splits off the complete frames; `None` if one is longer than a frame can be.
    fn split_frames(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        let mut rest = &self.begun[..];
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() {
            let length = usize::from(u16::from_le_bytes(*length));
            if length > FRAME_BYTES_MAX {
                return None;
            }
            let Some((frame, after)) = after.split_at_checked(length) else {
                break;
            };
            frames.push(frame.to_vec());
            rest = after;
        }
        self.begun = rest.to_vec();
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::Late;

    use super::*;
    use crate::late::outlet::Outlet;

    /// A frame as it is encoded in a stream.
    fn in_stream(frame: &[u8]) -> Vec<u8> {
        [&(frame.len() as u16).to_le_bytes()[..], frame].concat()
    }

    fn assembled(next: u64, frames: &[&[u8]]) -> Option<Assembled> {
        let frames = frames.iter().map(|frame| frame.to_vec()).collect();
        Some(Assembled { next, frames })
    }

    #[test]
    fn a_piece_that_arrives_again_or_too_early_changes_nothing() {
        let mut inlet = Inlet::default();
        let bytes = in_stream(b"one frame");
        let (first, second) = bytes.split_at(4);
        assert_eq!(inlet.handle_piece(1, 1, second), None);
        assert_eq!(inlet.handle_piece(1, 0, first), assembled(1, &[]));
        assert_eq!(inlet.handle_piece(1, 0, first), assembled(1, &[]));
        assert_eq!(inlet.handle_piece(1, 2, b"early"), assembled(1, &[]));
        assert_eq!(
            inlet.handle_piece(1, 1, second),
            assembled(2, &[b"one frame"])
        );
    }

    #[test]
    fn a_piece_holds_several_frames_and_the_beginning_of_one() {
        let mut inlet = Inlet::default();
        let bytes = [in_stream(b"one"), in_stream(b""), in_stream(b"three")].concat();
        let (first, second) = bytes.split_at(8);
        assert_eq!(
            inlet.handle_piece(1, 0, first),
            assembled(1, &[b"one", b""])
        );
        assert_eq!(inlet.handle_piece(1, 1, second), assembled(2, &[b"three"]));
        assert!(inlet.begun.is_empty());
    }

    #[test]
    fn a_stream_is_dropped_after_a_frame_that_is_too_long() {
        let mut inlet = Inlet::default();
        assert_eq!(
            inlet.handle_piece(1, 0, &in_stream(b"good")),
            assembled(1, &[b"good"])
        );
        let length = (FRAME_BYTES_MAX as u16 + 1).to_le_bytes();
        assert_eq!(inlet.handle_piece(1, 1, &length), None);
        assert_eq!(inlet.handle_piece(1, 2, &in_stream(b"lost")), None);
        assert!(inlet.begun.is_empty());
        assert_eq!(
            inlet.handle_piece(2, 0, &in_stream(b"new")),
            assembled(1, &[b"new"])
        );
    }

    #[test]
    fn another_stream_begins_anew_with_its_first_piece() {
        let mut inlet = Inlet::default();
        inlet.handle_piece(1, 0, &in_stream(b"half")[..4]);
        assert_eq!(inlet.handle_piece(2, 1, b"x"), None);
        assert_eq!(
            inlet.handle_piece(2, 0, &in_stream(b"new")),
            assembled(1, &[b"new"])
        );
    }

    /// Sends frames through a network that loses, duplicates and reorders datagrams, by a seed.
    #[test]
    fn every_frame_arrives_once_and_in_order_over_a_bad_network() {
        for seed in 1..50_u64 {
            let mut state = seed;
            let mut draw = move |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let (mut outlet, mut inlet) = (Outlet::new(3), Inlet::default());
            outlet.open();
            let frames: Vec<Vec<u8>> = (0..200)
                .map(|index| alloc::vec![index as u8; 14 + draw(1501) as usize])
                .collect();
            frames.iter().for_each(|frame| outlet.push(frame));
            let (mut wire, mut arrived, mut now_us) = (Vec::new(), Vec::new(), 0);
            while arrived.len() < frames.len() {
                now_us += 10_000;
                while let Some(piece) = outlet.poll(now_us) {
                    (0..draw(3)).for_each(|_| wire.push(piece.clone()));
                }
                while !wire.is_empty() {
                    let Late::Piece {
                        stream,
                        number,
                        bytes,
                    } = wire.swap_remove(draw(wire.len() as u64) as usize)
                    else {
                        panic!("only pieces go this way");
                    };
                    let Some(assembled) = inlet.handle_piece(stream, number, &bytes) else {
                        continue;
                    };
                    arrived.extend(assembled.frames);
                    if draw(2) == 0 {
                        outlet.handle_ack(now_us, stream, assembled.next);
                    }
                }
            }
            assert_eq!(arrived, frames, "seed {seed}");
        }
    }
}
