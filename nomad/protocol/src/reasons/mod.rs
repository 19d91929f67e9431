//! The reasons a move fails or its outcome is in doubt. Each names the side and the offending value.

mod text;

use identity::{Incarnation, Name};
use serde::{Deserialize, Serialize};

use crate::cpu::CpuFeatures;
use crate::ids::TransactionId;

/// A side of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The machine that the domain leaves.
    Source,
    /// The machine that the domain goes to.
    Destination,
}

/// The phases. Code, logs and test hooks use the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PhaseName {
    /// Source: asks the destination to take the domain.
    Offer,
    /// Source: copies while the domain runs.
    Rounds,
    /// Source: the domain is frozen, the rest is sent.
    Freeze,
    /// Source: retires the domain, and repeats Commit until it receives Activated.
    Commit,
    /// Source: destroys its copy.
    Release,
    /// Destination: reserves the domain's resources.
    Admit,
    /// Destination: receives rounds.
    Receive,
    /// Destination: rebuilds the domain, then awaits Commit.
    Verify,
    /// Destination: runs the domain.
    Activate,
    /// Either: only an operator can settle the outcome.
    InDoubt,
    /// Destination: never runs its copy, and waits until the source has replied to that.
    Decline,
    /// Either: undoes its steps so far.
    Abort,
    /// Either: nothing is left to do.
    Finished,
}

/// The kinds of version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionOf {
    /// These messages.
    Protocol,
    /// The image format.
    Image,
    /// The system-call interface.
    Abi,
}

/// A rule for moves to and from guests. It is the reason to refuse a move that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GuestRule {
    /// Only a domain that came in a package may move to a guest.
    OnlyPackages,
    /// A domain may move to a guest only from its home.
    OnlyFromHome,
    /// A domain may move from a guest only to its home.
    OnlyToHome,
    /// No domain may move between two guests.
    NotBetweenGuests,
    /// A domain may move from a guest only to a machine that knows the guest's name.
    Unknown,
    /// A domain may not move to or from a guest while another guest may have a copy of it: its home remembers only one
    /// guest.
    OnAnotherGuest,
}

/// The reason a destination refuses a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The destination has too little memory.
    NoMemory {
        /// The memory that the domain or its move needs.
        needed_bytes: u64,
        /// The memory that the destination has left for it.
        available_bytes: u64,
    },
    /// The two machines have different versions.
    Version {
        /// The kind of version.
        of: VersionOf,
        /// The version of the refusing machine.
        ours: u16,
        /// The version of the other machine.
        theirs: u16,
    },
    /// The destination's CPU lacks features that the domain may use.
    Cpu {
        /// The missing features.
        missing: CpuFeatures,
    },
    /// A capability refers to a service that the destination does not have.
    NoService,
    /// A domain of this name or id is on the destination already.
    AlreadyHere {
        /// The incarnation of the destination's copy, if it is known.
        incarnation: Option<Incarnation>,
    },
    /// The destination holds a copy of this domain whose outcome is in doubt.
    InDoubt {
        /// The transaction that brought the copy.
        transaction: TransactionId,
    },
    /// The source, or all guests together, may not move more domains to the destination at the same time. Declined domains
    /// count.
    Quota {
        /// The number in use.
        used: u32,
        /// The number allowed.
        limit: u32,
    },
    /// The two machines do not list the same machines as their fleet.
    OtherFleet,
    /// The destination has as many transactions on record as it can keep.
    RecordsFull,
    /// The destination moves its own domains away, and admits none.
    Draining {
        /// Its name.
        machine: Name,
    },
    /// The move breaks a rule of guests.
    Guest(GuestRule),
}

/// The reason a local step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LocalFailure {
    /// A pool is empty.
    NoMemory,
    /// When it was frozen, the domain held a capability that pins it.
    Pinned {
        /// The slot, if the domain's table holds the capability. Otherwise one of the domain's objects holds it.
        slot: Option<u32>,
        /// The kind of the capability's object, as numbered by the system-call interface, if it is known.
        kind: Option<u8>,
    },
    /// Root or a service refused, is missing, or sent no reply or a wrong one.
    Service,
    /// The received image is not valid.
    BadImage,
    /// The kernel refused.
    Kernel {
        /// Its error, as numbered by the system-call interface.
        error: u32,
    },
    /// A thread has a priority that the migration server may not assign.
    Priority {
        /// The thread's priority.
        priority: u8,
    },
    /// The kernel thawed the domain before it was retired: it had been frozen for too long.
    FreezeEnded,
    /// Another domain holds it frozen.
    FrozenByAnother,
}

/// The reason a transaction was aborted. The source then runs the domain, and the destination has no copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AbortReason {
    /// The destination refuses the domain.
    Refused(Refusal),
    /// The operator cancelled.
    Cancelled,
    /// A phase exceeded its limit.
    TooLong {
        /// The phase that took too long.
        phase: PhaseName,
    },
    /// The stream between the machines broke.
    StreamBroken,
    /// The other machine was restarted.
    PeerRestarted,
    /// The other side has no such transaction.
    PeerForgot,
    /// The migration server of one side was restarted.
    NomadRestarted {
        /// The side.
        on: Side,
    },
    /// The destination's rebuilt state differs from the state that the source exported.
    DigestMismatch,
    /// Something kept changing the frozen domain: a reply to its call, a signal, or a revocation. The kernel reports only that
    /// the domain's version has changed.
    Interfered,
    /// A step failed.
    Failed {
        /// The side.
        on: Side,
        /// The reason.
        failure: LocalFailure,
    },
    /// The move was not committed within the operator's time limit.
    TimedOut {
        /// The limit.
        after_us: u64,
    },
    /// The rounds do not reach the downtime goal, and the operator wants the move to be given up in that case.
    NotConverging {
        /// The number of rounds.
        rounds: u32,
        /// Pages that remained to be sent after the last one.
        pages_remaining: u64,
    },
}

/// An operator's explicit decision about a copy in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// Run the copy on this machine, regardless of the other one.
    RunHere,
    /// Destroy the copy on this machine.
    DropCopy,
}

impl Doubt {
    /// Whether this decision settles the doubt. A copy is not run here while the domain runs elsewhere, and a domain
    /// that runs here is not dropped.
    pub fn is_settled_by(self, force: Force) -> bool {
        match self {
            Doubt::NotReleased => force == Force::RunHere,
            Doubt::NotAcknowledged | Doubt::NotAnswered | Doubt::NotActivated | Doubt::Dropped => {
                force == Force::DropCopy
            }
            _ => true,
        }
    }

    /// Whether a decision that settles this doubt decides about a copy here. If not, nothing about the copy is left to
    /// decide, and the decision only ends the record of the move.
    pub fn decides_about_copy(self) -> bool {
        self.has_copy() && self != Doubt::NotReleased
    }

    /// Whether there may still be a copy here.
    pub fn has_copy(self) -> bool {
        !matches!(
            self,
            Doubt::NotAcknowledged | Doubt::NotAnswered | Doubt::Dropped
        )
    }
}

/// The reason an outcome is in doubt. It is listed for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Doubt {
    /// The other machine has been silent for too long. Resolved when it replies again.
    Silent,
    /// On the destination: the source was restarted; it may have committed or may run the domain.
    SourceRestarted,
    /// On the source: the destination was restarted; it may have run the domain.
    DestinationRestarted,
    /// On the source: the destination ran the domain and was restarted before the copy here was destroyed.
    LostAfterActivated,
    /// On the source: the destination was not restarted, and has no record of the transaction. Its operator has ended it
    /// there, and may have run the domain.
    EndedByOperator,
    /// On the source: the destination has declined the domain, and the retirement here is not undone yet.
    Declined,
    /// On the source: the migration server's record and the kernel's state of the domain contradict each other.
    RecordContradicted,
    /// On the destination: the domain runs here, but the source has not confirmed that its copy is gone.
    NotReleased,
    /// On the source: the copy here is gone, but the destination has not acknowledged that.
    NotAcknowledged,
    /// On the destination: it has declined the domain, but the source has not replied to that.
    NotAnswered,
    /// On the destination: the source has committed, but this machine has tried to run the domain for too long without success.
    /// It keeps trying.
    NotActivated,
    /// On the source: an operator has dropped the copy here, and the destination has not replied whether it runs its own.
    Dropped,
}
