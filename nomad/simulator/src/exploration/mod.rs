//! Exhaustive exploration: every order of deliveries, timers and faults within bounds, by stateright.
//!
//! The network is the worst there is: what was ever sent may arrive at any time, in any order, any number of times, or
//! never. Timers fire whenever they are armed, due or not: no clock can be relied on. Crashes strike between any two
//! actions of a machine. Bounded are the number of attempts, crashes, cancels, broken streams, steps of the domain and
//! changes from outside ([`Bounds`]).
//!
//! At every state the history must be without violation; and if from then on nothing bad happens any more, the world must
//! settle as [`crate::outcome::judge`] says.

mod happenings;
mod settling;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use nomad_protocol::{Envelope, Instant, Timer, TransactionId};
use stateright::{Model, Property};

use crate::outcome::Outcome;
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
    /// Freezes whose deadline passes.
    pub deadlines: u8,
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
    Deadline,
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
        state.deadlines(&mut happenings);
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
