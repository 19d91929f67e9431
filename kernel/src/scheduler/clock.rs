//! Conversion between the processor's ticks and nanoseconds: [`Clock`].

const NS_PER_SECOND: u128 = 1_000_000_000;

/// The rate of the time-stamp counter.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ticks_per_second: u64,
}

impl Clock {
    pub fn new(ticks_per_second: u64) -> Clock {
        Clock {
            ticks_per_second: ticks_per_second.max(1),
        }
    }

    pub fn ticks_per_second(&self) -> u64 {
        self.ticks_per_second
    }

    /// The machine's time at a tick.
    pub fn ns_at(&self, ticks: u64) -> u64 {
        (u128::from(ticks) * NS_PER_SECOND / u128::from(self.ticks_per_second)) as u64
    }

    /// The first tick at which the machine's time is at least this; `u64::MAX` if there is none.
    pub fn ticks_at(&self, ns: u64) -> u64 {
        let ticks = (u128::from(ns) * u128::from(self.ticks_per_second)).div_ceil(NS_PER_SECOND);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_not_before_its_time() {
        for rate in [1, 999, 1_000_000_000, 2_893_412_007] {
            let clock = Clock::new(rate);
            for ns in [0, 1, 999_999_999, 1_000_000_007, 86_400_000_000_000] {
                assert!(clock.ns_at(clock.ticks_at(ns)) >= ns, "{rate} {ns}");
            }
        }
        assert_eq!(Clock::new(2_000_000_000).ticks_at(u64::MAX), u64::MAX);
    }
}
