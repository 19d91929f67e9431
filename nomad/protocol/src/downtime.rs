//! The time that a domain has been frozen. When the domain runs again, its clock is advanced by this [`Downtime`].
//!
//! ```text
//!   source        clock read ... pages handed to the stream ... Commit sent    Commit carries the downtime on its arrival
//!                                                                \
//!                                                                 one way: half of the stream's least round trip
//!                                                                  \
//!   destination                                                     Commit received ... thawed    the rest is measured here
//! ```
//!
//! The two machines' clocks are never compared: each side measures its own share, and the one-way delay is taken to be
//! half of the least round trip.

use crate::time::Instant;

/// A downtime that was `us` at the moment `at`, and has grown since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Downtime {
    us: u64,
    at: Instant,
}

impl Downtime {
    /// Begins to count at `now`, because nothing is known about the time before.
    pub(crate) fn since(now: Instant) -> Downtime {
        Downtime::of(0, now)
    }

    /// A downtime that was `us` at the moment `at`.
    pub(crate) fn of(us: u64, at: Instant) -> Downtime {
        Downtime { us, at }
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
    fn grows_from_its_beginning() {
        let downtime = Downtime::of(70_200, at(1_400));
        assert_eq!(downtime.us(at(1_400)), 70_200);
        assert_eq!(downtime.us(at(1_900)), 70_700);
        assert_eq!(Downtime::since(at(9)).us(at(10)), 1);
    }

    #[test]
    fn neither_overflows_nor_runs_backwards() {
        let downtime = Downtime::of(u64::MAX, at(5));
        assert_eq!(downtime.us(at(6)), u64::MAX);
        assert_eq!(Downtime::since(at(9)).us(at(3)), 0);
    }
}
