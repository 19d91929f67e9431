//! The hand-over of a domain from one machine to another: who says what, who may run it, and when that is decided.
//!
//! ```text
//!   source                                   target
//!   Offer      -- Offer            -->       Admit      the pool reserved, or refused with why
//!              <-- Admit           --
//!   Rounds     ~~ pages            ~~>       Receive
//!   Freeze     ~~ state, pages     ~~>       Verify     rebuilt; may not run
//!              <-- Prepared        --
//!   Commit     -- Commit           -->       Activate   incarnation + 1, thaw, announce
//!              <-- Activated       --
//!   Release    -- Released         -->
//!              <-- ReleaseHeard    --
//!
//!   -- datagrams, which get lost, doubled and overtaken; repeated here   ~~ the page stream, reliable until it breaks
//! ```
//!
//! The **commit point** is `source/commit.rs`, `commit_point`: before it the source runs and the target is empty
//! whatever happens; after it the source never runs the domain again.
//!
//! Where things are: [`Source`] and [`Target`] are the two state machines, drawn in their modules, one file a phase;
//! [`Ledger`] holds all of a machine's transactions and decides what is said about those it does not know. They do no
//! IO and read no clock: messages, events and the time are passed in, actions and the next deadline are polled. Hence
//! the code that ships is the code that `nomad-simulator` runs under faults and explores exhaustively.
//!
//! Invariants: at most one instance of a domain runs, and none from a state older than one that has run, unless an
//! operator forces it by name. No complete copy is destroyed before the other side confirms its own. What is in doubt
//! stays frozen and is listed. A source that says Unknown under the boot that made the offer has aborted; under another
//! boot nobody knows.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod actions;
mod context;
mod fleet;
mod identity;
mod ledger;
mod messages;
mod offer;
mod reasons;
mod record;
mod roll_call;
mod source;
mod stood;
mod target;
mod time;
mod timers;
mod transfer;
mod wire;

pub use actions::{Action, Event, Notice, SourceAction, SourceEvent, TargetAction, TargetEvent};
pub use context::Force;
pub use fleet::{Fleet, FleetId};
pub use identity::{
    Attempt, BootId, Digest, DomainId, Incarnation, LifeId, MachineId, StateVersion, TransactionId,
    Turn,
};
pub use ledger::{Entry, Here, Ledger, OfferError, TARGETS_PER_PEER_MAX};
pub use messages::{Envelope, Late, Message, PIECE_BYTES_MAX, Step, StreamHeader};
pub use offer::{
    Capabilities, CpuFeatures, NAME_BYTES_MAX, Name, NameError, Offer, Sizes, Versions,
};
pub use reasons::{
    AbortReason, Change, Doubt, Interference, LocalFailure, PhaseName, Refusal, Side, VersionOf,
};
pub use record::{Progressed, RECORD_BYTES_MAX, Record};
pub use roll_call::{Obstacle, RollCall, Standing};
pub use source::{ATTEMPTS_MAX, Cancelled, DomainState, Source, WrongSide};
pub use target::{Offered, Target};
pub use time::Instant;
pub use timers::{Timer, Timing};
pub use wire::{DATAGRAM_BYTES_MAX, DecodeError, PORT, PROTOCOL_VERSION, STREAM_HEADER_BYTES_MAX};

pub use nomad_planner as planner;

#[cfg(test)]
mod tests;
