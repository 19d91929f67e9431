//! When the driver runs next: [`Pace`].
//!
//! A card normally wakes the driver by an interrupt. There are four exceptions, in which a deadline wakes it:
//!
//! * The card has no interrupt that root could hand over: it is polled, soon after a frame and then less and less often. The reply to a
//!   frame, or the next segment of a stream, usually follows within a fraction of a millisecond.
//! * The bridge has used its budget and there is more: the domains below the driver get a turn first. Neither the card nor the switch ends
//!   it, and the card's interrupt stays unacknowledged, so the kernel signals it once at most.
//! * The card may have events that were not read when it interrupted: they are read a little later. Frames may come all the time, but
//!   then its link is up.
//! * The card interrupts again and again without a frame: its interrupt stays unacknowledged for the length of a pause. Other events do not
//!   count, since a card can report a change of its link with every interrupt.

/// The interval between polls of an idle card, and the length of a pause.
pub const PAUSE_NS: u64 = 1_000_000;

/// The interval between a run of the bridge that moved frames and the next poll. Each poll in vain doubles it, up to a pause.
const POLL_NS_MIN: u64 = 50_000;

/// How long after its interrupt a card's unread events are read.
const UNREAD_NS: u64 = 10_000_000;

/// The number of consecutive interrupts without a frame that counts as a storm.
const IDLE_INTERRUPTS_MAX: u32 = 64;

/// The work that a run of the bridge has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Nothing: the switch or the card wakes the driver for more.
    Nothing,
    /// More frames than the budget allowed.
    More,
}

/// What the driver does when it has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It runs the bridge.
    Bridge,
    /// It acknowledges the card's interrupt and reads its events, then it runs the bridge.
    AfterAcknowledgement,
}

/// Decides how the driver waits.
#[derive(Debug)]
pub struct Pace {
    is_polled: bool,
    /// The interval until the next poll.
    poll_ns: u64,
    /// An interrupt is not acknowledged yet.
    is_pending: bool,
    idle_interrupts: u32,
    /// What the last run of the bridge has left.
    remaining: Remaining,
    /// When to read the events that were not read.
    read_at_ns: Option<u64>,
}

impl Pace {
    /// The pace for a card with an interrupt, or for one that is polled.
    pub fn new(is_polled: bool) -> Pace {
        Pace {
            is_polled,
            poll_ns: PAUSE_NS,
            is_pending: false,
            idle_interrupts: 0,
            remaining: Remaining::Nothing,
            read_at_ns: None,
        }
    }

    /// Records a wake-up, by an interrupt or not, or by the deadline. Returns what the driver does next; `None` if it waits on, until the
    /// same deadline.
    pub fn wake(&mut self, has_interrupt: bool, is_due: bool) -> Option<Turn> {
        self.is_pending |= has_interrupt;
        if self.remaining == Remaining::More && !is_due {
            return None;
        }
        let is_storm = self.idle_interrupts >= IDLE_INTERRUPTS_MAX;
        let is_acknowledged = !(has_interrupt && is_storm)
            && (core::mem::take(&mut self.is_pending) || self.is_polled);
        Some(match is_acknowledged {
            true => Turn::AfterAcknowledgement,
            false => Turn::Bridge,
        })
    }

    /// Records whether the bridge has moved frames after an acknowledged interrupt or a poll, and what it has left.
    pub fn record(&mut self, has_interrupt: bool, has_moved: bool, remaining: Remaining) {
        self.remaining = remaining;
        self.poll_ns = match has_moved {
            true => POLL_NS_MIN,
            false => PAUSE_NS.min(2 * self.poll_ns),
        };
        if has_moved {
            self.idle_interrupts = 0;
        } else if has_interrupt {
            self.idle_interrupts = self.idle_interrupts.saturating_add(1);
        }
    }

    /// Records whether the card has events that were not read when it was asked just now.
    pub fn record_unread(&mut self, has_unread: bool, now_ns: u64) {
        self.read_at_ns = has_unread.then(|| {
            let due = now_ns.saturating_add(UNREAD_NS);
            self.read_at_ns.filter(|at| *at > now_ns).unwrap_or(due)
        });
    }

    /// Whether to read the card's events now, without an interrupt.
    pub fn is_read_due(&self, now_ns: u64) -> bool {
        self.read_at_ns.is_some_and(|at| at <= now_ns)
    }

    /// The time at which the driver runs again if nothing wakes it; `None` for never.
    pub fn deadline_ns(&self, now_ns: u64) -> Option<u64> {
        let pauses = self.is_pending || self.remaining == Remaining::More;
        let interval_ns = match pauses {
            true => Some(PAUSE_NS),
            false => self.is_polled.then_some(self.poll_ns),
        };
        let due = interval_ns.map(|interval_ns| now_ns.saturating_add(interval_ns));
        due.into_iter().chain(self.read_at_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIDGE: Option<Turn> = Some(Turn::Bridge);
    const ACKNOWLEDGED: Option<Turn> = Some(Turn::AfterAcknowledgement);

    #[test]
    fn a_card_with_an_interrupt_is_waited_for() {
        let mut pace = Pace::new(false);
        assert_eq!(pace.deadline_ns(5), None);
        assert_eq!(pace.wake(true, false), ACKNOWLEDGED);
        let by_switch = pace.wake(false, false);
        assert_eq!(by_switch, BRIDGE, "the switch's doorbell is no interrupt");
    }

    #[test]
    fn a_card_without_an_interrupt_is_polled() {
        let mut pace = Pace::new(true);
        assert_eq!(pace.deadline_ns(5), Some(5 + PAUSE_NS));
        assert_eq!(pace.wake(false, true), ACKNOWLEDGED);
    }

    #[test]
    fn a_polled_card_is_polled_soon_after_a_frame_and_then_less_and_less_often() {
        let mut pace = Pace::new(true);
        let mut interval_ns = |has_moved| {
            pace.record(true, has_moved, Remaining::Nothing);
            pace.deadline_ns(0).expect("a poll")
        };
        assert_eq!(interval_ns(true), POLL_NS_MIN);
        assert_eq!(interval_ns(false), 2 * POLL_NS_MIN);
        assert_eq!(interval_ns(false), 4 * POLL_NS_MIN);
        assert_eq!([(); 4].map(|()| interval_ns(false))[3], PAUSE_NS);
        assert_eq!(interval_ns(true), POLL_NS_MIN);
        // The domains below the driver get a turn even so.
        pace.record(true, true, Remaining::More);
        assert_eq!(pace.deadline_ns(0), Some(PAUSE_NS));
    }

    #[test]
    fn unread_events_are_read_soon_although_nothing_wakes_the_driver() {
        let mut pace = Pace::new(false);
        pace.record_unread(true, 5);
        let due = pace.deadline_ns(6).expect("a wake-up");
        assert_eq!(due, 5 + UNREAD_NS);
        // Frames that arrive meanwhile do not postpone it.
        pace.record_unread(true, 1_000);
        assert_eq!(pace.deadline_ns(1_001), Some(due));
        assert!(!pace.is_read_due(due - 1));
        assert!(pace.is_read_due(due));
        // A frame is there at that moment, too.
        pace.record_unread(true, due);
        assert_eq!(pace.deadline_ns(due), Some(due + UNREAD_NS));
        pace.record_unread(false, due);
        assert_eq!(pace.deadline_ns(due), None);
    }

    #[test]
    fn a_storm_is_acknowledged_once_per_pause() {
        let mut pace = Pace::new(false);
        for _ in 0..IDLE_INTERRUPTS_MAX {
            assert_eq!(pace.wake(true, false), ACKNOWLEDGED);
            pace.record(true, false, Remaining::Nothing);
        }
        for _ in 0..3 {
            let stormy = pace.wake(true, false);
            assert_eq!(stormy, BRIDGE, "it stays unacknowledged");
            assert!(pace.deadline_ns(0).is_some());
            // The pause has passed.
            assert_eq!(pace.wake(false, true), ACKNOWLEDGED);
            pace.record(true, false, Remaining::Nothing);
        }
        // A frame ends the storm.
        pace.record(true, true, Remaining::Nothing);
        assert_eq!(pace.wake(true, false), ACKNOWLEDGED);
    }

    #[test]
    fn frames_beyond_the_budget_wait_for_the_length_of_a_pause_whatever_wakes_the_driver() {
        let mut pace = Pace::new(false);
        assert_eq!(pace.wake(true, false), ACKNOWLEDGED);
        pace.record(true, true, Remaining::More);
        assert_eq!(pace.deadline_ns(5), Some(5 + PAUSE_NS));
        for _ in 0..3 {
            assert_eq!(pace.wake(true, false), None, "it stays unacknowledged");
            assert_eq!(pace.wake(false, false), None, "the switch waits too");
            // The pause has passed.
            assert_eq!(pace.wake(false, true), ACKNOWLEDGED);
            pace.record(true, true, Remaining::More);
        }
        // The bridge has moved them all: the next interrupt counts at once.
        pace.record(true, true, Remaining::Nothing);
        assert_eq!(pace.deadline_ns(5), None);
        assert_eq!(pace.wake(true, false), ACKNOWLEDGED);
    }
}
