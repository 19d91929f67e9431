//! The restart policy: the consequence of a domain's fault, and the state of a domain that is gone.
//!
//! A domain that faults soon after its start waits twice as long as the last time, up to [`DELAY_NS_MAX`], so a domain that
//! always faults does not use all of the machine's time. The number of restarts is unlimited, so even repeated faults of the
//! switch do not cut off the machine for good. Root has no timer: it builds the domain at once and freezes it for the delay,
//! after which the kernel thaws it.

use runtime::protocol::root::DomainState;

use crate::domain::Domain;
use crate::table::DomainTable;

/// The delay after the first fault in a row.
const DELAY_NS_MIN: u64 = 100_000_000;
/// The maximum delay.
const DELAY_NS_MAX: u64 = 60_000_000_000;
/// A domain that ran this long was stable: its fault is the first in a row.
const STABLE_NS: u64 = 10_000_000_000;

impl Domain {
    /// The delay after which a fault at this time restarts the domain; `None` if it is not restarted. The restart is counted.
    pub fn restart_after_fault(&mut self, now_ns: u64) -> Option<u64> {
        // The fault of a leaving domain moves with it, and an arrived domain has state that a restart would lose.
        let restarts = self.restarts() && self.state == DomainState::Running && !self.has_arrived;
        restarts.then(|| self.count_restart(now_ns))
    }

    /// Whether this machine restarts it, according to its definition.
    fn restarts(&self) -> bool {
        let definition = self.definition.as_ref();
        definition.is_some_and(|definition| definition.restarts())
    }

    /// Counts a restart; returns its delay in nanoseconds.
    fn count_restart(&mut self, now_ns: u64) -> u64 {
        if now_ns.saturating_sub(self.started_ns) > STABLE_NS {
            self.restarts = 0;
        }
        let doubled = 1u64.checked_shl(self.restarts).unwrap_or(u64::MAX);
        self.restarts = self.restarts.saturating_add(1);
        DELAY_NS_MIN.saturating_mul(doubled).min(DELAY_NS_MAX)
    }

    /// The state that a domain at home here has after it is gone.
    fn state_when_gone(&self) -> DomainState {
        let after_it_ran = absent_state(self.restarts());
        self.state_before_arrival.unwrap_or(after_it_ran)
    }
}

/// The state of an absent domain, which is to be started after a roll call if `is_wanted`.
pub fn absent_state(is_wanted: bool) -> DomainState {
    if is_wanted {
        DomainState::Waiting
    } else {
        DomainState::Away
    }
}

impl DomainTable {
    /// Records that a removed domain is gone. If it is at home here, its id and incarnation stay for the next roll call.
    pub fn record_departure(&mut self, gone: &Domain) {
        let Some(definition) = &gone.definition else {
            return;
        };
        let absent = self.add_at_home(gone.name, definition.clone());
        absent.state = gone.state_when_gone();
        (absent.id, absent.incarnation) = (gone.id, gone.incarnation);
        absent.guest = gone.guest;
    }
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;

    use manifest::Restart;
    use runtime::protocol::{DomainId, Incarnation, Name};

    use super::*;
    use crate::badge::DomainNumber;
    use crate::definition::Definition;

    fn domain(restart: Restart) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state: DomainState::Running,
            definition: Some(Rc::new(Definition::for_tests(restart))),
            ..Domain::new(DomainNumber(1), name, DomainId(7))
        }
    }

    fn incoming(state_before_arrival: Option<DomainState>, restart: Restart) -> Domain {
        Domain {
            state: DomainState::Incoming,
            has_arrived: true,
            state_before_arrival,
            ..domain(restart)
        }
    }

    #[test]
    fn repeated_faults_double_the_delay_up_to_its_maximum() {
        let mut domain = domain(Restart::Always);
        let mut now_ns = STABLE_NS;
        let mut last_ns = 0;
        for restart in 0..200 {
            let delay_ns = domain.restart_after_fault(now_ns).expect("a restart");
            let expected = if restart == 0 {
                DELAY_NS_MIN
            } else {
                DELAY_NS_MAX.min(2 * last_ns)
            };
            assert_eq!(delay_ns, expected, "{restart}");
            last_ns = delay_ns;
            domain.started_ns = now_ns + delay_ns;
            // It faults at the last moment before it counts as stable.
            now_ns = domain.started_ns + STABLE_NS;
        }
        assert_eq!(last_ns, DELAY_NS_MAX);
        let stable = domain.restart_after_fault(now_ns + 1);
        assert_eq!(stable, Some(DELAY_NS_MIN));
    }

    #[test]
    fn a_fault_restarts_only_a_running_domain_that_started_here_and_is_to_be_restarted() {
        let mut leaving = domain(Restart::Always);
        leaving.state = DomainState::Exported;
        let mut adopted = incoming(Some(DomainState::Away), Restart::Always);
        adopted.begin_adopted(Incarnation(2));
        let mut foreign = domain(Restart::Always);
        foreign.definition = None;
        for mut domain in [domain(Restart::Never), leaving, adopted, foreign] {
            assert_eq!(domain.restart_after_fault(STABLE_NS), None, "{domain:?}");
            assert_eq!(domain.restarts, 0);
        }
    }

    #[test]
    fn a_domain_that_does_not_arrive_returns_to_its_earlier_state() {
        for state in [DomainState::Waiting, DomainState::Away] {
            for restart in [Restart::Always, Restart::Never] {
                assert_eq!(incoming(Some(state), restart).state_when_gone(), state);
            }
        }
    }

    #[test]
    fn a_domain_that_arrived_and_left_again_waits_for_a_roll_call_only_if_it_is_to_be_restarted() {
        for (restart, expected) in [
            (Restart::Never, DomainState::Away),
            (Restart::Always, DomainState::Waiting),
        ] {
            let mut gone = incoming(Some(DomainState::Waiting), restart);
            gone.begin_adopted(Incarnation(2));
            assert_eq!(gone.state_when_gone(), expected);
        }
    }

    #[test]
    fn only_a_domain_that_is_at_home_here_stays_in_the_table_when_it_is_gone() {
        let mut table = DomainTable::default();
        let mut gone = domain(Restart::Never);
        gone.incarnation = Incarnation(3);
        table.record_departure(&gone);
        let absent = table.by_name(gone.name).expect("a record");
        assert_eq!((absent.id, absent.incarnation), (gone.id, gone.incarnation));
        assert!(absent.is_elsewhere() && absent.definition.is_some() && !absent.has_arrived);
        let mut table = DomainTable::default();
        gone.definition = None;
        table.record_departure(&gone);
        assert!(table.by_name(gone.name).is_none());
    }
}
