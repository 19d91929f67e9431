//! What a transaction asks of the shell ([`Action`]) and what the shell answers ([`Event`]).
//!
//! The shell performs actions **in the order** in which it polls them, each one before the next: a record is durable
//! before the message that follows it is sent. Every action may be asked for twice and must then do no harm, since nomad
//! may have been restarted between doing and noting it. Actions that say "answered by" take time; all others are done
//! when they return.

use nomad_planner::{Progress, Round};

use crate::identity::{Attempt, Digest, DomainId, Incarnation, MachineId, StateVersion};
use crate::messages::Envelope;
use crate::offer::Offer;
use crate::reasons::{AbortReason, Doubt, Interference, LocalFailure, PhaseName, Refusal};
use crate::record::{Progressed, Record};

/// Something for the shell to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send a datagram. It may get lost.
    Send {
        /// To whom.
        to: MachineId,
        /// What.
        envelope: Envelope,
    },
    /// Keep this record of the transaction, instead of the one before, where it outlives nomad.
    Record(Record),
    /// Drop the record of the transaction.
    Forget,
    /// Tell the supervisor, the operator and the log.
    Notify(Notice),
    /// Another machine runs this incarnation of a domain: if an older one is here, stop it, for good, and list it. When none runs here, or
    /// can any more, tell that machine that the transaction is `Unknown`: it asks until then.
    Outlived {
        /// Which domain.
        domain: DomainId,
        /// The incarnation there.
        incarnation: Incarnation,
        /// Where.
        by: MachineId,
    },
    /// Close the transaction's page stream and stop what is being copied, if anything.
    CloseStream,
    /// A step of the source's.
    Source(SourceAction),
    /// A step of the target's.
    Target(TargetAction),
}

impl Action {
    /// Is it the first action after which a domain may run here that came from elsewhere? Each of them has one such.
    pub(crate) fn begins_activation(&self) -> bool {
        matches!(
            self,
            Action::Record(Record {
                progress: Progressed::TargetActivating { .. },
                ..
            })
        )
    }
}

/// What a source asks of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceAction {
    /// Start logging which pages the domain dirties. All are dirty at first.
    StartDirtyLog,
    /// Send the pages that are dirty. Answered by `RoundSent`, `StreamBroken` or `Failed`.
    CopyRound {
        /// Which round, from 0.
        number: u32,
    },
    /// Stop the domain. Answered by `Frozen` or `Failed`.
    FreezeDomain,
    /// Read the frozen domain's version, *then* its state. Redo the verdicts. Answered by `Exported` or `Failed`.
    ExportState {
        /// Which freeze.
        attempt: Attempt,
    },
    /// Send the exported state and the last dirty pages. Answered by the target; `StreamBroken` or `Failed` if not.
    SendFreeze {
        /// Which freeze.
        attempt: Attempt,
        /// How many rounds came before.
        rounds: u32,
        /// The digest that `Exported` told.
        digest: Digest,
    },
    /// **The commit point.** Retire the domain if its version is still this. Answered by `Retired`,
    /// `VersionMoved` or `NotRetired`; retiring what is retired already succeeds.
    Retire {
        /// The version that was exported.
        version: StateVersion,
    },
    /// End the dirty log and revert what the services exported.
    EndCapture,
    /// Let the domain run on, if it is frozen. Never asked for a retired domain.
    Thaw,
    /// Give the retired domain's memory back. Answered by `Destroyed`, also if it is gone already.
    Destroy,
    /// Undo the retirement and run the domain: the operator has forced it by name and supplies the right to. Answered by
    /// `Unretired`, or by `Failed` if that cannot be done.
    Unretire,
}

/// What a target asks of its machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetAction {
    /// Judge the grant, the quota and the services, and reserve the pool. Answered by `Reserved` or `Refused`.
    ///
    /// A page stream that arrives while nothing is reserved for its transaction is broken off at once.
    Reserve(Offer),
    /// Rebuild the domain from what was received, frozen, imports inactive. Answered by `Rebuilt` or `Failed`.
    Rebuild {
        /// Which freeze.
        attempt: Attempt,
    },
    /// Activate the imports and thaw the domain as this incarnation. Answered by `Activated` or `Failed`; asked again
    /// after a failure.
    Activate {
        /// The source's plus one.
        incarnation: Incarnation,
        /// How long the domain has stood since its clock was read, in microseconds, as far as that is known.
        stood_us: u64,
    },
    /// Tell the network where the domain's addresses are now.
    Announce,
    /// Discard the imports, the copy and the pool. Answered by `Discarded`.
    DiscardCopy,
}

/// What the shell has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The page stream broke.
    StreamBroken,
    /// What was asked for could not be done.
    Failed(LocalFailure),
    /// To a source.
    Source(SourceEvent),
    /// To a target.
    Target(TargetEvent),
}

/// What a source's machine has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceEvent {
    /// A round is on the stream.
    RoundSent {
        /// Which one.
        number: u32,
        /// As measured.
        round: Round,
    },
    /// The domain stands still.
    Frozen,
    /// The frozen domain's state was read.
    Exported {
        /// Which freeze.
        attempt: Attempt,
        /// The domain's version before it was read.
        version: StateVersion,
        /// A digest of the state.
        digest: Digest,
    },
    /// The domain is retired.
    Retired,
    /// The domain is not retired: its version had moved.
    VersionMoved {
        /// Who moved it.
        by: Interference,
    },
    /// The domain is not retired: the kernel refused for another reason.
    NotRetired(LocalFailure),
    /// The domain's memory is given back.
    Destroyed,
    /// The domain is retired no more, and runs.
    Unretired,
}

/// What a target's machine has done or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetEvent {
    /// The pool is reserved and every verdict is resolvable.
    Reserved,
    /// It is not to be; nothing is reserved.
    Refused(Refusal),
    /// A round has arrived whole.
    RoundReceived {
        /// Which one.
        number: u32,
        /// How many pages it covered.
        pages: u64,
    },
    /// A freeze has arrived whole.
    FreezeReceived {
        /// Which one.
        attempt: Attempt,
        /// The digest that it came with.
        digest: Digest,
        /// How many rounds it says came before.
        rounds: u32,
    },
    /// The domain is rebuilt and frozen.
    Rebuilt {
        /// Which freeze.
        attempt: Attempt,
        /// The digest of what was rebuilt.
        digest: Digest,
    },
    /// The domain runs.
    Activated,
    /// The copy and its pool are given back.
    Discarded,
}

/// What a transaction has to tell people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// It entered a phase.
    Phase(PhaseName),
    /// A source's round is done.
    Progress(Progress),
    /// A target's round has arrived.
    Received {
        /// Rounds so far.
        rounds: u32,
        /// Pages so far, those that came again included.
        pages: u64,
    },
    /// The source passed the commit point: the target's root supervises from here on.
    Committed,
    /// The domain runs on the target.
    Activated,
    /// It is off; the source runs, the target is empty.
    Aborted(AbortReason),
    /// The outcome is in doubt: list it.
    InDoubt(Doubt),
    /// Source: moved, and the memory is given back. Target: may be moved on.
    Finished,
}
