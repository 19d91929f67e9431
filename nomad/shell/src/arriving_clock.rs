//! The clock of an arriving domain: [`ArrivingClock`].
//!
//! It continues from its value on the source, which was read when the domain was frozen there, and counts the downtime
//! (`docs/decisions/0015-what-a-move-costs-a-clock.md`). It never goes back.

const NS_PER_US: u64 = 1_000;

/// The clock of a domain whose state has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArrivingClock {
    /// The domain's time, as it was read on the source.
    read_ns: u64,
    /// This machine's time when the state arrived.
    received_ns: u64,
    /// Whether the downtime was counted.
    has_downtime: bool,
}

impl ArrivingClock {
    /// A clock that showed `read_ns` on the source. The domain's state arrived here when this machine's clock showed `received_ns`.
    pub fn new(read_ns: u64, received_ns: u64) -> ArrivingClock {
        ArrivingClock {
            read_ns,
            received_ns,
            has_downtime: false,
        }
    }

    /// The domain's time at this machine's time `now_ns`, as long as the downtime is not known. It counts the time since the state
    /// arrived.
    pub fn domain_ns(&self, now_ns: u64) -> u64 {
        self.after(0, now_ns)
    }

    /// The domain's time at this machine's time `now_ns`, when the domain is about to run after a downtime of `downtime_us`, as the two
    /// machines have measured it. `None` if this was called before: the domain may run by now.
    pub fn resume(&mut self, now_ns: u64, downtime_us: u64) -> Option<u64> {
        let is_first = !core::mem::replace(&mut self.has_downtime, true);
        is_first.then_some(self.after(downtime_us, now_ns))
    }

    fn after(&self, downtime_us: u64, now_ns: u64) -> u64 {
        let here_ns = now_ns.saturating_sub(self.received_ns);
        let downtime_ns = downtime_us.saturating_mul(NS_PER_US);
        self.read_ns.saturating_add(downtime_ns.max(here_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read at 5 ms by the domain's clock; arrived at 1 ms by this machine's.
    const CLOCK: ArrivingClock = ArrivingClock {
        read_ns: 5_000_000,
        received_ns: 1_000_000,
        has_downtime: false,
    };

    #[test]
    fn the_downtime_counts_in_the_domains_time() {
        assert_eq!({ CLOCK }.resume(4_000_000, 70_200), Some(75_200_000));
    }

    #[test]
    fn an_unknown_downtime_counts_from_the_arrival_of_the_state() {
        assert_eq!({ CLOCK }.resume(4_000_000, 0), Some(8_000_000));
        assert_eq!(CLOCK.domain_ns(4_000_000), 8_000_000);
    }

    #[test]
    fn the_downtime_is_counted_once() {
        let mut clock = CLOCK;
        assert!(clock.resume(4_000_000, 0).is_some());
        assert_eq!(clock.resume(4_000_000, 70_200), None);
    }

    #[test]
    fn no_reported_downtime_makes_time_run_backwards() {
        for downtime_us in [0, 7, u64::MAX] {
            for now_ns in [0, 1_000_000, u64::MAX] {
                let domain_ns = { CLOCK }.resume(now_ns, downtime_us);
                assert!(domain_ns.expect("the first time") >= CLOCK.read_ns);
            }
        }
    }
}
