//! How much a domain is slowed down during a round: [`Throttle`].

use serde::{Deserialize, Serialize};

use crate::Round;

/// The least part of the time for which a throttled domain runs, in percent.
const RUNNING_MIN: u8 = 1;

/// The part of the time for which a domain is stopped during a round, in percent: from 0, the default, to 99.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Throttle(u8);

impl Throttle {
    /// Not throttled.
    pub const NONE: Throttle = Throttle(0);
    /// The highest.
    pub const MAX: Throttle = Throttle(100 - RUNNING_MIN);

    /// The part of the time for which the domain is stopped, in percent.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// The throttle with which a round like this one, which was throttled by `self`, would have left half as many pages as it sent, if
    /// a domain dirties pages in proportion to the time for which it runs. It is higher than `self`; `None` if `self` is the highest.
    pub(crate) fn that_halves(self, round: Round) -> Option<Throttle> {
        if self >= Throttle::MAX {
            return None;
        }
        let running = 100 - u64::from(self.0);
        let dirtied = u128::from(round.dirtied.max(1));
        let wanted = u128::from(running) * u128::from(round.pages) / (2 * dirtied);
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        let running = wanted.clamp(u64::from(RUNNING_MIN), running - 1);
        Some(Throttle(100 - running as u8))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn round(pages: u64, dirtied: u64) -> Round {
        Round {
            pages,
            dirtied,
            ..Round::default()
        }
    }

    #[test]
    fn the_domain_runs_for_as_long_as_halves_the_remainder() {
        for (percent, pages, dirtied, expected) in [
            (0, 100, 100, Some(50)),
            (0, 100, 200, Some(75)),
            (50, 100, 100, Some(75)),
            (0, 100, 10_000, Some(99)),
            (98, 100, 50, Some(99)),
            (99, 100, 100, None),
        ] {
            let next = Throttle(percent).that_halves(round(pages, dirtied));
            assert_eq!(
                next.map(Throttle::percent),
                expected,
                "{percent} {pages} {dirtied}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_rises_to_its_limit_whatever_the_measurements(rounds: Vec<(u64, u64)>) {
            let mut throttle = Throttle::NONE;
            for (pages, dirtied) in rounds.into_iter().cycle().take(100) {
                match throttle.that_halves(round(pages, dirtied)) {
                    Some(next) => prop_assert!(next > throttle && next.percent() <= 99),
                    None => prop_assert_eq!(throttle.percent(), 99),
                }
                throttle = throttle.that_halves(round(pages, dirtied)).unwrap_or(throttle);
            }
        }
    }
}
