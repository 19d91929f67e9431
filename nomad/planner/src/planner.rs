//! The planner: its measurements ([`Round`]), its goals ([`Goals`]), its results ([`Plan`], [`Progress`]).

use serde::{Deserialize, Serialize};

use crate::{
    DOWNTIME_GOAL_US, FREEZE_US_MAX, MoveOptions, NotConverging, Overhead, PAGE_BYTES, ROUNDS_MAX,
    Rate, SHRINK_PARTS, STALLED_ROUNDS, Throttle,
};

/// A machine's goals of a move, unless the operator has others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Goals {
    /// The longest downtime to aim for.
    pub downtime_us: u64,
    /// The copying ends after this many rounds in any case. At least one round is copied.
    pub rounds_max: u32,
    /// A domain whose estimated downtime is longer is not frozen: its freeze would probably reach its limit, and the domain would
    /// have stood still for nothing.
    pub freeze_us_max: u64,
}

impl Goals {
    /// These goals where a freeze may take this long: an estimate of more than half of it is too long.
    pub fn with_freeze_limit(self, freeze_limit_us: u64) -> Goals {
        Goals {
            freeze_us_max: freeze_limit_us / 2,
            ..self
        }
    }
}

impl Default for Goals {
    fn default() -> Self {
        Goals {
            downtime_us: DOWNTIME_GOAL_US,
            rounds_max: ROUNDS_MAX,
            freeze_us_max: FREEZE_US_MAX,
        }
    }
}

/// The measurements of a finished round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Round {
    /// Pages covered, absent and zero ones included.
    pub pages: u64,
    /// Bytes of the page stream.
    pub bytes: u64,
    /// Bytes of the datagrams that carried them, before encryption, including datagrams that were sent again.
    pub wire_bytes: u64,
    /// The round's duration.
    pub elapsed_us: u64,
    /// The part of the duration between sending the last byte and receiving the destination's acknowledgement of the
    /// round.
    pub acknowledgement_us: u64,
    /// Pages dirtied during the round, which remain to be sent.
    pub dirtied: u64,
    /// Whether the domain could not be described yet. Then the destination has built nothing when it acknowledged the round.
    pub is_undescribed: bool,
}

/// The next step of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Plan {
    /// Copy the dirty pages while the domain keeps running.
    AnotherRound,
    /// Freeze the domain and send the remaining pages.
    Freeze(FreezeReason),
    /// Abort the move: the downtime goal is out of reach, or even a freeze that completes.
    GiveUp,
}

/// The reason to freeze instead of copying another round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FreezeReason {
    /// The remaining pages can be sent within the downtime goal.
    FitsGoal,
    /// The domain dirties pages as fast as they are sent.
    NoLongerShrinks,
    /// The limit on rounds is reached.
    RoundsExhausted,
}

/// The progress of a move, to show to the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// Rounds finished.
    pub rounds: u32,
    /// Pages covered so far, repeated ones included.
    pub pages_sent: u64,
    /// Pages that remain to be sent.
    pub pages_remaining: u64,
    /// The measured rate; `None` before the first round.
    pub bytes_per_second: Option<u64>,
    /// Pages that the domain dirtied per second of the last round; `None` before the first round.
    pub dirty_pages_per_second: Option<u64>,
    /// The estimated downtime if the domain were frozen now; `None` before the first round in which the domain was described.
    pub downtime_estimate_us: Option<u64>,
    /// Bytes of all datagrams so far, before encryption, including datagrams that were sent again.
    pub wire_bytes: u64,
    /// The duration of all rounds so far.
    pub elapsed_us: u64,
    /// How much the domain is slowed down from now on.
    pub throttle: Throttle,
}

/// How far a round has come, to show to the operator while the round runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoundProgress {
    /// The round's number, from 1.
    pub round: u32,
    /// Pages of the round that were passed to the transport, absent and zero ones included.
    pub pages_sent: u64,
    /// All pages of the round.
    pub pages: u64,
    /// Bytes of the round's datagrams so far, before encryption, including datagrams that were sent again.
    pub wire_bytes: u64,
    /// These bytes per second, since the last such report or the begin of the round.
    pub wire_bytes_per_second: u64,
    /// The time since the round began.
    pub elapsed_us: u64,
}

/// Decides after each round whether another one is worthwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Planner {
    goals: Goals,
    not_converging: NotConverging,
    rate: Rate,
    overhead: Overhead,
    dirty_pages_per_second: Option<u64>,
    rounds: u32,
    stalled: u32,
    throttle: Throttle,
    pages_sent: u64,
    pages_remaining: u64,
    wire_bytes: u64,
    elapsed_us: u64,
}

impl Planner {
    /// Creates a planner for a domain of `pages` pages, none of which is sent yet.
    pub fn new(goals: Goals, options: &MoveOptions, pages: u64) -> Self {
        Planner {
            goals: Goals {
                downtime_us: options.downtime_us.unwrap_or(goals.downtime_us),
                ..goals
            },
            not_converging: options.not_converging,
            rate: Rate::default(),
            overhead: Overhead::default(),
            dirty_pages_per_second: None,
            rounds: 0,
            stalled: 0,
            throttle: Throttle::NONE,
            pages_sent: 0,
            pages_remaining: pages,
            wire_bytes: 0,
            elapsed_us: 0,
        }
    }

    /// Records a finished round and returns the next step.
    pub fn round_done(&mut self, round: Round) -> Plan {
        self.overhead.measure(&round, &self.rate);
        self.rate.measure(round.bytes, round.elapsed_us);
        self.dirty_pages_per_second = per_second(round.dirtied, round.elapsed_us);
        self.rounds = self.rounds.saturating_add(1);
        self.stalled = match shrinks(round) {
            false => self.stalled.saturating_add(1),
            true if self.throttle == Throttle::NONE => 0,
            // If the next round does not shrink, the throttle rises again.
            true => STALLED_ROUNDS - 1,
        };
        self.pages_sent = self.pages_sent.saturating_add(round.pages);
        self.pages_remaining = round.dirtied;
        self.wire_bytes = self.wire_bytes.saturating_add(round.wire_bytes);
        self.elapsed_us = self.elapsed_us.saturating_add(round.elapsed_us);
        self.plan(round)
    }

    /// How much the domain is to be slowed down during the next round.
    pub fn throttle(&self) -> Throttle {
        self.throttle
    }

    /// The progress so far.
    pub fn progress(&self) -> Progress {
        Progress {
            rounds: self.rounds,
            pages_sent: self.pages_sent,
            pages_remaining: self.pages_remaining,
            bytes_per_second: self.rate.bytes_per_second(),
            dirty_pages_per_second: self.dirty_pages_per_second,
            downtime_estimate_us: self.downtime_estimate_us(),
            wire_bytes: self.wire_bytes,
            elapsed_us: self.elapsed_us,
            throttle: self.throttle,
        }
    }

    fn plan(&mut self, round: Round) -> Plan {
        if self.fits(self.goals.downtime_us.min(self.goals.freeze_us_max)) {
            Plan::Freeze(FreezeReason::FitsGoal)
        } else if self.rounds >= self.goals.rounds_max {
            self.stop(FreezeReason::RoundsExhausted)
        } else if self.stalled >= STALLED_ROUNDS {
            self.slow_down_or_stop(round)
        } else {
            Plan::AnotherRound
        }
    }

    /// Whether the estimated downtime is at most this, or nothing remains to be sent.
    fn fits(&self, downtime_us: u64) -> bool {
        let estimate_us = self.downtime_estimate_us();
        self.pages_remaining == 0 || estimate_us.is_some_and(|it| it <= downtime_us)
    }

    /// The next step of a move whose rounds no longer shrink.
    fn slow_down_or_stop(&mut self, round: Round) -> Plan {
        // With fewer pages the estimate would still be longer than the goal, if the overhead is.
        let overhead_us = self.overhead.us();
        let helps = overhead_us.is_some_and(|it| it < self.goals.downtime_us);
        let is_slowed = self.not_converging == NotConverging::Slow && helps;
        match self.throttle.that_halves(round).filter(|_| is_slowed) {
            Some(throttle) => {
                self.throttle = throttle;
                Plan::AnotherRound
            }
            None => self.stop(FreezeReason::NoLongerShrinks),
        }
    }

    /// The next step of a move whose rounds do not reach the goal. While a freeze would take too long, further rounds are copied:
    /// the rate may rise. At the highest throttle they are not, since the domain hardly runs meanwhile.
    fn stop(&self, why: FreezeReason) -> Plan {
        match self.not_converging {
            NotConverging::GiveUp => Plan::GiveUp,
            _ if self.may_freeze() => Plan::Freeze(why),
            _ if why != FreezeReason::RoundsExhausted && self.throttle < Throttle::MAX => {
                Plan::AnotherRound
            }
            _ => Plan::GiveUp,
        }
    }

    /// Whether a freeze would probably not reach its limit. A domain that could never be described has no measured overhead, and is
    /// frozen nevertheless, since frozen it can be described.
    fn may_freeze(&self) -> bool {
        let sending_us = self.sending_us();
        let overhead_us = self.overhead.us().unwrap_or(0);
        let is_short = |us: u64| us.saturating_add(overhead_us) <= self.goals.freeze_us_max;
        self.pages_remaining == 0 || sending_us.is_some_and(is_short)
    }

    /// How long it takes to send the remaining pages.
    fn sending_us(&self) -> Option<u64> {
        let bytes = self.pages_remaining.saturating_mul(PAGE_BYTES);
        self.rate.time_for_us(bytes)
    }

    /// The estimate counts every remaining page in full, so it errs on the long side.
    fn downtime_estimate_us(&self) -> Option<u64> {
        let sending_us = self.sending_us()?;
        Some(sending_us.saturating_add(self.overhead.us()?))
    }
}

/// Whether the round left noticeably fewer pages than it sent. At unchanged rates the next round would do so too.
fn shrinks(round: Round) -> bool {
    round.dirtied < round.pages - round.pages.div_ceil(SHRINK_PARTS).min(round.pages)
}

/// A rate from a count; `None` if no time has passed.
fn per_second(count: u64, elapsed_us: u64) -> Option<u64> {
    let per_second = (u128::from(count) * 1_000_000).checked_div(elapsed_us.into())?;
    Some(u64::try_from(per_second).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
