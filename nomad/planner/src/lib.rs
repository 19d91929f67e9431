//! The planner of adaptive pre-copy: it decides when to stop copying and freeze.
//!
//! A running domain is copied in rounds. Each round sends the pages that were dirty when it began; the pages that the
//! domain dirties meanwhile are left to the next round. The planner receives each round's size, duration and number of
//! dirty pages, and returns a [`Plan`]: another round, freeze (with the reason), or give up.
//!
//! ```text
//!            round_done(Round)
//!   Planner ------------------> remaining fits the downtime goal ......... Freeze(FitsGoal)
//!                               rounds_max reached ....................... Freeze(RoundsExhausted), or GiveUp
//!                               STALLED_ROUNDS in a row cut too little ... Freeze(NoLongerShrinks), AnotherRound with
//!                                                                          a higher throttle, or GiveUp
//!                               otherwise ................................ AnotherRound
//! ```
//!
//! The operator's [`MoveOptions`] select the goal, and what happens to a move that does not reach it: freeze, slow the domain
//! down, or give up. A domain that is slowed down is stopped for a part of the time of each round, its [`Throttle`]. That is raised
//! until the rounds shrink; a domain that dirties too much even at the highest throttle is frozen.
//!
//! The estimated downtime is the time for the remaining pages at the measured rate, plus the measured [`Overhead`]. Both are measured in
//! the rounds of the same move: no cost of any machine is assumed, so nothing is estimated before the first round. A domain is never frozen
//! while the estimate is longer than `freeze_us_max`: such a move copies on, and is given up after `rounds_max`.
//!
//! Neighbours: `nomad-protocol` owns a [`Planner`] in its source's phase *Rounds*; the server takes the measurements.
//! Invariant: the planner ends the copying after at most `rounds_max` rounds whatever the measurements, and no value
//! makes it overflow.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod options;
mod overhead;
mod planner;
mod rate;
mod throttle;

pub use options::{MoveOptions, NotConverging};
pub use overhead::Overhead;
pub use planner::{FreezeReason, Goals, Plan, Planner, Progress, Round, RoundProgress};
pub use rate::Rate;
pub use throttle::Throttle;

/// Bytes per page.
pub const PAGE_BYTES: u64 = 4096;
/// The default downtime goal.
pub const DOWNTIME_GOAL_US: u64 = 20_000;
/// The default limit on rounds.
pub const ROUNDS_MAX: u32 = 30;
/// The default limit on the copying ends a freeze: half the protocol's limit.
pub const FREEZE_US_MAX: u64 = 2_500_000;
/// The copying stops after this many consecutive rounds that did not shrink the remainder.
pub const STALLED_ROUNDS: u32 = 2;
/// A round counts as shrinking the remainder if it reduces it by more than one part in this many.
pub const SHRINK_PARTS: u64 = 16;
