//! A migration server ends at any moment of a move, and is started anew: it goes on from its records and from what root
//! keeps, the domain runs on exactly one machine, its clients notice nothing, no memory is lost, and a second attempt
//! works.

use std::thread::sleep;
use std::time::Duration;

use harness::Station::{self, A, B};
use harness::Trial;
use harness::fleet::LIMIT;

/// How long a client asks the domain whose migration server stands still.
const ASKED: Duration = Duration::from_secs(2);

/// A move from A to B, and a migration server's end.
struct Case {
    /// Whose server stands still, at which line.
    held: (Station, &'static str),
    /// Whose server then ends.
    ends: Station,
    /// Where the domain runs after that.
    runs_on: Station,
}

const fn case(held: Station, line: &'static str, ends: Station, runs_on: Station) -> Case {
    Case {
        held: (held, line),
        ends,
        runs_on,
    }
}

const CASES: [Case; 13] = [
    // The source's: before the commit point its domain runs on, after it the target's runs.
    case(A, "phase Offer", A, A),
    case(A, "phase Rounds", A, A),
    case(A, "phase Freeze", A, A),
    case(A, "phase Commit", A, A),
    case(A, "committed", A, B),
    case(A, "phase Release", A, B),
    // The target's, before it is prepared; of an offer that it had not noted it is simply asked again.
    case(B, "phase Admit", B, B),
    case(B, "phase Receive", B, A),
    case(B, "phase Verify", B, A),
    // The target's, prepared, before and after the commit point.
    case(A, "phase Commit", B, B),
    case(A, "committed", B, B),
    // The target's, between hearing Commit and saying Activated.
    case(B, "phase Activate", B, B),
    case(B, "activated", B, B),
];

#[test]
fn a_migration_server_may_end_at_any_phase_of_either_side() {
    let mut trial = Trial::start();
    trial.probe();
    for Case {
        held: (held, line),
        ends,
        runs_on,
    } in CASES
    {
        println!(
            "held at `{line}` on {}: {}'s server ends",
            held.name(),
            ends.name()
        );
        let before = trial.memory();
        let migration = trial.hold_at(held, line);
        trial.fleet.end_server(ends);
        if held != ends {
            trial.fleet.let_go(held);
        }
        if ends == B {
            // The source told the operator how it ended. Of an earlier life's moves it says nothing.
            let told = if runs_on == B { "done" } else { "failed: " };
            migration.await_output(&format!(r#""text":"{told}"#), LIMIT);
        }
        trial.await_settled_on(runs_on);
        drop(migration);
        // The second attempt; and back, if that led away from A.
        trial.move_once(runs_on);
        if runs_on == A {
            trial.move_once(B);
        }
        for station in [A, B] {
            trial.await_memory(station, &before);
        }
    }
    trial.finish_probe();
}

#[test]
fn a_migration_server_that_stalls_does_not_keep_its_domain_from_running() {
    let mut trial = Trial::start();
    let before = trial.memory();
    // The domain is frozen, and the other machine prepared.
    let migration = trial.hold_at(A, "phase Commit");
    // The kernel lets it run and root opens its port, so that it answers while the server still stands still.
    let told = "counter was left exported when its freeze ended";
    trial.fleet.machine(A).expect(told, LIMIT);
    trial.probe();
    sleep(ASKED);
    trial.finish_probe();
    trial.fleet.let_go(A);
    // The kernel does not retire what runs again.
    let told =
        "failed: a step of the source failed: the domain was frozen for too long, and runs again";
    trial.fleet.machine(A).expect(told, LIMIT);
    trial.await_settled_on(A);
    drop(migration);
    // What the server does now changes nothing for the domain, and the next moves work.
    trial.probe();
    trial.move_once(A);
    trial.move_once(B);
    for station in [A, B] {
        trial.await_memory(station, &before);
    }
    trial.finish_probe();
}

#[test]
fn fifty_journeys_there_and_back_leave_the_memory_of_both_machines_as_it_was() {
    let mut trial = Trial::start();
    trial.probe();
    let before = trial.memory();
    for _ in 0..50 {
        trial.move_once(A);
        trial.move_once(B);
    }
    for station in [A, B] {
        trial.await_memory(station, &before);
    }
    trial.finish_probe();
}
