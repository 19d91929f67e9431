//! The roll call: what ends it, what does not, and that it never ends while somebody has the domain.

extern crate std;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use std::collections::HashSet;

use crate::*;

const HOME: MachineId = MachineId([1; 32]);
const B: MachineId = MachineId([2; 32]);
const C: MachineId = MachineId([3; 32]);
const FIRST: Turn = Turn(u64::MAX);
const NOW: Instant = Instant::from_us(0);

fn roll_call() -> RollCall {
    let name = Name::try_new("counter").expect("a name");
    let timing = Timing::default();
    RollCall::new(NOW, name, [HOME, B, C], FIRST, timing)
}

fn lacks(activated: u64) -> Standing {
    let life = LifeId(1);
    Standing::Lacks { life, activated }
}

fn holds() -> Standing {
    Standing::Holds {
        incarnation: Incarnation(2),
        runs: true,
    }
}

/// Everybody answers one turn.
fn answer(call: &mut RollCall, standings: [Standing; 3]) {
    let turn = call.turn();
    for (machine, standing) in [HOME, B, C].into_iter().zip(standings) {
        call.heard(NOW, machine, turn, standing);
    }
}

#[test]
fn is_over_when_everybody_has_said_no_twice() {
    let mut call = roll_call();
    assert_eq!(call.poll_asks(NOW), [HOME, B, C]);
    answer(&mut call, [lacks(0); 3]);
    assert!(!call.is_over());
    assert_eq!(call.poll_asks(NOW), [HOME, B, C]);
    answer(&mut call, [lacks(0); 3]);
    assert!(call.is_over());
    assert_eq!(call.poll_asks(call.poll_timeout()), []);
}

#[test]
fn a_machine_that_was_not_asked_and_one_that_is_silent_do_not_end_it() {
    let mut call = roll_call();
    for _ in 0..2 {
        let turn = call.turn();
        call.heard(NOW, HOME, turn, lacks(0));
        call.heard(NOW, B, turn, lacks(0));
        call.heard(NOW, MachineId([9; 32]), turn, lacks(0));
    }
    assert_eq!((call.turn(), call.is_over()), (FIRST, false));
}

#[test]
fn a_domain_that_goes_to_a_machine_that_has_said_no_is_found() {
    let mut call = roll_call();
    answer(&mut call, [lacks(0), lacks(0), lacks(0)]);
    answer(&mut call, [lacks(0), holds(), lacks(0)]);
    answer(&mut call, [lacks(0), lacks(1), lacks(0)]);
    assert!(!call.is_over());
}

#[test]
fn a_machine_that_had_one_meanwhile_has_run_it() {
    let mut call = roll_call();
    answer(&mut call, [lacks(0), lacks(0), lacks(0)]);
    answer(&mut call, [lacks(0), lacks(1), lacks(0)]);
    assert!(!call.is_over());
    answer(&mut call, [lacks(0), lacks(1), lacks(0)]);
    assert!(call.is_over());
}

#[test]
fn a_machine_that_was_restarted_meanwhile_is_asked_once_more() {
    let mut call = roll_call();
    answer(&mut call, [lacks(0); 3]);
    let life = LifeId(2);
    let anew = Standing::Lacks { life, activated: 0 };
    answer(&mut call, [lacks(0), anew, lacks(0)]);
    assert!(!call.is_over());
    answer(&mut call, [lacks(0), anew, lacks(0)]);
    assert!(call.is_over());
}

#[test]
fn answers_to_another_turn_are_not_heard() {
    let mut call = roll_call();
    answer(&mut call, [lacks(0); 3]);
    for machine in [HOME, B, C] {
        call.heard(NOW, machine, FIRST, lacks(0));
    }
    assert_eq!((call.turn(), call.is_over()), (Turn(0), false));
}

#[test]
fn asks_again_who_has_not_answered() {
    let mut call = roll_call();
    call.poll_asks(NOW);
    assert_eq!(call.poll_asks(Instant::from_us(1)), []);
    call.heard(NOW, B, FIRST, lacks(0));
    let due = call.poll_timeout();
    assert_eq!(call.poll_asks(due), [HOME, C]);
    assert!(call.poll_timeout() > due);
}

#[test]
fn names_who_is_silent_and_who_has_one() {
    let held = Obstacle::Held {
        by: B,
        incarnation: Incarnation(2),
        runs: true,
    };
    let obstacles = |call: &RollCall, now| -> Vec<Obstacle> { call.obstacles(now).collect() };
    let mut call = roll_call();
    call.poll_asks(NOW);
    assert_eq!(obstacles(&call, NOW), [HOME, B, C].map(Obstacle::Asked));
    answer(&mut call, [lacks(0), holds(), lacks(0)]);
    assert_eq!(obstacles(&call, NOW), [held]);
    let due = call.poll_timeout();
    assert_eq!(call.poll_asks(due), [HOME, B, C]);
    assert_eq!(obstacles(&call, due), [held]);
    let late = due.after_us(Timing::default().silence_limit_us);
    call.heard(late, HOME, call.turn(), lacks(0));
    call.heard(late, C, call.turn(), lacks(0));
    assert_eq!(obstacles(&call, late), [Obstacle::Silent(B)]);
}

/// It has gone from C to B since B was asked.
#[test]
fn a_part_of_a_turn_does_not_count_for_the_whole() {
    let mut call = roll_call();
    call.poll_asks(NOW);
    answer(&mut call, [lacks(0), lacks(0), holds()]);
    call.poll_asks(call.poll_timeout());
    call.heard(NOW, HOME, call.turn(), lacks(0));
    call.heard(NOW, C, call.turn(), lacks(0));
    let obstacles: Vec<Obstacle> = call.obstacles(NOW).collect();
    assert!(
        matches!(obstacles[..], [Obstacle::Held { by: C, .. }]),
        "{obstacles:?}"
    );
}

/// A fleet of three around a roll call.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Fleet {
    /// Who has the domain, for all that the fleet knows.
    holder: Option<usize>,
    /// Who has a copy that has never run: it is moving there, or it was, and the copy is in doubt.
    copy: Option<usize>,
    lives: [u64; 3],
    activated: [u64; 3],
    moves: u8,
    restarts: u8,
}

impl Fleet {
    fn standing(&self, machine: usize) -> Standing {
        match [self.holder, self.copy].contains(&Some(machine)) {
            true => holds(),
            false => Standing::Lacks {
                life: LifeId(self.lives[machine]),
                activated: self.activated[machine],
            },
        }
    }

    /// What may happen next in the fleet, the roll call apart.
    fn next(&self) -> Vec<Fleet> {
        let mut next = Vec::new();
        match (self.holder, self.copy) {
            (Some(from), None) if self.moves > 0 => next.extend(self.moving(from)),
            // Committed, or forced to run: the rest of the protocol decides when. Or given up.
            (holder, Some(to)) => {
                next.push(self.activated(to));
                let copy = None;
                next.push(Fleet {
                    holder,
                    copy,
                    ..self.clone()
                });
            }
            _ => {}
        }
        for machine in (0..3).filter(|_| self.restarts > 0) {
            let mut restarted = self.clone();
            restarted.restarts -= 1;
            restarted.lives[machine] += 1;
            restarted.activated[machine] = 0;
            // The migration server alone: what root holds stays.
            next.push(restarted.clone());
            let others = |has: &usize| *has != machine;
            restarted.holder = restarted.holder.filter(others);
            restarted.copy = restarted.copy.filter(others);
            next.push(restarted);
        }
        next
    }

    fn moving(&self, from: usize) -> impl Iterator<Item = Fleet> {
        (0..3).filter(move |to| *to != from).map(|to| Fleet {
            copy: Some(to),
            moves: self.moves - 1,
            ..self.clone()
        })
    }

    fn activated(&self, to: usize) -> Fleet {
        let mut moved = self.clone();
        moved.activated[to] += 1;
        (moved.holder, moved.copy) = (Some(to), None);
        moved
    }

    fn is_gone(&self) -> bool {
        self.holder.is_none() && self.copy.is_none()
    }
}

/// Explores every order of moves, restarts and answers within some turns; says whether a call ended, and whether one ended while
/// somebody had the domain. That an answer is under way for a while gives no other orders: it counts for its turn only.
fn explore(heard: fn(&mut RollCall, MachineId, Standing)) -> (bool, bool) {
    const TURNS: u64 = 4;
    let begin = Fleet {
        holder: Some(1),
        copy: None,
        lives: [0; 3],
        activated: [0; 3],
        moves: 2,
        restarts: 1,
    };
    let (mut ended, mut wrong) = (false, false);
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([(begin, roll_call())]);
    while let Some((fleet, call)) = open.pop_front() {
        let is_late = call.turn().0.wrapping_sub(FIRST.0) >= TURNS;
        if !seen.insert((fleet.clone(), call.clone())) || is_late {
            continue;
        }
        if call.is_over() {
            (ended, wrong) = (true, wrong || !fleet.is_gone());
            continue;
        }
        open.extend(fleet.next().into_iter().map(|next| (next, call.clone())));
        for (machine, id) in [HOME, B, C].into_iter().enumerate() {
            let mut next = call.clone();
            heard(&mut next, id, fleet.standing(machine));
            open.push_back((fleet.clone(), next));
        }
    }
    std::println!("{} states", seen.len());
    (ended, wrong)
}

#[test]
fn never_ends_while_somebody_has_the_domain() {
    let found = explore(|call, from, standing| call.heard(NOW, from, call.turn(), standing));
    assert_eq!(found, (true, false));
}

#[test]
fn would_end_too_early_if_nobody_counted_what_was_activated_or_told_lives_apart() {
    let uncounted = explore(|call, from, standing| {
        let standing = match standing {
            Standing::Lacks { life, .. } => Standing::Lacks { life, activated: 0 },
            holds => holds,
        };
        call.heard(NOW, from, call.turn(), standing);
    });
    assert_eq!(uncounted, (true, true));
    let nameless = explore(|call, from, standing| {
        let life = LifeId(0);
        let standing = match standing {
            Standing::Lacks { activated, .. } => Standing::Lacks { life, activated },
            holds => holds,
        };
        call.heard(NOW, from, call.turn(), standing);
    });
    assert_eq!(nameless, (true, true));
}

#[test]
fn a_silent_machine_does_not_make_what_others_answer_last() {
    let mut call = roll_call();
    call.poll_asks(NOW);
    let stands = Standing::Holds {
        incarnation: Incarnation(2),
        runs: false,
    };
    call.heard(NOW, HOME, FIRST, lacks(0));
    call.heard(NOW, B, FIRST, stands);
    // C is silent, and B is asked again.
    let late = NOW.after_us(Timing::STANDARD.silence_limit_us);
    assert_eq!(call.poll_asks(late), [HOME, B, C]);
    let silent = [HOME, B, C].map(Obstacle::Silent);
    assert_eq!(call.obstacles(late).collect::<Vec<_>>(), silent);
    call.heard(late, HOME, FIRST, lacks(0));
    call.heard(late, B, FIRST, holds());
    let held = Obstacle::Held {
        by: B,
        incarnation: Incarnation(2),
        runs: true,
    };
    let obstacles: Vec<_> = call.obstacles(late).collect();
    assert_eq!(obstacles, [held, Obstacle::Silent(C)]);
}
