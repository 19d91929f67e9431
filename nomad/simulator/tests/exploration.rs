//! The hand-over in every order within bounds, with the number of states that this takes.
//!
//! The explorer is deterministic, so the number of states is exact. A number that changes means that more or less is
//! explored than before, and must be explained in the commit that changes it; `docs/verification.md` lists them.
//!
//! The largest explorations, each of which takes two cores 10 to 30 s, are ignored tests: `scripts/test --long` runs them, and so does
//! `cargo test -p nomad-simulator --test exploration -- --ignored`.

mod scenarios;

use std::time::Instant;

use nomad_simulator::exploration::{Bounds, Exploration, Reachable};
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
use scenarios::{CROSSING, Fleet, GUEST, PAIR, PLAIN, THREE, TOGETHER, exploration};
use stateright::{Checker, Model};

const MOVED: Reachable = Reachable::Some(Outcome::Moved);
const STAYED: Reachable = Reachable::Some(Outcome::Stayed);
const LOST: Reachable = Reachable::Some(Outcome::Lost);
const DESTINATION_IN_DOUBT: Reachable = Reachable::Some(Outcome::DestinationInDoubt);
const SOURCE_IN_DOUBT: Reachable = Reachable::Some(Outcome::SourceInDoubt);

/// Explores everything within `bounds`: no property may be violated, every end in `reachable` must be met, and it takes
/// exactly this many states.
fn explore(fleet: Fleet, bounds: Bounds, reachable: &[Reachable], states: usize) {
    check(exploration(fleet, bounds, reachable, Mutant::None), states);
}

fn check(model: Exploration, states: usize) {
    let bounds = model.bounds;
    let began = Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    let (count, took) = (checker.unique_state_count(), began.elapsed());
    println!("{count} states in {took:.1?} within {bounds:?}");
    checker.assert_properties();
    assert_eq!(count, states, "within {bounds:?}");
}

#[test]
fn a_move_without_faults_ends_well_in_every_order() {
    explore(PAIR, Bounds { steps: 2, ..PLAIN }, &[MOVED, STAYED], 5_632);
}

/// The deadline counts as one of the limits.
#[test]
fn an_operators_deadline_may_pass_at_any_time() {
    let bounds = Bounds {
        crashes: [1, 0, 0],
        limits: 1,
        steps: 1,
        ..PLAIN
    };
    let ends = [MOVED, STAYED, DESTINATION_IN_DOUBT];
    let mut model = exploration(PAIR, bounds, &ends, Mutant::None);
    model.setup.options.timeout_us = Some(1);
    check(model, 6_434);
}

#[test]
fn the_source_may_crash_anywhere() {
    let ends = [MOVED, STAYED, DESTINATION_IN_DOUBT, LOST];
    explore(
        PAIR,
        Bounds {
            crashes: [1, 0, 0],
            steps: 2,
            ..PLAIN
        },
        &ends,
        28_945,
    );
}

#[test]
fn the_destination_may_crash_anywhere() {
    let ends = [MOVED, STAYED, SOURCE_IN_DOUBT, LOST];
    explore(
        PAIR,
        Bounds {
            crashes: [0, 1, 0],
            steps: 1,
            interferences: 1,
            ..PLAIN
        },
        &ends,
        188_483,
    );
}

#[test]
fn both_may_crash_anywhere() {
    explore(
        PAIR,
        Bounds {
            crashes: [1, 1, 0],
            ..PLAIN
        },
        &[MOVED, STAYED, DESTINATION_IN_DOUBT, SOURCE_IN_DOUBT, LOST],
        56_648,
    );
}

#[test]
fn outsiders_may_change_the_frozen_domain_at_any_time() {
    explore(
        PAIR,
        Bounds {
            interferences: 3,
            steps: 1,
            ..PLAIN
        },
        &[MOVED, STAYED],
        87_433,
    );
}

#[test]
fn a_freeze_may_end_at_any_time() {
    let ends = [MOVED, STAYED];
    explore(
        PAIR,
        Bounds {
            deadlines: 2,
            steps: 2,
            interferences: 1,
            ..PLAIN
        },
        &ends,
        40_748,
    );
}

#[test]
#[ignore = "large"]
fn a_freeze_may_end_at_any_time_of_two_moves() {
    let bounds = Bounds {
        offers: 2,
        deadlines: 1,
        cancels: 1,
        limits: 1,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 299_373);
}

#[test]
fn a_freeze_may_end_whether_or_not_nomad_has_crashed() {
    let bounds = Bounds {
        crashes: [1, 0, 0],
        deadlines: 1,
        steps: 1,
        ..PLAIN
    };
    explore(
        PAIR,
        bounds,
        &[MOVED, STAYED, DESTINATION_IN_DOUBT, LOST],
        16_796,
    );
}

#[test]
fn operators_may_cancel_and_streams_break_at_any_time() {
    let bounds = Bounds {
        cancels: 1,
        breaks: 1,
        interferences: 1,
        steps: 1,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 63_639);
}

#[test]
fn a_page_stream_may_arrive_again() {
    let bounds = Bounds {
        breaks: 1,
        replays: 1,
        limits: 0,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 307);
}

#[test]
fn messages_of_a_first_move_do_not_harm_a_second() {
    let bounds = Bounds {
        offers: 2,
        cancels: 1,
        limits: 0,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 23_754);
}

#[test]
#[ignore = "large"]
fn messages_of_a_first_move_do_not_harm_a_second_although_a_limit_passes() {
    let bounds = Bounds {
        offers: 2,
        cancels: 1,
        limits: 1,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 202_395);
}

#[test]
fn a_domain_that_moves_there_and_back_outlives_crashes_of_nomad() {
    let ends = [MOVED, STAYED];
    explore(
        PAIR,
        Bounds {
            offers: 2,
            crashes: [1, 0, 0],
            limits: 0,
            ..PLAIN
        },
        &ends,
        146_397,
    );
    explore(
        PAIR,
        Bounds {
            offers: 2,
            crashes: [0, 1, 0],
            limits: 0,
            ..PLAIN
        },
        &ends,
        147_683,
    );
}

#[test]
fn any_step_of_a_machine_may_fail() {
    let bounds = Bounds {
        failures: 2,
        limits: 1,
        ..PLAIN
    };
    explore(PAIR, bounds, &[MOVED, STAYED], 1_705);
}

#[test]
fn nomad_may_die_between_the_two_writes_of_a_record() {
    for (crashes, states) in [([2, 0, 0], 1_388), ([0, 2, 0], 10_801)] {
        let bounds = Bounds {
            crashes,
            torn_records: 1,
            limits: 0,
            ..PLAIN
        };
        explore(PAIR, bounds, &[MOVED, STAYED, LOST], states);
    }
}

#[test]
fn of_three_machines_either_of_the_others_may_be_the_destination() {
    let bounds = Bounds { steps: 1, ..PLAIN };
    explore(THREE, bounds, &[MOVED, STAYED], 4_718);
}

#[test]
fn a_domain_may_move_on_to_a_third_machine_before_the_first_move_is_settled() {
    let ends = [MOVED, STAYED, Reachable::MovedOn];
    let twice = Bounds {
        offers: 2,
        limits: 0,
        ..PLAIN
    };
    explore(THREE, twice, &ends, 14_003);
    let bounds = Bounds {
        cancels: 1,
        ..twice
    };
    explore(THREE, bounds, &ends, 87_521);
}

/// Explores the moves of a domain among three machines, one of which crashes.
fn explore_three_with_a_crash(
    offers: u8,
    limits: u8,
    crashes: [u8; 3],
    reachable: &[Reachable],
    states: usize,
) {
    let bounds = Bounds {
        offers,
        crashes,
        limits,
        ..PLAIN
    };
    explore(THREE, bounds, reachable, states);
}

/// The third machine plays the same part as the second.
#[test]
fn any_of_three_machines_may_crash_while_a_domain_moves_to_either_of_the_others() {
    let source = [MOVED, STAYED, DESTINATION_IN_DOUBT, LOST];
    let ends = [MOVED, STAYED, LOST];
    explore_three_with_a_crash(1, 1, [1, 0, 0], &source, 3_357);
    explore_three_with_a_crash(1, 1, [0, 0, 1], &ends, 5_410);
}

#[test]
#[ignore = "large"]
fn any_of_three_machines_may_crash_while_a_domain_moves_on() {
    let ends = [MOVED, STAYED, LOST];
    explore_three_with_a_crash(2, 0, [1, 0, 0], &ends, 335_889);
    explore_three_with_a_crash(2, 0, [0, 1, 0], &ends, 366_509);
}

#[test]
fn a_domain_may_move_to_a_guest_and_on_in_every_order() {
    let two = Bounds {
        offers: 2,
        limits: 0,
        ..PLAIN
    };
    explore(GUEST, two, &[MOVED, STAYED], 7_467);
    let crash = Bounds {
        offers: 1,
        limits: 1,
        crashes: [0, 0, 1],
        ..PLAIN
    };
    let ends = [MOVED, STAYED, SOURCE_IN_DOUBT, LOST];
    explore(GUEST, crash, &ends, 5_410);
}

#[test]
fn two_domains_may_cross_each_other() {
    let ends = [STAYED, Reachable::AllMoved];
    let both = Bounds {
        offers: 2,
        limits: 0,
        ..PLAIN
    };
    explore(CROSSING, both, &ends, 14_865);
    explore(CROSSING, Bounds { cancels: 1, ..both }, &ends, 151_439);
}

#[test]
fn two_domains_of_one_machine_may_move_together() {
    let bounds = Bounds {
        offers: 2,
        cancels: 1,
        limits: 0,
        ..PLAIN
    };
    explore(TOGETHER, bounds, &[STAYED, Reachable::AllMoved], 188_215);
}
