//! The judges of the exploration work: each broken rule is caught by its consequence.
//!
//! Only the first bad state in the explorer's order is reported. The explorer has one thread, so that the order is the
//! same in every run.

mod scenarios;

use nomad_simulator::exploration::{Bounds, EVERY_STEP, State, THE_END};
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Defect;
use scenarios::{CROSSING, Fleet, PAIR, PLAIN, THREE, TOGETHER, exploration};
use stateright::{Checker, Model};

/// The violations caught by the judge of every step and by the judge of the end.
#[derive(Debug)]
struct Caught {
    step: Option<Violation>,
    end: Option<Defect>,
}

/// Explores a world that breaks a rule, until both judges have caught it or everything is explored.
fn caught(mutant: Mutant, fleet: Fleet, bounds: Bounds) -> Caught {
    let model = exploration(fleet, bounds, &[], mutant);
    let checker = model.checker().spawn_bfs().join();
    let state =
        |name: &'static str| -> Option<State> { checker.discovery(name)?.into_states().pop() };
    let violation = state(EVERY_STEP).and_then(|state| state.world.history.violation);
    Caught {
        step: violation.map(|(_, violation)| violation),
        end: state(THE_END).and_then(|state| state.settle().err()),
    }
}

/// Asserts how a mutant is caught: by this violation of a step, or only by this defect of the end.
macro_rules! assert_caught {
    ($mutant:ident, $fleet:expr, $bounds:expr, step $violation:pat) => {{
        let caught = caught(Mutant::$mutant, $fleet, $bounds);
        assert!(matches!(caught.step, Some($violation)), "{caught:?}");
    }};
    ($mutant:ident, $fleet:expr, $bounds:expr, end $defect:pat) => {{
        let caught = caught(Mutant::$mutant, $fleet, $bounds);
        assert!(
            matches!(
                caught,
                Caught {
                    step: None,
                    end: Some($defect)
                }
            ),
            "{caught:?}"
        );
    }};
}

const SOURCE_CRASHES: Bounds = Bounds {
    crashes: [1, 0, 0],
    ..PLAIN
};
const DESTINATION_CRASHES: Bounds = Bounds {
    crashes: [0, 1, 0],
    ..PLAIN
};

#[test]
fn nothing_is_caught_where_no_rule_is_broken() {
    let caught = caught(Mutant::None, PAIR, Bounds { steps: 1, ..PLAIN });
    assert!(
        matches!(
            caught,
            Caught {
                step: None,
                end: None
            }
        ),
        "{caught:?}"
    );
}

#[test]
fn a_source_that_thaws_after_the_commit_point_is_caught() {
    assert_caught!(SourceThawsAfterCommit, PAIR, PLAIN, step Violation::UnretiredUndeclined);
}

#[test]
fn a_destination_that_runs_an_uncommitted_copy_is_caught() {
    // The domain is changed, so the source does not retire it at the first freeze.
    let bounds = Bounds {
        interferences: 1,
        ..PLAIN
    };
    assert_caught!(DestinationRunsUncommitted, PAIR, bounds, step Violation::ActivatedUncommitted);
}

#[test]
fn a_destination_that_drops_a_verified_copy_is_caught() {
    assert_caught!(DestinationDropsVerified, PAIR, PLAIN, step Violation::DeclinedVerified);
}

#[test]
fn a_destination_that_forgets_that_it_has_declined_is_caught() {
    let bounds = Bounds {
        cancels: 1,
        ..DESTINATION_CRASHES
    };
    assert_caught!(DeclinedIsForgotten, PAIR, bounds, step Violation::UnretiredUndeclined);
}

#[test]
fn a_destination_that_activates_what_it_has_declined_is_caught() {
    let bounds = Bounds {
        cancels: 1,
        ..DESTINATION_CRASHES
    };
    assert_caught!(DeclinedIsActivating, PAIR, bounds, step Violation::ActivatedDeclined);
}

#[test]
fn a_kernel_that_retires_another_version_is_caught() {
    let bounds = Bounds {
        interferences: 1,
        ..PLAIN
    };
    assert_caught!(KernelIgnoresVersion, PAIR, bounds, step Violation::ContentsDiffer { .. });
}

#[test]
fn a_kernel_that_retires_a_domain_that_has_run_again_is_caught() {
    let bounds = Bounds {
        deadlines: 1,
        steps: 1,
        ..PLAIN
    };
    assert_caught!(KernelRetiresThawed, PAIR, bounds, step Violation::ContentsDiffer { .. });
}

#[test]
fn records_of_a_source_that_do_not_outlive_nomad_are_caught() {
    assert_caught!(RecordsAreLost, PAIR, SOURCE_CRASHES, step Violation::DiscardedUndeclined);
}

#[test]
fn records_of_a_destination_that_do_not_outlive_nomad_are_caught() {
    assert_caught!(RecordsAreLost, PAIR, DESTINATION_CRASHES, step Violation::UnretiredUndeclined);
}

#[test]
fn a_freeze_that_forgets_pages_is_caught() {
    let bounds = Bounds { steps: 2, ..PLAIN };
    assert_caught!(FreezeForgetsPages, PAIR, bounds, step Violation::ContentsDiffer { .. });
}

#[test]
fn a_source_that_forgets_what_was_written_since_the_arrival_is_caught() {
    let bounds = Bounds {
        offers: 2,
        steps: 1,
        limits: 0,
        ..PLAIN
    };
    assert_caught!(VisitForgetsPages, PAIR, bounds, step Violation::ContentsDiffer { .. });
}

#[test]
fn an_event_reported_to_another_transaction_is_caught() {
    let bounds = Bounds {
        offers: 2,
        limits: 0,
        ..PLAIN
    };
    assert_caught!(ReportsToAnother, CROSSING, bounds, end Defect::Unsettled(..));
}

#[test]
fn a_destination_that_discards_the_copy_of_another_transaction_is_caught() {
    let bounds = Bounds {
        offers: 2,
        limits: 0,
        cancels: 1,
        ..PLAIN
    };
    assert_caught!(DiscardsAnother, TOGETHER, bounds, step Violation::DiscardedUndeclined);
}

#[test]
fn an_incarnation_that_does_not_rise_is_caught() {
    assert_caught!(IncarnationStays, PAIR, PLAIN, step Violation::IncarnationNotRisen { .. });
}

#[test]
fn an_older_record_that_stays_is_caught() {
    let bounds = Bounds {
        crashes: [1, 0, 0],
        torn_records: 1,
        ..PLAIN
    };
    assert_caught!(OlderRecordStays, PAIR, bounds, end Defect::Leftover(_));
}

#[test]
fn a_source_that_mistakes_a_copy_for_a_running_one_is_caught() {
    assert_caught!(ReceivedIsActivated, PAIR, PLAIN, step Violation::DestroyedUnconfirmed);
}

#[test]
fn a_source_that_revives_a_domain_that_was_not_declined_is_caught() {
    assert_caught!(ReceivedIsDeclined, PAIR, PLAIN, step Violation::UnretiredUndeclined);
}

#[test]
fn a_source_that_revives_a_domain_that_the_destination_runs_is_caught() {
    assert_caught!(ActivatedIsDeclined, PAIR, PLAIN, step Violation::UnretiredUndeclined);
}

#[test]
fn a_source_that_revives_a_domain_because_another_boot_does_not_know_it_is_caught() {
    assert_caught!(UnknownIsDeclined, PAIR, DESTINATION_CRASHES, step Violation::UnretiredUndeclined);
}

#[test]
fn a_machine_that_mistakes_a_restarted_peer_for_the_one_it_knew_is_caught() {
    assert_caught!(BootsLookAlike, PAIR, SOURCE_CRASHES, step Violation::DiscardedUndeclined);
}

#[test]
fn a_destination_that_has_verified_a_copy_and_not_kept_it_is_caught() {
    assert_caught!(VerifiedIsNotKept, PAIR, PLAIN, end Defect::Unsettled(..));
}

/// The old Offer, pages and Commit arrive again after the source has learned that the domain was declined.
#[test]
fn a_destination_that_takes_an_old_commit_for_a_new_one_is_caught() {
    let bounds = Bounds {
        breaks: 1,
        replays: 1,
        limits: 0,
        ..PLAIN
    };
    assert_caught!(AdmissionsLookAlike, PAIR, bounds, step Violation::ActivatedDeclined);
}

#[test]
fn a_destination_that_overwrites_a_copy_that_its_record_calls_complete_is_caught() {
    let bounds = Bounds {
        interferences: 1,
        ..DESTINATION_CRASHES
    };
    assert_caught!(OverwritesVerified, PAIR, bounds, step Violation::VerifiedOverwritten);
}

/// No action has requested the release, so it is judged when the memory is released.
#[test]
fn a_source_that_gives_its_copy_back_as_soon_as_it_is_retired_is_caught() {
    let bounds = Bounds { limits: 0, ..PLAIN };
    assert_caught!(GivesBackEarly, THREE, bounds, step Violation::DestroyedUnconfirmed);
}
