//! Two ledgers and the simplest shell: every action succeeds at once, unless a test overrides its outcome.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use identity::{Digest, DomainId, Incarnation};
use nomad_planner::{Goals, MoveOptions, Round};

use crate::*;

pub const A: MachineId = MachineId([0xa; 32]);
pub const B: MachineId = MachineId([0xb; 32]);
pub const MOVE: TransactionId = TransactionId(7);
pub const DOMAIN: DomainId = DomainId(77);
/// The number that the simplest shell draws for the first admission of the pair. For later admissions it counts up from
/// this number.
pub const ADMISSION: AdmissionId = AdmissionId(100);
/// The destination keeps the copy that it had before the domain moved to the source.
pub const KEPT: Option<Incarnation> = Some(Incarnation(3));
pub const DIGEST: Digest = Digest([3; 32]);

pub fn local(machine: MachineId) -> LocalMachine {
    let versions = Versions { image: 1, abi: 1 };
    let support = MachineSupport {
        versions,
        cpu: CpuFeatures([0b111; 6]),
    };
    LocalMachine {
        machine,
        boot: BootId(u64::from(machine.0[0])),
        life: LifeId(1),
        fleet: fleet(),
        records_max: 40,
        support,
        timing: Timing::default(),
    }
}

pub fn fleet() -> Fleet {
    Fleet::new([A, B])
}

pub fn offer() -> Offer {
    Offer {
        domain: DOMAIN,
        incarnation: Incarnation(4),
        cpu: CpuFeatures([0b101; 6]),
        fleet: fleet().id(),
        ..samples::offer()
    }
}

/// The step of an [`offer`]'s destination when it runs the domain.
pub fn activated() -> Step {
    Step::Activated {
        domain: DOMAIN,
        incarnation: offer().incarnation.next(),
    }
}

/// The destination's replies under the first admission.
pub fn admit() -> Step {
    let admission = ADMISSION;
    Step::Admit {
        admission,
        kept: KEPT,
    }
}

pub fn received(rounds: u32) -> Step {
    let admission = ADMISSION;
    Step::Received { admission, rounds }
}

/// The source's Commit of the first freeze.
pub fn commit() -> Step {
    Step::Commit {
        admission: ADMISSION,
        attempt: Attempt::FIRST,
        digest: DIGEST,
        downtime_us: 0,
    }
}

/// A shell that never completes actions of this pattern.
macro_rules! never_completes {
    ($action:pat) => {
        |action| matches!(action, $action).then(alloc::vec::Vec::new)
    };
}
pub(super) use never_completes;

/// The events that complete an action, or `None` to leave it to the simplest shell.
pub type Override = fn(&Action) -> Option<Vec<Event>>;

pub struct Pair {
    pub now: Instant,
    pub machines: [Ledger; 2],
    /// The performed actions in order, each with its machine.
    pub done: Vec<(usize, Action)>,
    pub datagrams: VecDeque<(usize, Envelope)>,
    /// The durable records of each machine.
    records: [BTreeMap<TransactionId, Record>; 2],
    pub shell: Override,
    /// Datagrams are lost while this is set.
    pub cut: bool,
    /// The time that a message takes to the destination, as the stream reports it.
    pub delay_us: u64,
    /// The number of the next admission.
    next_admission: AdmissionId,
}

impl Pair {
    pub fn new() -> Self {
        let machines = [Ledger::new(local(A)), Ledger::new(local(B))];
        let (done, datagrams) = (Vec::new(), VecDeque::new());
        Pair {
            now: Instant::from_us(0),
            machines,
            done,
            datagrams,
            records: [BTreeMap::new(), BTreeMap::new()],
            shell: |_| None,
            cut: false,
            delay_us: 0,
            next_admission: ADMISSION,
        }
    }

    /// A pair whose first machine has offered the domain to the second.
    pub fn moving() -> Self {
        let mut pair = Pair::new();
        pair.offer(0, MOVE, B, offer()).expect("offered");
        pair
    }

    /// A pair whose move has begun with an operator's options, and has advanced as far as this shell lets it.
    pub fn settled_with(options: MoveOptions, shell: Override) -> Self {
        let mut pair = Pair::new();
        let wishes = (Goals::default(), options);
        let offered = pair.machines[0].offer(pair.now, MOVE, B, offer(), wishes);
        offered.expect("offered");
        pair.shell = shell;
        pair.settle();
        pair
    }

    /// A pair whose move has begun, and has advanced as far as this shell lets it.
    pub fn settled(shell: Override) -> Self {
        let mut pair = Pair::moving();
        pair.shell = shell;
        pair.settle();
        pair
    }

    /// Has a machine offer a domain to another one.
    pub fn offer(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        to: MachineId,
        offer: Offer,
    ) -> Result<(), OfferError> {
        let defaults = (Goals::default(), MoveOptions::default());
        self.machines[machine].offer(self.now, transaction, to, offer, defaults)
    }

    /// Has a machine receive a step of the move, sent in the first boot of `from`.
    pub fn receive(&mut self, machine: usize, from: MachineId, step: Step) {
        let boot = local(from).boot;
        let message = Message::Transaction(MOVE, step);
        self.machines[machine].handle_message(self.now, from, Envelope { boot, message });
    }

    /// Has a machine's shell report an event of the move.
    pub fn report(&mut self, machine: usize, event: Event) {
        self.machines[machine].handle_event(self.now, MOVE, event);
    }

    pub fn force(&mut self, machine: usize, force: Force) -> bool {
        self.machines[machine].force(self.now, MOVE, force)
    }

    pub fn cancel(&mut self, machine: usize) -> Result<Cancelled, TooLate> {
        self.machines[machine].cancel(self.now, MOVE)
    }

    /// Performs actions and delivers datagrams until only a timer can cause anything further.
    pub fn settle(&mut self) {
        loop {
            let acted = (0..2).any(|machine| self.act(machine));
            if !acted && !self.deliver() {
                return;
            }
        }
    }

    /// Settles, losing every datagram with the step `lost`.
    pub fn settle_without(&mut self, lost: Step) {
        let about = Message::Transaction(MOVE, lost);
        while (0..2).any(|machine| self.act(machine)) || {
            self.datagrams
                .retain(|(_, envelope)| envelope.message != about);
            self.deliver()
        } {}
    }

    /// Performs a machine's actions up to the next datagram that it sends, which is not delivered.
    pub fn next_sent(&mut self, machine: usize) -> Envelope {
        loop {
            let before = self.datagrams.len();
            assert!(self.act(machine), "it sends nothing more");
            if self.datagrams.len() > before {
                let (_, envelope) = self.datagrams.pop_back().expect("it was just sent");
                return envelope;
            }
        }
    }

    /// Lets the next timer fire, then settles.
    pub fn pass_time(&mut self) {
        let due = self
            .machines
            .iter()
            .filter_map(Ledger::poll_timeout)
            .min()
            .expect("a timer is armed");
        self.now = due;
        for machine in &mut self.machines {
            machine.handle_timeout(due);
        }
        self.settle();
    }

    /// Whether a machine has sent this step of the move.
    pub fn sent(&self, machine: usize, step: &Step) -> bool {
        self.count_sent(machine, step) > 0
    }

    /// How often a machine has sent this step of the move.
    pub fn count_sent(&self, machine: usize, step: &Step) -> usize {
        let is_it = |action: &Action| {
            matches!(action, Action::Send { envelope, .. }
                if matches!(&envelope.message, Message::Transaction(_, sent) if sent == step))
        };
        let done = self.done.iter();
        done.filter(|(by, action)| *by == machine && is_it(action))
            .count()
    }

    /// Whether a machine has first recorded this and then performed that.
    pub fn recorded_before(
        &self,
        recorded: fn(&RecordedProgress) -> bool,
        done: fn(&Action) -> bool,
    ) -> bool {
        let is_record =
            |action: &Action| matches!(action, Action::Record(it) if recorded(&it.progress));
        let position = |wanted: &dyn Fn(&Action) -> bool| {
            let mut actions = self.done.iter();
            actions
                .position(|(_, action)| wanted(action))
                .expect("done")
        };
        position(&is_record) < position(&done)
    }

    pub fn did(&self, machine: usize, action: &Action) -> bool {
        self.done
            .iter()
            .any(|(by, done)| *by == machine && done == action)
    }

    /// How often a machine has performed this action.
    pub fn count(&self, machine: usize, action: &Action) -> usize {
        let done = self.done.iter();
        done.filter(|(by, done)| *by == machine && done == action)
            .count()
    }

    pub fn noticed(&self, machine: usize, notice: Notice) -> bool {
        self.did(machine, &Action::Notify(notice))
    }

    pub fn phase(&self, machine: usize) -> Option<PhaseName> {
        self.machines[machine]
            .entries()
            .map(|entry| entry.phase)
            .next()
    }

    /// A machine's record of the move.
    pub fn record(&self, machine: usize) -> Option<Record> {
        self.records[machine].get(&MOVE).cloned()
    }

    /// Restarts a machine's migration server from its records.
    pub fn restart_nomad(&mut self, machine: usize, state: DomainState) {
        let local = self.machines[machine].local().clone();
        let records = self.records[machine].values().cloned();
        self.machines[machine] = Ledger::resume(self.now, local, records, |_| state);
    }

    /// Restarts a machine: everything on it is lost.
    pub fn restart_machine(&mut self, machine: usize) {
        let mut local = self.machines[machine].local().clone();
        local.boot = BootId(local.boot.0 + 100);
        self.machines[machine] = Ledger::new(local);
        self.records[machine].clear();
    }

    fn act(&mut self, machine: usize) -> bool {
        let Some((transaction, action)) = self.machines[machine].poll_action() else {
            return false;
        };
        self.done.push((machine, action.clone()));
        match &action {
            Action::Record(record) => {
                self.records[machine].insert(transaction, record.clone());
            }
            Action::Forget => {
                self.records[machine].remove(&transaction);
            }
            _ => {}
        }
        let events = (self.shell)(&action);
        let events = events.unwrap_or_else(|| self.perform(machine, transaction, &action));
        for event in events {
            self.machines[machine].handle_event(self.now, transaction, event);
        }
        true
    }

    fn perform(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        action: &Action,
    ) -> Vec<Event> {
        match action {
            Action::Send { envelope, .. } if !self.cut => {
                self.datagrams.push_back((1 - machine, envelope.clone()))
            }
            // No older copy runs anywhere here.
            Action::Outlived { .. } if !self.cut => {
                let boot = self.machines[machine].local().boot;
                let message = Message::Transaction(transaction, Step::Unknown);
                self.datagrams
                    .push_back((1 - machine, Envelope { boot, message }));
            }
            Action::Source(action) => return self.perform_source(machine, transaction, *action),
            Action::Destination(action) => {
                return self
                    .perform_destination(action)
                    .into_iter()
                    .map(Event::Destination)
                    .collect();
            }
            _ => {}
        }
        Vec::new()
    }

    fn perform_source(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Vec<Event> {
        let mut received = |event| {
            let event = Event::Destination(event);
            self.machines[1 - machine].handle_event(self.now, transaction, event);
        };
        let event = match action {
            SourceAction::CopyRound { number, .. } => {
                received(DestinationEvent::RoundReceived { number, pages: 64 });
                let round = Round {
                    pages: 64,
                    bytes: 64 * 4096,
                    elapsed_us: 1000,
                    dirtied: 1,
                    ..Round::default()
                };
                SourceEvent::RoundSent { number, round }
            }
            SourceAction::FreezeDomain => SourceEvent::Frozen,
            SourceAction::ExportState { attempt } => SourceEvent::Exported {
                attempt,
                version: StateVersion(u64::from(attempt.0)),
                digest: DIGEST,
            },
            SourceAction::SendFreeze {
                attempt,
                digest,
                rounds,
            } => {
                received(DestinationEvent::FreezeBegun { attempt });
                received(DestinationEvent::FreezeReceived {
                    attempt,
                    digest,
                    rounds,
                });
                let delay_us = self.delay_us;
                SourceEvent::FreezeSent { attempt, delay_us }
            }
            SourceAction::Retire { .. } => SourceEvent::Retired,
            SourceAction::Destroy => SourceEvent::Destroyed,
            SourceAction::Unretire => SourceEvent::Unretired,
            _ => return Vec::new(),
        };
        [Event::Source(event)].into()
    }

    fn deliver(&mut self) -> bool {
        let Some((to, envelope)) = self.datagrams.pop_front() else {
            return false;
        };
        let from = self.machines[1 - to].local().machine;
        let read = Envelope::decode(&envelope.encode()).expect("an encoded message decodes");
        assert_eq!(read, envelope);
        self.machines[to].handle_message(self.now, from, read);
        true
    }

    fn perform_destination(&mut self, action: &DestinationAction) -> Option<DestinationEvent> {
        match action {
            DestinationAction::Reserve(_) => {
                let admission = self.next_admission;
                self.next_admission.0 += 1;
                Some(DestinationEvent::Reserved {
                    admission,
                    kept: KEPT,
                })
            }
            DestinationAction::Rebuild { attempt } => Some(DestinationEvent::Rebuilt {
                attempt: *attempt,
                digest: DIGEST,
            }),
            DestinationAction::Activate { .. } => Some(DestinationEvent::Activated),
            DestinationAction::DiscardCopy => Some(DestinationEvent::Discarded),
            DestinationAction::Announce => None,
        }
    }
}
