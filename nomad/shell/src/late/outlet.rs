//! The frames for one leaving domain. They are held while it is undecided where the domain runs. If it runs on the other
//! machine, they are sent there in pieces, in order, and each piece is repeated until it is acknowledged. If it stays,
//! they are returned.
//!
//! ```text
//!   push --> held frames --> a stream of bytes, cut --> pieces in flight  --Ack--> gone
//!            the oldest are  as pieces are sent         at most WINDOW,
//!            dropped beyond                             repeated after a while
//!            HELD_BYTES_MAX
//! ```
//!
//! Waiting frames share pieces. Many short frames, such as requests, arrive while a domain is frozen, and each datagram
//! costs one machine an encryption, the other a decryption, and both a pass through driver and switch.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use nomad_protocol::{Late, PIECE_BYTES_MAX};

/// The most bytes of frames that wait or are not acknowledged, with their overhead: about 170 of the longest frames, or 2,000 short
/// ones.
pub const HELD_BYTES_MAX: usize = 256 * 1024;
const BYTES_BESIDE_FRAME: usize = 64;
/// The most pieces in flight: a quarter of those that the other machine's socket holds.
pub const WINDOW: usize = 32;
/// Pieces in flight are retransmitted after this long without an acknowledgement. The time doubles with each
/// retransmission, up to a limit.
const REPEAT_US: u64 = 50_000;
const REPEAT_US_MAX: u64 = 1_000_000;

/// The sending end of a stream of frames.
#[derive(Debug)]
pub struct Outlet {
    stream: u32,
    is_open: bool,
    held: VecDeque<Vec<u8>>,
    /// The cost of the frames in `held` and `unacknowledged`.
    held_bytes: usize,
    /// The bytes of frames that the next piece begins with.
    rest: Vec<u8>,
    /// The frames of the stream that are not acknowledged, each with the offset of its end.
    unacknowledged: VecDeque<(Vec<u8>, u64)>,
    /// The bytes that were ever added to the stream, and those that are acknowledged.
    added_bytes: u64,
    acknowledged_bytes: u64,
    pieces: VecDeque<Piece>,
    /// The number of `pieces`, counted from the first, that were sent since the last timeout.
    sent: usize,
    next_number: u64,
    repeat_at_us: Option<u64>,
    repeat_us: u64,
    /// Frames that were dropped because too many waited.
    pub dropped_count: u64,
}

#[derive(Debug)]
struct Piece {
    number: u64,
    bytes: Vec<u8>,
}

impl Outlet {
    /// An outlet that holds its frames. `stream` is random: after a restart this machine begins another stream in the same
    /// transaction, which must not be mistaken for this one.
    pub fn new(stream: u32) -> Outlet {
        Outlet {
            stream,
            is_open: false,
            held: VecDeque::new(),
            held_bytes: 0,
            rest: Vec::new(),
            unacknowledged: VecDeque::new(),
            added_bytes: 0,
            acknowledged_bytes: 0,
            pieces: VecDeque::new(),
            sent: 0,
            next_number: 0,
            repeat_at_us: None,
            repeat_us: REPEAT_US,
            dropped_count: 0,
        }
    }

    /// Adds a frame. If too many frames wait, drops the oldest.
    pub fn push(&mut self, frame: &[u8]) {
        self.held_bytes += cost(frame);
        self.held.push_back(frame.to_vec());
        while self.held_bytes > HELD_BYTES_MAX
            && let Some(dropped) = self.held.pop_front()
        {
            self.held_bytes -= cost(&dropped);
            self.dropped_count += 1;
        }
    }

    /// Takes over the frames that another outlet holds for a domain that has stayed. If the other outlet is open, its frames
    /// were for a domain that has left: they are dropped.
    pub fn take_held(&mut self, other: Outlet) {
        if !other.is_open {
            self.dropped_count += other.dropped_count;
            other.close().for_each(|frame| self.push(&frame));
        }
    }

    /// Sends frames from now on, because the domain runs on the other machine.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Returns the frames that the other machine may not have received, because the domain runs here. A frame whose
    /// acknowledgement was lost arrives a second time.
    pub fn close(self) -> impl Iterator<Item = Vec<u8>> {
        let sent = self.unacknowledged.into_iter().map(|(frame, _)| frame);
        sent.chain(self.held)
    }

    /// The next piece to send, if there is one.
    pub fn poll(&mut self, now_us: u64) -> Option<Late> {
        if self.repeat_at_us.is_some_and(|due_us| due_us <= now_us) {
            self.sent = 0;
            self.repeat_us = (2 * self.repeat_us).min(REPEAT_US_MAX);
            self.repeat_at_us = Some(now_us.saturating_add(self.repeat_us));
        }
        if self.sent == self.pieces.len() {
            self.cut_next();
        }
        let Piece { number, ref bytes } = *self.pieces.get(self.sent)?;
        self.sent += 1;
        self.repeat_at_us
            .get_or_insert(now_us.saturating_add(self.repeat_us));
        Some(Late::Piece {
            stream: self.stream,
            number,
            bytes: bytes.clone(),
        })
    }

    /// When pieces are to be retransmitted.
    pub fn poll_timeout_us(&self) -> Option<u64> {
        self.repeat_at_us
    }

    /// Handles the other machine's acknowledgement of every piece before `next`.
    pub fn handle_ack(&mut self, now_us: u64, stream: u32, next: u64) {
        let before = self.pieces.len();
        if stream == self.stream {
            while let Some(piece) = self.pieces.pop_front_if(|piece| piece.number < next) {
                self.acknowledged_bytes += piece.bytes.len() as u64;
            }
            let until = self.acknowledged_bytes;
            while let Some((frame, _)) = self.unacknowledged.pop_front_if(|(_, end)| *end <= until)
            {
                self.held_bytes -= cost(&frame);
            }
        }
        let acknowledged = before - self.pieces.len();
        if acknowledged > 0 {
            self.sent = self.sent.saturating_sub(acknowledged);
            self.repeat_us = REPEAT_US;
            let is_waiting = !self.pieces.is_empty();
            self.repeat_at_us = is_waiting.then(|| now_us.saturating_add(REPEAT_US));
        }
    }

    /// Cuts a piece from the waiting frames, if one may be sent.
    fn cut_next(&mut self) {
        if !self.is_open || self.pieces.len() == WINDOW {
            return;
        }
        while self.rest.len() < PIECE_BYTES_MAX
            && let Some(frame) = self.held.pop_front()
        {
            let before = self.rest.len();
            self.rest.extend((frame.len() as u16).to_le_bytes());
            self.rest.extend(&frame);
            self.added_bytes += (self.rest.len() - before) as u64;
            self.unacknowledged.push_back((frame, self.added_bytes));
        }
        if self.rest.is_empty() {
            return;
        }
        let count = self.rest.len().min(PIECE_BYTES_MAX);
        self.pieces.push_back(Piece {
            number: self.next_number,
            bytes: self.rest.drain(..count).collect(),
        });
        self.next_number += 1;
    }
}

/// The number of bytes that a waiting frame counts for.
fn cost(frame: &[u8]) -> usize {
    frame.len() + BYTES_BESIDE_FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: u32 = 7;

    /// The number of a piece and its length.
    fn brief(late: &Late) -> (u64, usize) {
        match late {
            Late::Piece {
                stream: STREAM,
                number,
                bytes,
            } => (*number, bytes.len()),
            other => panic!("{other:?}"),
        }
    }

    fn all(outlet: &mut Outlet, now_us: u64) -> Vec<(u64, usize)> {
        core::iter::from_fn(|| outlet.poll(now_us))
            .map(|late| brief(&late))
            .collect()
    }

    #[test]
    fn holds_frames_until_it_is_opened_and_sends_them_once() {
        let mut outlet = Outlet::new(STREAM);
        outlet.push(&[1; 60]);
        outlet.push(&[2; 1514]);
        assert!(all(&mut outlet, 0).is_empty());
        assert_eq!(outlet.poll_timeout_us(), None);
        outlet.open();
        let pieces = [(0, 768), (1, 768), (2, 62 + 1516 - 2 * 768)];
        assert_eq!(all(&mut outlet, 0), pieces);
        assert!(all(&mut outlet, REPEAT_US - 1).is_empty());
        outlet.push(&[3; 14]);
        assert_eq!(all(&mut outlet, REPEAT_US - 1), [(3, 16)]);
    }

    #[test]
    fn a_domain_that_stays_gets_its_frames_back_in_order() {
        let mut outlet = Outlet::new(STREAM);
        outlet.push(&[1; 60]);
        outlet.push(&[2; 60]);
        let held: Vec<_> = outlet.close().collect();
        assert_eq!(held, [[1; 60], [2; 60]]);
    }

    #[test]
    fn drops_the_oldest_frame_when_too_many_wait() {
        let mut outlet = Outlet::new(STREAM);
        let room = HELD_BYTES_MAX / (1000 + BYTES_BESIDE_FRAME);
        for _ in 0..room {
            outlet.push(&[1; 1000]);
        }
        assert_eq!(outlet.dropped_count, 0);
        outlet.push(&[2; 1514]);
        assert!((1..=2).contains(&outlet.dropped_count));
        let kept = room - outlet.dropped_count as usize + 1;
        assert!(outlet.held_bytes <= HELD_BYTES_MAX);
        let held: Vec<_> = outlet.close().collect();
        assert_eq!((held.len(), held[kept - 1].len()), (kept, 1514));
    }

    #[test]
    fn sent_frames_make_room() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        for next in 1..500 {
            outlet.push(&[1; 700]);
            assert_eq!(all(&mut outlet, 0).len(), 1);
            outlet.handle_ack(0, STREAM, next);
        }
        assert_eq!((outlet.dropped_count, outlet.held_bytes), (0, 0));
        assert!(outlet.unacknowledged.is_empty());
    }

    #[test]
    fn retransmits_unacknowledged_pieces_less_and_less_often() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        for length in [60, 61] {
            outlet.push(&alloc::vec![0; length]);
            all(&mut outlet, 0);
        }
        let mut due = Vec::new();
        for _ in 0..7 {
            let now_us = outlet.poll_timeout_us().expect("unacknowledged");
            due.push(now_us);
            assert_eq!(all(&mut outlet, now_us), [(0, 62), (1, 63)]);
        }
        assert_eq!(due[..3], [50_000, 150_000, 350_000]);
        assert_eq!(due[6] - due[5], REPEAT_US_MAX);
    }

    #[test]
    fn acknowledged_pieces_are_not_retransmitted() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        for length in 14..18 {
            outlet.push(&alloc::vec![0; length]);
            all(&mut outlet, 0);
        }
        outlet.handle_ack(10, STREAM + 1, 4);
        outlet.handle_ack(10, STREAM, 3);
        // A reordered acknowledgement changes nothing.
        outlet.handle_ack(20, STREAM, 1);
        assert_eq!(outlet.poll_timeout_us(), Some(10 + REPEAT_US));
        assert_eq!(all(&mut outlet, 10 + REPEAT_US), [(3, 19)]);
        outlet.handle_ack(90_000, STREAM, u64::MAX);
        assert_eq!(outlet.poll_timeout_us(), None);
    }

    #[test]
    fn no_more_pieces_are_in_flight_than_the_window_holds() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        for _ in 0..WINDOW {
            outlet.push(&[1; 1000]);
        }
        assert_eq!(all(&mut outlet, 0).len(), WINDOW);
        outlet.handle_ack(1, STREAM, 2);
        assert_eq!(all(&mut outlet, 1).len(), 2);
    }

    #[test]
    fn waiting_frames_share_a_piece() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        (0..12).for_each(|_| outlet.push(&[1; 62]));
        assert_eq!(all(&mut outlet, 0), [(0, 12 * 64)]);
    }

    #[test]
    fn frames_that_are_not_acknowledged_are_returned_whole() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        let frames = [1, 2, 3, 4].map(|byte| alloc::vec![byte; 1000]);
        frames.iter().for_each(|frame| outlet.push(frame));
        // The first frame ends in the second piece, and the second one in the third.
        assert!(all(&mut outlet, 0).len() > 2);
        outlet.handle_ack(1, STREAM, 2);
        let returned: Vec<_> = outlet.close().collect();
        assert_eq!(returned, frames[1..]);
    }

    #[test]
    fn frames_that_no_machine_acknowledges_are_bounded() {
        let mut outlet = Outlet::new(STREAM);
        outlet.open();
        for _ in 0..10_000 {
            outlet.push(&[1; 14]);
            all(&mut outlet, 0);
        }
        assert!(outlet.held_bytes <= HELD_BYTES_MAX);
        let count = outlet.dropped_count as usize + outlet.close().count();
        assert_eq!(count, 10_000);
    }
}
