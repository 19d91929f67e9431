//! The export of a leaving domain, which root ends if the move is abandoned.
//!
//! The migration server freezes a domain, exports it, and reverts the export if the move fails. If the server ends or stalls,
//! the kernel thaws the domain at the freeze's deadline, but the domain's port would stay closed. So root checks an exported
//! domain soon after that deadline, and ends the export itself if the domain runs.
//!
//! ```text
//! running --Export--> exported --Revert, or it runs after the deadline--> running, or stopped if it faulted meanwhile
//! ```
//!
//! Root has no timer: it checks when it is called. It asks the switch, which must open the port anyway, to call at that time.

use alloc::vec::Vec;

use abi::Error;
use runtime::capability::Freeze;
use runtime::protocol::root::{DomainState, Refusal};

use crate::badge::DomainNumber;
use crate::domain::{Domain, Export};
use crate::table::DomainTable;

/// The delay from a freeze's deadline to the check, and from one check to the next. A live server has ended the move
/// by then.
const MARGIN_NS: u64 = 1_000_000_000;

/// The outcome of a check of an exported domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It runs: the export is over.
    End,
    /// It is frozen or retired: the migration server decides. Root checks again later.
    Wait,
}

/// The outcome, derived from the kernel's result of a freeze with a deadline in the past. That is always an error, which depends
/// on the domain's state.
fn outcome(freeze: Result<Freeze, Error>) -> Outcome {
    match freeze {
        Err(Error::TimedOut) => Outcome::End,
        _ => Outcome::Wait,
    }
}

impl Domain {
    /// Marks the domain as leaving, with a freeze that ends after `frozen_ns`. A fault that an export in progress has recorded
    /// stays.
    pub fn begin_export(&mut self, now_ns: u64, frozen_ns: u64) {
        let has_faulted = self.export.is_some_and(|export| export.has_faulted);
        self.state = DomainState::Exported;
        self.export = Some(Export {
            check_ns: now_ns.saturating_add(frozen_ns).saturating_add(MARGIN_NS),
            has_faulted,
        });
    }

    /// Records a fault; returns whether it stops the domain. A leaving domain is not stopped: its fault moves with it, and
    /// counts here if the domain stays.
    pub fn record_fault(&mut self) -> bool {
        if let Some(export) = &mut self.export {
            export.has_faulted = true;
        }
        let stops = self.state == DomainState::Running;
        if stops {
            self.state = DomainState::Stopped;
        }
        stops
    }

    /// Ends the export of a domain that stays; returns whether the switch serves it again.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] if a domain in its state has no export. An export that has already ended is not an error.
    pub fn end_export(&mut self) -> Result<bool, Refusal> {
        match (self.state, self.export.take()) {
            (DomainState::Exported, export) => {
                let has_faulted = export.is_some_and(|export| export.has_faulted);
                self.state = if has_faulted {
                    DomainState::Stopped
                } else {
                    DomainState::Running
                };
                Ok(!has_faulted)
            }
            (DomainState::Running, _) => Ok(true),
            (DomainState::Stopped, _) => Ok(false),
            _ => Err(Refusal::WrongState),
        }
    }

    /// The time of its next check, in root's time, if it is exported.
    fn check_ns(&self) -> Option<u64> {
        self.export.map(|export| export.check_ns)
    }

    /// Records a check; returns whether the export is over.
    fn record_check(&mut self, now_ns: u64, outcome: Outcome) -> bool {
        if let Some(export) = &mut self.export {
            export.check_ns = now_ns.saturating_add(MARGIN_NS);
        }
        outcome == Outcome::End
    }
}

impl DomainTable {
    /// Checks each exported domain whose freeze must have ended by now. Ends the exports of those that run, and returns these
    /// domains.
    pub fn check_exports(&mut self, now_ns: u64) -> Vec<DomainNumber> {
        let mut over = Vec::new();
        for domain in self.iter_mut() {
            if domain.check_ns().is_none_or(|check_ns| now_ns < check_ns) {
                continue;
            }
            let objects = domain.objects.as_ref();
            let frozen = objects.map(|objects| objects.domain.freeze(0));
            if domain.record_check(now_ns, frozen.map_or(Outcome::Wait, outcome)) {
                log::warn!("{} was left exported when its freeze ended", domain.name);
                over.push(domain.number);
            }
        }
        over
    }

    /// The time of the next check of any domain, in root's time.
    pub fn next_check_ns(&self) -> Option<u64> {
        self.iter().filter_map(Domain::check_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use runtime::protocol::DomainId;
    use runtime::protocol::Name;

    use super::*;

    const FROZEN_NS: u64 = 8_000_000_000;

    fn domain(state: DomainState) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state,
            ..Domain::new(DomainNumber(1), name, DomainId(7))
        }
    }

    fn exported() -> Domain {
        let mut domain = domain(DomainState::Running);
        domain.begin_export(10, FROZEN_NS);
        domain
    }

    #[test]
    fn root_checks_some_time_after_the_deadline_of_the_freeze() {
        assert_eq!(exported().check_ns(), Some(10 + FROZEN_NS + MARGIN_NS));
        assert_eq!(domain(DomainState::Running).check_ns(), None);
    }

    #[test]
    fn a_freeze_without_a_deadline_is_never_checked() {
        let mut domain = domain(DomainState::Running);
        domain.begin_export(10, u64::MAX);
        assert_eq!(domain.check_ns(), Some(u64::MAX));
    }

    #[test]
    fn the_deadline_of_the_last_freeze_counts() {
        let mut domain = exported();
        domain.begin_export(20, FROZEN_NS);
        assert_eq!(domain.check_ns(), Some(20 + FROZEN_NS + MARGIN_NS));
    }

    #[test]
    fn only_the_export_of_a_domain_that_runs_is_over() {
        assert_eq!(outcome(Err(Error::TimedOut)), Outcome::End);
        for error in [Error::InUse, Error::WrongState, Error::Gone] {
            assert_eq!(outcome(Err(error)), Outcome::Wait);
        }
    }

    #[test]
    fn every_check_is_followed_by_a_later_one_while_the_domain_is_exported() {
        for outcome in [Outcome::Wait, Outcome::End] {
            let mut domain = exported();
            let is_over = domain.record_check(FROZEN_NS, outcome);
            assert_eq!(is_over, outcome == Outcome::End);
            assert_eq!(domain.check_ns(), Some(FROZEN_NS + MARGIN_NS));
        }
    }

    #[test]
    fn a_domain_that_is_not_here_yet_has_no_export_to_end() {
        for state in [
            DomainState::Incoming,
            DomainState::Prepared,
            DomainState::Waiting,
        ] {
            let mut domain = domain(state);
            assert_eq!(domain.end_export(), Err(Refusal::WrongState));
            assert_eq!(domain.state, state);
        }
    }

    /// An event while a domain is leaving.
    #[derive(Clone, Copy, Debug)]
    enum Transition {
        Export,
        Fault,
        CheckFindsRunning,
        CheckFindsFrozen,
        Revert,
    }

    const TRANSITIONS: [Transition; 5] = [
        Transition::Export,
        Transition::Fault,
        Transition::CheckFindsRunning,
        Transition::CheckFindsFrozen,
        Transition::Revert,
    ];

    fn apply(domain: &mut Domain, transition: Transition) {
        match transition {
            // Root refuses to export a stopped domain.
            Transition::Export if domain.state == DomainState::Stopped => {}
            Transition::Export => domain.begin_export(0, FROZEN_NS),
            Transition::Fault => {
                domain.record_fault();
            }
            Transition::CheckFindsRunning | Transition::CheckFindsFrozen => {
                let outcome = match transition {
                    Transition::CheckFindsRunning => Outcome::End,
                    _ => Outcome::Wait,
                };
                // Root checks exported domains only.
                if domain.check_ns().is_some() && domain.record_check(0, outcome) {
                    domain.end_export().expect("an exported domain");
                }
            }
            Transition::Revert => {
                domain.end_export().expect("a domain that is here");
            }
        }
    }

    /// Tries the transitions in every order. The last transition that begins or ends an export decides whether the domain is
    /// exported. A domain that has faulted is never listed as running again.
    #[test]
    fn an_exported_domain_ends_as_running_or_as_stopped_if_it_has_faulted() {
        const STEPS: u32 = 6;
        for number in 0..TRANSITIONS.len().pow(STEPS) {
            let steps: Vec<Transition> = (0..STEPS)
                .map(|step| TRANSITIONS[number / TRANSITIONS.len().pow(step) % TRANSITIONS.len()])
                .collect();
            let mut domain = domain(DomainState::Running);
            let (mut is_exported, mut has_faulted) = (false, false);
            for transition in &steps {
                apply(&mut domain, *transition);
                match transition {
                    Transition::Export => is_exported |= !has_faulted,
                    Transition::Fault => has_faulted = true,
                    Transition::CheckFindsFrozen => {}
                    Transition::CheckFindsRunning | Transition::Revert => is_exported = false,
                }
                let expected = match (is_exported, has_faulted) {
                    (true, _) => DomainState::Exported,
                    (false, true) => DomainState::Stopped,
                    (false, false) => DomainState::Running,
                };
                assert_eq!(domain.state, expected, "{steps:?}");
                assert_eq!(domain.export.is_some(), is_exported, "{steps:?}");
            }
        }
    }
}
