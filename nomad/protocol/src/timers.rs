//! The two timers of a transaction, and the settings of all of them.
//!
//! *Repeat* sends again what was not answered, at growing intervals. *Limit* ends a phase that takes too long; no limit
//! is armed where a transaction must not be given up.

use crate::time::Instant;

/// Settings of the timers, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// First interval after which an unanswered message is sent again; it doubles each time.
    pub repeat_first_us: u64,
    /// The interval grows no further than this.
    pub repeat_max_us: u64,
    /// The source waits so long for an answer to its offer.
    pub admit_limit_us: u64,
    /// One round may take so long.
    pub round_limit_us: u64,
    /// The domain may stand frozen so long before the commit point.
    pub freeze_limit_us: u64,
    /// The target keeps a reservation so long while nothing arrives.
    pub receive_limit_us: u64,
    /// A peer that says nothing for so long, once only it can settle the outcome, makes the transaction be listed as in doubt.
    pub silence_limit_us: u64,
    /// The same where the outcome is known, and only the end of the transaction is not heard of.
    pub release_limit_us: u64,
}

impl Timing {
    /// What suits machines on one Ethernet segment.
    pub const STANDARD: Timing = Timing {
        repeat_first_us: 50_000,
        repeat_max_us: 2_000_000,
        admit_limit_us: 10_000_000,
        round_limit_us: 120_000_000,
        freeze_limit_us: 5_000_000,
        receive_limit_us: 150_000_000,
        silence_limit_us: 5_000_000,
        release_limit_us: 30_000_000,
    };
}

impl Default for Timing {
    fn default() -> Self {
        Timing::STANDARD
    }
}

/// Which timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Time to send again.
    Repeat,
    /// The phase has taken too long.
    Limit,
}

/// The timers of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timers {
    timing: Timing,
    repeat: Option<Repeat>,
    limit: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Repeat {
    due: Instant,
    interval_us: u64,
}

impl Timers {
    pub(crate) fn new(timing: Timing) -> Self {
        Timers {
            timing,
            repeat: None,
            limit: None,
        }
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Starts to repeat, at the first interval.
    pub(crate) fn repeat(&mut self, now: Instant) {
        let interval_us = self.timing.repeat_first_us;
        self.repeat = Some(Repeat {
            due: now.after_us(interval_us),
            interval_us,
        });
    }

    /// Limits what happens from now on.
    pub(crate) fn limit(&mut self, now: Instant, limit_us: u64) {
        self.limit = Some(now.after_us(limit_us));
    }

    /// Nothing is due any more.
    pub(crate) fn clear(&mut self) {
        self.repeat = None;
        self.limit = None;
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        match timer {
            Timer::Repeat => self.repeat.is_some(),
            Timer::Limit => self.limit.is_some(),
        }
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let repeat = self.repeat.map(|repeat| repeat.due);
        repeat.into_iter().chain(self.limit).min()
    }

    /// A timer that is due at `now`, if any.
    pub(crate) fn due(&self, now: Instant) -> Option<Timer> {
        if self.limit.is_some_and(|due| due <= now) {
            return Some(Timer::Limit);
        }
        self.repeat
            .filter(|repeat| repeat.due <= now)
            .map(|_| Timer::Repeat)
    }

    /// Takes note that a timer has fired: a limit is over, a repetition is armed again for twice the interval.
    pub(crate) fn fired(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Limit => self.limit = None,
            Timer::Repeat => {
                if let Some(repeat) = &mut self.repeat {
                    let doubled = repeat.interval_us.saturating_mul(2);
                    // At least a microsecond, so that settings of zero cannot make the caller spin.
                    repeat.interval_us = doubled.min(self.timing.repeat_max_us).max(1);
                    repeat.due = now.after_us(repeat.interval_us);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_at_growing_intervals_up_to_the_maximum() {
        let timing = Timing {
            repeat_first_us: 10,
            repeat_max_us: 35,
            ..Timing::default()
        };
        let mut timers = Timers::new(timing);
        timers.repeat(Instant::from_us(0));
        let mut dues = [0; 4];
        for due in &mut dues {
            let now = timers.next().expect("armed");
            assert_eq!(timers.due(now), Some(Timer::Repeat));
            timers.fired(now, Timer::Repeat);
            *due = now.as_us();
        }
        assert_eq!(dues, [10, 30, 65, 100]);
    }

    #[test]
    fn a_limit_fires_once() {
        let mut timers = Timers::new(Timing::default());
        timers.limit(Instant::from_us(5), 10);
        assert_eq!(timers.due(Instant::from_us(14)), None);
        assert_eq!(timers.due(Instant::from_us(15)), Some(Timer::Limit));
        timers.fired(Instant::from_us(15), Timer::Limit);
        assert_eq!(timers.next(), None);
    }
}
