//! The messages of a hand-over, as they travel in datagrams and on the page stream.
//!
//! A datagram may be lost, duplicated, delayed or reordered: every message names its transaction, and receiving it
//! twice does no harm. `docs/wire-format.md` draws the bytes; [`crate::wire`] encodes and decodes them.

use alloc::vec::Vec;

use identity::{Digest, DomainId, Incarnation, Name};
use serde::{Deserialize, Serialize};

use crate::fleet::FleetId;
use crate::ids::{AdmissionId, Attempt, BootId, TransactionId, Turn};
use crate::offer::Offer;
use crate::reasons::{AbortReason, Refusal};
use crate::roll_call::Presence;

/// One control datagram: a message and the boot of the machine that sent it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// The sender's boot. The channel identifies the machine.
    pub boot: BootId,
    /// The message.
    pub message: Message,
}

/// A message from one machine to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// A step of a transaction.
    Transaction(TransactionId, Step),
    /// From a domain's home to every machine: is a domain of this name there? See [`crate::RollCall`]. Repeated until
    /// there is a reply; only machines of the same fleet reply.
    Query(Name, Turn, FleetId),
    /// To the home: whether a domain of that name is here.
    QueryReply(Name, Turn, Presence),
    /// About frames that reached the source too late for the domain of this transaction. The ledger ignores it.
    Late(TransactionId, Late),
}

/// The longest piece of late frames. It fits a datagram, and two pieces hold the longest frame.
pub const PIECE_BYTES_MAX: usize = 768;

/// A message about late frames. The pieces of a stream are numbered from 0 and accepted in that order only;
/// unacknowledged ones are sent again. A restarted source begins another stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Late {
    /// Source to destination: a piece of a stream of frames, each preceded by its length as a u16. Repeated until
    /// acknowledged.
    Piece {
        /// The number of the stream.
        stream: u32,
        /// The piece's number in it.
        number: u64,
        /// At most [`PIECE_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// Destination to source: every piece before this number was received.
    Ack {
        /// The number of the stream.
        stream: u32,
        /// The number of the piece that is expected next.
        next: u64,
    },
}

/// A step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Source to destination: offers the domain. Repeated until there is a reply.
    Offer(Offer),
    /// Destination to source: the pool is reserved, send the pages. Repeated for every Offer.
    Admit {
        /// The number of the admission.
        admission: AdmissionId,
        /// The incarnation that the domain had when it left the destination for the source, if the destination still
        /// keeps its copy of that incarnation. The source need not send the pages of that copy again.
        kept: Option<Incarnation>,
    },
    /// Destination to source: the domain is not admitted.
    Refuse(Refusal),
    /// Destination to source: this many rounds have arrived whole, and the domain can be built from their description.
    /// Repeated, in place of Admit, until the outcome is known: with this step, a destination that has the frozen
    /// domain queries the outcome.
    Received {
        /// The admission that the rounds belong to.
        admission: AdmissionId,
        /// Their number.
        rounds: u32,
    },
    /// Source to destination: the domain is retired here, and the last of its pages are on their way. Run it as soon as
    /// they have arrived, or decline. Repeated until Activated or Declined is received.
    Commit {
        /// The admission. A destination that has forgotten this admission, and has admitted the domain again since,
        /// ends the newer admission.
        admission: AdmissionId,
        /// The freeze.
        attempt: Attempt,
        /// The digest of the frozen state.
        digest: Digest,
        /// Microseconds for which the domain will have been stopped when this arrives; 0 if that is not known.
        downtime_us: u64,
    },
    /// Destination to source: the domain runs. Repeated until Released is received. A machine that runs an older copy
    /// stops it.
    Activated {
        /// The domain that runs there.
        domain: DomainId,
        /// Its incarnation there.
        incarnation: Incarnation,
    },
    /// Source to destination: the source's copy is gone. Repeated until ReleaseAck is received.
    Released,
    /// Destination to source: the transaction is over.
    ReleaseAck,
    /// Destination to source: this machine will never run the copy of this transaction, and has made that durable. The
    /// source continues to run the domain, even if it has retired it. Repeated until there is a reply, which is Abort
    /// or Unknown.
    Declined(AbortReason),
    /// Either: the transaction is aborted, and the source runs the domain.
    Abort(AbortReason),
    /// Either: the sender has no record of this transaction. If a source sends this in the boot that took part in the
    /// transaction, the transaction was aborted, or an operator has dropped the source's copy and then ended the transaction. In any
    /// other case this leaves the outcome open.
    Unknown,
}

/// The header before the pages and records of the page stream. `nomad-transport` keeps the stream reliable and in
/// order, as long as the other side replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StreamHeader {
    /// A round of pages follows.
    Round {
        /// The transaction to which the pages belong.
        transaction: TransactionId,
        /// The round's number, from 0.
        number: u32,
        /// The number of pages that it covers.
        pages: u64,
    },
    /// State records and the last pages follow. A higher attempt replaces the one before it.
    Freeze {
        /// The transaction to which the state belongs.
        transaction: TransactionId,
        /// The freeze.
        attempt: Attempt,
        /// The digest of the exported state.
        digest: Digest,
        /// The number of rounds before it.
        rounds: u32,
        /// The number of pages that it covers.
        pages: u64,
    },
}

impl Step {
    /// The reply to this step from a machine that has no record of the transaction, or `None` if it sends no reply.
    ///
    /// Only steps that await an outcome get a reply, so two machines never reply to each other endlessly.
    pub fn reply_if_unknown(&self) -> Option<Step> {
        match self {
            Step::Admit { .. }
            | Step::Received { .. }
            | Step::Commit { .. }
            | Step::Declined(_)
            | Step::Activated { .. } => Some(Step::Unknown),
            Step::Released => Some(Step::ReleaseAck),
            Step::Offer(_)
            | Step::Refuse(_)
            | Step::ReleaseAck
            | Step::Abort(_)
            | Step::Unknown => None,
        }
    }
}
