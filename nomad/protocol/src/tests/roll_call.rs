//! The roll call: what ends it, what does not, and that it never ends while a machine has the domain.

extern crate std;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use std::collections::HashSet;

use identity::{Incarnation, Name};

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

fn absent(activated: u64) -> Presence {
    let life = LifeId(1);
    Presence::Absent { life, activated }
}

fn present() -> Presence {
    Presence::Present {
        incarnation: Incarnation(2),
        runs: true,
    }
}

/// All machines reply in one turn.
fn reply_all(call: &mut RollCall, replies: [Presence; 3]) {
    let turn = call.turn();
    for (machine, presence) in [HOME, B, C].into_iter().zip(replies) {
        call.handle_reply(NOW, machine, turn, presence);
    }
}

#[test]
fn is_over_after_two_turns_of_absence() {
    let mut call = roll_call();
    assert_eq!(call.poll_queries(NOW), [HOME, B, C]);
    reply_all(&mut call, [absent(0); 3]);
    assert!(!call.is_over());
    assert_eq!(call.poll_queries(NOW), [HOME, B, C]);
    reply_all(&mut call, [absent(0); 3]);
    assert!(call.is_over());
    assert_eq!(call.poll_queries(call.poll_timeout()), []);
}

#[test]
fn a_machine_whose_replies_are_forgotten_has_to_reply_in_two_turns_again() {
    let mut call = roll_call();
    // Between the turns, in the second one, and when it is over.
    for replies_before in [3, 5, 6] {
        for reply in 0..replies_before {
            let machine = [HOME, B, C][reply % 3];
            let turn = call.turn();
            call.handle_reply(NOW, machine, turn, absent(0));
        }
        call.forget_replies(C);
        assert!(!call.is_over());
        if replies_before % 3 == 0 {
            reply_all(&mut call, [absent(0); 3]);
        } else {
            let turn = call.turn();
            call.handle_reply(NOW, C, turn, absent(0));
        }
        assert!(!call.is_over(), "{replies_before}");
        assert_eq!(call.poll_queries(NOW), [HOME, B, C]);
        reply_all(&mut call, [absent(0); 3]);
        assert!(call.is_over(), "{replies_before}");
        call = roll_call();
    }
}

#[test]
fn neither_a_stranger_nor_a_silent_machine_ends_it() {
    let mut call = roll_call();
    for _ in 0..2 {
        let turn = call.turn();
        call.handle_reply(NOW, HOME, turn, absent(0));
        call.handle_reply(NOW, B, turn, absent(0));
        call.handle_reply(NOW, MachineId([9; 32]), turn, absent(0));
    }
    assert_eq!((call.turn(), call.is_over()), (FIRST, false));
}

#[test]
fn a_domain_that_moves_to_a_machine_that_has_replied_is_found() {
    let mut call = roll_call();
    reply_all(&mut call, [absent(0), absent(0), absent(0)]);
    reply_all(&mut call, [absent(0), present(), absent(0)]);
    reply_all(&mut call, [absent(0), absent(1), absent(0)]);
    assert!(!call.is_over());
}

#[test]
fn a_machine_that_had_the_domain_meanwhile_has_activated_it() {
    let mut call = roll_call();
    reply_all(&mut call, [absent(0), absent(0), absent(0)]);
    reply_all(&mut call, [absent(0), absent(1), absent(0)]);
    assert!(!call.is_over());
    reply_all(&mut call, [absent(0), absent(1), absent(0)]);
    assert!(call.is_over());
}

#[test]
fn a_machine_that_was_restarted_meanwhile_is_queried_once_more() {
    let mut call = roll_call();
    reply_all(&mut call, [absent(0); 3]);
    let life = LifeId(2);
    let anew = Presence::Absent { life, activated: 0 };
    reply_all(&mut call, [absent(0), anew, absent(0)]);
    assert!(!call.is_over());
    reply_all(&mut call, [absent(0), anew, absent(0)]);
    assert!(call.is_over());
}

#[test]
fn replies_to_another_turn_are_ignored() {
    let mut call = roll_call();
    reply_all(&mut call, [absent(0); 3]);
    for machine in [HOME, B, C] {
        call.handle_reply(NOW, machine, FIRST, absent(0));
    }
    assert_eq!((call.turn(), call.is_over()), (Turn(0), false));
}

#[test]
fn repeats_queries_without_a_reply() {
    let mut call = roll_call();
    call.poll_queries(NOW);
    assert_eq!(call.poll_queries(Instant::from_us(1)), []);
    call.handle_reply(NOW, B, FIRST, absent(0));
    let due = call.poll_timeout();
    assert_eq!(call.poll_queries(due), [HOME, C]);
    assert!(call.poll_timeout() > due);
}

#[test]
fn names_the_silent_machines_and_the_holders() {
    let held = Obstacle::Held {
        by: B,
        incarnation: Incarnation(2),
        runs: true,
    };
    let obstacles = |call: &RollCall, now| -> Vec<Obstacle> { call.obstacles(now).collect() };
    let mut call = roll_call();
    call.poll_queries(NOW);
    assert_eq!(obstacles(&call, NOW), [HOME, B, C].map(Obstacle::Pending));
    reply_all(&mut call, [absent(0), present(), absent(0)]);
    assert_eq!(obstacles(&call, NOW), [held]);
    let due = call.poll_timeout();
    assert_eq!(call.poll_queries(due), [HOME, B, C]);
    assert_eq!(obstacles(&call, due), [held]);
    let late = due.after_us(Timing::default().silence_limit_us);
    call.handle_reply(late, HOME, call.turn(), absent(0));
    call.handle_reply(late, C, call.turn(), absent(0));
    assert_eq!(obstacles(&call, late), [Obstacle::Silent(B)]);
}

/// The domain has moved from C to B since B was queried.
#[test]
fn an_incomplete_turn_does_not_replace_the_last_complete_one() {
    let mut call = roll_call();
    call.poll_queries(NOW);
    reply_all(&mut call, [absent(0), absent(0), present()]);
    call.poll_queries(call.poll_timeout());
    call.handle_reply(NOW, HOME, call.turn(), absent(0));
    call.handle_reply(NOW, C, call.turn(), absent(0));
    let obstacles: Vec<Obstacle> = call.obstacles(NOW).collect();
    assert!(
        matches!(obstacles[..], [Obstacle::Held { by: C, .. }]),
        "{obstacles:?}"
    );
}

/// A fleet of three around a roll call.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Fleet {
    /// The machine that has the domain.
    holder: Option<usize>,
    /// The machine with a copy that has never run: the domain is moving there, or was, and the copy is in doubt.
    copy: Option<usize>,
    lives: [u64; 3],
    activated: [u64; 3],
    moves: u8,
    restarts: u8,
}

impl Fleet {
    fn presence(&self, machine: usize) -> Presence {
        if [self.holder, self.copy].contains(&Some(machine)) {
            return present();
        }
        Presence::Absent {
            life: LifeId(self.lives[machine]),
            activated: self.activated[machine],
        }
    }

    /// The possible next states of the fleet, without the roll call.
    fn next(&self) -> Vec<Fleet> {
        let mut next = Vec::new();
        match (self.holder, self.copy) {
            (Some(from), None) if self.moves > 0 => next.extend(self.moving(from)),
            // The copy is committed or forced to run, at any time, since the rest of the protocol is not modelled. Or
            // it is discarded.
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
            // The migration server alone: root keeps its domains.
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

/// Explores every order of moves, restarts and replies within a few turns. Returns whether a call ended, and whether
/// one ended while a machine had the domain. Delayed replies are not explored, since a reply counts for its own turn
/// only.
fn explore(reply: fn(&mut RollCall, MachineId, Presence)) -> (bool, bool) {
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
            reply(&mut next, id, fleet.presence(machine));
            open.push_back((fleet.clone(), next));
        }
    }
    std::println!("{} states", seen.len());
    (ended, wrong)
}

#[test]
fn never_ends_while_a_machine_has_the_domain() {
    let found = explore(|call, from, presence| call.handle_reply(NOW, from, call.turn(), presence));
    assert_eq!(found, (true, false));
}

#[test]
fn would_end_too_early_without_activation_counts_or_lives() {
    let uncounted = explore(|call, from, presence| {
        let presence = match presence {
            Presence::Absent { life, .. } => Presence::Absent { life, activated: 0 },
            present => present,
        };
        call.handle_reply(NOW, from, call.turn(), presence);
    });
    assert_eq!(uncounted, (true, true));
    let nameless = explore(|call, from, presence| {
        let life = LifeId(0);
        let presence = match presence {
            Presence::Absent { activated, .. } => Presence::Absent { life, activated },
            present => present,
        };
        call.handle_reply(NOW, from, call.turn(), presence);
    });
    assert_eq!(nameless, (true, true));
}

#[test]
fn replies_expire_while_another_machine_is_silent() {
    let mut call = roll_call();
    call.poll_queries(NOW);
    let stands = Presence::Present {
        incarnation: Incarnation(2),
        runs: false,
    };
    call.handle_reply(NOW, HOME, FIRST, absent(0));
    call.handle_reply(NOW, B, FIRST, stands);
    // C is silent, and B is queried again.
    let late = NOW.after_us(Timing::STANDARD.silence_limit_us);
    assert_eq!(call.poll_queries(late), [HOME, B, C]);
    let silent = [HOME, B, C].map(Obstacle::Silent);
    assert_eq!(call.obstacles(late).collect::<Vec<_>>(), silent);
    call.handle_reply(late, HOME, FIRST, absent(0));
    call.handle_reply(late, B, FIRST, present());
    let held = Obstacle::Held {
        by: B,
        incarnation: Incarnation(2),
        runs: true,
    };
    let obstacles: Vec<_> = call.obstacles(late).collect();
    assert_eq!(obstacles, [held, Obstacle::Silent(C)]);
}
