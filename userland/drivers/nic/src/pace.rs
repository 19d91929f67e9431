//! When the driver runs next: [`Pace`].
//!
//! A card normally wakes the driver by an interrupt. There are three exceptions, in which a deadline wakes it:
//!
//! * The card has no interrupt that root could hand over: it is polled.
//! * The bridge has used its budget and there is more: the domains below the driver get a turn first.
//! * The card interrupts again and again for nothing: its interrupt stays unacknowledged for the length of a pause.

/// The interval between polls, and the length of a pause.
pub const PAUSE_NS: u64 = 1_000_000;

/// The number of consecutive interrupts without a frame or an event that counts as a storm.
const IDLE_INTERRUPTS_MAX: u32 = 64;

/// The work that a run of the bridge has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Nothing: the switch or the card wakes the driver for more.
    Nothing,
    /// More frames than the budget allowed.
    More,
}

/// Decides how the driver waits.
#[derive(Debug)]
pub struct Pace {
    is_polled: bool,
    /// An interrupt is not acknowledged yet.
    is_pending: bool,
    idle_interrupts: u32,
}

impl Pace {
    /// The pace for a card with an interrupt, or for one that is polled.
    pub fn new(is_polled: bool) -> Pace {
        Pace {
            is_polled,
            is_pending: false,
            idle_interrupts: 0,
        }
    }

    /// Records a wake-up, by an interrupt or not, and returns whether to acknowledge the card's interrupt.
    pub fn wake(&mut self, has_interrupt: bool) -> bool {
        self.is_pending |= has_interrupt;
        if has_interrupt && self.idle_interrupts >= IDLE_INTERRUPTS_MAX {
            return false;
        }
        core::mem::take(&mut self.is_pending) || self.is_polled
    }

    /// Records whether the driver had anything to do after an acknowledged interrupt.
    pub fn record(&mut self, has_interrupt: bool, has_work: bool) {
        if has_work {
            self.idle_interrupts = 0;
        } else if has_interrupt {
            self.idle_interrupts = self.idle_interrupts.saturating_add(1);
        }
    }

    /// The time at which the driver runs again if nothing wakes it; `None` for never.
    pub fn deadline_ns(&self, remaining: Remaining, now_ns: u64) -> Option<u64> {
        let waits = self.is_polled || self.is_pending || remaining == Remaining::More;
        waits.then(|| now_ns.saturating_add(PAUSE_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_with_an_interrupt_is_waited_for() {
        let mut pace = Pace::new(false);
        assert_eq!(pace.deadline_ns(Remaining::Nothing, 5), None);
        assert_eq!(pace.deadline_ns(Remaining::More, 5), Some(5 + PAUSE_NS));
        assert!(pace.wake(true));
        assert!(!pace.wake(false), "the switch's doorbell is no interrupt");
    }

    #[test]
    fn a_card_without_an_interrupt_is_polled() {
        let mut pace = Pace::new(true);
        assert_eq!(pace.deadline_ns(Remaining::Nothing, 5), Some(5 + PAUSE_NS));
        assert!(pace.wake(false));
    }

    #[test]
    fn a_storm_is_acknowledged_once_per_pause() {
        let mut pace = Pace::new(false);
        for _ in 0..IDLE_INTERRUPTS_MAX {
            assert!(pace.wake(true));
            pace.record(true, false);
        }
        for _ in 0..3 {
            assert!(!pace.wake(true), "it stays unacknowledged");
            assert!(pace.deadline_ns(Remaining::Nothing, 0).is_some());
            // The pause has passed.
            assert!(pace.wake(false));
            pace.record(true, false);
        }
        // A frame ends the storm.
        pace.record(true, true);
        assert!(pace.wake(true));
    }
}
