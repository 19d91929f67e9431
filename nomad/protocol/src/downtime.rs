//! The time that a domain has been frozen. When the domain runs again, its clock is advanced by this [`Downtime`].
//!
//! ```text
//!   source        clock read ... Prepared received ... Commit sent            Commit carries downtime and hold time
//!                                |    hold time      |
//!                  one way   /                         \   one way: half of the round trip without the hold time
//!   destination        Prepared sent ............... Commit received ... thawed    the rest is measured here
//! ```
//!
//! The two machines' clocks are never compared: each side measures its own share, and the one-way delay is taken to be
//! half of the round trip.

use crate::time::Instant;

/// A downtime that was `us` at the moment `at`, and has grown since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Downtime {
    us: u64,
    at: Instant,
}

impl Downtime {
    /// Begins to count `now`, because nothing is known of the time before.
    pub(crate) fn since(now: Instant) -> Downtime {
        Downtime { us: 0, at: now }
    }

    /// Continues the downtime of a Commit that is received `now`, carries `downtime_us`, and took `delay_us` to arrive.
    pub(crate) fn reported(now: Instant, downtime_us: u64, delay_us: u64) -> Downtime {
        Downtime {
            us: downtime_us.saturating_add(delay_us),
            at: now,
        }
    }

    /// The downtime at `now`.
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
    fn grows_after_it_was_reported() {
        let downtime = Downtime::reported(at(1_400), 70_000, 200);
        assert_eq!(downtime.us(at(1_400)), 70_200);
        assert_eq!(downtime.us(at(1_900)), 70_700);
        assert_eq!(Downtime::since(at(9)).us(at(10)), 1);
    }

    #[test]
    fn neither_overflows_nor_runs_backwards() {
        let downtime = Downtime::reported(at(5), u64::MAX, 1);
        assert_eq!(downtime.us(at(6)), u64::MAX);
        assert_eq!(Downtime::since(at(9)).us(at(3)), 0);
    }
}
