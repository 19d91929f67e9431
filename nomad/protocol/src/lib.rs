//! The hand-over of a domain from one machine to another: the messages, and the rules for when each machine may run the
//! domain.
//!
//! ```text
//!   source                                   destination
//!   Offer      -- Offer            -->       Admit      the pool is reserved, or refused with a reason
//!              <-- Admit           --
//!   Rounds     ~~ pages            ~~>       Receive
//!   Freeze     ~~ state, pages     ~~>
//!   Commit     -- Commit           -->       Verify     rebuilt and compared
//!                                            Activate   incarnation + 1, thaw, announce
//!              <-- Activated       --
//!   Release    -- Released         -->
//!              <-- ReleaseAck      --
//!
//!   -- datagrams, which are lost, duplicated and reordered, so this crate retransmits
//!   ~~ the page stream, reliable until it breaks
//! ```
//!
//! The **commit point** is the function `commit_point` in `source/commit.rs`. Before it the source can always continue
//! to run the domain, and the destination then ends up without a copy. The source does not wait for the last pages to
//! arrive: after the commit point the destination decides. If it cannot complete the copy, it makes durable that it never
//! runs the copy, and sends Declined. Then the source undoes the retirement. Nothing else makes the source run the domain
//! again.
//!
//! A transaction is in a phase of one of two state machines, the source's or the destination's. Their modules draw
//! them, and have one file per phase. [`Ledger`] holds a machine's transactions, and replies to messages about
//! transactions without a record. It does no IO and reads no clock: messages, events and the time are passed in,
//! actions and the next deadline are polled. So the code that ships is the code that `nomad-simulator` runs under
//! faults and explores exhaustively.
//!
//! Invariants: at most one instance of a domain runs, and none from a state older than one that has run, unless an
//! operator forces it by name. Unless an operator decides so, a source destroys a retired copy only after the
//! destination has activated its own, and a destination discards its copy only after it has declined the domain or has
//! learned that the source no longer needs the copy. A destination that has declined an admission never activates it;
//! if it admits the same transaction again, that is another admission, for which the source sends no Commit. A source
//! undoes a retirement only if the boot of the destination that took part has declined. If a source sends Unknown in
//! the boot that made the offer, it has aborted, or an operator there has dropped the source's copy and then ended the
//! transaction. Unknown in any other case leaves the outcome open.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod actions;
mod context;
mod cpu;
mod destination;
mod downtime;
mod fleet;
mod guest;
mod hello;
mod ids;
mod ledger;
mod messages;
mod offer;
mod reasons;
mod record;
mod roll_call;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
mod source;
mod time;
mod timers;
mod transaction;
mod wire;

pub use actions::{
    Action, DestinationAction, DestinationEvent, Event, Notice, SourceAction, SourceEvent,
};
pub use cpu::CpuFeatures;
pub use fleet::{Fleet, FleetId};
pub use guest::check_guests;
pub use hello::{HELLO_BYTES, HELLO_GROUP, Hello};
pub use ids::{
    Admission, AdmissionId, Attempt, BootId, LifeId, MachineId, StateVersion, TransactionId, Turn,
};
pub use ledger::{Entry, INCOMING_PER_PEER_MAX, Ledger, LocalMachine, OfferError};
pub use messages::{Envelope, Late, Message, PIECE_BYTES_MAX, Step, StreamHeader};
pub use offer::{MachineSupport, Offer, Sizes, Versions};
pub use reasons::{
    AbortReason, Doubt, Force, GuestRule, LocalFailure, PhaseName, Refusal, Side, VersionOf,
};
pub use record::{RECORD_BYTES_MAX, Record, RecordedProgress};
pub use roll_call::{Obstacle, Presence, RollCall};
pub use source::ATTEMPTS_MAX;
pub use time::Instant;
pub use timers::{Timer, Timing};
pub use transaction::{Cancelled, DomainState, TooLate};
pub use wire::{DATAGRAM_BYTES_MAX, DecodeError, PORT, PROTOCOL_VERSION, STREAM_HEADER_BYTES_MAX};

pub use nomad_planner as planner;

#[cfg(test)]
mod tests;
