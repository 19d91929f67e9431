//! A domain that is leaving: when its freeze must have ended, and what root does if it is still here then.
//!
//! The migration server freezes a domain, exports it, and reverts the export if the move fails. A server that ended or
//! stalled does not: the kernel thaws the domain at the freeze's deadline, and nobody would open its port again. So
//! root looks at an exported domain soon after that deadline, and ends the export itself if the domain runs.
//!
//! ```text
//! running --Export--> exported --Revert, or it runs after the deadline--> running, or stopped if it faulted meanwhile
//! ```
//!
//! Root has no timer. It looks when it is called, and asks the switch, which would open the port, to call at that time.

use abi::Error;
use runtime::capability::Freeze;
use runtime::protocol::root::{DomainState, Refusal, refused};

use crate::clock;
use crate::domain::Domain;
use crate::supervisor::Supervisor;

/// How long after a freeze's deadline root looks at the domain, and how long after that it looks again. A server that
/// is alive has ended the move before.
const MARGIN_NS: u64 = 1_000_000_000;

/// The export of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// When root looks at the domain, in root's time.
    look_ns: u64,
    /// Whether the domain has faulted since it was exported.
    has_faulted: bool,
}

/// What root does after a look at an exported domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It runs: the export is over.
    End,
    /// It is frozen or retired: the migration server decides. Root looks again later.
    Wait,
}

/// The outcome, from what the kernel answers to a freeze whose deadline has passed: it refuses that, and the error
/// depends on the state.
fn outcome(answer: Result<Freeze, Error>) -> Outcome {
    match answer {
        Err(Error::TimedOut) => Outcome::End,
        _ => Outcome::Wait,
    }
}

impl Domain {
    /// Takes note that the domain is leaving, and that its freeze ends in so many nanoseconds. What is known of an
    /// export that has not ended stays.
    pub fn begin_export(&mut self, now_ns: u64, frozen_ns: u64) {
        let has_faulted = self.export.is_some_and(|export| export.has_faulted);
        self.state = DomainState::Exported;
        self.export = Some(Export {
            look_ns: now_ns.saturating_add(frozen_ns).saturating_add(MARGIN_NS),
            has_faulted,
        });
    }

    /// Takes note of a fault; returns whether the domain is stopped by it. One that is leaving is not: its fault goes
    /// along, and counts here if the domain stays.
    pub fn note_fault(&mut self) -> bool {
        if let Some(export) = &mut self.export {
            export.has_faulted = true;
        }
        let stops = self.state == DomainState::Running;
        if stops {
            self.state = DomainState::Stopped;
        }
        stops
    }

    /// Ends the export of a domain that stays; returns whether it is to be served.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] if it was never here to be exported. That its export has ended already is not an error.
    pub fn end_export(&mut self) -> Result<bool, Refusal> {
        match (self.state, self.export.take()) {
            (DomainState::Exported, export) => {
                let has_faulted = export.is_some_and(|export| export.has_faulted);
                self.state = match has_faulted {
                    true => DomainState::Stopped,
                    false => DomainState::Running,
                };
                Ok(!has_faulted)
            }
            (DomainState::Running, _) => Ok(true),
            (DomainState::Stopped, _) => Ok(false),
            _ => Err(Refusal::WrongState),
        }
    }

    /// When root looks at it, in root's time, if it is exported.
    fn look_ns(&self) -> Option<u64> {
        self.export.map(|export| export.look_ns)
    }

    /// Takes note of a look; returns whether the export is over.
    fn note_look(&mut self, now_ns: u64, outcome: Outcome) -> bool {
        if let Some(export) = &mut self.export {
            export.look_ns = now_ns.saturating_add(MARGIN_NS);
        }
        outcome == Outcome::End
    }
}

impl Supervisor {
    /// Looks at each exported domain that must have been thawed by now, and ends the exports of those that run.
    pub fn look_after_exports(&mut self) {
        if self.next_look_ns().is_some() {
            self.look_at_exports(clock::now_ns());
        }
    }

    /// The same, at this time.
    pub(crate) fn look_at_exports(&mut self, now_ns: u64) {
        for index in 0..self.domains.len() {
            let domain = &mut self.domains[index];
            if domain.look_ns().is_none_or(|look_ns| now_ns < look_ns) {
                continue;
            }
            let answer = domain.body.as_ref().map(|body| body.domain.freeze(0));
            if domain.note_look(now_ns, answer.map_or(Outcome::Wait, outcome)) {
                log::warn!("{} was left exported when its freeze ended", domain.name);
                // The export of an exported domain can be ended.
                let _ = self.end_export(index);
            }
        }
    }

    /// When root looks at an exported domain next, in root's time.
    fn next_look_ns(&self) -> Option<u64> {
        self.domains.iter().filter_map(Domain::look_ns).min()
    }

    /// In how many nanoseconds root looks at an exported domain next.
    pub fn next_look_in_ns(&self) -> Option<u64> {
        let look_ns = self.next_look_ns()?;
        Some(look_ns.saturating_sub(clock::now_ns()))
    }

    /// Ends the export of a domain that stays here, and has it served again unless it has faulted.
    ///
    /// # Errors
    /// As for [`Domain::end_export`].
    pub fn end_export(&mut self, index: usize) -> Result<(), Refusal> {
        let domain = &mut self.domains[index];
        let number = domain.number;
        match domain.end_export()? {
            true => self.switchboard.activate(number),
            // It is leaving no more, and has faulted.
            false => self.switchboard.stop(number),
        }
        // The port may never be quiet now.
        self.answer_awaiting_quiet(&refused(Refusal::WrongState), |of| of == number);
        self.ring_for_commands();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use runtime::protocol::Name;
    use runtime::protocol::root::DomainId;
    use std::vec::Vec;

    use super::*;
    use crate::badge::DomainNumber;

    const FROZEN_NS: u64 = 8_000_000_000;

    fn domain(state: DomainState) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state,
            ..Domain::new(DomainNumber(1), name, DomainId([7; 16]))
        }
    }

    fn exported() -> Domain {
        let mut domain = domain(DomainState::Running);
        domain.begin_export(10, FROZEN_NS);
        domain
    }

    #[test]
    fn root_looks_some_time_after_the_deadline_of_the_freeze() {
        assert_eq!(exported().look_ns(), Some(10 + FROZEN_NS + MARGIN_NS));
        assert_eq!(domain(DomainState::Running).look_ns(), None);
    }

    #[test]
    fn a_freeze_without_a_deadline_is_never_looked_at() {
        let mut domain = domain(DomainState::Running);
        domain.begin_export(10, u64::MAX);
        assert_eq!(domain.look_ns(), Some(u64::MAX));
    }

    #[test]
    fn the_deadline_of_the_last_freeze_counts() {
        let mut domain = exported();
        domain.begin_export(20, FROZEN_NS);
        assert_eq!(domain.look_ns(), Some(20 + FROZEN_NS + MARGIN_NS));
    }

    #[test]
    fn only_the_export_of_a_domain_that_runs_is_over() {
        assert_eq!(outcome(Err(Error::TimedOut)), Outcome::End);
        for error in [Error::InUse, Error::WrongState, Error::Gone] {
            assert_eq!(outcome(Err(error)), Outcome::Wait);
        }
    }

    #[test]
    fn every_look_is_followed_by_a_later_one_while_the_domain_is_exported() {
        for outcome in [Outcome::Wait, Outcome::End] {
            let mut domain = exported();
            let is_over = domain.note_look(FROZEN_NS, outcome);
            assert_eq!(is_over, outcome == Outcome::End);
            assert_eq!(domain.look_ns(), Some(FROZEN_NS + MARGIN_NS));
        }
    }

    #[test]
    fn what_is_on_its_way_here_has_no_export_to_end() {
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

    /// What happens to a domain while it leaves.
    #[derive(Clone, Copy, Debug)]
    enum Happens {
        Export,
        Fault,
        LookAndRuns,
        LookAndWaits,
        Revert,
    }

    const ALL: [Happens; 5] = [
        Happens::Export,
        Happens::Fault,
        Happens::LookAndRuns,
        Happens::LookAndWaits,
        Happens::Revert,
    ];

    fn apply(domain: &mut Domain, happens: Happens) {
        match happens {
            // Root refuses to export one that is stopped.
            Happens::Export if domain.state == DomainState::Stopped => {}
            Happens::Export => domain.begin_export(0, FROZEN_NS),
            Happens::Fault => {
                domain.note_fault();
            }
            Happens::LookAndRuns | Happens::LookAndWaits => {
                let outcome = match happens {
                    Happens::LookAndRuns => Outcome::End,
                    _ => Outcome::Wait,
                };
                // Root looks at exported ones only.
                if domain.look_ns().is_some() && domain.note_look(0, outcome) {
                    domain.end_export().expect("an exported domain");
                }
            }
            Happens::Revert => {
                domain.end_export().expect("a domain that is here");
            }
        }
    }

    /// In every order: whether the domain is exported depends on the last step about that, and one that has ever faulted is
    /// never listed as running again.
    #[test]
    fn an_exported_domain_ends_as_running_or_as_stopped_if_it_has_faulted() {
        const STEPS: u32 = 6;
        for number in 0..ALL.len().pow(STEPS) {
            let steps: Vec<Happens> = (0..STEPS)
                .map(|step| ALL[number / ALL.len().pow(step) % ALL.len()])
                .collect();
            let mut domain = domain(DomainState::Running);
            let (mut is_exported, mut has_faulted) = (false, false);
            for happens in &steps {
                apply(&mut domain, *happens);
                match happens {
                    Happens::Export => is_exported |= !has_faulted,
                    Happens::Fault => has_faulted = true,
                    Happens::LookAndWaits => {}
                    Happens::LookAndRuns | Happens::Revert => is_exported = false,
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
