//! The checker of the domains' clocks: [`Clocks`]. A simulation has one. In an exploration time stands still.
//!
//! A domain's clock never goes back. When a domain is activated, its clock has counted the time since it was read on the
//! source, with the error that `docs/decisions/0015-what-a-move-costs-a-clock.md` states. At best, the two machines measure
//! this time on the source's clock until Commit leaves, and on the destination's clock from then on. The checker knows that
//! duration, because it knows the time on every machine's clock at every moment. The domain's clock may be
//!
//! * behind it by the transmission of Commit, and by the time between reading the clock and recording that time;
//! * ahead of it by half of the longest round trip that a stream can measure: twice the longest latency, and the delay of an
//!   acknowledgement.
//!
//! If a migration server is restarted in between, or if no Commit arrives, other bounds hold. The clock counts at least the
//! time since the domain's state arrived. It counts at most the time since the reading, on the faster of the two machines'
//! clocks, with the same error.

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{Instant, TransactionId};

use crate::history::Violation;
use crate::simulation::clock::TRUE_RATE;

/// The longest delay of an acknowledgement, on the receiver's clock.
const ACK_DELAY_US: u64 = 2_000;

/// The error of rounding clocks to microseconds.
const ROUNDING_US: u64 = 5;

/// The time on every machine's clock at one moment.
pub type Times = Vec<Instant>;

/// The clocks of all domains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clocks {
    /// The time on every machine's clock now.
    pub now: Times,
    /// The longest latency of the network, in microseconds of the world.
    pub latency_us: u64,
    /// The time that each machine's clock shows after a thousand microseconds of the world.
    pub rates: Vec<u64>,
    /// The last reading of each domain's clock, in microseconds.
    last_us: BTreeMap<DomainId, u64>,
    freezes: BTreeMap<TransactionId, Freeze>,
}

/// The last freeze of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Freeze {
    source: usize,
    destination: usize,
    /// The domain's clock, in microseconds, and when it was read.
    read_us: u64,
    read: Times,
    /// The time between the reading and the source's record of it, by the source's clock.
    recorded_after_us: u64,
    /// When the domain's state arrived.
    arrived: Option<Times>,
    commit: Option<Commit>,
    /// The source's or the destination's migration server was restarted.
    is_restarted: bool,
}

/// The first Commit that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Commit {
    sent: Times,
    arrived: Times,
}

impl Clocks {
    /// The clocks of a world with this many machines, at its beginning.
    pub fn new(machines: usize) -> Clocks {
        Clocks {
            now: vec![Instant::from_us(0); machines],
            latency_us: 0,
            rates: vec![TRUE_RATE; machines],
            last_us: BTreeMap::new(),
            freezes: BTreeMap::new(),
        }
    }

    /// Records a reading of the clock of a domain that runs or has run until now; returns the violation.
    pub fn read(&mut self, domain: DomainId, now_us: u64) -> Option<Violation> {
        let last_us = self.last_us.entry(domain).or_default();
        let before_us = std::mem::replace(last_us, now_us);
        (now_us < before_us).then_some(Violation::ClockWentBack { before_us, now_us })
    }

    /// Forgets the readings of a domain's clock, because an older instance of the domain may run now.
    pub fn forget(&mut self, is_its: impl Fn(DomainId) -> bool) {
        self.last_us.retain(|domain, _| !is_its(*domain));
    }

    /// Records that the source has read the frozen domain's clock.
    pub fn freeze(&mut self, transaction: TransactionId, ends: [usize; 2], read_us: u64) {
        let [source, destination] = ends;
        let freeze = Freeze {
            source,
            destination,
            read_us,
            read: self.now.clone(),
            recorded_after_us: 0,
            arrived: None,
            commit: None,
            is_restarted: false,
        };
        self.freezes.insert(transaction, freeze);
    }

    /// Records that the source's ledger learns of the reading.
    pub fn record_reading(&mut self, transaction: TransactionId) {
        if let Some(freeze) = self.freezes.get_mut(&transaction) {
            freeze.recorded_after_us = us_between(&freeze.read, &self.now, freeze.source);
        }
    }

    /// Records that the domain's state arrives.
    pub fn record_arrival(&mut self, transaction: TransactionId) {
        if let Some(freeze) = self.freezes.get_mut(&transaction) {
            freeze.arrived = Some(self.now.clone());
        }
    }

    /// Whether the first Commit for this machine may still arrive.
    pub fn awaits_commit(&self, machine: usize) -> bool {
        let mut freezes = self.freezes.values();
        freezes.any(|freeze| freeze.destination == machine && freeze.commit.is_none())
    }

    /// Records that a Commit arrives, which was sent at these times.
    pub fn record_commit(&mut self, transaction: TransactionId, sent: Times) {
        if let Some(freeze) = self.freezes.get_mut(&transaction) {
            let arrived = self.now.clone();
            freeze.commit.get_or_insert(Commit { sent, arrived });
        }
    }

    /// Records that a machine or its migration server is restarted.
    pub fn restart(&mut self, machine: usize) {
        for freeze in self.freezes.values_mut() {
            freeze.is_restarted |= freeze.source == machine || freeze.destination == machine;
        }
    }

    /// Checks the clock of a domain that was just activated; returns the violation.
    pub fn judge(&mut self, transaction: TransactionId, now_us: u64) -> Option<Violation> {
        let freeze = self.freezes.remove(&transaction)?;
        let counted_us = now_us.saturating_sub(freeze.read_us);
        let ahead_us = self.ahead_us(freeze.source, freeze.destination);
        let [least_us, most_us] = freeze.bounds_us(&self.now, ahead_us);
        let is_right = counted_us + ROUNDING_US >= least_us && counted_us <= most_us + ROUNDING_US;
        (!is_right).then_some(Violation::ClockIsWrong {
            counted_us,
            least_us,
            most_us,
        })
    }
}

impl Clocks {
    /// Half of the longest round trip that the source can measure, on its clock.
    fn ahead_us(&self, source: usize, destination: usize) -> u64 {
        let ack_delay_us = ACK_DELAY_US * TRUE_RATE / self.rates[destination];
        let ahead_us = self.latency_us + ack_delay_us / 2;
        (ahead_us * self.rates[source]).div_ceil(TRUE_RATE)
    }
}

impl Freeze {
    /// The least and the most that the clock may have counted from its reading until `now`, if it may be ahead by `ahead_us`.
    fn bounds_us(&self, now: &Times, ahead_us: u64) -> [u64; 2] {
        let since = |then: &Times| us_between(then, now, self.destination);
        let here_us = self.arrived.as_ref().map_or(0, since);
        let Some(Commit { sent, arrived }) = self.commit.as_ref().filter(|_| !self.is_restarted)
        else {
            let all_us = since(&self.read).max(us_between(&self.read, now, self.source));
            return [here_us, all_us + ahead_us];
        };
        let measured_us = us_between(&self.read, sent, self.source) + since(sent);
        let behind_us = us_between(sent, arrived, self.destination) + self.recorded_after_us;
        let least_us = measured_us.saturating_sub(behind_us).max(here_us);
        [least_us, here_us.max(measured_us + ahead_us)]
    }
}

/// The time between two moments on a machine's clock.
fn us_between(from: &Times, to: &Times, machine: usize) -> u64 {
    to[machine].us_since(from[machine])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVE: TransactionId = TransactionId(7);
    const DOMAIN: DomainId = DomainId(1);

    /// Machine 1's clock runs at twice the rate of machine 0's.
    fn times(us: u64) -> Times {
        vec![Instant::from_us(us), Instant::from_us(2 * us)]
    }

    /// A domain that is frozen at 1,000 us, with its clock at 50 us. Commit leaves at 1,400 us and arrives at 1,500 us.
    fn moving() -> Clocks {
        let mut clocks = Clocks::new(2);
        clocks.rates = vec![TRUE_RATE, 2 * TRUE_RATE];
        clocks.now = times(1_000);
        clocks.freeze(MOVE, [0, 1], 50);
        clocks.now = times(1_200);
        clocks.record_arrival(MOVE);
        clocks.now = times(1_500);
        clocks.record_commit(MOVE, times(1_400));
        clocks.now = times(2_000);
        clocks
    }

    #[test]
    fn a_clock_may_be_behind_by_the_transmission_of_commit() {
        // 400 us on the source, and 1,200 us on the destination, of which 200 are the transmission. But 1,600 us have passed on
        // the destination since the state arrived.
        assert_eq!(moving().judge(MOVE, 50 + 1_600), None);
        let late = moving().judge(MOVE, 50 + 1_590);
        assert!(matches!(late, Some(Violation::ClockIsWrong { .. })));
    }

    #[test]
    fn a_clock_may_be_ahead_by_half_of_the_round_trip() {
        let judge = |latency_us, counted_us: u64| {
            let mut clocks = moving();
            clocks.latency_us = latency_us;
            clocks.judge(MOVE, 50 + counted_us)
        };
        // 400 us on the source, and 1,200 us on the destination. There an acknowledgement takes 1,000 us of the source's clock.
        let most_us = 1_600 + 500;
        assert_eq!(judge(40, most_us + 40), None);
        assert!(judge(0, most_us + 40).is_some());
    }

    #[test]
    fn after_a_restart_a_clock_counts_from_the_arrival_of_the_state() {
        let mut clocks = moving();
        clocks.restart(0);
        assert_eq!(clocks.clone().judge(MOVE, 50 + 1_600), None);
        assert!(clocks.judge(MOVE, 50 + 1_590).is_some());
    }

    #[test]
    fn after_a_restart_a_clock_is_not_ahead_of_the_faster_clock() {
        let mut clocks = moving();
        clocks.restart(1);
        // 2,000 us have passed on the destination since the reading.
        assert_eq!(clocks.clone().judge(MOVE, 50 + 2_000 + 500), None);
        assert!(clocks.judge(MOVE, 50 + 2_000 + 510).is_some());
    }

    #[test]
    fn a_clock_that_goes_back_is_noticed_until_it_is_forgotten() {
        let mut clocks = Clocks::new(2);
        assert_eq!(clocks.read(DOMAIN, 9), None);
        assert_eq!(clocks.read(DOMAIN, 9), None);
        let back = Violation::ClockWentBack {
            before_us: 9,
            now_us: 8,
        };
        assert_eq!(clocks.read(DOMAIN, 8), Some(back));
        clocks.forget(|domain| domain == DOMAIN);
        assert_eq!(clocks.read(DOMAIN, 1), None);
    }
}
