//! The events of a migration server's reply: [`Event`].
//!
//! Both sides handle an event as a value. Its text is its `Display` ([`text`]), the same for the command line, the
//! console and the tests. Its JSON is the value as serde serialises it.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::{Incarnation, Name};
use nomad_image::Verdict;
use nomad_protocol::{Cancelled, Doubt, Force, Notice, PhaseName, Side, TransactionId};
use serde::{Deserialize, Serialize};
use service_protocol::root::{DomainRecord, DomainState, MemoryRecord};

use crate::end::End;

mod drain;
mod text;

pub use drain::{DrainStage, DrainStatus, Stay};

/// The maximum length of the reason of a failed command or a rejected package, in bytes.
pub const REASON_BYTES_MAX: usize = 400;
/// The maximum number of machines that are named as the reason for an unknown location of a domain.
pub const REPORTS_MAX: usize = 16;

/// One event of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A domain of the machine.
    Domain(DomainRecord),
    /// A move that the machine takes part in.
    Transaction(TransactionStatus),
    /// A domain that is at home on the machine and absent.
    Home(HomeStatus),
    /// A machine of the fleet.
    Machine {
        /// The machine's name in the fleet, or a guest's name.
        name: Name,
        /// The address of its migration server, if it is known.
        address: Option<Ipv4Addr>,
        /// The origin of the address.
        origin: AddressOrigin,
        /// The address of another machine with the same name, if there is one.
        double: Option<Ipv4Addr>,
    },
    /// The verdict on one held object.
    Verdict(Verdict),
    /// This many more verdicts are left out of the reply. A refusal is left out only if all listed verdicts are
    /// refusals.
    Omitted(u64),
    /// The machine's memory.
    Memory(MemoryStatus),
    /// A move has begun.
    Moving {
        /// The domain that moves.
        domain: Name,
        /// The address of the machine that it moves to.
        to: Ipv4Addr,
        /// The id of the move, as `list` shows it.
        transaction: TransactionId,
    },
    /// A notice of the move's progress.
    Move(Notice),
    /// The result of a cancellation.
    Cancelled(Name, Cancelled),
    /// A domain is started afresh.
    Started(Name),
    /// An operator's decision about a domain is carried out.
    Forced {
        /// The domain that the decision is about.
        domain: Name,
        /// Whether this machine's copy runs or is destroyed.
        force: Force,
        /// The doubt that it settles. Without one, it starts a domain or drops an outlived copy.
        settled: Option<Doubt>,
    },
    /// A package was received; its domain is at home here now.
    Received(Name),
    /// A domain is stopped.
    Stopped(Name),
    /// A domain and its package are forgotten.
    Removed(Name),
    /// A line of the machine's log.
    Log(LogLine),
    /// The machine moves its domains away and admits none; how far that is.
    Draining(DrainStatus),
    /// A notice of the move of one domain of a drain. Unlike [`Event::Move`] it never ends the reply.
    DrainMove {
        /// The domain that moves.
        domain: Name,
        /// The progress or the end of its move.
        notice: Notice,
    },
    /// A drain leaves this domain on the machine, for this reason.
    Stays {
        /// The domain that stays.
        domain: Name,
        /// The reason why it was not moved.
        reason: Stay,
    },
    /// A drain has ended: this machine admits domains again.
    Undrained(Name),
    /// The restart of the machine loses this domain, which is in this state.
    Lost(Name, DomainState),
    /// This machine restarts as soon as the reply has had time to arrive.
    Rebooting(Name),
    /// The command succeeded. A move ends with its own last notice instead.
    Done,
    /// The command was refused or failed, for this reason.
    Failed(String),
    /// The package of the command was rejected.
    Rejected {
        /// The field of the domain's manifest entry that is the reason, if one is.
        field: Option<Name>,
        /// The reason, without the field's name.
        reason: String,
    },
}

impl Event {
    /// Whether a later event of the same kind replaces it, so that a client that reads slowly may never get it.
    pub fn is_replaceable(&self) -> bool {
        let (Event::Move(notice) | Event::DrainMove { notice, .. }) = self else {
            return false;
        };
        matches!(notice, Notice::Round(_))
    }
}

/// The origin of a machine's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressOrigin {
    /// It is the machine's own.
    Own,
    /// A handshake with the machine was completed there.
    Handshake,
    /// A hello of the machine was received from there.
    Hello,
    /// The manifest has it.
    Manifest,
    /// The machine is a guest. The last handshake with it was completed there.
    Guest,
    /// No address is known.
    Unknown,
}

/// A line of a machine's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number, from 0 since the machine started.
    pub number: u64,
    /// The number of dropped lines between the requested one and this one.
    pub dropped: u64,
    /// The domain that logged it.
    pub domain: Name,
    /// Its text.
    pub text: String,
}

/// A move that a machine takes part in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransactionStatus {
    /// The move.
    pub transaction: TransactionId,
    /// The domain.
    pub domain: Name,
    /// The machine's side of it.
    pub side: Side,
    /// Its current phase.
    pub phase: PhaseName,
    /// The other machine's address, if that machine still belongs to the fleet.
    pub peer: Option<Ipv4Addr>,
    /// The reason its outcome is in doubt, if it is.
    pub doubt: Option<Doubt>,
}

/// The location of an absent domain that is at home on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HomeStatus {
    /// The domain.
    pub domain: Name,
    /// Its location.
    pub location: Location,
    /// If no machine is known to have it, the youngest copy that a machine reported since the home began to query, if any did.
    pub last: Option<LastCopy>,
}

/// A copy of a domain that a machine had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastCopy {
    /// The machine's address, if it is of the fleet.
    pub by: Option<Ipv4Addr>,
    /// The copy's incarnation.
    pub incarnation: Incarnation,
}

/// The location of an absent domain, as its home knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// A machine has it.
    Held {
        /// The machine's address, if it is of the fleet.
        by: Option<Ipv4Addr>,
        /// The copy's incarnation.
        incarnation: Incarnation,
        /// Whether the copy runs or may run there.
        runs: bool,
    },
    /// No machine has it.
    Lost,
    /// Its location is not known. These machines are the reason, at most [`REPORTS_MAX`] of them.
    Unknown(Vec<MachineReport>),
}

/// A reason not to run a domain: the finding about one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MachineReport {
    /// The machine's address, if it is known.
    pub address: Option<Ipv4Addr>,
    /// The machine's name, if it is a guest.
    pub guest: Option<Name>,
    /// The finding.
    pub finding: Finding,
}

/// The finding about a machine that was queried about a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The domain runs or may run there.
    Runs,
    /// A copy that does not run is there.
    Holds,
    /// It does not reply, or has not replied yet.
    Silent,
}

/// The memory of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemoryStatus {
    /// Root's record of it.
    pub machine: MemoryRecord,
    /// Free bytes of the migration server's heap.
    pub nomad_heap_free: u64,
    /// The fewest bytes of the migration server's heap that were ever free.
    pub nomad_heap_free_min: u64,
}

impl Event {
    /// A failure for this reason, cut to [`REASON_BYTES_MAX`].
    pub fn failed(reason: String) -> Event {
        Event::Failed(cut(reason))
    }

    /// A rejected package, because of this field, for this reason, cut to [`REASON_BYTES_MAX`].
    pub fn rejected(field: Option<Name>, reason: String) -> Event {
        let reason = cut(reason);
        Event::Rejected { field, reason }
    }

    /// The outcome of the command, if this is the last event of its reply.
    pub fn end(&self) -> Option<End> {
        match self {
            Event::Done | Event::Move(Notice::Finished) => Some(End::Done),
            Event::Failed(_)
            | Event::Rejected { .. }
            | Event::Move(Notice::Aborted(_) | Notice::Lost(_)) => Some(End::Failed),
            _ => None,
        }
    }

    /// Removes control characters from the event's free text, since a terminal might act on them. Tabs stay.
    #[must_use]
    pub fn without_controls(self) -> Event {
        let visible = |mut text: String| {
            text.retain(|character| !character.is_control() || character == '\t');
            text
        };
        match self {
            Event::Failed(reason) => Event::Failed(visible(reason)),
            Event::Rejected { field, reason } => Event::Rejected {
                field,
                reason: visible(reason),
            },
            Event::Log(line) => Event::Log(LogLine {
                text: visible(line.text),
                ..line
            }),
            Event::Stays {
                domain,
                reason: Stay::Error(reason),
            } => Event::Stays {
                domain,
                reason: Stay::Error(visible(reason)),
            },
            typed => typed,
        }
    }
}

/// Cuts a reason to [`REASON_BYTES_MAX`].
fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}
