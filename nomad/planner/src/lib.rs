//! When to stop copying and freeze: the planner of adaptive pre-copy.
//!
//! A running domain is copied in rounds. Each round sends what was dirty when it began, and meanwhile the domain
//! dirties pages again: that is what the next round would send. The planner is told what each round sent, how long it
//! took and what is dirty now, and answers with a [`Plan`]: another round, or freeze and why.
//!
//! ```text
//!            round_done(Round)
//!   Planner ------------------> remaining fits the downtime goal ......... Freeze(FitsGoal)
//!                               STALLED_ROUNDS in a row cut too little ... Freeze(NoLongerShrinks)
//!                               rounds_max reached ....................... Freeze(RoundsExhausted)
//!                               otherwise ................................ AnotherRound
//! ```
//!
//! Neighbours: `nomad-protocol` owns a [`Planner`] in its source's phase *Rounds*; the server measures.
//! Invariant: it terminates after `rounds_max` rounds whatever it is told, and no value makes it overflow.

#![no_std]
#![forbid(unsafe_code)]

mod planner;
mod rate;

pub use planner::{FreezeReason, Goals, Plan, Planner, Progress, Round};
pub use rate::Rate;

/// Bytes of one page.
pub const PAGE_BYTES: u64 = 4096;
/// How long a domain may stand still, unless the operator asks for something else.
pub const DOWNTIME_GOAL_US: u64 = 20_000;
/// What a freeze costs besides pages, unless it is known better: what emulated machines take for it (`docs/performance.md`).
pub const FREEZE_OVERHEAD_US: u64 = 10_000;
/// Rounds after which the domain is frozen in any case, unless the operator asks for something else.
pub const ROUNDS_MAX: u32 = 30;
/// So many rounds in a row must fail to shrink the remainder before more of them are judged useless.
pub const STALLED_ROUNDS: u32 = 2;
/// A round shrinks the remainder if it cuts at least one part in so many.
pub const SHRINK_PARTS: u64 = 16;
