//! Why a move does not take place, or why its outcome is in doubt. Every reason says whose it is and names the value.

mod text;

use serde::{Deserialize, Serialize};

use crate::context::Force;
use crate::identity::{Incarnation, TransactionId};
use crate::offer::CpuFeatures;

/// Which side of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The machine that the domain leaves.
    Source,
    /// The machine that the domain goes to.
    Target,
}

/// The phases, under the same names in code, logs and test hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PhaseName {
    /// Source: asks the target to take the domain.
    Offer,
    /// Source: copies while the domain runs.
    Rounds,
    /// Source: the domain stands still, the rest is sent.
    Freeze,
    /// Source: retires the domain, and repeats Commit until it hears Activated.
    Commit,
    /// Source: gives the memory back.
    Release,
    /// Target: reserves what the domain needs.
    Admit,
    /// Target: takes in rounds.
    Receive,
    /// Target: rebuilds, then is prepared.
    Verify,
    /// Target: runs the domain.
    Activate,
    /// Either: only an operator can settle it.
    InDoubt,
    /// Either: undoes what was done so far.
    Abort,
    /// Either: nothing is left to do.
    Finished,
}

/// Which of two machines' version numbers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionOf {
    /// These messages.
    Protocol,
    /// The image format.
    Image,
    /// The system-call interface.
    Abi,
}

/// Why a target does not take a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The pool for incoming domains is too small.
    NoMemory {
        /// What the domain's pool is limited to.
        needed_bytes: u64,
        /// What the target has left.
        available_bytes: u64,
    },
    /// The target's manifest does not know the source's key.
    UnknownKey,
    /// The two machines speak different versions.
    Version {
        /// Of what.
        of: VersionOf,
        /// The refusing machine's.
        ours: u16,
        /// The other's.
        theirs: u16,
    },
    /// The target's CPU lacks features that the domain may use.
    Cpu {
        /// What is missing.
        missing: CpuFeatures,
    },
    /// A capability has no meaning on another machine.
    Pinned {
        /// The domain's slot that holds it.
        slot: u32,
        /// The kind of its object, as numbered by the system-call interface.
        kind: u8,
    },
    /// A capability refers to a service that the target does not have.
    NoService {
        /// The domain's slot that holds it.
        slot: u32,
    },
    /// The key's grant does not reach so far.
    BeyondGrant {
        /// The domain's slot whose rights are not granted, if it is about one.
        slot: Option<u32>,
    },
    /// A domain of this id is on the target already.
    AlreadyHere {
        /// The incarnation of the target's copy.
        incarnation: Incarnation,
    },
    /// The target holds a copy of this domain whose fate is unsettled.
    InDoubt {
        /// The transaction that brought the copy.
        transaction: TransactionId,
    },
    /// The key's quota of domains is used up, prepared ones included.
    Quota {
        /// What the key has in use.
        used: u32,
        /// What it may use.
        limit: u32,
    },
    /// The two machines do not list the same machines as their fleet.
    OtherFleet,
    /// The target has as many transactions on record as it can keep.
    RecordsFull,
}

/// A step on a machine of its own failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LocalFailure {
    /// A pool is empty.
    NoMemory,
    /// At freeze the domain held a capability that pins it.
    Pinned {
        /// The slot.
        slot: u32,
        /// The kind of its object, as numbered by the system-call interface.
        kind: u8,
    },
    /// A portable service did not answer, or not as it should.
    Service {
        /// The domain's slot that refers to it.
        slot: u32,
    },
    /// What was received is no valid image.
    BadImage,
    /// The kernel refused.
    Kernel {
        /// Its error, as numbered by the system-call interface.
        error: u32,
    },
    /// A thread has a priority that the migration server may not give.
    Priority {
        /// Which.
        priority: u8,
    },
    /// The kernel let the domain run before it was retired: it had been frozen for too long.
    FreezeEnded,
    /// Somebody else holds the domain frozen.
    FrozenByAnother,
}

/// What kind of outside change moved a frozen domain's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A call was answered.
    Reply,
    /// A notification was signalled.
    Signal,
    /// A capability was revoked.
    Revoke,
    /// Anything else.
    Other,
}

/// Who changed a frozen domain before it could be retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interference {
    /// What was done.
    pub change: Change,
    /// The slot of the domain that it was done to.
    pub slot: u32,
}

/// Why a transaction was aborted: the source runs, the target is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AbortReason {
    /// The target does not take the domain.
    Refused(Refusal),
    /// The operator changed their mind.
    Cancelled,
    /// The other side did not get on within the limit.
    TooLong {
        /// The phase whose limit it was.
        phase: PhaseName,
    },
    /// The stream between the machines broke.
    StreamBroken,
    /// The other machine was restarted.
    PeerRestarted,
    /// The other side has no such transaction.
    PeerForgot,
    /// nomad was restarted on one side.
    NomadRestarted {
        /// Where.
        on: Side,
    },
    /// What the target rebuilt is not what the source exported.
    DigestMismatch,
    /// Something kept changing the frozen domain.
    Interfered {
        /// The last one to do so.
        by: Interference,
    },
    /// A step failed.
    Failed {
        /// Where.
        on: Side,
        /// How.
        failure: LocalFailure,
    },
}

impl Doubt {
    /// Whether an operator can settle it so: what runs elsewhere is not to be run here, and what runs here is not dropped.
    pub fn is_settled_by(self, force: Force) -> bool {
        match self {
            Doubt::NotReleased => force == Force::RunHere,
            Doubt::NotHeard => force == Force::DropCopy,
            _ => true,
        }
    }

    /// Whether there may be a copy here that it is about.
    pub fn has_copy(self) -> bool {
        self != Doubt::NotHeard
    }
}

/// Why the outcome is not known: both facts and the reason are listed for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Doubt {
    /// The other machine has said nothing for long. Settles itself when it is heard again.
    Silent,
    /// On the target: the source was restarted; it may have committed or gone on running.
    SourceRestarted,
    /// On the source: the target was restarted; it may have run the domain.
    TargetRestarted,
    /// On the source: the target ran the domain and was restarted before the copy here was given back.
    LostAfterActivated,
    /// On the source: the target's operator discarded the copy after the source had committed.
    DiscardedByOperator,
    /// On the source: nomad's record and the kernel's state of the domain contradict each other.
    RecordContradicted,
    /// On the target: the domain runs here, and the source has not said for long that it gave its copy back.
    NotReleased,
    /// On the source: the copy here is given back, and the target has not said for long that it knows.
    NotHeard,
}
