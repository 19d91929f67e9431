//! How long the domain has stood still: [`Stood`], what its clock is advanced by when it runs again.
//!
//! ```text
//!   source   clock read ....... Prepared heard ... Commit sent               Commit says: stood, held
//!                               |     held       |
//!                   one way  /                     \  one way: half of what is left of the round trip
//!   target      Prepared sent ................. Commit heard ..... thawed    the rest is measured here
//! ```
//!
//! No two machines' clocks are ever compared: each side measures its own share, and the way between them counts as half
//! a round trip.

use crate::time::Instant;

/// So long at that moment, and longer ever since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stood {
    us: u64,
    at: Instant,
}

impl Stood {
    /// Nothing is known of the time before `now`.
    pub(crate) fn since(now: Instant) -> Stood {
        Stood { us: 0, at: now }
    }

    /// A Commit is heard `now` that says `stood_us`, and was on its way for `way_us`.
    pub(crate) fn heard(now: Instant, stood_us: u64, way_us: u64) -> Stood {
        Stood {
            us: stood_us.saturating_add(way_us),
            at: now,
        }
    }

    /// How long it is by now.
    pub(crate) fn us(self, now: Instant) -> u64 {
        self.us.saturating_add(now.us_since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(us: u64) -> Instant {
        Instant::from_us(us)
    }

    #[test]
    fn goes_on_after_it_was_heard() {
        let stood = Stood::heard(at(1_400), 70_000, 200);
        assert_eq!(stood.us(at(1_400)), 70_200);
        assert_eq!(stood.us(at(1_900)), 70_700);
        assert_eq!(Stood::since(at(9)).us(at(10)), 1);
    }

    #[test]
    fn no_number_runs_over_and_no_time_back() {
        let stood = Stood::heard(at(5), u64::MAX, 1);
        assert_eq!(stood.us(at(6)), u64::MAX);
        assert_eq!(Stood::since(at(9)).us(at(3)), 0);
    }
}
