//! Machines, the streams between them, and the history that judges every step. Without time and without chance: the
//! simulation and the exploration supply both.

use std::collections::BTreeMap;

use nomad_protocol::planner::{Goals, PAGE_BYTES, Round};
use nomad_protocol::{
    Action, DomainId, Envelope, Event, Instant, OfferError, SourceEvent, Timer, Timing,
    TransactionId,
};

use crate::domain::Run;
use crate::history::History;
use crate::machine::{Copying, DOMAIN, Effect, Machine, Move, Mutant, machine_id};
use crate::stream::Stream;

/// What a world is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Pages of each domain.
    pub pages: usize,
    /// Pages of each machine's pool: as many machines as pools.
    pub pool_pages: Vec<u64>,
    /// The machine that each domain starts on: as many domains as starts.
    pub starts: Vec<usize>,
    /// What is asked of a move.
    pub goals: Goals,
    /// The timers of all machines.
    pub timing: Timing,
    /// How long nomad freezes a domain for at most.
    pub freeze_us: u64,
    /// The rule that all machines break.
    pub mutant: Mutant,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The machines.
    pub machines: Vec<Machine>,
    /// Page streams, by transaction.
    pub streams: BTreeMap<TransactionId, Stream>,
    /// The checker.
    pub history: History,
    goals: Goals,
}

/// What is lost in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crash {
    /// nomad alone.
    Nomad,
    /// The machine with all that it holds.
    Machine,
}

/// The id of the domain with this number.
pub fn domain_id(number: usize) -> DomainId {
    DomainId(DOMAIN.0 + number as u128)
}

impl World {
    /// A world at its beginning.
    pub fn new(setup: &Setup) -> Self {
        let machine = |(number, pages): (usize, &u64)| {
            Machine::new(number, *pages, setup.timing, setup.freeze_us, setup.mutant)
        };
        let mut machines: Vec<Machine> = setup.pool_pages.iter().enumerate().map(machine).collect();
        let start = |(number, start): (usize, &usize)| (domain_id(number), *start);
        let starts: BTreeMap<DomainId, usize> =
            setup.starts.iter().enumerate().map(start).collect();
        for (id, start) in &starts {
            machines[*start].kernel.create(*id, setup.pages);
        }
        World {
            history: History::new(machines.len(), &starts),
            machines,
            streams: BTreeMap::new(),
            goals: setup.goals,
        }
    }

    /// The domains there are, or were.
    pub fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.history.domains.keys().copied()
    }

    /// Has `machine` move a domain to another machine.
    pub fn offer(
        &mut self,
        now: Instant,
        machine: usize,
        to: usize,
        id: DomainId,
        transaction: TransactionId,
    ) -> Result<(), OfferError> {
        let Some(offer) = self.machines[machine].offer(id) else {
            return Err(OfferError::SameMachine);
        };
        let ledger = &mut self.machines[machine].nomad.ledger;
        ledger.offer(now, transaction, machine_id(to), offer, self.goals)
    }

    /// The next action of a machine's nomad. It is to be performed, or answered as one that failed.
    pub fn poll(&mut self, machine: usize) -> Option<(TransactionId, Action)> {
        self.machines[machine].nomad.ledger.poll_action()
    }

    /// Performs an action of a machine's nomad.
    ///
    /// Answers are the caller's to pass on, now or later; datagrams and copied pages are the caller's to move.
    pub fn perform(
        &mut self,
        now: Instant,
        number: usize,
        transaction: TransactionId,
        action: Action,
    ) -> Effect {
        let machine = &mut self.machines[number];
        let subject = machine.subject(transaction);
        self.history.before(machine, transaction, &action);
        let effect = machine.perform(now, transaction, action);
        if let Some(subject) = subject {
            let (history, machines) = (&mut self.history, &self.machines);
            history.after(machines, number, transaction, subject, &effect);
            self.count_instances(subject.domain);
        }
        match effect {
            Effect::Close => {
                if let Some(stream) = self.streams.get_mut(&transaction) {
                    stream.close(number);
                }
                Effect::Done
            }
            Effect::Stream(parcels) => {
                let Some(stream) = self.stream(number, transaction) else {
                    return Effect::Answer(Event::StreamBroken);
                };
                stream.in_flight.extend(parcels.clone());
                Effect::Stream(parcels)
            }
            effect => effect,
        }
    }

    /// The stream on which `from` sends a transaction's pages, unless it is broken. It is opened if there is none yet.
    fn stream(&mut self, from: usize, transaction: TransactionId) -> Option<&mut Stream> {
        let Move { peer, .. } = self.machines[from].subject(transaction)?;
        let stream = self.streams.entry(transaction);
        let stream = stream.or_insert_with(|| Stream::new(from, peer));
        stream.broken.is_none().then_some(stream)
    }

    /// Passes an answer or a report to a machine's nomad.
    pub fn answer(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        event: Event,
    ) {
        let Machine { nomad, mutant, .. } = &mut self.machines[machine];
        let mut others = nomad.moves.keys().copied();
        let another = others.find(|other| *other != transaction);
        let to = match (mutant, another) {
            (Mutant::AnswersAnother, Some(another)) => another,
            _ => transaction,
        };
        nomad.ledger.handle_event(now, to, event);
    }

    /// A datagram of machine `from` reaches `machine`.
    pub fn deliver(&mut self, now: Instant, machine: usize, from: usize, envelope: Envelope) {
        let ledger = &mut self.machines[machine].nomad.ledger;
        ledger.handle_message(now, machine_id(from), envelope);
    }

    /// Lets a timer fire.
    pub fn expire(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        timer: Timer,
    ) {
        let ledger = &mut self.machines[machine].nomad.ledger;
        ledger.expire(now, transaction, timer);
    }

    /// Copies up to `count` more pages of a round. Returns whether there was a round, and answers when it is over.
    pub fn copy_some(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        count: usize,
    ) -> bool {
        let Some((parcels, over)) = self.machines[machine].copy_some(transaction, count) else {
            return false;
        };
        let Some(stream) = self.stream(machine, transaction) else {
            self.machines[machine].nomad.copying.remove(&transaction);
            return true;
        };
        stream.in_flight.extend(parcels);
        if let Some(copying) = over {
            self.round_sent(now, machine, transaction, &copying);
        }
        true
    }

    fn round_sent(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        copying: &Copying,
    ) {
        let sender = &self.machines[machine];
        let domain = sender
            .subject(transaction)
            .and_then(|subject| sender.kernel.domains.get(&subject.domain));
        let round = Round {
            pages: copying.pages,
            bytes: copying.pages * PAGE_BYTES,
            elapsed_us: now.us_since(copying.began).max(1),
            dirtied: domain.map_or(0, |domain| domain.dirty_count()),
        };
        let event = SourceEvent::RoundSent {
            number: copying.number,
            round,
        };
        self.answer(now, machine, transaction, Event::Source(event));
    }

    /// The next parcel of a stream arrives. Returns whether there was one.
    pub fn arrive(&mut self, now: Instant, transaction: TransactionId) -> bool {
        let Some(stream) = self.streams.get_mut(&transaction) else {
            return false;
        };
        let Some(parcel) = stream.in_flight.pop_front() else {
            return false;
        };
        let [_, to] = stream.ends;
        // A stream that nothing is reserved for is broken off.
        let incoming = &self.machines[to].kernel.incoming;
        if !incoming.contains_key(&transaction) {
            stream.break_off();
            return true;
        }
        if let Some(event) = self.machines[to].receive(transaction, parcel) {
            self.answer(now, to, transaction, Event::Target(event));
        }
        true
    }

    /// A machine learns that a stream broke.
    pub fn tell_broken(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        let stream = self.streams.get_mut(&transaction);
        if stream.is_some_and(|stream| stream.tell(machine)) {
            self.answer(now, machine, transaction, Event::StreamBroken);
        }
    }

    /// A domain runs a step on `machine`, if it runs there.
    pub fn run(&mut self, machine: usize, id: DomainId, page: u64) {
        let domain = self.machines[machine].kernel.domains.get_mut(&id);
        if let Some(domain) = domain.filter(|domain| domain.run == Run::Running) {
            self.history.runs(id, domain.contents.age);
            domain.step(page);
        }
    }

    /// A machine's kernel thaws what is frozen until `now`; at the end of time, whatever has a deadline.
    pub fn pass_deadlines(&mut self, machine: usize, now: Option<Instant>) {
        self.machines[machine].kernel.pass_deadlines(now);
        for number in 0..self.history.domains.len() {
            self.count_instances(domain_id(number));
        }
    }

    fn count_instances(&mut self, id: DomainId) {
        let running = |machine: &usize| self.is_running(*machine, id);
        let running = (0..self.machines.len()).filter(running).count();
        self.history.instances(id, running);
    }

    /// An outsider on `machine` signals a domain, if it is there.
    pub fn interfere(&mut self, machine: usize, id: DomainId, page: u64) {
        if let Some(domain) = self.machines[machine].kernel.domains.get_mut(&id) {
            domain.interfere(page);
        }
    }

    /// A crash, and the restart after it.
    pub fn crash(&mut self, now: Instant, machine: usize, crash: Crash) {
        match crash {
            Crash::Nomad => self.machines[machine].crash_nomad(now),
            Crash::Machine => {
                self.machines[machine].crash_machine();
                self.history.restart(machine);
            }
        }
        for stream in self.streams.values_mut() {
            stream.close(machine);
        }
    }

    /// Does a domain run on `machine`?
    pub fn is_running(&self, machine: usize, id: DomainId) -> bool {
        let domain = self.machines[machine].kernel.domains.get(&id);
        domain.is_some_and(|domain| domain.run == Run::Running)
    }
}
