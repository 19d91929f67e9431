//! The result of a run: its coverage ([`Report`]), or the reason it failed ([`Failure`]).

use std::collections::BTreeSet;

use identity::DomainId;
use nomad_client::event::DrainStatus;
use nomad_protocol::PhaseName;

use crate::history::Violation;
use crate::outcome::{Defect, End, Outcome};

/// The reason a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something happened that must not.
    Violation(DomainId, Violation),
    /// The world did not settle, or not as it should.
    Settled(Defect),
    /// The table of late frames of this machine still has an entry of a transaction that is long over.
    FramesLeft(usize),
    /// A move did not succeed although no fault struck.
    SecondMove(DomainId, End),
    /// An operator could not decide a move in doubt; the last reply.
    NotForced(String),
    /// An operator could not stop a domain; the last reply.
    NotStopped(String),
    /// An operator could not start a lost domain; the last reply.
    NotStarted(String),
}

/// The coverage of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The outcome of the moves under faults, per domain.
    pub outcomes: Vec<Outcome>,
    /// Crashes: the phase of the crashed machine, and the part that crashed.
    pub crashes: BTreeSet<(String, &'static str)>,
    /// The reasons of aborts, by name.
    pub aborts: BTreeSet<String>,
    /// Changes of a machine's address.
    pub renumbered: usize,
    /// Freezes that had to be replaced.
    pub replaced: usize,
    /// Steps that failed, by name.
    pub failed: BTreeSet<String>,
    /// Pauses of a machine that had a move under way.
    pub pauses: usize,
    /// Stale copies that were in doubt at the end.
    pub stale: usize,
    /// Retired domains that the destination has declined, so that the source continues to run them.
    pub declined: usize,
    /// Domains that an operator has forced to run under faults.
    pub forced_runs: usize,
    /// Commands under faults by which an operator has dropped a copy.
    pub forced_drops: usize,
    /// Moves under faults whose destination has activated the domain.
    pub activations: usize,
    /// Late frames that have arrived.
    pub late_frames: usize,
    /// The most moves that were unfinished at their sources at the same time.
    pub leaving_at_once: usize,
    /// The drains in progress or over when the faults ended.
    pub drained: Vec<DrainStatus>,
}

/// Every phase that a crash can strike, by side.
pub fn phases_to_strike() -> Vec<String> {
    use PhaseName::*;
    let source = [Offer, Rounds, Freeze, Commit, Release].map(|phase| format!("Source {phase:?}"));
    let destination =
        [Admit, Receive, Verify, Activate, Decline].map(|phase| format!("Destination {phase:?}"));
    source.into_iter().chain(destination).collect()
}
