//! The pages of a domain on their way to another machine: [`Outbound`].

use alloc::vec::Vec;

use nomad_protocol::{Event, Instant, MachineId, TransactionId};
use nomad_shell::pages::{Segment, SendError};
use nomad_shell::{Host, Job, Shell};
use nomad_transport::{Ack, Sender};

use crate::capture::pass::PIECE_BYTES;
use crate::now::now;

/// The most bytes of a piece: a page and the head of a chunk may follow its last full byte.
const PIECE_BYTES_MAX: usize = 2 * PIECE_BYTES;

/// How long a stream waits if the socket has no room for its next datagram.
const BLOCKED_US: u64 = 1_000;
/// The destination is gone if there was none this many times in a row: its address is not resolved. Counted, and not timed, since
/// this machine may have stood still.
const BLOCKED_MAX: u32 = 10_000;

/// A stream of segments: each is produced piece by piece as the transport has room for it.
pub struct Outbound {
    transaction: TransactionId,
    /// The destination.
    pub peer: MachineId,
    sender: Sender,
    segment: Option<Segment>,
    /// Whether the segment was produced whole, but has not arrived.
    is_produced: bool,
    /// The last piece, and how much of it the transport has taken.
    piece: Vec<u8>,
    taken: usize,
    /// How many times in a row the socket had no room for the next datagram.
    blocked: u32,
}

impl Outbound {
    /// A stream to a machine, without a segment.
    pub fn new(now: Instant, transaction: TransactionId, peer: MachineId) -> Outbound {
        Outbound {
            transaction,
            peer,
            sender: Sender::new(now, transaction, None),
            segment: None,
            is_produced: false,
            piece: Vec::new(),
            taken: 0,
            blocked: 0,
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

    /// Gives the transport as much of the piece as it has room for.
    fn write_piece(&mut self) {
        self.taken += self.sender.write(&self.piece[self.taken..]);
        if self.taken == self.piece.len() {
            self.taken = 0;
            self.piece.clear();
            self.piece.shrink_to(PIECE_BYTES_MAX);
        }
    }

    /// Ends the segment if it has arrived whole; returns the event for the ledger, if there is one.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn end<H: Host<Piece = Vec<u8>>>(
        &mut self,
        now: Instant,
        shell: &mut Shell<H>,
    ) -> Result<Option<Event>, SendError> {
        if !self.is_produced || !self.piece.is_empty() || !self.sender.is_delivered() {
            return Ok(None);
        }
        match self.segment.take() {
            Some(segment) => segment.end(shell, now),
            None => Ok(None),
        }
    }

    /// Appends the next datagram, if one is to be sent now; returns whether one is.
    pub fn transmit(&mut self, now: Instant, bytes_max: usize, out: &mut Vec<u8>) -> bool {
        self.sender.transmit(now, bytes_max, out)
    }

    /// Handles the destination's acknowledgement.
    pub fn handle_ack(&mut self, now: Instant, ack: &Ack) {
        if self.sender.handle_ack(now, ack).is_err() {
            let transaction = self.transaction;
            log::debug!("{transaction:?}: an acknowledgement of bytes that were never sent");
        }
    }

    /// Records whether the socket has room for the next datagram; returns it.
    pub fn record_room(&mut self, has_room: bool) -> bool {
        self.blocked = if has_room { 0 } else { self.blocked + 1 };
        has_room
    }

    /// Whether the destination replies to nothing.
    pub fn is_abandoned(&self) -> bool {
        self.sender.is_abandoned() || self.blocked >= BLOCKED_MAX
    }

    /// When to transmit again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.blocked > 0 {
            Some(now().after_us(BLOCKED_US))
        } else {
            self.sender.poll_timeout()
        }
    }
}
