//! The measured round-trip time: [`RoundTrip`].
//!
//! Timeouts use the average of RFC 6298. The pacer uses the least round-trip time of the last seconds.

use nomad_protocol::Instant;

/// How long a round-trip time may count as the least.
const LEAST_VALID_US: u64 = 10_000_000;
/// The timeout before there is a measurement.
const FIRST_TIMEOUT_US: u64 = 100_000;
/// The shortest timeout: the other side may delay an acknowledgement, and its machine may be busy.
const TIMEOUT_MIN_US: u64 = 20_000;

/// The round-trip time as measured so far.
#[derive(Clone, Debug, Default)]
pub struct RoundTrip {
    latest_us: u64,
    smoothed_us: Option<u64>,
    variance_us: u64,
    least: Option<(u64, Instant)>,
}

impl RoundTrip {
    /// Records a measurement, in microseconds.
    pub fn measure(&mut self, now: Instant, us: u64) {
        let us = us.max(1);
        self.latest_us = us;
        match &mut self.smoothed_us {
            None => {
                self.smoothed_us = Some(us);
                self.variance_us = us / 2;
            }
            Some(smoothed_us) => {
                self.variance_us = (3 * self.variance_us + smoothed_us.abs_diff(us)) / 4;
                *smoothed_us = (7 * *smoothed_us + us) / 8;
            }
        }
        let is_least =
            |(least_us, at): (u64, Instant)| us <= least_us || now.us_since(at) > LEAST_VALID_US;
        if self.least.is_none_or(is_least) {
            self.least = Some((us, now));
        }
    }

    /// The latest measurement, in microseconds.
    pub fn latest_us(&self) -> u64 {
        self.latest_us
    }

    /// The least round-trip time of the last seconds, in microseconds.
    pub fn least_us(&self) -> Option<u64> {
        self.least.map(|(us, _)| us)
    }

    /// How long to wait for an acknowledgement before asking for one, in microseconds.
    pub fn timeout_us(&self) -> u64 {
        self.smoothed_us.map_or(FIRST_TIMEOUT_US, |smoothed_us| {
            (smoothed_us + 4 * self.variance_us).max(TIMEOUT_MIN_US)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_forgotten_after_a_while() {
        let mut round_trip = RoundTrip::default();
        round_trip.measure(Instant::from_us(0), 500);
        round_trip.measure(Instant::from_us(1000), 900);
        assert_eq!(round_trip.least_us(), Some(500));
        round_trip.measure(Instant::from_us(LEAST_VALID_US + 1), 900);
        assert_eq!(round_trip.least_us(), Some(900));
    }

    #[test]
    fn the_timeout_follows_the_round_trip_time() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout_us(), FIRST_TIMEOUT_US);
        (0..100).for_each(|n| round_trip.measure(Instant::from_us(n), 50_000));
        assert!((50_000..60_000).contains(&round_trip.timeout_us()));
        (0..100).for_each(|n| round_trip.measure(Instant::from_us(n), 40));
        assert_eq!(round_trip.timeout_us(), TIMEOUT_MIN_US);
    }
}
