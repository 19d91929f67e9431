//! The hand-over in every order within bounds; and that the judges are awake.

use nomad_protocol::Timing;
use nomad_protocol::planner::Goals;
use nomad_simulator::exploration::{Bounds, Exploration};
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::world::Setup;
use stateright::{Checker, Model};

/// One move, and no fault.
const PLAIN: Bounds = Bounds {
    offers: 1,
    crashes: [0, 0],
    limits: 2,
    cancels: 0,
    breaks: 0,
    steps: 0,
    interferences: 0,
    deadlines: 0,
};

fn exploration(bounds: Bounds, reachable: &[Outcome], mutant: Mutant) -> Exploration {
    // Timers fire whenever they are armed; equal intervals keep the states few.
    let timing = Timing {
        repeat_first_us: 1,
        repeat_max_us: 1,
        ..Timing::default()
    };
    // A goal that is never met: every move takes two rounds, unless nothing is dirty.
    let goals = Goals {
        downtime_us: 0,
        overhead_us: 1,
        rounds_max: 2,
    };
    let setup = Setup {
        pages: 2,
        pool_pages: [4; 2],
        goals,
        timing,
        // Deadlines pass when the exploration says so.
        freeze_us: 1,
        mutant,
    };
    Exploration {
        setup,
        bounds,
        reachable: reachable.to_vec(),
    }
}

/// Explores everything within `bounds`: no property may be violated, and every end in `reachable` must be met.
fn explore(bounds: Bounds, reachable: &[Outcome]) {
    let model = exploration(bounds, reachable, Mutant::None);
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!("{} states within {bounds:?}", checker.unique_state_count());
    checker.assert_properties();
}

/// Explores a world that breaks a rule, until a property is violated.
fn is_caught(mutant: Mutant, bounds: Bounds) -> bool {
    let checker = exploration(bounds, &[], mutant)
        .checker()
        .threads(2)
        .spawn_bfs()
        .join();
    !checker.discoveries().is_empty()
}

#[test]
fn a_move_without_faults_ends_well_in_every_order() {
    explore(
        Bounds { steps: 2, ..PLAIN },
        &[Outcome::Moved, Outcome::Stayed],
    );
}

#[test]
fn the_source_may_crash_anywhere() {
    let ends = [
        Outcome::Moved,
        Outcome::Stayed,
        Outcome::TargetInDoubt,
        Outcome::Lost,
    ];
    explore(
        Bounds {
            crashes: [1, 0],
            steps: 2,
            ..PLAIN
        },
        &ends,
    );
}

#[test]
fn the_target_may_crash_anywhere() {
    let ends = [
        Outcome::Moved,
        Outcome::Stayed,
        Outcome::SourceInDoubt,
        Outcome::Lost,
    ];
    explore(
        Bounds {
            crashes: [0, 1],
            steps: 1,
            interferences: 1,
            ..PLAIN
        },
        &ends,
    );
}

#[test]
fn both_may_crash_anywhere() {
    use Outcome::*;
    explore(
        Bounds {
            crashes: [1, 1],
            ..PLAIN
        },
        &[Moved, Stayed, TargetInDoubt, SourceInDoubt, Lost],
    );
}

#[test]
fn outsiders_may_change_the_frozen_domain_at_any_time() {
    explore(
        Bounds {
            interferences: 3,
            steps: 1,
            ..PLAIN
        },
        &[Outcome::Moved, Outcome::Stayed],
    );
}

#[test]
fn a_freeze_may_end_at_any_time() {
    let ends = [Outcome::Moved, Outcome::Stayed];
    explore(
        Bounds {
            deadlines: 2,
            steps: 2,
            interferences: 1,
            ..PLAIN
        },
        &ends,
    );
    explore(
        Bounds {
            offers: 2,
            deadlines: 1,
            cancels: 1,
            limits: 1,
            ..PLAIN
        },
        &ends,
    );
}

#[test]
fn a_freeze_may_end_whatever_has_become_of_nomad() {
    use Outcome::*;
    let bounds = Bounds {
        crashes: [1, 0],
        deadlines: 1,
        steps: 1,
        ..PLAIN
    };
    explore(bounds, &[Moved, Stayed, TargetInDoubt, Lost]);
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
    explore(bounds, &[Outcome::Moved, Outcome::Stayed]);
}

#[test]
fn messages_of_a_first_move_do_not_harm_a_second() {
    let bounds = Bounds {
        offers: 2,
        cancels: 1,
        limits: 1,
        ..PLAIN
    };
    explore(bounds, &[Outcome::Moved, Outcome::Stayed]);
}

#[test]
fn a_domain_that_moves_there_and_back_outlives_crashes_of_nomad() {
    let ends = [Outcome::Moved, Outcome::Stayed];
    explore(
        Bounds {
            offers: 2,
            crashes: [1, 0],
            limits: 0,
            ..PLAIN
        },
        &ends,
    );
    explore(
        Bounds {
            offers: 2,
            crashes: [0, 1],
            limits: 0,
            ..PLAIN
        },
        &ends,
    );
}

#[test]
fn nothing_is_caught_where_no_rule_is_broken() {
    assert!(!is_caught(Mutant::None, Bounds { steps: 1, ..PLAIN }));
}

#[test]
fn a_source_that_thaws_after_the_commit_point_is_caught() {
    assert!(is_caught(Mutant::SourceThawsAfterCommit, PLAIN));
}

#[test]
fn a_target_that_runs_what_was_not_committed_is_caught() {
    assert!(is_caught(Mutant::TargetRunsUncommitted, PLAIN));
}

#[test]
fn a_target_that_drops_what_it_is_prepared_for_is_caught() {
    assert!(is_caught(Mutant::TargetDropsPrepared, PLAIN));
}

#[test]
fn a_kernel_that_retires_another_version_is_caught() {
    assert!(is_caught(
        Mutant::KernelIgnoresVersion,
        Bounds {
            interferences: 1,
            ..PLAIN
        }
    ));
}

#[test]
fn a_kernel_that_retires_what_has_run_again_is_caught() {
    assert!(is_caught(
        Mutant::KernelRetiresThawed,
        Bounds {
            deadlines: 1,
            steps: 1,
            ..PLAIN
        }
    ));
}

#[test]
fn records_that_do_not_outlive_nomad_are_caught() {
    assert!(is_caught(
        Mutant::RecordsAreLost,
        Bounds {
            crashes: [1, 0],
            ..PLAIN
        }
    ));
    assert!(is_caught(
        Mutant::RecordsAreLost,
        Bounds {
            crashes: [0, 1],
            ..PLAIN
        }
    ));
}

#[test]
fn a_freeze_that_forgets_pages_is_caught() {
    assert!(is_caught(
        Mutant::FreezeForgetsPages,
        Bounds { steps: 2, ..PLAIN }
    ));
}
