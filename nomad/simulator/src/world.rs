//! Two machines, the streams between them, and the history that judges every step. Without time and without chance:
//! who drives it supplies both.

use std::collections::BTreeMap;

use nomad_protocol::planner::{Goals, PAGE_BYTES, Round};
use nomad_protocol::{
    Action, Envelope, Event, Instant, OfferError, SourceEvent, Timer, Timing, TransactionId,
};

use crate::domain::Run;
use crate::history::History;
use crate::machine::{Copying, DOMAIN, Effect, Machine, Mutant, machine_id};
use crate::stream::Stream;

/// What a world is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Pages of the domain.
    pub pages: usize,
    /// Pages of each machine's pool.
    pub pool_pages: [u64; 2],
    /// What is asked of a move.
    pub goals: Goals,
    /// The timers of both machines.
    pub timing: Timing,
    /// How long nomad freezes the domain for at most.
    pub freeze_us: u64,
    /// The rule that both machines break.
    pub mutant: Mutant,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The machines. The domain starts on the first.
    pub machines: [Machine; 2],
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

impl World {
    /// A world at its beginning.
    pub fn new(setup: &Setup) -> Self {
        let machine = |number: usize| {
            let pages = setup.pool_pages[number];
            Machine::new(number, pages, setup.timing, setup.freeze_us, setup.mutant)
        };
        let mut machines = [machine(0), machine(1)];
        machines[0].kernel.create(DOMAIN, setup.pages);
        World {
            machines,
            streams: BTreeMap::new(),
            history: History::default(),
            goals: setup.goals,
        }
    }

    /// Has `machine` the domain moved to the other one.
    pub fn offer(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
    ) -> Result<(), OfferError> {
        let Some(offer) = self.machines[machine].offer() else {
            return Err(OfferError::SameMachine);
        };
        self.machines[machine].nomad.ledger.offer(
            now,
            transaction,
            machine_id(1 - machine),
            offer,
            self.goals,
        )
    }

    /// Performs the next action of a machine's nomad.
    ///
    /// Answers are the caller's to pass on, now or later; datagrams and copied pages are the caller's to move.
    pub fn act(&mut self, now: Instant, machine: usize) -> Option<(TransactionId, Effect)> {
        let (transaction, action) = self.machines[machine].nomad.ledger.poll_action()?;
        Some((transaction, self.perform(now, machine, transaction, action)))
    }

    fn perform(
        &mut self,
        now: Instant,
        number: usize,
        transaction: TransactionId,
        action: Action,
    ) -> Effect {
        self.history
            .before(&self.machines[number], transaction, &action);
        let effect = self.machines[number].perform(now, transaction, action);
        self.history
            .after(&self.machines[number], transaction, &effect);
        self.count_instances();
        match effect {
            Effect::Close => {
                if let Some(stream) = self.streams.get_mut(&transaction) {
                    stream.close(number);
                }
                Effect::Done
            }
            Effect::Stream(parcels) => {
                let stream = self.streams.entry(transaction).or_default();
                match stream.broken {
                    None => stream.in_flight.extend(parcels.clone()),
                    Some(_) => return Effect::Answer(Event::StreamBroken),
                }
                Effect::Stream(parcels)
            }
            effect => effect,
        }
    }

    /// Passes an answer or a report to a machine's nomad.
    pub fn answer(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        event: Event,
    ) {
        self.machines[machine]
            .nomad
            .ledger
            .handle_event(now, transaction, event);
    }

    /// A datagram of the other machine reaches `machine`.
    pub fn hear(&mut self, now: Instant, machine: usize, envelope: Envelope) {
        self.machines[machine]
            .nomad
            .ledger
            .handle_message(now, machine_id(1 - machine), envelope);
    }

    /// Lets a timer fire.
    pub fn expire(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        timer: Timer,
    ) {
        self.machines[machine]
            .nomad
            .ledger
            .expire(now, transaction, timer);
    }

    /// Copies up to `count` more pages of a round. Says whether there was a round, and answers when it is over.
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
        let stream = self.streams.entry(transaction).or_default();
        if stream.broken.is_some() {
            self.machines[machine].nomad.copying.remove(&transaction);
            return true;
        }
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
        let dirtied = self.machines[machine]
            .kernel
            .domains
            .get(&DOMAIN)
            .map_or(0, |domain| domain.dirty_count());
        let elapsed_us = now.as_us().saturating_sub(copying.began.as_us()).max(1);
        let round = Round {
            pages: copying.pages,
            bytes: copying.pages * PAGE_BYTES,
            elapsed_us,
            dirtied,
        };
        let event = SourceEvent::RoundSent {
            number: copying.number,
            round,
        };
        self.answer(now, machine, transaction, Event::Source(event));
    }

    /// The next parcel of a stream arrives. Says whether there was one.
    pub fn arrive(&mut self, now: Instant, transaction: TransactionId) -> bool {
        let Some(stream) = self.streams.get_mut(&transaction) else {
            return false;
        };
        let Some(parcel) = stream.in_flight.pop_front() else {
            return false;
        };
        // A stream that nothing is reserved for is broken off.
        let reserved = |machine: &usize| {
            self.machines[*machine]
                .kernel
                .incoming
                .contains_key(&transaction)
        };
        let Some(machine) = (0..2).find(reserved) else {
            stream.break_off();
            return true;
        };
        if let Some(event) = self.machines[machine].receive(transaction, parcel) {
            self.answer(now, machine, transaction, Event::Target(event));
        }
        true
    }

    /// A machine learns that a stream broke.
    pub fn tell_broken(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        if let Some(Some(to_tell)) = self
            .streams
            .get_mut(&transaction)
            .map(|stream| &mut stream.broken)
        {
            to_tell[machine] = false;
            self.answer(now, machine, transaction, Event::StreamBroken);
        }
    }

    /// The domain runs a step on `machine`, if it runs there.
    pub fn run(&mut self, machine: usize, page: u64) {
        if self.is_running(machine) {
            let domain = self.machines[machine]
                .kernel
                .domains
                .get_mut(&DOMAIN)
                .expect("it runs");
            self.history.runs(domain.contents.age);
            domain.step(page);
        }
    }

    /// The kernels thaw what is frozen until now; at the end of time, whatever has a deadline.
    pub fn pass_deadlines(&mut self, now: Option<Instant>) {
        for machine in &mut self.machines {
            machine.kernel.pass_deadlines(now);
        }
        self.count_instances();
    }

    fn count_instances(&mut self) {
        let running = (0..2).filter(|machine| self.is_running(*machine)).count();
        self.history.instances(running);
    }

    /// An outsider on `machine` signals the domain, if it is there.
    pub fn interfere(&mut self, machine: usize, page: u64) {
        if let Some(domain) = self.machines[machine].kernel.domains.get_mut(&DOMAIN) {
            domain.interfere(page);
        }
    }

    /// A crash, and the restart after it.
    pub fn crash(&mut self, now: Instant, machine: usize, crash: Crash) {
        match crash {
            Crash::Nomad => self.machines[machine].crash_nomad(now),
            Crash::Machine => {
                self.machines[machine].crash_machine();
                self.history.restarted[machine] = true;
            }
        }
        for stream in self.streams.values_mut() {
            stream.close(machine);
        }
    }

    /// Does the domain run on `machine`?
    pub fn is_running(&self, machine: usize) -> bool {
        self.machines[machine]
            .kernel
            .domains
            .get(&DOMAIN)
            .is_some_and(|domain| domain.run == Run::Running)
    }
}
