//! When a port's lost frames are reported in the log: the first at once, later ones once per interval, so that a flood leaves
//! room for other lines.

use crate::port::Counters;

/// The shortest time between two reports about a port.
pub const INTERVAL_NS: u64 = 10_000_000_000;

/// What has been reported of a port's losses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    reported: Counters,
    /// When the next report may be made.
    next_ns: u64,
}

impl Losses {
    /// When the losses among these counters are to be reported; `None` if they have been.
    pub fn due_ns(&self, counters: &Counters) -> Option<u64> {
        (counters.lost() > self.reported.lost()).then_some(self.next_ns)
    }

    /// Whether they are to be reported now; asked once, they have been.
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
    fn a_loss_of_either_kind_is_one() {
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
