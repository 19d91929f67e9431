//! The checker of every step: the history of a world, and the violations. `domain` has the history of each domain.

mod domain;

use std::collections::BTreeMap;

use identity::{DomainId, Incarnation};
use nomad_protocol::{
    Action, BootId, DestinationAction, DestinationEvent, Event, Record, RecordedProgress,
    SourceAction, SourceEvent, TransactionId,
};

use crate::domain::{Contents, RunState};
use crate::hardware::{GivenUp, domain_number};
use crate::machine::{Machine, Move};
use crate::shared::Shared;
use crate::world::domain_id;

pub use domain::{Committed, DomainHistory};

/// A violation: something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two instances of a domain run.
    TwoRun,
    /// An instance runs from a state older than one that has run.
    RunsFromOlderState {
        /// Its age.
        age: u64,
        /// The age that an instance has reached.
        reached: u64,
    },
    /// The activated copy differs from the retired one.
    ContentsDiffer {
        /// The contents that were retired.
        retired: Contents,
        /// The contents that were activated.
        activated: Contents,
    },
    /// A copy was activated before the source had retired its own.
    ActivatedUncommitted,
    /// An activation did not raise the incarnation.
    IncarnationNotRisen {
        /// The incarnation before it.
        before: Incarnation,
        /// The incarnation after it.
        after: Incarnation,
    },
    /// A source destroyed its copy before the destination had activated its own.
    DestroyedUnconfirmed,
    /// A source destroyed a domain that runs: it was moved away and has come back.
    DestroyedRunning,
    /// A destination discarded its copy of the retired state, without having declined it.
    DiscardedUndeclined,
    /// A destination declined a copy that was verified. No operator had asked for it.
    DeclinedVerified,
    /// A restarted destination finds a record of a complete copy, whose pages were overwritten since.
    VerifiedOverwritten,
    /// A copy was activated although its destination had declined it.
    ActivatedDeclined,
    /// A retirement was undone although the destination had not declined the domain.
    UnretiredUndeclined,
    /// A source wanted to thaw a retired domain.
    ThawedRetired,
    /// A home started a new domain although this machine holds one.
    StartedBeside(usize),
    /// An accepted frame did not reach its domain.
    FrameLost,
    /// An accepted frame has reached its domain more often than its domain's moves explain: see [`crate::frames::checker`].
    FrameArrivedTooOften,
    /// An accepted frame has reached its domain after one that the same machine had accepted later.
    FrameOvertaken,
    /// A domain's clock showed an earlier time than before.
    ClockWentBack {
        /// The time before.
        before_us: u64,
        /// The time now.
        now_us: u64,
    },
    /// The clock of an activated domain has not counted the time since it was read on the source, or too much.
    ClockIsWrong {
        /// What it has counted.
        counted_us: u64,
        /// The least that it should have counted.
        least_us: u64,
        /// The most that it should have counted.
        most_us: u64,
    },
    /// The copy on this machine is not stopped although a younger one runs elsewhere.
    OutlivedRuns(usize),
}

/// The history of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct History {
    /// The history of each domain.
    pub domains: BTreeMap<DomainId, DomainHistory>,
    /// Per machine, whether it was restarted.
    pub restarted: Vec<bool>,
    /// The first violation, and its domain.
    pub violation: Option<(DomainId, Violation)>,
}

impl History {
    /// The history at the beginning: this many machines, and each domain on the machine where it starts.
    pub fn new(machines: usize, starts: &BTreeMap<DomainId, usize>) -> Self {
        let domain = |(id, start): (&DomainId, &usize)| (*id, DomainHistory::new(*start));
        History {
            domains: starts.iter().map(domain).collect(),
            restarted: vec![false; machines],
            violation: None,
        }
    }

    /// Checks an action that is about to be performed.
    pub fn check_action(&mut self, machine: &Machine, transaction: TransactionId, action: &Action) {
        let Some(Move { domain, .. }) = machine.subject(transaction) else {
            return;
        };
        let boot = machine.shell.moves.ledger.local().boot;
        let held = machine.hardware().kernel.domains.get(&domain);
        if let Action::Record(record) = action {
            let copy = held.map(|domain| domain.contents.clone());
            return self.check_record(first_id(domain), (transaction, boot), copy, record);
        }
        let run = held.map(|domain| domain.run);
        let id = first_id(domain);
        let history = &self.domains[&id];
        let is_activated = history.activated.contains(&transaction);
        let violation = match (action, run) {
            (Action::Source(SourceAction::Thaw), Some(RunState::Retired)) => {
                Violation::ThawedRetired
            }
            (Action::Source(SourceAction::Destroy), Some(RunState::Running)) => {
                Violation::DestroyedRunning
            }
            (Action::Source(SourceAction::Destroy), _) if !is_activated => {
                Violation::DestroyedUnconfirmed
            }
            (Action::Destination(DestinationAction::DiscardCopy), _)
                if held.is_some_and(|copy| history.relies_on(transaction, &copy.contents)) =>
            {
                Violation::DiscardedUndeclined
            }
            (Action::Destination(DestinationAction::Activate { .. }), _)
                if history.declined.contains(&(transaction, boot)) =>
            {
                Violation::ActivatedDeclined
            }
            _ => return,
        };
        self.violate(id, violation);
    }

    /// Checks a record that is about to become durable, and remembers what the machine has thereby decided.
    fn check_record(
        &mut self,
        id: DomainId,
        part: (TransactionId, BootId),
        copy: Option<Contents>,
        record: &Record,
    ) {
        let history = self.domains.get_mut(&id).expect("every domain has one");
        match &record.progress {
            RecordedProgress::SourceCommitting { admission, .. } => {
                history.committing = Some(admission.peer_boot);
            }
            RecordedProgress::DestinationPrepared { .. } => {
                history.verified.insert(part, copy);
            }
            RecordedProgress::DestinationOpen | RecordedProgress::DestinationReceiving { .. } => {
                history.verified.remove(&part);
            }
            RecordedProgress::DestinationDeclined { .. } => {
                history.declined.insert(part);
                if history.verified.remove(&part).is_some() {
                    self.violate(id, Violation::DeclinedVerified);
                }
            }
            _ => {}
        }
    }

    /// Records an event that machine `number` reports about a transaction.
    pub fn record_event(
        &mut self,
        machines: &[Shared<Machine>],
        number: usize,
        transaction: TransactionId,
        subject: Move,
        event: Option<&Event>,
    ) {
        let (id, destination) = (first_id(subject.domain), subject.peer);
        let kernel = &machines[number].hardware().kernel;
        let Some(domain) = kernel.domains.get(&subject.domain) else {
            return;
        };
        let history = self.domains.get_mut(&id).expect("every domain has one");
        let (contents, incarnation) = (&domain.contents, domain.incarnation);
        match event {
            Some(Event::Source(SourceEvent::Retired)) => {
                let present = machines[destination].shell.moves.ledger.local().boot;
                let boot = history.committing.take().expect("it was recorded");
                let committed = Committed {
                    transaction,
                    destination,
                    boot,
                    is_destination_lost: boot != present,
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

    /// Records that an instance of this age is about to run a step.
    pub fn record_step(&mut self, id: DomainId, age: u64) {
        let history = self.domains.get_mut(&id).expect("every domain has one");
        let reached = history.reached;
        history.reached = reached.max(age + 1);
        if age != reached {
            self.violate(id, Violation::RunsFromOlderState { age, reached });
        }
    }

    /// Checks the number of instances of a domain that can run right now.
    pub fn check_instances(&mut self, id: DomainId, running: usize) {
        if running > 1 {
            self.violate(id, Violation::TwoRun);
        }
    }

    /// Checks that machine `number` may give up the memory of a complete domain, as it just did.
    pub fn give_up(&mut self, number: usize, given_up: GivenUp) {
        let (GivenUp::Left(id, _) | GivenUp::Came(id, _)) = &given_up;
        let id = first_id(*id);
        let history = &self.domains[&id];
        let violation = match (&given_up, history.committed) {
            // The domain has not run elsewhere since it was activated here.
            (GivenUp::Left(_, RunState::Running), _) if history.home == number => {
                Violation::DestroyedRunning
            }
            (GivenUp::Left(..), _) if history.home == number => Violation::DestroyedUnconfirmed,
            (GivenUp::Came(_, contents), Some(committed))
                if committed.destination == number
                    && history.relies_on(committed.transaction, contents) =>
            {
                Violation::DiscardedUndeclined
            }
            _ => return,
        };
        self.violate(id, violation);
    }

    /// Records that an operator decides about a domain, and may drop a verified copy of it.
    pub fn force(&mut self, id: DomainId) {
        let history = self.domains.get_mut(&id);
        history.expect("every domain has one").verified.clear();
    }

    /// Records that a retirement was undone. The destination must have declined the domain.
    pub fn unretire(&mut self, id: DomainId) {
        let id = first_id(id);
        let history = self.domains.get_mut(&id).expect("every domain has one");
        let committed = history.committed.take();
        let is_declined = committed.is_some_and(|committed| {
            history.retired.remove(&committed.transaction);
            history.has_declined(committed)
        });
        if !is_declined {
            self.violate(id, Violation::UnretiredUndeclined);
        }
    }

    /// Records that a copy on machine `number` runs, or may run again, although it was outlived. That is a violation even if an
    /// operator has forced the domain.
    pub fn outlived_runs(&mut self, id: DomainId, number: usize) {
        let violation = Violation::OutlivedRuns(number);
        self.violation.get_or_insert((id, violation));
    }

    /// Records that root has started a new domain on machine `number`, its home. No other machine may then have an
    /// instance of it.
    pub fn start_anew(&mut self, machines: &[Shared<Machine>], number: usize, started: DomainId) {
        let id = first_id(started);
        let holds = |machine: &&Shared<Machine>| {
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

    /// Records that a nomad was restarted in this boot, while it was verifying or declining these domains, and that it has
    /// found these records. A decision whose record was not written completely is forgotten.
    pub fn restart_nomad(
        &mut self,
        boot: BootId,
        [verifying, declining]: [Vec<(TransactionId, DomainId)>; 2],
        records: &[Record],
    ) {
        let progress_of = |transaction| {
            let mut records = records.iter();
            let record = records.find(|record| record.transaction == transaction);
            record.map(|record| record.progress)
        };
        for (transaction, domain) in verifying {
            let progress = progress_of(transaction);
            if !matches!(progress, Some(RecordedProgress::DestinationPrepared { .. })) {
                let history = self.domains.get_mut(&first_id(domain));
                let history = history.expect("every domain has one");
                history.verified.remove(&(transaction, boot));
            }
        }
        for (transaction, domain) in declining {
            let progress = progress_of(transaction);
            if !matches!(progress, Some(RecordedProgress::DestinationDeclined { .. })) {
                let history = self.domains.get_mut(&first_id(domain));
                let history = history.expect("every domain has one");
                history.declined.remove(&(transaction, boot));
            }
        }
    }

    /// Checks the copies that the records of a restarted nomad call complete.
    pub fn check_verified(&mut self, machine: &Machine, records: &[Record]) {
        let boot = machine.shell.moves.ledger.local().boot;
        for record in records {
            let (id, domain) = (first_id(record.offer.domain), record.offer.domain);
            let held = machine.hardware().kernel.domains.get(&domain);
            let verified = self.domains[&id].verified.get(&(record.transaction, boot));
            if let (RecordedProgress::DestinationPrepared { .. }, Some(Some(verified))) =
                (&record.progress, verified)
                && held.is_some_and(|copy| copy.contents != *verified)
            {
                self.violate(id, Violation::VerifiedOverwritten);
            }
        }
    }

    /// Records that a machine was restarted: everything that it held is lost.
    pub fn restart(&mut self, machine: usize) {
        self.restarted[machine] = true;
        for domain in self.domains.values_mut() {
            domain.lose(machine);
        }
    }

    /// Records a violation, unless an operator has forced the domain.
    pub(crate) fn violate(&mut self, id: DomainId, violation: Violation) {
        let history = &self.domains[&id];
        let is_second = matches!(violation, Violation::TwoRun | Violation::StartedBeside(_));
        if !history.is_forced && (is_second || !history.is_decided) {
            self.violation.get_or_insert((id, violation));
        }
    }
}

/// The id that the domain of this name had at the beginning.
pub(crate) fn first_id(id: DomainId) -> DomainId {
    domain_id(domain_number(id))
}
