//! Page streams, as far as they are a matter of order and not of sockets: what is sent for a [`Job`], and what becomes of
//! what arrives.

use nomad_protocol::planner::Round;
use nomad_protocol::{
    Event, Instant, LocalFailure, MachineId, PhaseName, SourceEvent, StreamHeader, TargetEvent,
    TransactionId,
};

use crate::host::Host;
use crate::output::{Job, What};
use crate::shell::Shell;

/// Why a segment is not sent any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The transaction is over.
    Over,
    /// The domain could not be read.
    Failed(LocalFailure),
}

impl From<LocalFailure> for Unsent {
    fn from(failure: LocalFailure) -> Unsent {
        Unsent::Failed(failure)
    }
}

/// What arrives is of nobody who has a part in the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger;

/// A round or a freeze that is being sent, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    job: Job,
    pages: u64,
    began: Instant,
    bytes: u64,
    is_last_piece: bool,
}

impl Segment {
    /// Begins what a job asks for, and appends its header; nothing if it is only to end the stream.
    ///
    /// # Errors
    /// [`Unsent`].
    pub fn begin<H: Host>(
        shell: &mut Shell<H>,
        now: Instant,
        job: Job,
        out: &mut H::Piece,
    ) -> Result<Option<Segment>, Unsent> {
        let transaction = job.transaction;
        let (host, outgoing) = shell.outgoing(transaction)?;
        let (pages, header) = match job.what {
            What::Round(number) => {
                let pages = host.begin_round(outgoing);
                let header = StreamHeader::Round {
                    transaction,
                    number,
                    pages,
                };
                (pages, header)
            }
            What::Freeze(attempt, rounds, digest) => {
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
            What::Close => return Ok(None),
        };
        host.announce(header, out);
        Ok(Some(Segment {
            job,
            pages,
            began: now,
            bytes: 0,
            is_last_piece: false,
        }))
    }

    /// The transaction that this is about.
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
    /// [`Unsent`].
    pub fn produce<H: Host>(
        &mut self,
        shell: &mut Shell<H>,
        out: &mut H::Piece,
    ) -> Result<bool, Unsent> {
        let (host, outgoing) = shell.outgoing(self.job.transaction)?;
        if self.is_last_piece {
            match self.job.what {
                What::Round(number) => host.end_round(outgoing, number, out)?,
                What::Freeze(..) => host.end_freeze(outgoing, out)?,
                What::Close => {}
            }
            return Ok(false);
        }
        self.is_last_piece = !host.produce(outgoing, out)?;
        Ok(true)
    }

    /// This many bytes have left for a piece.
    pub fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// All has left: what the ledger is to be told, if it does not hear it from the target.
    ///
    /// # Errors
    /// [`Unsent`].
    pub fn end<H: Host>(self, shell: &mut Shell<H>, now: Instant) -> Result<Option<Event>, Unsent> {
        let What::Round(number) = self.job.what else {
            return Ok(None);
        };
        // What is written while it is looked is not of the round any more.
        let elapsed_us = now.us_since(self.began).max(1);
        let (host, outgoing) = shell.outgoing(self.job.transaction)?;
        let round = Round {
            pages: self.pages,
            bytes: self.bytes,
            elapsed_us,
            dirtied: host.look_again(outgoing)?,
        };
        let sent = SourceEvent::RoundSent { number, round };
        Ok(Some(Event::Source(sent)))
    }
}

impl<H: Host> Shell<H> {
    /// A segment begins on a page stream of `from`, which was about `known` so far; returns what it is about. A transaction has one
    /// stream, and what comes on another is a stranger's.
    ///
    /// # Errors
    /// [`Stranger`], also if the transaction awaits no such segment now.
    pub fn segment_begins(
        &mut self,
        from: MachineId,
        known: Option<TransactionId>,
        header: &StreamHeader,
    ) -> Result<TransactionId, Stranger> {
        let transaction = transaction_of(header);
        let is_its = match known {
            Some(known) => known == transaction,
            None => !self.streams.contains(&transaction),
        };
        let entry = self.moves.entry(transaction).ok_or(Stranger)?;
        if !is_its || entry.peer != from || !awaits(entry.phase, header) {
            return Err(Stranger);
        }
        self.streams.insert(transaction);
        Ok(transaction)
    }

    /// Takes in what a page stream says.
    ///
    /// # Errors
    /// Why it cannot; the ledger is to be told.
    pub fn take(
        &mut self,
        transaction: TransactionId,
        arrival: H::Arrival<'_>,
    ) -> Result<(), LocalFailure> {
        let host = &mut self.host;
        let moves = &mut self.moves;
        moves.with_incoming(transaction, |incoming| host.take(incoming, arrival))
    }

    /// A segment is whole: what the ledger is to be told. After a round the domain is built on trial.
    ///
    /// # Errors
    /// What this machine lacks; the ledger is to be told.
    pub fn segment_ends(&mut self, header: &StreamHeader) -> Result<Event, LocalFailure> {
        if let StreamHeader::Round { transaction, .. } = *header {
            let host = &mut self.host;
            let moves = &mut self.moves;
            moves.with_incoming(transaction, |incoming| host.rehearse(incoming))?;
        }
        Ok(ended(header))
    }

    fn outgoing(
        &mut self,
        transaction: TransactionId,
    ) -> Result<(&mut H, &mut H::Outgoing), Unsent> {
        let outgoing = self.moves.outgoing(transaction).ok_or(Unsent::Over)?;
        Ok((&mut self.host, outgoing))
    }
}

/// The transaction that a segment is about.
pub fn transaction_of(header: &StreamHeader) -> TransactionId {
    match header {
        StreamHeader::Round { transaction, .. } | StreamHeader::Freeze { transaction, .. } => {
            *transaction
        }
    }
}

/// Whether a target in this phase awaits such a segment.
fn awaits(phase: PhaseName, header: &StreamHeader) -> bool {
    match header {
        StreamHeader::Round { .. } => phase == PhaseName::Receive,
        // One that is prepared may be sent another freeze, which replaces what it has.
        StreamHeader::Freeze { .. } => matches!(phase, PhaseName::Receive | PhaseName::Verify),
    }
}

fn ended(header: &StreamHeader) -> Event {
    Event::Target(match *header {
        StreamHeader::Round { number, pages, .. } => TargetEvent::RoundReceived { number, pages },
        StreamHeader::Freeze {
            attempt,
            rounds,
            digest,
            ..
        } => TargetEvent::FreezeReceived {
            attempt,
            digest,
            rounds,
        },
    })
}
