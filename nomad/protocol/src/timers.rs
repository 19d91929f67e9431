//! The timers of a transaction and their settings.
//!
//! *Repeat* retransmits a message until there is a reply, at growing intervals. *Limit* ends a phase that takes too
//! long; where a transaction must not be abandoned, it reports a doubt instead. *Deadline* ends a move that is not
//! committed within the time that the operator has set. It stays armed from phase to phase, up to the commit point.

use crate::time::Instant;

/// Settings of the timers, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// The first retransmission interval; it doubles each time.
    pub repeat_first_us: u64,
    /// The longest retransmission interval.
    pub repeat_max_us: u64,
    /// How long the source waits for a reply to its offer.
    pub admit_limit_us: u64,
    /// How long one round may take.
    pub round_limit_us: u64,
    /// How long the domain may be frozen before the commit point. Also how long a destination waits for more bytes after
    /// the commit point.
    pub freeze_limit_us: u64,
    /// How long the destination keeps a reservation while nothing arrives.
    pub receive_limit_us: u64,
    /// How long the peer may be silent before a transaction whose outcome only the peer can settle is listed as in
    /// doubt.
    pub silence_limit_us: u64,
    /// How long the peer may be silent when the outcome is known here and only the peer's acknowledgement is missing.
    pub release_limit_us: u64,
}

impl Timing {
    /// Settings for machines on one Ethernet segment.
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

/// The kinds of timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Retransmits.
    Repeat,
    /// Ends a phase that takes too long, or reports a doubt.
    Limit,
    /// Ends a move that is not committed within the time that the operator has set.
    Deadline,
}

/// The timers of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timers {
    timing: Timing,
    repeat: Option<Repeat>,
    limit: Option<Instant>,
    deadline: Option<Instant>,
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
            deadline: None,
        }
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Arms the repetition, at the first interval.
    pub(crate) fn repeat(&mut self, now: Instant) {
        let interval_us = self.timing.repeat_first_us;
        self.repeat = Some(Repeat {
            due: now.after_us(interval_us),
            interval_us,
        });
    }

    /// Arms the limit, counted from now.
    pub(crate) fn limit(&mut self, now: Instant, limit_us: u64) {
        self.limit = Some(now.after_us(limit_us));
    }

    /// Arms the deadline, counted from now.
    pub(crate) fn set_deadline(&mut self, now: Instant, timeout_us: u64) {
        self.deadline = Some(now.after_us(timeout_us));
    }

    /// Disarms the timers of a phase.
    pub(crate) fn clear(&mut self) {
        self.repeat = None;
        self.limit = None;
    }

    /// Disarms all timers.
    pub(crate) fn clear_all(&mut self) {
        self.clear();
        self.deadline = None;
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        match timer {
            Timer::Repeat => self.repeat.is_some(),
            Timer::Limit => self.limit.is_some(),
            Timer::Deadline => self.deadline.is_some(),
        }
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let repeat = self.repeat.map(|repeat| repeat.due);
        [repeat, self.limit, self.deadline]
            .into_iter()
            .flatten()
            .min()
    }

    /// A timer that is due at `now`, if any.
    pub(crate) fn due(&self, now: Instant) -> Option<Timer> {
        let is_due = |timer: Option<Instant>| timer.is_some_and(|due| due <= now);
        if is_due(self.deadline) {
            return Some(Timer::Deadline);
        }
        if is_due(self.limit) {
            return Some(Timer::Limit);
        }
        self.repeat
            .filter(|repeat| repeat.due <= now)
            .map(|_| Timer::Repeat)
    }

    /// Records that a timer has fired: a limit or deadline is disarmed, a repetition is rearmed with twice the interval.
    pub(crate) fn fired(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Limit => self.limit = None,
            Timer::Deadline => self.deadline = None,
            Timer::Repeat => {
                if let Some(repeat) = &mut self.repeat {
                    let doubled = repeat.interval_us.saturating_mul(2);
                    // At least a microsecond, so that a setting of zero cannot make the caller spin.
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
    fn a_deadline_outlasts_the_timers_of_a_phase() {
        let mut timers = Timers::new(Timing::default());
        timers.set_deadline(Instant::from_us(5), 10);
        timers.limit(Instant::from_us(5), 10);
        timers.clear();
        assert_eq!(timers.next(), Some(Instant::from_us(15)));
        let now = Instant::from_us(20);
        assert_eq!(timers.due(now), Some(Timer::Deadline));
        timers.fired(now, Timer::Deadline);
        assert_eq!(timers.next(), None);
        timers.set_deadline(now, 10);
        timers.clear_all();
        assert!(!timers.is_armed(Timer::Deadline));
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
