//! The log reports of a port's lost frames: the first at once, later ones once per interval, so that a flood leaves
//! room for other lines.

use crate::counters::Counters;

/// The shortest time between two reports about a port.
pub const INTERVAL_NS: u64 = 10_000_000_000;

/// The reported losses of a port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    reported: Counters,
    /// The earliest time of the next report.
    next_ns: u64,
}

impl Losses {
    /// The time to report the losses in these counters; `None` if they have been reported.
    pub fn due_ns(&self, counters: &Counters) -> Option<u64> {
        (counters.lost() > self.reported.lost()).then_some(self.next_ns)
    }

    /// Whether a report of these counters is due now; if so, they count as reported.
    pub fn take_due(&mut self, counters: &Counters, now_ns: u64) -> bool {
        let is_due = self.due_ns(counters).is_some_and(|due_ns| due_ns <= now_ns);
        if is_due {
            self.reported = *counters;
            self.next_ns = now_ns.saturating_add(INTERVAL_NS);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(dropped_full: u64, dropped_forged: u64) -> Counters {
        Counters {
            dropped_full,
            dropped_forged,
            ..Counters::default()
        }
    }

    #[test]
    fn the_first_loss_is_reported_at_once_and_later_ones_together() {
        let mut losses = Losses::default();
        assert_eq!(losses.due_ns(&lost(0, 0)), None);
        assert!(losses.take_due(&lost(1, 0), 5));
        assert_eq!(losses.due_ns(&lost(1, 0)), None, "nothing is new");
        assert_eq!(losses.due_ns(&lost(3, 0)), Some(5 + INTERVAL_NS));
        assert!(!losses.take_due(&lost(3, 0), 4 + INTERVAL_NS));
        assert!(losses.take_due(&lost(3, 4), 5 + INTERVAL_NS));
        assert_eq!(losses.due_ns(&lost(3, 4)), None);
    }

    #[test]
    fn losses_of_both_kinds_count() {
        for counters in [lost(1, 0), lost(0, 1)] {
            assert!(Losses::default().take_due(&counters, 0));
        }
        let delivered = Counters {
            received: 7,
            sent: 7,
            ..Counters::default()
        };
        assert!(!Losses::default().take_due(&delivered, 0));
    }
}
