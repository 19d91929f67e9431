//! Exhaustive exploration: every order of deliveries, timers and faults within bounds, by stateright.
//!
//! The network is the worst there is: what was ever sent may arrive at any time, in any order, any number of times, or
//! never. Timers fire whenever they are armed, due or not: no clock can be relied on. Crashes strike between any two
//! actions of a machine. Bounded are the number of attempts, crashes, cancels, broken streams, steps of the domain and
//! changes from outside ([`Bounds`]).
//!
//! At every state the history must be without violation; and if from then on nothing bad happens any more, the world must
//! settle as [`judge`] says.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use nomad_protocol::{Cancelled, Envelope, Instant, Timer, TransactionId};
use stateright::{Model, Property};

use crate::machine::Effect;
use crate::outcome::{Outcome, Wrong, judge};
use crate::world::{Crash, Setup, World};

/// The exploration's clock stands still.
const NOW: Instant = Instant::from_us(0);
/// No machine performs more actions in a row: a crash is tried after each of them.
const ACTIONS_MAX: usize = 24;
/// A world in which nothing bad happens any more settles in so many rounds of repetitions.
const SETTLE_ROUNDS: usize = 40;

/// How much of what may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Moves that are started.
    pub offers: u8,
    /// Crashes of each machine, alone or with nomad.
    pub crashes: [u8; 2],
    /// Limits that fire.
    pub limits: u8,
    /// Operators that change their minds.
    pub cancels: u8,
    /// Broken streams.
    pub breaks: u8,
    /// Steps that the domain runs.
    pub steps: u8,
    /// Changes of the domain from outside.
    pub interferences: u8,
}

/// A world, what was ever sent in it, and what may still happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The world.
    pub world: World,
    sent: BTreeSet<Datagram>,
    left: Bounds,
}

/// A datagram as it is on the wire: for whom, and its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Datagram {
    to: usize,
    bytes: Arc<[u8]>,
}

impl Datagram {
    fn new(to: usize, envelope: &Envelope) -> Self {
        Datagram {
            to,
            bytes: envelope.encode().into(),
        }
    }

    fn read(&self) -> Envelope {
        Envelope::decode(&self.bytes).expect("a machine wrote it")
    }

    fn deliver(&self, world: &mut World) {
        world.hear(NOW, self.to, self.read());
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}: {:?}", self.to, self.read())
    }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    what: Happens,
    /// The machine that it happens to crashes after so many actions.
    crash: Option<(usize, Crash)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Happens {
    Offer(usize),
    Deliver(Datagram),
    Expire(usize, TransactionId, Timer),
    Copied(usize, TransactionId),
    Arrive(TransactionId),
    Break(TransactionId),
    TellBroken(usize, TransactionId),
    Cancel(usize, TransactionId),
    Run(usize),
    Interfere(usize),
    Crash(usize, Crash),
}

/// What is explored.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The world at its beginning.
    pub setup: Setup,
    /// How much may happen.
    pub bounds: Bounds,
    /// Ends that must be reachable, so that the bounds are known not to be too narrow.
    pub reachable: Vec<Outcome>,
}

impl Model for Exploration {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let world = World::new(&self.setup);
        vec![State {
            world,
            sent: BTreeSet::new(),
            left: self.bounds,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // What is wrong stays wrong: there is nothing to be learnt behind it.
        if state.world.history.violation.is_some() {
            return;
        }
        let mut happenings = Vec::new();
        state.messages(&mut happenings);
        for machine in 0..2 {
            state.local(machine, &mut happenings);
            state.faults(machine, &mut happenings);
        }
        for what in happenings {
            steps.extend(state.crashes_during(&what));
            steps.push(Step { what, crash: None });
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.happens(&step.what).then_some(())?;
        next.perform_all(step.crash).then_some(())?;
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("no step is a violation", |_, state: &State| {
                state.world.history.violation.is_none()
            }),
            Property::always("it settles as it should", |_, state: &State| {
                state.settle().is_ok()
            }),
        ];
        properties.extend(self.reachable.iter().map(|outcome| match outcome {
            Outcome::Moved => {
                Property::sometimes("it moves", |_, state: &State| state.ends(Outcome::Moved))
            }
            Outcome::Stayed => {
                Property::sometimes("it stays", |_, state: &State| state.ends(Outcome::Stayed))
            }
            Outcome::Lost => {
                Property::sometimes("it is lost", |_, state: &State| state.ends(Outcome::Lost))
            }
            Outcome::TargetInDoubt => {
                Property::sometimes("its target is in doubt", |_, state: &State| {
                    state.ends(Outcome::TargetInDoubt)
                })
            }
            Outcome::SourceInDoubt => {
                Property::sometimes("its source is in doubt", |_, state: &State| {
                    state.ends(Outcome::SourceInDoubt)
                })
            }
        }));
        properties
    }
}

impl State {
    /// Lets everything go well from here on, and judges where that leads.
    pub fn settle(&self) -> Result<Outcome, Wrong> {
        let mut state = self.clone();
        for _ in 0..SETTLE_ROUNDS {
            state.finish_streams();
            let before = state.world.clone();
            state.expire_all(Timer::Repeat);
            if state.world == before {
                if let Ok(outcome) = judge(&state.world, 0) {
                    return Ok(outcome);
                }
                state.expire_all(Timer::Limit);
            }
        }
        judge(&state.world, 0)
    }

    fn ends(&self, outcome: Outcome) -> bool {
        judge(&self.world, 0) == Ok(outcome)
    }

    fn messages(&self, happenings: &mut Vec<Happens>) {
        happenings.extend(self.sent.iter().cloned().map(Happens::Deliver));
        for (transaction, stream) in &self.world.streams {
            if !stream.in_flight.is_empty() {
                happenings.push(Happens::Arrive(*transaction));
            }
            if stream.broken.is_none() && self.left.breaks > 0 {
                happenings.push(Happens::Break(*transaction));
            }
            let to_tell = (0..2).filter(|machine| stream.is_to_tell(*machine));
            happenings.extend(to_tell.map(|machine| Happens::TellBroken(machine, *transaction)));
        }
    }

    fn local(&self, machine: usize, happenings: &mut Vec<Happens>) {
        let nomad = &self.world.machines[machine].nomad;
        let timers = [
            Some(Timer::Repeat),
            (self.left.limits > 0).then_some(Timer::Limit),
        ];
        for timer in timers.into_iter().flatten() {
            let armed = nomad.ledger.armed(timer);
            happenings
                .extend(armed.map(|transaction| Happens::Expire(machine, transaction, timer)));
        }
        happenings.extend(
            nomad
                .copying
                .keys()
                .map(|transaction| Happens::Copied(machine, *transaction)),
        );
        if self.world.is_running(machine) {
            if self.left.offers > 0 {
                happenings.push(Happens::Offer(machine));
            }
            if self.left.steps > 0 {
                happenings.push(Happens::Run(machine));
            }
        }
    }

    fn faults(&self, machine: usize, happenings: &mut Vec<Happens>) {
        if self.left.crashes[machine] > 0 {
            happenings
                .extend([Crash::Nomad, Crash::Machine].map(|crash| Happens::Crash(machine, crash)));
        }
        if self.left.cancels > 0 {
            let entries = self.world.machines[machine].nomad.ledger.entries();
            happenings.extend(entries.map(|entry| Happens::Cancel(machine, entry.transaction)));
        }
        if self.left.interferences > 0 && self.world.machines[machine].offer().is_some() {
            happenings.push(Happens::Interfere(machine));
        }
    }

    /// The same with a crash after each number of actions; those that come to nothing are dropped when they are tried.
    fn crashes_during(&self, what: &Happens) -> Vec<Step> {
        if matches!(
            what,
            Happens::Run(_) | Happens::Interfere(_) | Happens::Break(_) | Happens::Crash(..)
        ) || self.left.crashes == [0, 0]
        {
            return Vec::new();
        }
        let step = |after| [Crash::Nomad, Crash::Machine].map(|crash| (after, crash));
        let crashes = (1..ACTIONS_MAX).flat_map(step);
        crashes
            .map(|crash| Step {
                what: what.clone(),
                crash: Some(crash),
            })
            .collect()
    }

    fn happens(&mut self, what: &Happens) -> bool {
        let world = &mut self.world;
        match what {
            Happens::Offer(machine) => {
                let transaction = TransactionId(u128::from(self.left.offers));
                self.left.offers -= 1;
                return world.offer(NOW, *machine, transaction).is_ok();
            }
            Happens::Deliver(datagram) => datagram.deliver(world),
            Happens::Expire(machine, transaction, timer) => {
                self.left.limits -= u8::from(*timer == Timer::Limit);
                world.expire(NOW, *machine, *transaction, *timer);
            }
            Happens::Copied(machine, transaction) => {
                return world.copy_some(NOW, *machine, *transaction, usize::MAX);
            }
            // The parcel of pages and the parcel that ends it.
            Happens::Arrive(transaction) => {
                return world.arrive(NOW, *transaction) && world.arrive(NOW, *transaction);
            }
            Happens::Break(transaction) => {
                self.left.breaks -= 1;
                world
                    .streams
                    .get_mut(transaction)
                    .expect("listed")
                    .break_off();
            }
            Happens::TellBroken(machine, transaction) => {
                world.tell_broken(NOW, *machine, *transaction)
            }
            Happens::Cancel(machine, transaction) => {
                self.left.cancels -= 1;
                let ledger = &mut world.machines[*machine].nomad.ledger;
                return ledger.cancel(NOW, *transaction) != Cancelled::TooLate;
            }
            Happens::Run(machine) => {
                self.left.steps -= 1;
                world.run(*machine, u64::from(self.left.steps));
            }
            Happens::Interfere(machine) => {
                self.left.interferences -= 1;
                world.interfere(*machine, 0);
            }
            Happens::Crash(machine, crash) => {
                self.left.crashes[*machine] -= 1;
                world.crash(NOW, *machine, *crash);
            }
        }
        true
    }

    /// Has both machines perform what they have to. Says whether it came to the crash, if there was to be one.
    fn perform_all(&mut self, mut crash: Option<(usize, Crash)>) -> bool {
        let mut performed = 0;
        while let Some(machine) = (0..2).find(|machine| self.perform(*machine)) {
            performed += 1;
            if let Some((after, kind)) = crash
                && after == performed
            {
                if self.left.crashes[machine] == 0 {
                    return false;
                }
                self.left.crashes[machine] -= 1;
                self.world.crash(NOW, machine, kind);
                crash = None;
            }
        }
        let machines = &self.world.machines;
        self.world.streams.retain(|transaction, _| {
            let mut entries = machines
                .iter()
                .flat_map(|machine| machine.nomad.ledger.entries());
            entries.any(|entry| entry.transaction == *transaction)
        });
        crash.is_none()
    }

    fn perform(&mut self, machine: usize) -> bool {
        match self.world.act(NOW, machine) {
            None => return false,
            Some((transaction, Effect::Answer(event))) => {
                self.world.answer(NOW, machine, transaction, event)
            }
            Some((_, Effect::Send(envelope))) => {
                self.sent.extend([Datagram::new(1 - machine, &envelope)]);
            }
            Some(_) => {}
        }
        true
    }

    fn finish_streams(&mut self) {
        let transactions: Vec<TransactionId> = self.world.streams.keys().copied().collect();
        let copying: Vec<(usize, TransactionId)> = (0..2)
            .flat_map(|machine| {
                self.world.machines[machine]
                    .nomad
                    .copying
                    .keys()
                    .map(move |id| (machine, *id))
            })
            .collect();
        for (machine, transaction) in copying {
            self.world.copy_some(NOW, machine, transaction, usize::MAX);
            self.exchange();
        }
        for transaction in transactions {
            while self.world.arrive(NOW, transaction) {
                self.exchange();
            }
            for machine in 0..2 {
                if self
                    .world
                    .streams
                    .get(&transaction)
                    .is_some_and(|stream| stream.is_to_tell(machine))
                {
                    self.world.tell_broken(NOW, machine, transaction);
                    self.exchange();
                }
            }
        }
    }

    fn expire_all(&mut self, timer: Timer) {
        for machine in 0..2 {
            let armed: Vec<TransactionId> = self.world.machines[machine]
                .nomad
                .ledger
                .armed(timer)
                .collect();
            for transaction in armed {
                self.world.expire(NOW, machine, transaction, timer);
                self.exchange();
            }
        }
    }

    /// Performs, and delivers what is sent at once and once, until all is said.
    fn exchange(&mut self) {
        loop {
            self.sent.clear();
            self.perform_all(None);
            if self.sent.is_empty() {
                return;
            }
            for datagram in &self.sent {
                datagram.deliver(&mut self.world);
            }
        }
    }
}
