//! The order of a nemesis's actions: [`Deck`].

use std::time::Duration;

use super::action::{Action, EARLY_LINES, KINDS, Kind, Moment, Side, Wire};
use crate::Faults;
use crate::random::Random;

/// The longest time from the start of a move to an action.
const MOMENT_MAX: Duration = Duration::from_secs(1);
/// The longest time from a phase to an action.
const PHASE_MOMENT_MAX: Duration = Duration::from_millis(150);
/// The longest time for which a wire is bad. It exceeds the timeouts between migration servers.
const BAD_MAX: Duration = Duration::from_secs(7);
/// The bounds of a pause: the longest exceeds the time that a domain may be frozen.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The longest time before a killed machine is restarted.
const AWAY_MAX: Duration = Duration::from_secs(3);

/// The bounds of a bad wire's faults. Jitter reorders frames.
const LOSS_MAX: f64 = 0.05;
const DUPLICATION_MAX: f64 = 0.1;
const DELAY_MAX: Duration = Duration::from_millis(5);
const JITTER_MAX: Duration = Duration::from_millis(10);

/// The part of an action that the deck determines. The rest is drawn at random.
#[derive(Clone, Copy, Debug)]
struct Card {
    kind: Kind,
    wire: Wire,
    /// Whether the move is held before its commit point, so that the action is certain to strike it.
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
        let moment = if is_held {
            let line = self.random.pick(&EARLY_LINES);
            Moment::HeldAt(line)
        } else {
            self.moment(kind)
        };
        let line = self.random.bits();
        let lasts = match kind {
            Kind::Pause => PAUSE_MIN + self.random.time_up_to(PAUSE_MAX - PAUSE_MIN),
            Kind::KillBystander | Kind::KillDestination | Kind::KillReceiver | Kind::KillSource => {
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
        let [silent, unplugged] = [(); 2].map(|()| self.side());
        let wires = [
            self.bad_wire(),
            Wire::OneWay(silent),
            Wire::Unplugged(unplugged),
        ];
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
            // After these phases it is too late to cancel, or to kill the receiver.
            Kind::Cancel | Kind::KillReceiver => &["Offer", "Rounds"],
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
    fn each_deck_has_every_disturbance_of_a_wire() {
        type IsIt = fn(Wire) -> bool;
        let disturbances: [IsIt; 4] = [
            |it| matches!(it, Wire::Bad(_)),
            |it| it == Wire::Cut,
            |it| matches!(it, Wire::OneWay(_)),
            |it| matches!(it, Wire::Unplugged(_)),
        ];
        for actions in decks(10) {
            let wires = actions.iter().filter(|action| action.kind == Kind::Wire);
            let wires: Vec<Wire> = wires.map(|action| action.wire).collect();
            let comes = |is_it: &IsIt| wires.iter().any(|wire| is_it(*wire));
            assert!(disturbances.iter().all(comes), "{wires:?}");
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
