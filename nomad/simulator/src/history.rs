//! The checker of every step: what has happened to each domain, and what must not.

use std::collections::{BTreeMap, BTreeSet};

use identity::{DomainId, Incarnation};
use nomad_protocol::{
    Action, DestinationAction, DestinationEvent, Event, SourceAction, SourceEvent, TransactionId,
};

use crate::domain::{Contents, Run};
use crate::hardware::{GivenUp, domain_number};
use crate::machine::{Machine, Move};
use crate::world::domain_id;

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
    /// An activation did not raise the incarnation.
    IncarnationNotRisen {
        /// The incarnation before it.
        before: Incarnation,
        /// The incarnation after it.
        after: Incarnation,
    },
    /// A source destroyed its copy before the target had activated its own.
    DestroyedUnconfirmed,
    /// A source destroyed a domain that runs: it was moved away and has come back.
    DestroyedRunning,
    /// A target discarded its copy after the source had retired its own.
    DiscardedCommitted,
    /// A source wanted to thaw a retired domain.
    ThawedRetired,
    /// A home started a domain anew though this machine holds one.
    StartedBeside(usize),
    /// The copy on this machine does not stand still although a younger one runs elsewhere.
    OutlivedRuns(usize),
}

/// A domain that is retired and not yet activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Committed {
    /// The transaction that has retired it.
    pub transaction: TransactionId,
    /// The number of the machine that is to activate it.
    pub target: usize,
    /// That machine was restarted and has lost its copy.
    pub is_target_lost: bool,
}

/// What has happened to one domain so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainHistory {
    /// The machine that it started on.
    pub start: usize,
    /// It was started anew, since the one before was lost.
    pub is_anew: bool,
    /// The machine on which it was activated last.
    pub home: usize,
    /// That machine was restarted since.
    pub is_home_lost: bool,
    /// The incarnation that was activated last.
    pub incarnation: Incarnation,
    /// It is retired at home, and its target has not activated it.
    pub committed: Option<Committed>,
    /// The age that it has reached on any machine.
    pub reached: u64,
    /// What each transaction has retired.
    pub retired: BTreeMap<TransactionId, Contents>,
    /// Transactions whose target has activated its copy.
    pub activated: BTreeSet<TransactionId>,
    /// An operator has settled a doubt about it by force and answers for what follows: nothing is checked.
    pub is_forced: bool,
}

/// What has happened so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct History {
    /// What has happened to each domain.
    pub domains: BTreeMap<DomainId, DomainHistory>,
    /// Which machines were restarted.
    pub restarted: Vec<bool>,
    /// The first thing that should not have happened, and to which domain.
    pub violation: Option<(DomainId, Violation)>,
}

impl DomainHistory {
    /// A domain that was just created on machine `start`.
    pub fn new(start: usize) -> Self {
        DomainHistory {
            start,
            is_anew: false,
            home: start,
            is_home_lost: false,
            incarnation: Incarnation(0),
            committed: None,
            reached: 0,
            retired: BTreeMap::new(),
            activated: BTreeSet::new(),
            is_forced: false,
        }
    }

    fn retire(&mut self, committed: Committed, contents: &Contents) {
        self.committed = Some(committed);
        let retired = self.retired.entry(committed.transaction);
        retired.or_insert_with(|| contents.clone());
    }

    fn activate(&mut self, machine: usize, transaction: TransactionId, incarnation: Incarnation) {
        if self.activated.insert(transaction) {
            self.home = machine;
            self.is_home_lost = false;
            self.incarnation = incarnation;
            self.committed = None;
        }
    }

    /// What is wrong with this activation, if anything is.
    fn judge_activation(
        &self,
        transaction: TransactionId,
        contents: &Contents,
        after: Incarnation,
    ) -> Option<Violation> {
        let before = self.incarnation;
        match self.retired.get(&transaction).cloned() {
            None => Some(Violation::ActivatedUncommitted),
            // Asked for again after a restart of nomad, it may have run meanwhile.
            Some(_) if self.activated.contains(&transaction) => None,
            Some(retired) if retired != *contents => Some(Violation::ContentsDiffer {
                retired,
                activated: contents.clone(),
            }),
            Some(_) if after <= before => Some(Violation::IncarnationNotRisen { before, after }),
            Some(_) => None,
        }
    }

    fn lose(&mut self, machine: usize) {
        self.is_home_lost |= self.home == machine;
        if let Some(committed) = &mut self.committed {
            committed.is_target_lost |= committed.target == machine;
        }
    }
}

impl History {
    /// The beginning: so many machines, and each domain on the machine that it starts on.
    pub fn new(machines: usize, starts: &BTreeMap<DomainId, usize>) -> Self {
        let domain = |(id, start): (&DomainId, &usize)| (*id, DomainHistory::new(*start));
        History {
            domains: starts.iter().map(domain).collect(),
            restarted: vec![false; machines],
            violation: None,
        }
    }

    /// What is about to be done.
    pub fn before(&mut self, machine: &Machine, transaction: TransactionId, action: &Action) {
        let Some(Move { domain, .. }) = machine.subject(transaction) else {
            return;
        };
        let kernel = &machine.hardware().kernel;
        let run = kernel.domains.get(&domain).map(|domain| domain.run);
        let id = first(domain);
        let is_activated = self.domains[&id].activated.contains(&transaction);
        let violation = match (action, run) {
            (Action::Source(SourceAction::Thaw), Some(Run::Retired)) => Violation::ThawedRetired,
            (Action::Source(SourceAction::Destroy), Some(Run::Running)) => {
                Violation::DestroyedRunning
            }
            (Action::Source(SourceAction::Destroy), _) if !is_activated => {
                Violation::DestroyedUnconfirmed
            }
            (Action::Destination(DestinationAction::DiscardCopy), _)
                if self.is_only_copy(machine, domain, transaction) =>
            {
                Violation::DiscardedCommitted
            }
            _ => return,
        };
        self.violate(id, violation);
    }

    /// What machine `number` has done to the domain of a transaction.
    pub fn after(
        &mut self,
        machines: &[Machine],
        number: usize,
        transaction: TransactionId,
        subject: Move,
        event: Option<&Event>,
    ) {
        let (id, target) = (first(subject.domain), subject.peer);
        let kernel = &machines[number].hardware().kernel;
        let Some(domain) = kernel.domains.get(&subject.domain) else {
            return;
        };
        let history = self.domains.get_mut(&id).expect("every domain has one");
        let (contents, incarnation) = (&domain.contents, domain.incarnation);
        match event {
            Some(Event::Source(SourceEvent::Retired)) => {
                let is_held = machines[target].hardware().is_prepared(subject.domain);
                let committed = Committed {
                    transaction,
                    target,
                    is_target_lost: !is_held && self.restarted[target],
                };
                history.retire(committed, contents);
            }
            Some(Event::Destination(DestinationEvent::Activated)) => {
                let violation = history.judge_activation(transaction, contents, incarnation);
                history.activate(number, transaction, incarnation);
                if let Some(violation) = violation {
                    self.violate(id, violation);
                }
            }
            _ => {}
        }
    }

    /// An instance of this age is about to run a step.
    pub fn runs(&mut self, id: DomainId, age: u64) {
        let history = self.domains.get_mut(&id).expect("every domain has one");
        let reached = history.reached;
        history.reached = reached.max(age + 1);
        if age != reached {
            self.violate(id, Violation::RunsFromOlderState { age, reached });
        }
    }

    /// This many instances of a domain can run right now.
    pub fn instances(&mut self, id: DomainId, running: usize) {
        if running > 1 {
            self.violate(id, Violation::TwoRun);
        }
    }

    /// Machine `number` has given up the memory of a complete domain, just now.
    pub fn give_up(&mut self, number: usize, given_up: GivenUp) {
        let (GivenUp::Left(id, _) | GivenUp::Came(id)) = given_up;
        let id = first(id);
        let history = &self.domains[&id];
        let violation = match (given_up, history.committed) {
            // It has not come to run elsewhere since it came to run here.
            (GivenUp::Left(_, Run::Running), _) if history.home == number => {
                Violation::DestroyedRunning
            }
            (GivenUp::Left(..), _) if history.home == number => Violation::DestroyedUnconfirmed,
            (GivenUp::Came(_), Some(committed)) if committed.target == number => {
                Violation::DiscardedCommitted
            }
            _ => return,
        };
        self.violate(id, violation);
    }

    /// A copy on machine `number` runs, or may run again, though it was outlived. No operator answers for that.
    pub fn outlived_runs(&mut self, id: DomainId, number: usize) {
        let violation = Violation::OutlivedRuns(number);
        self.violation.get_or_insert((id, violation));
    }

    /// Root has started a domain anew on machine `number`, where it is at home: nobody else may have one.
    pub fn start_anew(&mut self, machines: &[Machine], number: usize, started: DomainId) {
        let id = first(started);
        let holds = |machine: &&Machine| {
            machine.number != number && machine.hardware().has(domain_number(started))
        };
        if let Some(beside) = machines.iter().find(holds) {
            self.violate(id, Violation::StartedBeside(beside.number));
        }
        let history = DomainHistory {
            is_anew: true,
            is_forced: self.domains[&id].is_forced,
            ..DomainHistory::new(number)
        };
        self.domains.insert(id, history);
    }

    /// A machine was restarted: all that it held is lost.
    pub fn restart(&mut self, machine: usize) {
        self.restarted[machine] = true;
        for domain in self.domains.values_mut() {
            domain.lose(machine);
        }
    }

    /// Is the copy that is on its way in complete, and the one that it was made of retired?
    fn is_only_copy(&self, machine: &Machine, id: DomainId, transaction: TransactionId) -> bool {
        let committed = self.domains[&first(id)].committed;
        committed.is_some_and(|committed| committed.transaction == transaction)
            && machine.hardware().is_prepared(id)
    }

    fn violate(&mut self, id: DomainId, violation: Violation) {
        if !self.domains[&id].is_forced {
            self.violation.get_or_insert((id, violation));
        }
    }
}

/// The id that a domain of this name had at the beginning.
fn first(id: DomainId) -> DomainId {
    domain_id(domain_number(id))
}
