//! The frames for one domain that came, put together from pieces: each once, in order, whatever becomes of the datagrams.

use alloc::vec::Vec;

use runtime::port::FRAME_BYTES_MAX;

/// What was heard of a stream.
#[derive(Debug, Default)]
pub struct Inlet {
    /// Which stream, once one has begun, and the number of the piece that comes next.
    expected: Option<(u32, u64)>,
    begun: Vec<u8>,
}

/// What a piece was good for.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of the piece that is expected next.
    pub next: u64,
    /// The frames that it completed.
    pub frames: Vec<Vec<u8>>,
}

/// Bytes of the length before a frame.
const LENGTH_BYTES: usize = 2;

impl Inlet {
    /// Takes a piece; nothing comes of one that belongs to no stream that was heard from its beginning.
    pub fn take(&mut self, stream: u32, number: u64, bytes: &[u8]) -> Option<Taken> {
        let next = match self.expected {
            Some((known, next)) if known == stream => next,
            // It is the first, or the source was restarted.
            _ if number == 0 => {
                self.begun.clear();
                0
            }
            _ => return None,
        };
        self.expected = Some((stream, next));
        let frames = Vec::new();
        if number != next {
            return Some(Taken { next, frames });
        }
        self.begun.extend_from_slice(bytes);
        let Some(frames) = self.take_frames() else {
            // What follows cannot be told apart any more.
            *self = Inlet::default();
            return None;
        };
        let next = next + 1;
        self.expected = Some((stream, next));
        Some(Taken { next, frames })
    }

    /// The frames that are whole; nothing if one is longer than frames are.
    fn take_frames(&mut self) -> Option<Vec<Vec<u8>>> {
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

    /// A frame as it lies in a stream.
    fn in_stream(frame: &[u8]) -> Vec<u8> {
        [&(frame.len() as u16).to_le_bytes()[..], frame].concat()
    }

    fn taken(next: u64, frames: &[&[u8]]) -> Option<Taken> {
        let frames = frames.iter().map(|frame| frame.to_vec()).collect();
        Some(Taken { next, frames })
    }

    #[test]
    fn a_piece_that_comes_again_or_too_early_changes_nothing() {
        let mut inlet = Inlet::default();
        let bytes = in_stream(b"one frame");
        let (first, second) = bytes.split_at(4);
        assert_eq!(inlet.take(1, 1, second), None);
        assert_eq!(inlet.take(1, 0, first), taken(1, &[]));
        assert_eq!(inlet.take(1, 0, first), taken(1, &[]));
        assert_eq!(inlet.take(1, 2, b"early"), taken(1, &[]));
        assert_eq!(inlet.take(1, 1, second), taken(2, &[b"one frame"]));
    }

    #[test]
    fn a_piece_holds_several_frames_and_the_beginning_of_one() {
        let mut inlet = Inlet::default();
        let bytes = [in_stream(b"one"), in_stream(b""), in_stream(b"three")].concat();
        let (first, second) = bytes.split_at(8);
        assert_eq!(inlet.take(1, 0, first), taken(1, &[b"one", b""]));
        assert_eq!(inlet.take(1, 1, second), taken(2, &[b"three"]));
        assert!(inlet.begun.is_empty());
    }

    #[test]
    fn nothing_comes_of_a_stream_after_a_frame_that_is_too_long() {
        let mut inlet = Inlet::default();
        assert_eq!(inlet.take(1, 0, &in_stream(b"good")), taken(1, &[b"good"]));
        let length = (FRAME_BYTES_MAX as u16 + 1).to_le_bytes();
        assert_eq!(inlet.take(1, 1, &length), None);
        assert_eq!(inlet.take(1, 2, &in_stream(b"lost")), None);
        assert!(inlet.begun.is_empty());
        assert_eq!(inlet.take(2, 0, &in_stream(b"new")), taken(1, &[b"new"]));
    }

    #[test]
    fn another_stream_begins_anew_with_its_first_piece() {
        let mut inlet = Inlet::default();
        inlet.take(1, 0, &in_stream(b"half")[..4]);
        assert_eq!(inlet.take(2, 1, b"x"), None);
        assert_eq!(inlet.take(2, 0, &in_stream(b"new")), taken(1, &[b"new"]));
    }

    /// Frames through a network that loses, doubles and swaps datagrams, as a seed says.
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
                    let Some(taken) = inlet.take(stream, number, &bytes) else {
                        continue;
                    };
                    arrived.extend(taken.frames);
                    if draw(2) == 0 {
                        outlet.heard(now_us, stream, taken.next);
                    }
                }
            }
            assert_eq!(arrived, frames, "seed {seed}");
        }
    }
}
