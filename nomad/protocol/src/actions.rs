//! The actions that a transaction requests from the shell ([`Action`]), and the shell's reports about them ([`Event`]).
//!
//! The shell performs actions **in the order** in which it polls them, each one before the next: a record is durable
//! before the message that follows it is sent. Every action is idempotent, since the migration server may have been
//! restarted between performing and recording it. An action documented as "completed by" an event takes time. Every
//! other action is complete when the shell polls the next one.

use identity::{Digest, DomainId, Incarnation};
use nomad_planner::{Progress, Round, RoundProgress, Throttle};
use serde::{Deserialize, Serialize};

use crate::ids::{AdmissionId, Attempt, MachineId, StateVersion};
use crate::messages::Envelope;
use crate::offer::Offer;
use crate::reasons::{AbortReason, Doubt, LocalFailure, PhaseName, Refusal};
use crate::record::{Record, RecordedProgress};

/// An action for the shell to perform.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send a datagram, which may be lost.
    Send {
        /// The receiver.
        to: MachineId,
        /// The datagram.
        envelope: Envelope,
    },
    /// Replace the transaction's record, in memory that outlives the migration server.
    Record(Record),
    /// Drop the record of the transaction.
    Forget,
    /// Notify the supervisor, the operator and the log.
    Notify(Notice),
    /// Another machine runs this incarnation of the domain. If an older incarnation is here, stop it permanently and
    /// list it. As soon as no older one runs here or can run again, reply to the other machine with `Unknown`. The
    /// other machine repeats its message until then.
    Outlived {
        /// The domain with two copies.
        domain: DomainId,
        /// The incarnation that the other machine runs.
        incarnation: Incarnation,
        /// The other machine.
        by: MachineId,
    },
    /// Close the transaction's page stream and stop any copying.
    CloseStream,
    /// An action of a source.
    Source(SourceAction),
    /// An action of a destination.
    Destination(DestinationAction),
}

impl Action {
    /// Whether a domain that came from elsewhere may run here after this action. A move to this machine has at most one
    /// such action.
    pub(crate) fn begins_activation(&self) -> bool {
        matches!(
            self,
            Action::Record(Record {
                progress: RecordedProgress::DestinationActivating { .. },
                ..
            })
        )
    }
}

/// An action of a source on its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceAction {
    /// Start logging which pages the domain dirties. At first, all pages are dirty. But if the domain came here from
    /// the destination, and the destination still keeps that copy (`kept`), continue the log that was begun when the
    /// domain arrived here.
    StartDirtyLog {
        /// The incarnation of the copy that the destination keeps.
        kept: Option<Incarnation>,
    },
    /// Send the pages that are dirty. Completed by `RoundSent`, `StreamBroken` or `Failed`.
    CopyRound {
        /// The round's number, from 0.
        number: u32,
        /// How much to slow the domain down meanwhile.
        throttle: Throttle,
    },
    /// Stop the domain. Completed by `Frozen` or `Failed`.
    FreezeDomain,
    /// Read the frozen domain's version, *then* its state. Judge its capabilities again. Completed by `Exported` or `Failed`.
    ExportState {
        /// The freeze.
        attempt: Attempt,
    },
    /// Send the exported state and the last dirty pages. Completed by `FreezeSent`, `StreamBroken` or `Failed`.
    SendFreeze {
        /// The freeze.
        attempt: Attempt,
        /// The number of rounds before it.
        rounds: u32,
        /// The digest from `Exported`.
        digest: Digest,
    },
    /// **The commit point.** Retire the domain if its version is still this one. Completed by `Retired`, `VersionMoved`
    /// or `RetireFailed`; retiring a retired domain succeeds.
    Retire {
        /// The version that was exported.
        version: StateVersion,
    },
    /// End the dirty log and revert the services' exports.
    EndCapture,
    /// Let the domain run again, if it is frozen. Never requested for a retired domain.
    Thaw,
    /// Destroy the retired domain. Completed by `Destroyed`, also if it is gone already.
    Destroy,
    /// Undo the retirement and run the domain, because the destination has declined it or an operator has forced it by
    /// name. Completed by `Unretired`, or by `Failed` if that is not possible.
    Unretire,
}

/// An action of a destination on its machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DestinationAction {
    /// Have root admit the domain and reserve its pool. Completed by `Reserved` or `Refused`.
    ///
    /// Pages that arrive while nothing is reserved for their transaction are dropped.
    Reserve(Offer),
    /// Rebuild the domain from the received image. It stays frozen, and its imports inactive. Completed by `Rebuilt` or
    /// `Failed`.
    Rebuild {
        /// The freeze.
        attempt: Attempt,
    },
    /// Activate the imports and thaw the domain as this incarnation. Completed by `Activated` or `Failed`; repeated after
    /// a failure.
    Activate {
        /// The source's incarnation plus one.
        incarnation: Incarnation,
        /// Microseconds since the domain's clock was read. Parts of that time that are not known are left out.
        downtime_us: u64,
    },
    /// Announce the domain's new location on the network.
    Announce,
    /// Discard the imports, the copy and the pool. Completed by `Discarded`.
    DiscardCopy,
}

/// A report from the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The page stream broke.
    StreamBroken,
    /// An action failed.
    Failed(LocalFailure),
    /// An event that only a source can have.
    Source(SourceEvent),
    /// An event that only a destination can have.
    Destination(DestinationEvent),
}

/// An event on a source's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceEvent {
    /// A round was sent whole.
    RoundSent {
        /// The round's number, from 0.
        number: u32,
        /// Its measurements.
        round: Round,
    },
    /// The domain is frozen.
    Frozen,
    /// The frozen domain's state was read.
    Exported {
        /// The freeze.
        attempt: Attempt,
        /// The domain's version before its state was read.
        version: StateVersion,
        /// A digest of the state.
        digest: Digest,
    },
    /// The stream has accepted all bytes of a freeze, and sends them until they have arrived.
    FreezeSent {
        /// The freeze.
        attempt: Attempt,
        /// The time that a message takes to the destination: half of the least round trip of the stream, or 0 if that is
        /// not known. In microseconds.
        delay_us: u64,
    },
    /// The domain is retired.
    Retired,
    /// The domain is not retired: its version had changed.
    VersionMoved,
    /// The domain is not retired: the kernel refused for another reason.
    RetireFailed(LocalFailure),
    /// The domain is destroyed.
    Destroyed,
    /// The retirement is undone, and the domain runs.
    Unretired,
}

/// An event on a destination's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DestinationEvent {
    /// The domain is admitted, and its pool is reserved.
    Reserved {
        /// A number for this admission, drawn at random.
        admission: AdmissionId,
        /// The incarnation of the copy that is kept here, if the domain left this machine for the source.
        kept: Option<Incarnation>,
    },
    /// The domain is refused; nothing is reserved.
    Refused(Refusal),
    /// More of the page stream has arrived.
    Arriving,
    /// A round has arrived whole.
    RoundReceived {
        /// The round's number, from 0.
        number: u32,
        /// The number of pages that it covered.
        pages: u64,
    },
    /// The header of a freeze has arrived. This freeze replaces an earlier one. The actions that follow are performed
    /// before any byte of this freeze is accepted.
    FreezeBegun {
        /// The number of the freeze, from its header.
        attempt: Attempt,
    },
    /// A freeze has arrived whole.
    FreezeReceived {
        /// The number of the freeze, from its header.
        attempt: Attempt,
        /// The digest in its header.
        digest: Digest,
        /// The number of rounds before it, by its header.
        rounds: u32,
    },
    /// The domain is rebuilt and frozen.
    Rebuilt {
        /// The freeze.
        attempt: Attempt,
        /// The digest of the rebuilt state.
        digest: Digest,
    },
    /// The domain runs.
    Activated,
    /// The copy and its pool are released.
    Discarded,
}

/// A notice of a transaction's progress, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The transaction entered a phase.
    Phase(PhaseName),
    /// A source's round is done.
    Progress(Progress),
    /// How far a source's current round has come. The transaction does not send this notice: the sender of the pages
    /// does, from time to time, and it may omit the notice.
    Round(RoundProgress),
    /// A destination's round has arrived.
    Received {
        /// Rounds so far.
        rounds: u32,
        /// Pages so far, repeated ones included.
        pages: u64,
    },
    /// The source passed the commit point: the destination decides whether it runs the domain.
    Committed,
    /// The destination never runs its copy, for this reason. The source continues to run the domain, even after the
    /// commit point. On the source, this is the reason that the destination has stated, and `Aborted` follows with the
    /// same reason.
    Declined(AbortReason),
    /// The domain runs on the destination.
    Activated,
    /// The transaction is aborted: the source runs the domain, and the destination has no copy.
    Aborted(AbortReason),
    /// Source: no machine has the domain any more. An operator has dropped the copy here, and the destination has no
    /// copy either, because it has declined the domain for this reason.
    Lost(AbortReason),
    /// The outcome is in doubt.
    InDoubt(Doubt),
    /// Source: the domain has moved, and its memory is released. Destination: the domain may move to another machine.
    Finished,
}
