//! Exhaustive exploration: every order of deliveries, timers and faults within bounds, by stateright.
//!
//! The network is the worst possible: a datagram that was ever sent may arrive at any time, in any order, any number of times,
//! or never. An armed timer may fire at any time, due or not: no clock can be relied on. Crashes strike between any two
//! actions of a machine. The numbers of moves, crashes, cancels, broken streams, steps of the domains and
//! changes from outside are bounded ([`Bounds`]).
//!
//! At every state the history must be without violation; and if no further fault strikes, the world must
//! settle as [`crate::outcome::judge`] demands.
//!
//! `transitions` lists the transitions of a state and applies them, `quiescence` runs a state to its end without further
//! faults, `replay` has page streams arrive again.

mod quiescence;
mod replay;
mod transitions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use identity::DomainId;
use nomad_protocol::{Envelope, Instant, Timer, TransactionId};
use stateright::{Expectation, Model, Property};

use crate::outcome::Outcome;
use crate::world::{Crash, Setup, World};
use replay::Recorded;

/// The property of every state.
pub const EVERY_STEP: &str = "no step is a violation";
/// The property of the end that every state leads to without further faults.
pub const THE_END: &str = "it settles as it should";

/// The exploration's clock stands still.
const NOW: Instant = Instant::from_us(0);
/// Without further faults a world settles within this many rounds of retransmissions.
const SETTLE_ROUNDS: usize = 40;
/// An exploration has at most this many machines.
pub const MACHINES_MAX: usize = 3;

/// The most transitions of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Moves that are started.
    pub offers: u8,
    /// Crashes of each machine, or of its nomad alone.
    pub crashes: [u8; MACHINES_MAX],
    /// Limits and operators' deadlines that fire.
    pub limits: u8,
    /// Cancelled moves.
    pub cancels: u8,
    /// Broken streams.
    pub breaks: u8,
    /// Steps that the domains run.
    pub steps: u8,
    /// Changes to the domains from outside.
    pub interferences: u8,
    /// Freezes whose deadline passes.
    pub deadlines: u8,
    /// Steps of a machine that fail.
    pub failures: u8,
    /// How many of nomad's crashes may strike after it has written a new record and before it erases the old one.
    pub torn_records: u8,
    /// Page streams that arrive again, from their beginning.
    pub replays: u8,
}

/// A world, every datagram ever sent in it, and the bounds that are left.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The world.
    pub world: World,
    sent: BTreeSet<Datagram>,
    /// The transactions of which a Commit was ever sent.
    committed: BTreeSet<TransactionId>,
    /// The page streams that may arrive again.
    recorded: BTreeMap<TransactionId, Recorded>,
    left: Bounds,
}

/// A datagram on the wire: its machines and its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Datagram {
    to: usize,
    from: usize,
    bytes: Arc<[u8]>,
}

impl Datagram {
    fn new(from: usize, to: usize, bytes: Vec<u8>) -> Self {
        Datagram {
            to,
            from,
            bytes: bytes.into(),
        }
    }

    fn read(&self) -> Envelope {
        Envelope::decode(&self.bytes).expect("a machine wrote it")
    }

    fn deliver(&self, world: &mut World) {
        // There are no roll calls, so all messages are sent by actions.
        let effects = world.deliver(NOW, self.to, self.from, &self.bytes);
        assert_eq!(effects, [], "replies to a datagram are sent by actions");
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}: {:?}", self.from, self.to, self.read())
    }
}

/// A step of the exploration.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    transition: Transition,
    strike: Option<Strike>,
}

/// A fault that strikes one of the actions that a transition leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strike {
    /// The number of the action, from 1; 0 if it strikes before the first action.
    action: usize,
    kind: StrikeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StrikeKind {
    /// The machine that has performed it crashes.
    Crash(Crash),
    /// The action replaces a record, and nomad dies after it has written the new one and before it erases the old one.
    TornRecord,
    /// The action fails.
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Transition {
    Offer {
        from: usize,
        to: usize,
        domain: DomainId,
    },
    Deliver(Datagram),
    Expire(usize, TransactionId, Timer),
    Copied(usize, TransactionId),
    Arrive(TransactionId),
    Break(TransactionId),
    Replay(TransactionId),
    NotifyBroken(usize, TransactionId),
    Cancel(usize, TransactionId),
    Run(usize, DomainId),
    Interfere(usize, DomainId),
    Deadline,
    Crash(usize, Crash),
}

/// An end that must be reachable, which proves that the bounds are not too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// A domain ends with this outcome.
    Some(Outcome),
    /// A domain was activated twice and runs on a machine that it did not start on.
    MovedOn,
    /// All domains have moved.
    AllMoved,
}

/// An exploration.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The world at its beginning.
    pub setup: Setup,
    /// The bounds.
    pub bounds: Bounds,
    /// Ends that must be reachable.
    pub reachable: Vec<Reachable>,
}

impl Model for Exploration {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let world = World::new(&self.setup);
        vec![State {
            world,
            sent: BTreeSet::new(),
            committed: BTreeSet::new(),
            recorded: BTreeMap::new(),
            left: self.bounds,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // A violation stays recorded: later states show nothing new.
        if state.world.history.violation.is_some() {
            return;
        }
        let mut transitions = Vec::new();
        state.messages(&mut transitions);
        state.deadlines(&mut transitions);
        for machine in 0..state.world.machines.len() {
            state.local(machine, &mut transitions);
            state.faults(machine, &mut transitions);
        }
        for transition in transitions {
            steps.extend(state.strikes_during(&transition));
            steps.push(Step {
                transition,
                strike: None,
            });
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.apply(&step.transition).then_some(())?;
        let strike = next.strike_at_once(&step)?;
        next.perform_all(strike)?;
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(EVERY_STEP, |_, state: &State| {
                state.world.history.violation.is_none()
            }),
            Property::always(THE_END, |_, state: &State| state.settle().is_ok()),
        ];
        properties.extend(self.reachable.iter().map(Reachable::property));
        properties
    }
}

impl Reachable {
    fn property(&self) -> Property<Exploration> {
        type Condition = fn(&Exploration, &State) -> bool;
        let (name, condition): (_, Condition) = match self {
            Reachable::Some(Outcome::Moved) => {
                ("it moves", |_, state| state.is_end(Outcome::Moved))
            }
            Reachable::Some(Outcome::Stayed) => {
                ("it stays", |_, state| state.is_end(Outcome::Stayed))
            }
            Reachable::Some(Outcome::Lost) => {
                ("it is lost", |_, state| state.is_end(Outcome::Lost))
            }
            Reachable::Some(Outcome::DestinationInDoubt) => {
                ("its destination is in doubt", |_, state| {
                    state.is_end(Outcome::DestinationInDoubt)
                })
            }
            Reachable::Some(Outcome::SourceInDoubt) => ("its source is in doubt", |_, state| {
                state.is_end(Outcome::SourceInDoubt)
            }),
            Reachable::Some(Outcome::StartedAnew) => ("it is started anew", |_, state| {
                state.is_end(Outcome::StartedAnew)
            }),
            Reachable::MovedOn => ("it moves on", |_, state| state.has_moved_on()),
            Reachable::AllMoved => ("all move", |_, state| state.have_all_moved()),
        };
        Property {
            expectation: Expectation::Sometimes,
            name,
            condition,
        }
    }
}
