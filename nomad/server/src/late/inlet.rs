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
    /// The frame that it completed.
    pub frame: Option<Vec<u8>>,
}

impl Inlet {
    /// Takes a piece; nothing comes of one that belongs to no stream that was heard from its beginning.
    pub fn take(&mut self, stream: u32, number: u64, more: bool, bytes: &[u8]) -> Option<Taken> {
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
        if number != next {
            return Some(Taken { next, frame: None });
        }
        self.expected = Some((stream, next + 1));
        Some(Taken {
            next: next + 1,
            frame: self.append(more, bytes),
        })
    }

    /// The frame, if this completes it. One that is too long is none.
    fn append(&mut self, more: bool, bytes: &[u8]) -> Option<Vec<u8>> {
        let room = FRAME_BYTES_MAX + 1 - self.begun.len();
        self.begun
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        if more {
            return None;
        }
        let frame = core::mem::take(&mut self.begun);
        (frame.len() <= FRAME_BYTES_MAX).then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::Late;

    use super::*;
    use crate::late::outlet::Outlet;

    fn take(inlet: &mut Inlet, number: u64, more: bool, bytes: &[u8]) -> Option<Taken> {
        inlet.take(1, number, more, bytes)
    }

    #[test]
    fn a_piece_that_comes_again_or_too_early_changes_nothing() {
        let mut inlet = Inlet::default();
        assert_eq!(take(&mut inlet, 1, false, b"early"), None);
        let next = |next, frame: Option<&[u8]>| {
            let frame = frame.map(<[u8]>::to_vec);
            Some(Taken { next, frame })
        };
        assert_eq!(take(&mut inlet, 0, true, b"one "), next(1, None));
        assert_eq!(take(&mut inlet, 0, true, b"one "), next(1, None));
        assert_eq!(take(&mut inlet, 2, false, b"early"), next(1, None));
        assert_eq!(
            take(&mut inlet, 1, false, b"frame"),
            next(2, Some(b"one frame"))
        );
    }

    #[test]
    fn a_frame_that_is_too_long_is_none_and_harms_no_other() {
        let mut inlet = Inlet::default();
        for number in 0..9 {
            let taken = take(&mut inlet, number, true, &[1; 1000]).expect("in order");
            assert_eq!(taken.frame, None);
        }
        assert!(inlet.begun.len() <= FRAME_BYTES_MAX + 1);
        let end = take(&mut inlet, 9, false, b"end").expect("in order");
        assert_eq!(end.frame, None);
        let whole = take(&mut inlet, 10, false, b"whole").expect("in order");
        assert_eq!(whole.frame.as_deref(), Some(&b"whole"[..]));
    }

    #[test]
    fn another_stream_begins_anew_with_its_first_piece() {
        let mut inlet = Inlet::default();
        take(&mut inlet, 0, true, b"half");
        assert_eq!(inlet.take(2, 1, false, b"x"), None);
        let first = inlet.take(2, 0, false, b"new").expect("a beginning");
        assert_eq!(first.frame.as_deref(), Some(&b"new"[..]));
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
                        more,
                        bytes,
                    } = wire.swap_remove(draw(wire.len() as u64) as usize)
                    else {
                        panic!("only pieces go this way");
                    };
                    let Some(taken) = inlet.take(stream, number, more, &bytes) else {
                        continue;
                    };
                    arrived.extend(taken.frame);
                    if draw(2) == 0 {
                        outlet.heard(now_us, stream, taken.next);
                    }
                }
            }
            assert_eq!(arrived, frames, "seed {seed}");
        }
    }
}
