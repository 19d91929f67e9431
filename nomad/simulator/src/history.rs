//! The checker of every step: what has happened to the domain, and what must not.

use std::collections::{BTreeMap, BTreeSet};

use nomad_protocol::{
    Action, Event, SourceAction, SourceEvent, TargetAction, TargetEvent, TransactionId,
};

use crate::domain::{Contents, Run};
use crate::machine::{DOMAIN, Effect, Machine};

/// What must never be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two instances run.
    TwoRun,
    /// An instance runs from a state older than one that has run.
    RunsFromOlderState {
        /// Its age.
        age: u64,
        /// The age that an instance has reached.
        reached: u64,
    },
    /// The copy that was activated is not what was retired.
    ContentsDiffer {
        /// What was retired.
        retired: Contents,
        /// What was activated.
        activated: Contents,
    },
    /// A copy was activated that nobody had retired.
    ActivatedUncommitted,
    /// A source destroyed its copy before the target had activated its own.
    DestroyedUnconfirmed,
    /// A source destroyed a domain that runs: it was moved away and has come back.
    DestroyedRunning,
    /// A target discarded its copy after the source had retired its own.
    DiscardedCommitted,
    /// A source wanted to thaw a retired domain.
    ThawedRetired,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// The machine on which the domain was activated last.
    pub home: usize,
    /// The transaction that has retired the domain at home, while its target has not activated it.
    pub committed: Option<TransactionId>,
    /// The age that the domain has reached on any machine.
    pub reached: u64,
    /// What each transaction has retired.
    pub retired: BTreeMap<TransactionId, Contents>,
    /// Transactions whose target has activated its copy.
    pub activated: BTreeSet<TransactionId>,
    /// Which machines were restarted.
    pub restarted: [bool; 2],
    /// The first thing that should not have happened.
    pub violation: Option<Violation>,
}

impl History {
    /// What is about to be done.
    pub fn before(&mut self, machine: &Machine, transaction: TransactionId, action: &Action) {
        let domain = machine.kernel.domains.get(&DOMAIN);
        match action {
            Action::Source(SourceAction::Thaw)
                if domain.is_some_and(|domain| domain.run == Run::Retired) =>
            {
                self.violate(Violation::ThawedRetired);
            }
            Action::Source(SourceAction::Destroy)
                if domain.is_some_and(|domain| domain.run == Run::Running) =>
            {
                self.violate(Violation::DestroyedRunning);
            }
            Action::Source(SourceAction::Destroy) if !self.activated.contains(&transaction) => {
                self.violate(Violation::DestroyedUnconfirmed);
            }
            Action::Target(TargetAction::DiscardCopy)
                if self.is_only_copy(machine, transaction) =>
            {
                self.violate(Violation::DiscardedCommitted);
            }
            _ => {}
        }
    }

    /// What was done.
    pub fn after(&mut self, machine: &Machine, transaction: TransactionId, effect: &Effect) {
        let contents = machine
            .kernel
            .domains
            .get(&DOMAIN)
            .map(|domain| &domain.contents);
        match (effect, contents) {
            (Effect::Answer(Event::Source(SourceEvent::Retired)), Some(contents)) => {
                self.committed = Some(transaction);
                self.retired
                    .entry(transaction)
                    .or_insert_with(|| contents.clone());
            }
            (Effect::Answer(Event::Target(TargetEvent::Activated)), Some(contents)) => {
                self.activate(machine.number, transaction, contents);
            }
            _ => {}
        }
    }

    /// An instance of this age is about to run a step.
    pub fn runs(&mut self, age: u64) {
        if age != self.reached {
            self.violate(Violation::RunsFromOlderState {
                age,
                reached: self.reached,
            });
        }
        self.reached = self.reached.max(age + 1);
    }

    /// So many instances can run right now.
    pub fn instances(&mut self, running: usize) {
        if running > 1 {
            self.violate(Violation::TwoRun);
        }
    }

    fn activate(&mut self, machine: usize, transaction: TransactionId, contents: &Contents) {
        match self.retired.get(&transaction).cloned() {
            None => self.violate(Violation::ActivatedUncommitted),
            // Asked for again after a restart of nomad, it may have run meanwhile.
            Some(_) if self.activated.contains(&transaction) => {}
            Some(retired) if retired != *contents => {
                self.violate(Violation::ContentsDiffer {
                    retired,
                    activated: contents.clone(),
                });
            }
            Some(_) => {}
        }
        if self.activated.insert(transaction) {
            self.home = machine;
            self.committed = None;
        }
    }

    /// Is the copy that is on its way in complete, and the one that it was made of retired?
    fn is_only_copy(&self, machine: &Machine, transaction: TransactionId) -> bool {
        let incoming = machine.kernel.incoming.get(&transaction);
        self.committed == Some(transaction)
            && incoming.is_some_and(|incoming| incoming.rebuilt.is_some())
    }

    fn violate(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }
}
