//! What a nemesis does: [`Action`], and the [`Deck`] that it draws from.

use std::fmt;
use std::time::Duration;

use crate::random::Random;
use crate::{Faults, Node};

/// The longest time from the beginning of a move to an action.
const MOMENT_MAX: Duration = Duration::from_secs(1);
/// The longest time from a phase to an action.
const PHASE_MOMENT_MAX: Duration = Duration::from_millis(150);
/// The longest time that a wire is bad: longer than a machine's servers wait for each other.
const BAD_MAX: Duration = Duration::from_secs(7);
/// Limits of a pause: the longest is longer than a domain may be frozen.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The longest time that a machine which was killed is away.
const AWAY_MAX: Duration = Duration::from_secs(3);

/// Lines of a move before its commit point, at which the domain runs at the source.
pub const EARLY_LINES: [&str; 3] = ["phase Offer", "phase Rounds", "round 1"];

/// What a bad wire does at most. Frames overtake each other by the jitter.
const LOSS_MAX: f64 = 0.05;
const DUPLICATION_MAX: f64 = 0.1;
const DELAY_MAX: Duration = Duration::from_millis(5);
const JITTER_MAX: Duration = Duration::from_millis(10);

/// The kinds of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The move is cancelled.
    Cancel,
    /// Something happens to the wire alone.
    Wire,
    /// A machine's processor stands still for a while.
    Pause,
    /// A machine's migration server ends, and is started anew.
    EndServer,
    /// The machine that does not run the store is killed while nothing moves, and started anew.
    KillBystander,
    /// The target is killed before the commit point, and started anew.
    KillTarget,
    /// The source is killed after the commit point, and started anew.
    KillSource,
}

/// All kinds. A deck has each once, [`Kind::Cancel`] once more, and [`Kind::Wire`] once for each thing that happens to a wire.
pub const KINDS: [Kind; 7] = [
    Kind::Cancel,
    Kind::Wire,
    Kind::Pause,
    Kind::EndServer,
    Kind::KillBystander,
    Kind::KillTarget,
    Kind::KillSource,
];

/// What happens to the wire between the machines meanwhile. The clients reach both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    /// Nothing.
    Good,
    /// It loses, doubles, delays and reorders frames, also the clients', from the beginning of the move on, or from a kill on.
    Bad(Faults),
    /// It is cut at the moment of the action.
    Cut,
    /// It loses what this machine sends the other, from the moment of the action on.
    OneWay(Side),
}

/// One of the two machines of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It has the store.
    Source,
    /// The store is to go there.
    Target,
}

/// When in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long after its beginning.
    After(Duration),
    /// So long after the operator heard of this phase.
    AfterPhase(&'static str, Duration),
    /// While the source's migration server stands still at this line, which it tells before the commit point.
    HeldAt(&'static str),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// What.
    pub kind: Kind,
    /// To whom, of those who may be hit.
    pub side: Side,
    /// When, if at any moment.
    pub moment: Moment,
    /// At which of the lines that a server may be held at, for those who are killed in a move.
    pub line: u64,
    /// For how long.
    pub lasts: Duration,
    /// What happens to the wire meanwhile.
    pub wire: Wire,
}

/// What a deck decides of an action before its order: the rest is drawn with it.
#[derive(Clone, Copy, Debug)]
struct Card {
    kind: Kind,
    wire: Wire,
    /// The move is held before its commit point meanwhile, so that the action strikes it for certain.
    is_held: bool,
}

/// Actions in a random order, in which no kind is forgotten: every kind once, in a random order, and so on.
///
/// A move may be over before an action at any moment strikes it. Therefore each deck has a cancel and a cut wire besides that strike
/// a move which is held.
#[derive(Debug)]
pub struct Deck {
    random: Random,
    left: Vec<Card>,
}

impl Side {
    /// The machine, if the store runs on `source`.
    pub fn node(self, source: Node) -> Node {
        match self {
            Side::Source => source,
            Side::Target => source.other(),
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

    /// Whether all of a deck was drawn.
    pub fn is_through(&self) -> bool {
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
            Kind::KillBystander | Kind::KillTarget | Kind::KillSource => {
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
        *self.random.pick(&[Side::Source, Side::Target])
    }

    fn moment(&mut self, kind: Kind) -> Moment {
        let phases: &[&str] = match kind {
            // Later it is too late.
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
            Kind::KillTarget | Kind::KillSource => write!(formatter, " at line {line}")?,
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
            while actions.is_empty() || !deck.is_through() {
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
