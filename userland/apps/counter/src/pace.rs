//! A steady rate without bursts: the work that a long stall missed is skipped.

/// A rate, and the number of steps done since a start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    per_second: u64,
    since_ns: u64,
    done: u64,
}

impl Pace {
    /// A rate of `per_second` steps from `now_ns` on.
    pub fn new(per_second: u64, now_ns: u64) -> Pace {
        Pace {
            per_second,
            since_ns: now_ns,
            done: 0,
        }
    }

    /// The number of steps that are due now. They count as done.
    pub fn take_due(&mut self, now_ns: u64) -> u64 {
        let elapsed_ns = u128::from(now_ns.saturating_sub(self.since_ns));
        let total = elapsed_ns * u128::from(self.per_second) / 1_000_000_000;
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let due = total.saturating_sub(self.done);
        if due > self.per_second / 5 + 8 {
            *self = Pace::new(self.per_second, now_ns);
            return 1;
        }
        self.done += due;
        due
    }

    /// The time at which the next step is due; `None` if the rate is zero.
    pub fn next_ns(&self) -> Option<u64> {
        let elapsed_ns = u128::from(self.done + 1) * 1_000_000_000;
        let elapsed_ns = elapsed_ns.checked_div(u128::from(self.per_second))?;
        // Rounded up, so that the step is due at that time.
        u64::try_from(elapsed_ns + 1)
            .ok()?
            .checked_add(self.since_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate_at_any_polling_interval() {
        for step_ns in [1_000, 999_983, 7_000_000] {
            let mut pace = Pace::new(500, 5);
            let done: u64 = (0..=10_000_000_000 / step_ns)
                .map(|step| pace.take_due(5 + step * step_ns))
                .sum();
            assert!((4_995..=5_000).contains(&done), "{done} at {step_ns}");
        }
    }

    #[test]
    fn does_not_make_up_for_a_stall() {
        let mut pace = Pace::new(500, 0);
        assert_eq!(pace.take_due(100_000_000), 50);
        assert_eq!(pace.take_due(60_000_000_000), 1);
        assert_eq!(pace.take_due(60_002_000_000), 1);
    }

    #[test]
    fn one_is_due_at_the_returned_time() {
        let mut pace = Pace::new(3, 1_000);
        for _ in 0..100 {
            let next = pace.next_ns().unwrap();
            assert_eq!(pace.take_due(next), 1);
        }
    }

    #[test]
    fn nothing_is_ever_due_at_rate_zero() {
        let mut pace = Pace::new(0, 0);
        assert_eq!(pace.take_due(u64::MAX), 0);
        assert_eq!(pace.next_ns(), None);
    }
}
