//! The messages of a hand-over, as they travel in datagrams and on the page stream.
//!
//! A datagram may be lost, doubled, delayed or overtaken: every message says which transaction it is about, and hearing
//! it twice does no harm. `docs/wire-format.md` draws the bytes; [`crate::wire`] reads and writes them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::fleet::FleetId;
use crate::identity::{
    Attempt, BootId, Digest, DomainId, Incarnation, MachineId, TransactionId, Turn,
};
use crate::offer::{Name, Offer};
use crate::reasons::{AbortReason, Refusal};
use crate::roll_call::Standing;

/// One control datagram: a message, and which boot of the sender's machine says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// The sender's boot. Whose machine it is the channel knows.
    pub boot: BootId,
    /// What it says.
    pub message: Message,
}

/// What one machine says to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Anybody: I am here. Sent by multicast; belongs to no transaction.
    Hello {
        /// The sender.
        machine: MachineId,
    },
    /// Something about one transaction.
    About(TransactionId, Step),
    /// A domain's home to everybody: have you a domain of this name? See [`crate::RollCall`]. Repeated until answered; answered only
    /// within one fleet.
    Asks(Name, Turn, FleetId),
    /// To the home: this is so with that name.
    Answers(Name, Turn, Standing),
    /// About frames that reached the source too late for the domain that this transaction moves. The ledger ignores it.
    Late(TransactionId, Late),
}

/// The longest piece of a late frame: two make the longest frame, and each fits a datagram.
pub const PIECE_BYTES_MAX: usize = 768;

/// What is said about late frames. The pieces of a stream are numbered from 0 and taken in that order only; those
/// that were not heard are sent again. A source that was restarted begins another stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Late {
    /// Source to target: a piece of a stream of frames, each with its length as a u16 before it. Repeated until heard.
    Piece {
        /// Which stream.
        stream: u32,
        /// Its number there.
        number: u64,
        /// At most [`PIECE_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// Target to source: every piece before this number was heard.
    Heard {
        /// Which stream.
        stream: u32,
        /// The number of the piece that is expected next.
        next: u64,
    },
}

/// What is said about a transaction. The comment names who says it to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Source to target: will you take this domain? Repeated until answered.
    Offer(Offer),
    /// Target to source: reserved, send. Repeated for every Offer.
    Admit,
    /// Target to source: no.
    Refuse(Refusal),
    /// Target to source: this freeze is received, rebuilt, and will not run until Commit. Repeated until answered: so a
    /// prepared target asks what became of the transaction.
    Prepared {
        /// Which freeze.
        attempt: Attempt,
        /// The digest of what was rebuilt.
        digest: Digest,
    },
    /// Source to target: the domain is retired here and yours from now on. Repeated until Activated is heard.
    Commit {
        /// Which freeze.
        attempt: Attempt,
        /// How long ago the domain's clock was read, in microseconds; 0 if that is not known any more.
        stood_us: u64,
        /// How long ago the last Prepared was heard, in microseconds: what of the round trip was no way.
        held_us: u64,
    },
    /// Target to source: it runs. Repeated until Released is heard. A machine that runs an older copy of it stops that.
    Activated {
        /// Which domain.
        domain: DomainId,
        /// Its incarnation there.
        incarnation: Incarnation,
    },
    /// Source to target: the copy here is gone. Repeated until ReleaseHeard is heard.
    Released,
    /// Target to source: forget it, I have forgotten it too.
    ReleaseHeard,
    /// Either, before the commit point: it is off.
    Abort(AbortReason),
    /// Either: I have no record of this transaction. Under the boot that took part in it that means aborted; under
    /// another boot nobody knows.
    Unknown,
    /// Target to source: so many rounds are here whole, and what they tell of the domain can be built. Repeated, in place of
    /// Admit, until a freeze has arrived.
    Received {
        /// How many.
        rounds: u32,
    },
}

/// What precedes the pages and records on the page stream. The stream is reliable and in order while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StreamHeader {
    /// A round of pages follows.
    Round {
        /// Which transaction.
        transaction: TransactionId,
        /// Which round, from 0.
        number: u32,
        /// How many pages it covers.
        pages: u64,
    },
    /// State records and the last pages follow. A higher attempt replaces the one before it.
    Freeze {
        /// Which transaction.
        transaction: TransactionId,
        /// Which freeze.
        attempt: Attempt,
        /// The digest of the exported state.
        digest: Digest,
        /// How many rounds came before.
        rounds: u32,
        /// How many pages it covers.
        pages: u64,
    },
}

impl Step {
    /// What a machine says that has no record of the transaction that this is about, if anything.
    ///
    /// Only what awaits an outcome is answered, so that two machines never talk in circles.
    pub fn answer_unknown(&self) -> Option<Step> {
        match self {
            Step::Admit
            | Step::Received { .. }
            | Step::Prepared { .. }
            | Step::Commit { .. }
            | Step::Activated { .. } => Some(Step::Unknown),
            Step::Released => Some(Step::ReleaseHeard),
            Step::Offer(_)
            | Step::Refuse(_)
            | Step::ReleaseHeard
            | Step::Abort(_)
            | Step::Unknown => None,
        }
    }
}
