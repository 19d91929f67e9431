//! The actions of a nemesis: [`Action`], and the [`Deck`] that it draws from.

use std::fmt;
use std::time::Duration;

use crate::random::Random;
use crate::{Faults, Node};

/// The longest time from the start of a move to an action.
const MOMENT_MAX: Duration = Duration::from_secs(1);
/// The longest time from a phase to an action.
const PHASE_MOMENT_MAX: Duration = Duration::from_millis(150);
/// The longest time that a wire is bad: longer than the timeouts between migration servers.
const BAD_MAX: Duration = Duration::from_secs(7);
/// The bounds of a pause: the longest exceeds the time that a domain may be frozen.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The longest time before a killed machine is restarted.
const AWAY_MAX: Duration = Duration::from_secs(3);

/// Lines of a move before its commit point, while the domain runs at the source.
pub const EARLY_LINES: [&str; 3] = ["phase Offer", "phase Rounds", "round 1"];

/// The bounds of a bad wire's faults. Jitter reorders frames.
const LOSS_MAX: f64 = 0.05;
const DUPLICATION_MAX: f64 = 0.1;
const DELAY_MAX: Duration = Duration::from_millis(5);
const JITTER_MAX: Duration = Duration::from_millis(10);

/// The kinds of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The move is cancelled.
    Cancel,
    /// Only the wire is disturbed.
    Wire,
    /// A machine's processor is stopped for a while.
    Pause,
    /// A machine's migration server ends, and is restarted.
    EndServer,
    /// The machine that does not run the store is killed while nothing moves, and restarted.
    KillBystander,
    /// The destination is killed before the commit point, and restarted.
    KillDestination,
    /// The source is killed after the commit point, and restarted.
    KillSource,
}

/// All kinds. A deck has each once, [`Kind::Cancel`] twice, and [`Kind::Wire`] once per disturbance of a wire.
pub const KINDS: [Kind; 7] = [
    Kind::Cancel,
    Kind::Wire,
    Kind::Pause,
    Kind::EndServer,
    Kind::KillBystander,
    Kind::KillDestination,
    Kind::KillSource,
];

/// The disturbance of the wire between the machines. The clients reach both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    /// Nothing.
    Good,
    /// It loses, duplicates, delays and reorders frames, the clients' included, from the start of the move or from a kill on.
    Bad(Faults),
    /// It is cut at the time of the action.
    Cut,
    /// It loses frames from this machine to the other, from the time of the action on.
    OneWay(Side),
}

/// One of the two machines of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The machine that has the store.
    Source,
    /// The machine to which the store moves.
    Destination,
}

/// A time within a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This long after its start.
    After(Duration),
    /// This long after the operator's client reports this phase.
    AfterPhase(&'static str, Duration),
    /// While the source's migration server is held at this line, which it reports before the commit point.
    HeldAt(&'static str),
}

/// One action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// Its kind.
    pub kind: Kind,
    /// The side it affects, for kinds that may affect either.
    pub side: Side,
    /// Its time, for kinds that may come at any time.
    pub moment: Moment,
    /// Selects the line at which a server is held, for kills during a move.
    pub line: u64,
    /// Its duration.
    pub lasts: Duration,
    /// The disturbance of the wire meanwhile.
    pub wire: Wire,
}

/// The part of an action that the deck fixes: the rest is drawn with the card.
#[derive(Clone, Copy, Debug)]
struct Card {
    kind: Kind,
    wire: Wire,
    /// The move is held before its commit point, so that the action is certain to strike it.
    is_held: bool,
}

/// Actions in a random order that omits no kind: a shuffled deck with every kind, then another, and so on.
///
/// A move may be over before an action strikes it. Therefore each deck also has a cancel and a cut wire that strike a held
/// move.
#[derive(Debug)]
pub struct Deck {
    random: Random,
    left: Vec<Card>,
}

impl Side {
    /// The node of this side, if the store runs on `source`.
    pub fn node(self, source: Node) -> Node {
        match self {
            Side::Source => source,
            Side::Destination => source.other(),
        }
    }
}

impl Deck {
    /// The deck of a seed.
    pub fn new(seed: u64) -> Deck {
        Deck {
            random: Random::stream(seed, u64::MAX),
            left: Vec::new(),
        }
    }

    /// Whether the deck is used up.
    pub fn is_used_up(&self) -> bool {
        self.left.is_empty()
    }

    /// The next action.
    pub fn draw(&mut self) -> Action {
        if self.left.is_empty() {
            self.left = self.cards();
            self.random.shuffle(&mut self.left);
        }
        let Card {
            kind,
            wire,
            is_held,
        } = self.left.pop().expect("a deck is not empty");
        let side = self.side();
        let moment = match is_held {
            true => Moment::HeldAt(self.random.pick(&EARLY_LINES)),
            false => self.moment(kind),
        };
        let line = self.random.bits();
        let lasts = match kind {
            Kind::Pause => PAUSE_MIN + self.random.time_up_to(PAUSE_MAX - PAUSE_MIN),
            Kind::KillBystander | Kind::KillDestination | Kind::KillSource => {
                self.random.time_up_to(AWAY_MAX)
            }
            Kind::Cancel | Kind::Wire | Kind::EndServer => self.random.time_up_to(BAD_MAX),
        };
        Action {
            kind,
            side,
            moment,
            line,
            lasts,
            wire,
        }
    }

    fn cards(&mut self) -> Vec<Card> {
        let card = |is_held, kind, wire| Card {
            kind,
            wire,
            is_held,
        };
        let others = KINDS.into_iter().filter(|kind| *kind != Kind::Wire);
        let mut cards: Vec<Card> = others
            .map(|kind| card(false, kind, self.any_wire()))
            .collect();
        let side = self.side();
        let wires = [self.bad_wire(), Wire::OneWay(side)];
        cards.extend(wires.map(|wire| card(false, Kind::Wire, wire)));
        cards.push(card(true, Kind::Wire, Wire::Cut));
        cards.push(card(true, Kind::Cancel, self.any_wire()));
        cards
    }

    fn any_wire(&mut self) -> Wire {
        match self.random.below(8) {
            0 | 1 => self.bad_wire(),
            2 => Wire::Cut,
            3 => Wire::OneWay(self.side()),
            _ => Wire::Good,
        }
    }

    fn bad_wire(&mut self) -> Wire {
        let random = &mut self.random;
        Wire::Bad(Faults {
            loss: LOSS_MAX * random.fraction(),
            duplication: DUPLICATION_MAX * random.fraction(),
            delay: random.time_up_to(DELAY_MAX),
            jitter: random.time_up_to(JITTER_MAX),
            ..Faults::seeded(random.bits())
        })
    }

    fn side(&mut self) -> Side {
        *self.random.pick(&[Side::Source, Side::Destination])
    }

    fn moment(&mut self, kind: Kind) -> Moment {
        let phases: &[&str] = match kind {
            // Later ones are too late to cancel.
            Kind::Cancel => &["Offer", "Rounds"],
            _ => &["Rounds", "Freeze", "Commit", "Release"],
        };
        match self.random.below(3) {
            0 => Moment::After(self.random.time_up_to(MOMENT_MAX)),
            _ => {
                let phase = self.random.pick(phases);
                Moment::AfterPhase(phase, self.random.time_up_to(PHASE_MOMENT_MAX))
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Action {
            kind,
            side,
            moment,
            line,
            lasts,
            wire,
        } = self;
        write!(formatter, "{kind:?}")?;
        match kind {
            Kind::Pause | Kind::EndServer => write!(formatter, " of {side:?} {moment:?}")?,
            Kind::Cancel | Kind::Wire => write!(formatter, " {moment:?}")?,
            Kind::KillDestination | Kind::KillSource => write!(formatter, " at line {line}")?,
            Kind::KillBystander => {}
        }
        write!(formatter, " for {lasts:?}, wire {wire:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_actions() {
        let actions = |seed| {
            let mut deck = Deck::new(seed);
            [(); 30].map(|()| deck.draw())
        };
        assert_eq!(actions(1), actions(1));
        assert_ne!(actions(1), actions(2));
    }

    fn decks(count: usize) -> Vec<Vec<Action>> {
        let mut deck = Deck::new(5);
        let mut draw = || {
            let mut actions = Vec::new();
            while actions.is_empty() || !deck.is_used_up() {
                actions.push(deck.draw());
            }
            actions
        };
        (0..count).map(|_| draw()).collect()
    }

    #[test]
    fn every_kind_comes_in_each_deck() {
        for actions in decks(10) {
            let comes = |kind| actions.iter().any(|action| action.kind == kind);
            assert!(KINDS.into_iter().all(comes), "{actions:?}");
        }
    }

    #[test]
    fn each_deck_strikes_moves_that_are_held() {
        for actions in decks(10) {
            for kind in [Kind::Cancel, Kind::Wire] {
                let is_held = |action: &&Action| {
                    action.kind == kind && matches!(action.moment, Moment::HeldAt(_))
                };
                assert_eq!(actions.iter().filter(is_held).count(), 1, "{actions:?}");
            }
        }
    }
}
