//! The cost of a freeze besides sending its pages, measured in the rounds of the same move: [`Overhead`].
//!
//! A round that is small takes longer than its bytes need at the measured rate. The difference is the fixed cost of a *segment*: a round,
//! or the last part of the stream, which the freeze sends. It includes a rehearsal: the destination builds the domain on trial when the
//! first round has arrived, and reads this build back when each later round has, before it acknowledges the round. So the source waits as
//! long as the completion of that build takes. A freeze costs [`SEGMENTS`] segments, since it also describes the domain and hands it over.
//!
//! Until a small round was measured, the time of a round's acknowledgement stands for the fixed cost of a segment: the flight of the last
//! bytes, the rehearsal, and the flight back. The acknowledgement of the first round includes the trial build instead, which is longer. That
//! build is a part of no freeze, unless the domain makes objects or mappings after it, so that it has to be repeated in the freeze. So it
//! counts only until a round was acknowledged sooner.
//!
//! A larger round does not measure that cost, but it contains it. So no cost that is longer than the whole of the last round remains, as it
//! would after an interruption of the network.
//!
//! A domain cannot be described at every moment. Rounds before its description measure nothing, since the destination has nothing to build.
//! Before the first measurement no cost is assumed.

use serde::{Deserialize, Serialize};

use crate::planner::Round;
use crate::rate::Rate;

/// The fixed costs of segments that a freeze takes: one for its last segment, one for the steps that rounds do not have.
const SEGMENTS: u64 = 2;

/// A round is small if sending its bytes takes at most one part in this many of its time.
const SMALL_PARTS: u64 = 2;

/// The cost of a freeze besides its pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Overhead {
    /// The shortest time that a round's acknowledgement took. The first one includes the trial build.
    acknowledged_us: Option<u64>,
    /// The fixed cost of a segment, averaged over small rounds and weighted towards the last ones.
    segment_us: Option<u64>,
}

impl Overhead {
    /// Adds a round's measurements. `rate` is the rate of the rounds before it.
    pub fn measure(&mut self, round: &Round, rate: &Rate) {
        if round.is_undescribed {
            return;
        }
        let Some(shortest_us) = self.acknowledged_us else {
            self.acknowledged_us = Some(round.acknowledgement_us);
            return;
        };
        self.acknowledged_us = Some(shortest_us.min(round.acknowledgement_us));
        let Some(sending_us) = rate.time_for_us(round.bytes) else {
            return;
        };
        if sending_us <= round.elapsed_us / SMALL_PARTS {
            let cost_us = round.elapsed_us - sending_us;
            let mean_us = self.segment_us.map(|before| before.midpoint(cost_us));
            self.segment_us = Some(mean_us.unwrap_or(cost_us));
        } else {
            self.segment_us = self.segment_us.map(|us| us.min(round.elapsed_us));
        }
    }

    /// The cost in microseconds; `None` before the first measurement.
    pub fn us(&self) -> Option<u64> {
        let segment_us = self.segment_us.or(self.acknowledged_us)?;
        Some(segment_us.saturating_mul(SEGMENTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES_PER_US: u64 = 100;

    /// A round on a path of 100 MB/s, on which every segment has a fixed cost of `segment_us`.
    fn round(bytes: u64, segment_us: u64, acknowledgement_us: u64) -> Round {
        Round {
            bytes,
            elapsed_us: bytes / BYTES_PER_US + segment_us + acknowledgement_us,
            acknowledgement_us,
            ..Round::default()
        }
    }

    fn overhead(rounds: &[Round]) -> u64 {
        let (mut overhead, mut rate) = (Overhead::default(), Rate::default());
        for round in rounds {
            overhead.measure(round, &rate);
            rate.measure(round.bytes, round.elapsed_us);
        }
        overhead.us().expect("a round")
    }

    #[test]
    fn no_cost_is_assumed_before_the_first_round() {
        assert_eq!(Overhead::default().us(), None);
    }

    #[test]
    fn rounds_before_the_description_measure_nothing() {
        let mut overhead = Overhead::default();
        let empty = Round {
            is_undescribed: true,
            ..round(4_096, 0, 100)
        };
        for _ in 0..3 {
            overhead.measure(&empty, &Rate::default());
            assert_eq!(overhead.us(), None);
        }
        overhead.measure(&round(4_096, 0, 40_000), &Rate::default());
        assert_eq!(overhead.us(), Some(SEGMENTS * 40_000));
    }

    #[test]
    fn the_first_acknowledgement_counts_until_a_segment_was_measured() {
        for trial_us in [30, 3_000, 40_000] {
            let first = round(100_000_000, 500, trial_us);
            assert_eq!(overhead(&[first]), SEGMENTS * trial_us);
            let measured = overhead(&[first, round(4_096, 500, 0)]);
            assert!((900..1_010).contains(&measured), "{measured}");
        }
    }

    /// A host may be busy for a moment.
    #[test]
    fn a_long_trial_build_counts_only_until_a_segment_was_measured() {
        let rounds = [round(100_000_000, 500, 4_000_000), round(4_096, 500, 0)];
        let measured = overhead(&rounds);
        assert!((500..1_010).contains(&measured), "{measured}");
    }

    #[test]
    fn a_long_trial_build_counts_only_until_a_large_round_was_acknowledged_sooner() {
        let [first, large] = [4_000_000, 3_000].map(|trial_us| round(100_000_000, 500, trial_us));
        assert_eq!(overhead(&[first]), SEGMENTS * 4_000_000);
        assert_eq!(overhead(&[first, large]), SEGMENTS * 3_000);
    }

    #[test]
    fn a_large_round_does_not_measure_a_segment() {
        let large = round(100_000_000, 500, 3_000);
        assert_eq!(overhead(&[large, large]), SEGMENTS * 3_000);
    }

    #[test]
    fn later_small_rounds_outweigh_earlier_ones() {
        let first = round(100_000_000, 0, 0);
        let slow = round(0, 80_000, 0);
        let fast = round(0, 1_000, 0);
        let measured = overhead(&[first, slow, fast, fast, fast, fast, fast, fast]);
        assert!(measured < 6_000, "{measured}");
    }

    /// A cable is plugged out during a small round and in again, and then the domain writes more than before.
    #[test]
    fn an_interruption_counts_only_until_a_large_round_took_less_time() {
        let [first, large] = [1_000, 0].map(|trial_us| round(100_000_000, 500, trial_us));
        let interrupted = round(4_096, 8_000_000, 0);
        assert!(overhead(&[first, interrupted]) > SEGMENTS * 7_000_000);
        let measured = overhead(&[first, interrupted, large]);
        assert!(measured <= SEGMENTS * large.elapsed_us, "{measured}");
        // A later interruption is measured again.
        assert!(overhead(&[first, interrupted, large, interrupted]) > 7_000_000);
    }

    proptest! {
        #[test]
        fn lies_between_the_lowest_and_the_highest_measurement(
            trial_us in 0u64..1_000_000, segments_us in prop::collection::vec(1_000u64..100_000, 1..10),
        ) {
            let small = segments_us.iter().map(|us| round(4_096, *us, 0));
            let rounds: std::vec::Vec<Round> = core::iter::once(round(1_000_000_000, 0, trial_us)).chain(small).collect();
            let measured_us = overhead(&rounds);
            let most = *segments_us.iter().max().expect("one");
            let least = *segments_us.iter().min().expect("one");
            // A page takes 41 us, and the rate is known to a part in a hundred; all numbers are rounded.
            prop_assert!(measured_us + 16 >= SEGMENTS * least, "{}", measured_us);
            prop_assert!(measured_us <= SEGMENTS * most, "{}", measured_us);
        }

        #[test]
        fn never_overflows(rounds in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 1..20)) {
            let rounds = rounds.into_iter().map(|(bytes, elapsed_us, acknowledgement_us)| Round {
                bytes, elapsed_us, acknowledgement_us, ..Round::default()
            });
            let _ = overhead(&rounds.collect::<std::vec::Vec<_>>());
        }
    }
}
