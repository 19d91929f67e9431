//! A machine's clock, which runs faster or slower than the world's.

use nomad_protocol::Instant;

/// The rate of a clock that agrees with the world's.
pub const TRUE_RATE: u64 = 1_000;

/// A clock with a constant rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The time that it shows after a thousand microseconds of the simulated world's time.
    rate_permille: u64,
}

impl Clock {
    /// A clock of this rate, which is not zero.
    pub fn new(rate_permille: u64) -> Self {
        Clock { rate_permille }
    }

    /// The time that the clock shows at this time of the world.
    pub fn shows(&self, world: Instant) -> Instant {
        let us = u128::from(world.as_us()) * u128::from(self.rate_permille);
        Instant::from_us((us / u128::from(TRUE_RATE)) as u64)
    }

    /// The first time of the world at which the clock shows `local`.
    pub fn reaches(&self, local: Instant) -> Instant {
        let us = u128::from(local.as_us()) * u128::from(TRUE_RATE);
        let us = us.div_ceil(u128::from(self.rate_permille));
        Instant::from_us(u64::try_from(us).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_a_clock_reaches_is_one_that_it_shows() {
        for rate_permille in [500, 999, 1_000, 1_337, 2_000] {
            let clock = Clock::new(rate_permille);
            for us in (0..5_000).chain([u64::MAX / 4]) {
                let reached = clock.reaches(Instant::from_us(us));
                assert!(clock.shows(reached) >= Instant::from_us(us));
                let before = Instant::from_us(reached.as_us().saturating_sub(1));
                assert!(us == 0 || clock.shows(before) < Instant::from_us(us));
            }
        }
    }
}
