//! Page streams without sockets: the segments sent for a [`Job`], and the handling of received ones.

use nomad_protocol::planner::{Round, RoundProgress};
use nomad_protocol::{
    DestinationEvent, Event, Instant, LocalFailure, MachineId, PhaseName, SourceEvent,
    StreamHeader, TransactionId,
};

use crate::host::Host;
use crate::output::{Job, JobKind};
use crate::shell::Shell;

/// The reason a segment is abandoned before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The transaction is over.
    Over,
    /// The domain could not be read.
    Failed(LocalFailure),
}

impl From<LocalFailure> for SendError {
    fn from(failure: LocalFailure) -> SendError {
        SendError::Failed(failure)
    }
}

/// The segment's sender has no part in the transaction, or the transaction awaits no such segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRejected;

/// How often the operator learns how far a round has come.
pub const REPORT_US: u64 = 1_000_000;

/// The time of a report about a round, and the bytes that were sent by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Reported {
    at: Instant,
    wire_bytes: u64,
}

/// A round or a freeze being sent, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    job: Job,
    pages: u64,
    began: Instant,
    bytes: u64,
    wire_bytes: u64,
    /// When the last of its bytes was first sent.
    sent: Option<Instant>,
    is_last_piece: bool,
    /// Whether the round has ended with the domain described.
    is_described: bool,
    /// The last report, or the beginning of the segment.
    reported: Reported,
}

impl Segment {
    /// Begins a job's segment and appends its header; `None` if the job only closes the stream.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn begin<H: Host>(
        shell: &mut Shell<H>,
        now: Instant,
        job: Job,
        out: &mut H::Piece,
    ) -> Result<Option<Segment>, SendError> {
        let transaction = job.transaction;
        let (host, outgoing) = shell.outgoing(transaction)?;
        let (pages, header) = match job.kind {
            JobKind::Round(number) => {
                let pages = host.begin_round(outgoing);
                let header = StreamHeader::Round {
                    transaction,
                    number,
                    pages,
                };
                (pages, header)
            }
            JobKind::Freeze(attempt, rounds, digest) => {
                let pages = host.begin_freeze(outgoing)?;
                let header = StreamHeader::Freeze {
                    transaction,
                    attempt,
                    digest,
                    rounds,
                    pages,
                };
                (pages, header)
            }
            JobKind::Close => return Ok(None),
        };
        host.append_header(header, out);
        Ok(Some(Segment {
            job,
            pages,
            began: now,
            bytes: 0,
            wire_bytes: 0,
            sent: None,
            is_last_piece: false,
            is_described: false,
            reported: Reported {
                at: now,
                wire_bytes: 0,
            },
        }))
    }

    /// The segment's transaction.
    pub fn transaction(&self) -> TransactionId {
        self.job.transaction
    }

    /// Whether the next piece is the last.
    pub fn is_at_end(&self) -> bool {
        self.is_last_piece
    }

    /// Appends the next piece; returns whether there are more. The last one ends the segment.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn produce<H: Host>(
        &mut self,
        shell: &mut Shell<H>,
        out: &mut H::Piece,
    ) -> Result<bool, SendError> {
        let (host, outgoing) = shell.outgoing(self.job.transaction)?;
        if self.is_last_piece {
            match self.job.kind {
                JobKind::Round(number) => {
                    self.is_described = host.end_round(outgoing, number, out)?;
                }
                JobKind::Freeze(..) => host.end_freeze(outgoing, out)?,
                JobKind::Close => {}
            }
            return Ok(false);
        }
        self.is_last_piece = !host.produce(outgoing, out)?;
        Ok(true)
    }

    /// Counts the bytes sent for a piece.
    pub fn record_sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Counts a datagram of this many bytes.
    pub fn record_datagram(&mut self, bytes: u64) {
        self.wire_bytes += bytes;
    }

    /// Reports to the operator how far the round has come: at most once in [`REPORT_US`], only if bytes were sent meanwhile, and
    /// never while the domain is frozen.
    pub fn report<H: Host>(&mut self, shell: &mut Shell<H>, now: Instant) {
        let JobKind::Round(number) = self.job.kind else {
            return;
        };
        let period_us = now.us_since(self.reported.at);
        let sent = self.wire_bytes - self.reported.wire_bytes;
        if period_us < REPORT_US || sent == 0 {
            return;
        }
        let Ok((host, outgoing)) = shell.outgoing(self.job.transaction) else {
            return;
        };
        let left = host.pages_left(outgoing);
        self.reported = Reported {
            at: now,
            wire_bytes: self.wire_bytes,
        };
        let per_second = u128::from(sent) * 1_000_000 / u128::from(period_us);
        let progress = RoundProgress {
            round: number.saturating_add(1),
            pages_sent: self.pages.saturating_sub(left),
            pages: self.pages,
            wire_bytes: self.wire_bytes,
            wire_bytes_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
            elapsed_us: now.us_since(self.began),
        };
        shell.report_round(now, self.job.transaction, progress);
    }

    /// Records that every byte was sent once. Only the first call counts: later ones are about bytes sent again.
    pub fn record_all_sent(&mut self, now: Instant) {
        self.sent.get_or_insert(now);
    }

    /// Whether it ends as soon as the stream has accepted all of its bytes. A round ends only when they have arrived.
    pub fn ends_when_accepted(&self) -> bool {
        matches!(self.job.kind, JobKind::Freeze(..))
    }

    /// Ends the segment; returns the event for the ledger. `round_trip_us` is the least round trip of the stream in
    /// microseconds, or 0 if it is not known.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn end<H: Host>(
        self,
        shell: &mut Shell<H>,
        now: Instant,
        round_trip_us: u64,
    ) -> Result<Option<Event>, SendError> {
        let number = match self.job.kind {
            JobKind::Round(number) => number,
            JobKind::Freeze(attempt, ..) => {
                let delay_us = round_trip_us / 2;
                let sent = SourceEvent::FreezeSent { attempt, delay_us };
                return Ok(Some(Event::Source(sent)));
            }
            JobKind::Close => return Ok(None),
        };
        // Pages that are dirtied while the log is read belong to the next round.
        let elapsed_us = now.us_since(self.began).max(1);
        let (host, outgoing) = shell.outgoing(self.job.transaction)?;
        let round = Round {
            pages: self.pages,
            bytes: self.bytes,
            wire_bytes: self.wire_bytes,
            elapsed_us,
            acknowledgement_us: self.sent.map_or(0, |sent| now.us_since(sent)),
            dirtied: host.refresh_dirty(outgoing)?,
            is_undescribed: !self.is_described,
        };
        let sent = SourceEvent::RoundSent { number, round };
        Ok(Some(Event::Source(sent)))
    }
}

impl<H: Host> Shell<H> {
    /// Accepts the header of a segment on the page stream of this transaction from `from`. Performs all actions that are due
    /// before the header is reported, so that a copy is built before this freeze overwrites it. Performs the actions that
    /// follow from the header, too, so that the copy is recorded as incomplete before that.
    ///
    /// # Errors
    /// [`SegmentRejected`].
    pub fn begin_segment(
        &mut self,
        now: Instant,
        from: MachineId,
        transaction: TransactionId,
        header: &StreamHeader,
    ) -> Result<(), SegmentRejected> {
        self.perform_all(now);
        self.announce_segment(now, from, transaction, header)?;
        self.perform_all(now);
        Ok(())
    }

    /// Reports the header of a segment to the ledger. The caller then has to perform all actions before it accepts anything
    /// of the segment: [`Shell::begin_segment`] does so.
    ///
    /// # Errors
    /// [`SegmentRejected`].
    pub fn announce_segment(
        &mut self,
        now: Instant,
        from: MachineId,
        transaction: TransactionId,
        header: &StreamHeader,
    ) -> Result<(), SegmentRejected> {
        let is_its = transaction_of(header) == transaction;
        let entry = self.moves.entry(transaction).ok_or(SegmentRejected)?;
        let is_expected =
            is_its && entry.peer == from && self.moves.ledger.awaits(transaction, header);
        // A paused shell does not record that the copy is incomplete.
        let cannot_record = self.is_held() && entry.phase == PhaseName::Verify;
        if !is_expected || cannot_record {
            return Err(SegmentRejected);
        }
        if let StreamHeader::Freeze { attempt, .. } = *header {
            let begun = DestinationEvent::FreezeBegun { attempt };
            self.handle_event(now, transaction, Event::Destination(begun));
        }
        Ok(())
    }

    /// Handles an item of a page stream.
    ///
    /// # Errors
    /// The reason it is rejected, for the ledger.
    pub fn handle_arrival(
        &mut self,
        transaction: TransactionId,
        arrival: H::Arrival<'_>,
    ) -> Result<(), LocalFailure> {
        let host = &mut self.host;
        let moves = &mut self.moves;
        moves.with_incoming(transaction, |incoming| {
            host.handle_arrival(incoming, arrival)
        })
    }

    /// Ends a segment that has arrived whole; returns the event for the ledger. After a round the domain is built on
    /// trial.
    ///
    /// # Errors
    /// The reason it cannot be built here, for the ledger.
    pub fn end_segment(&mut self, header: &StreamHeader) -> Result<Event, LocalFailure> {
        if let StreamHeader::Round { transaction, .. } = *header {
            let host = &mut self.host;
            let moves = &mut self.moves;
            moves.with_incoming(transaction, |incoming| host.trial_build(incoming))?;
        }
        Ok(ended(header))
    }

    fn outgoing(
        &mut self,
        transaction: TransactionId,
    ) -> Result<(&mut H, &mut H::Outgoing), SendError> {
        let outgoing = self.moves.outgoing(transaction).ok_or(SendError::Over)?;
        Ok((&mut self.host, outgoing))
    }
}

/// The transaction of a segment.
pub fn transaction_of(header: &StreamHeader) -> TransactionId {
    match header {
        StreamHeader::Round { transaction, .. } | StreamHeader::Freeze { transaction, .. } => {
            *transaction
        }
    }
}

fn ended(header: &StreamHeader) -> Event {
    Event::Destination(match *header {
        StreamHeader::Round { number, pages, .. } => {
            DestinationEvent::RoundReceived { number, pages }
        }
        StreamHeader::Freeze {
            attempt,
            rounds,
            digest,
            ..
        } => DestinationEvent::FreezeReceived {
            attempt,
            digest,
            rounds,
        },
    })
}
