//! A transfer rate as the ratio of two decayed sums, bytes over time, weighted towards the recent past.
//!
//! It is not an average of rates, so a tiny round, whose time is mostly latency, hardly changes it.

use serde::{Deserialize, Serialize};

/// A measured transfer rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    bytes: u64,
    elapsed_us: u64,
}

impl Rate {
    /// Adds a measurement, and halves the weight of all earlier ones.
    pub fn measure(&mut self, bytes: u64, elapsed_us: u64) {
        self.bytes = (self.bytes / 2).saturating_add(bytes);
        self.elapsed_us = (self.elapsed_us / 2).saturating_add(elapsed_us);
    }

    /// Bytes per second; `None` before the first measurement.
    pub fn bytes_per_second(&self) -> Option<u64> {
        if self.bytes == 0 || self.elapsed_us == 0 {
            return None;
        }
        let per_second = u128::from(self.bytes) * 1_000_000 / u128::from(self.elapsed_us);
        Some(saturate(per_second))
    }

    /// The time that `bytes` would take, in microseconds, rounded up; `None` before the first measurement.
    pub fn time_for_us(&self, bytes: u64) -> Option<u64> {
        if self.bytes == 0 || self.elapsed_us == 0 {
            return None;
        }
        let time_us = u128::from(bytes) * u128::from(self.elapsed_us);
        Some(saturate(time_us.div_ceil(u128::from(self.bytes))))
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_nothing_before_the_first_measurement() {
        assert_eq!(Rate::default().bytes_per_second(), None);
        assert_eq!(Rate::default().time_for_us(1), None);
    }

    #[test]
    fn a_tiny_slow_round_hardly_moves_the_rate() {
        let mut rate = Rate::default();
        rate.measure(100_000_000, 1_000_000);
        rate.measure(4096, 1_000);
        let per_second = rate.bytes_per_second().expect("measured");
        assert!(per_second > 99_000_000, "{per_second}");
    }

    proptest! {
        #[test]
        fn lies_between_the_slowest_and_the_fastest_measurement(
            rounds in prop::collection::vec((1u64..1 << 40, 1u64..1 << 40), 1..20),
        ) {
            let mut rate = Rate::default();
            let (mut slowest, mut fastest) = (u64::MAX, 0);
            for (bytes, elapsed_us) in rounds {
                rate.measure(bytes, elapsed_us);
                let exact = u128::from(bytes) * 1_000_000 / u128::from(elapsed_us);
                slowest = slowest.min(exact as u64);
                fastest = fastest.max(exact as u64);
            }
            // Halving drops at most one byte and one microsecond per round: allow for that.
            let per_second = rate.bytes_per_second().expect("measured");
            prop_assert!(per_second >= slowest / 4, "{} < {}", per_second, slowest);
            prop_assert!(per_second / 4 <= fastest.saturating_add(1), "{} > {}", per_second, fastest);
        }

        #[test]
        fn never_overflows(values in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20), bytes: u64) {
            let mut rate = Rate::default();
            for (sent, elapsed_us) in values {
                rate.measure(sent, elapsed_us);
                let _ = rate.bytes_per_second();
                let _ = rate.time_for_us(bytes);
            }
        }
    }
}
