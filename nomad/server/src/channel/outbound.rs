//! The pages of a domain on their way to another machine: [`Outbound`].

use alloc::vec::Vec;

use nomad_protocol::{Event, Instant, MachineId, TransactionId};
use nomad_shell::pages::{Segment, SendError};
use nomad_shell::{Host, Job, Shell};
use nomad_transport::{Ack, Sender, Statistics};

use crate::budget::PIECE_BYTES;

/// More than any piece of pages needs: such a piece exceeds [`PIECE_BYTES`] by less than a page and the head of a chunk. A
/// piece with a domain's state may be longer, but its additional memory is freed after it.
const PIECE_BYTES_MAX: usize = 2 * PIECE_BYTES;

/// How long a stream waits each time the socket has no room for its next datagram.
const BLOCKED_US: u64 = 1_000;
/// The most such waits in a row. After them the destination counts as gone, because its address could not be resolved.
/// Waits are counted instead of time, because this machine may have stood still.
const WAITS_MAX: u32 = 10_000;

/// A stream of segments. Each segment is produced piece by piece, as the transport has room for it.
pub struct Outbound {
    transaction: TransactionId,
    /// The destination.
    pub peer: MachineId,
    sender: Sender,
    segment: Option<Segment>,
    /// Whether the segment was produced whole.
    is_produced: bool,
    /// The last piece. The transport has accepted its first `taken` bytes.
    piece: Vec<u8>,
    taken: usize,
    /// The next datagram, if the socket had no room for it.
    datagram: Vec<u8>,
    /// The end of the current wait for room in the socket.
    waits_until: Option<Instant>,
    /// The number of waits in a row.
    waits: u32,
}

impl Outbound {
    /// A stream to a machine, without a segment, of at most `rate_max` bytes per second.
    pub fn new(
        now: Instant,
        transaction: TransactionId,
        peer: MachineId,
        rate_max: Option<u64>,
    ) -> Outbound {
        Outbound {
            transaction,
            peer,
            sender: Sender::new(now, transaction, rate_max),
            segment: None,
            is_produced: false,
            piece: Vec::new(),
            taken: 0,
            datagram: Vec::new(),
            waits_until: None,
            waits: 0,
        }
    }

    /// Begins the segment of a job.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn begin<H: Host<Piece = Vec<u8>>>(
        &mut self,
        now: Instant,
        shell: &mut Shell<H>,
        job: Job,
    ) -> Result<(), SendError> {
        self.segment = Segment::begin(shell, now, job, &mut self.piece)?;
        self.is_produced = false;
        Ok(())
    }

    /// Whether a piece is to be produced.
    pub fn wants_piece(&mut self) -> bool {
        self.write_piece();
        self.segment.is_some() && !self.is_produced && self.piece.is_empty()
    }

    /// Produces the next piece.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn produce<H: Host<Piece = Vec<u8>>>(
        &mut self,
        shell: &mut Shell<H>,
    ) -> Result<(), SendError> {
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        self.is_produced = !segment.produce(shell, &mut self.piece)?;
        segment.record_sent(self.piece.len() as u64);
        self.write_piece();
        Ok(())
    }

    /// Reports from time to time how far a round has come.
    pub fn report<H: Host<Piece = Vec<u8>>>(&mut self, now: Instant, shell: &mut Shell<H>) {
        if let Some(segment) = &mut self.segment {
            segment.report(shell, now);
        }
    }

    /// Gives the transport as much of the piece as it has room for.
    fn write_piece(&mut self) {
        self.taken += self.sender.write(&self.piece[self.taken..]);
        if self.taken == self.piece.len() {
            self.taken = 0;
            self.piece.clear();
            self.piece.shrink_to(PIECE_BYTES_MAX);
        }
    }

    /// Ends the segment if it has arrived whole, or at once if it need not arrive first; returns the event for the ledger,
    /// if there is one.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn end<H: Host<Piece = Vec<u8>>>(
        &mut self,
        now: Instant,
        shell: &mut Shell<H>,
    ) -> Result<Option<Event>, SendError> {
        if !self.is_produced || !self.piece.is_empty() {
            return Ok(None);
        }
        let is_delivered = self.sender.is_delivered();
        let ends = |segment: &mut Segment| is_delivered || segment.ends_when_accepted();
        let round_trip_us = self.sender.statistics().round_trip_us;
        match self.segment.take_if(ends) {
            Some(segment) => segment.end(shell, now, round_trip_us),
            None => Ok(None),
        }
    }

    /// Has `send` send the next datagram, of at most `bytes_max` bytes, if one is to be sent now; returns whether it was sent.
    /// `send` returns whether there was room for it. A datagram without room is kept, and is the next one again.
    pub fn transmit(
        &mut self,
        now: Instant,
        bytes_max: usize,
        send: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return false;
        }
        let is_new = self.datagram.is_empty();
        if is_new && !self.sender.transmit(now, bytes_max, &mut self.datagram) {
            return false;
        }
        if send(&self.datagram) {
            self.record_sent(now);
            return true;
        }
        self.waits_until = Some(now.after_us(BLOCKED_US));
        self.waits += 1;
        false
    }

    fn record_sent(&mut self, now: Instant) {
        (self.waits_until, self.waits) = (None, 0);
        if let Some(segment) = &mut self.segment {
            segment.record_datagram(self.datagram.len() as u64);
            if self.is_produced && self.piece.is_empty() && self.sender.is_sent() {
                segment.record_all_sent(now);
            }
        }
        self.datagram.clear();
    }

    /// Handles the destination's acknowledgement.
    pub fn handle_ack(&mut self, now: Instant, ack: &Ack) {
        if self.sender.handle_ack(now, ack).is_err() {
            let transaction = self.transaction.short();
            log::debug!("{transaction}: an acknowledgement of what was never sent");
        }
    }

    /// Whether the destination no longer replies to anything.
    pub fn is_abandoned(&self) -> bool {
        self.sender.is_abandoned() || self.waits >= WAITS_MAX
    }

    /// The cost of the stream so far.
    pub fn statistics(&self) -> Statistics {
        self.sender.statistics()
    }

    /// When to transmit again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waits_until.or_else(|| self.sender.poll_timeout())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYBODY: MachineId = MachineId([1; 32]);

    fn at(us: u64) -> Instant {
        Instant::from_us(us)
    }

    /// A stream with bytes to send.
    fn stream() -> Outbound {
        let mut stream = Outbound::new(at(0), TransactionId(1), ANYBODY, None);
        stream.sender.write(&[7; 5000]);
        stream
    }

    /// Tries to send several times at the same moment; returns whether a datagram was sent.
    fn tries(stream: &mut Outbound, us: u64, has_room: bool) -> bool {
        let mut attempts = 0..100;
        attempts.any(|_| stream.transmit(at(us), 1400, |_| has_room))
    }

    #[test]
    fn a_stream_without_space_waits_and_is_abandoned_after_many_waits_in_a_row() {
        let mut stream = stream();
        for wait in 0..u64::from(WAITS_MAX) - 1 {
            assert!(!tries(&mut stream, wait * BLOCKED_US, false));
            assert_eq!(stream.poll_timeout(), Some(at((wait + 1) * BLOCKED_US)));
        }
        assert!(!stream.is_abandoned());
        let last = u64::from(WAITS_MAX) * BLOCKED_US;
        tries(&mut stream, last, false);
        assert!(stream.is_abandoned());
    }

    #[test]
    fn room_ends_the_count_of_waits() {
        let mut stream = stream();
        for wait in 0..2 * u64::from(WAITS_MAX) {
            let has_room = wait % 5_000 == 4_999;
            tries(&mut stream, wait * BLOCKED_US, has_room);
            assert!(stream.waits <= 5_000);
        }
    }

    #[test]
    fn a_datagram_without_room_is_sent_first_when_there_is_room() {
        let mut stream = stream();
        let mut sizes = Vec::new();
        for (us, has_room) in [(0, false), (BLOCKED_US, true)] {
            let mut first = None;
            stream.transmit(at(us), 1400, |datagram| {
                first = Some(datagram.to_vec());
                has_room
            });
            sizes.push(first.expect("a datagram is due"));
        }
        assert_eq!(sizes[0], sizes[1]);
        assert!(stream.datagram.is_empty());
        assert_eq!(stream.sender.statistics().datagrams, 1);
    }

    #[test]
    fn a_stream_with_nothing_to_send_does_not_ask_for_room() {
        let mut stream = Outbound::new(at(0), TransactionId(1), ANYBODY, None);
        assert!(!tries(&mut stream, 0, false));
        assert_eq!((stream.waits, stream.poll_timeout()), (0, None));
    }
}
