//! A migration server ends at any moment of a move, and is started anew: it goes on from its records and from what root
//! keeps, the domain runs on exactly one machine, its clients notice nothing, no memory is lost, and a second attempt
//! works.

use std::thread::sleep;
use std::time::Duration;

use harness::FaultScenario;
use harness::Node::{self, A, B};
use harness::fleet::LIMIT;

/// How long a client asks the domain whose migration server stands still.
const ASKED: Duration = Duration::from_secs(2);

/// A move from A to B, and a migration server's end.
struct Case {
    /// Whose server stands still, at which line.
    held: (Node, &'static str),
    /// Whose server then ends.
    ends: Node,
    /// Where the domain runs after that.
    runs_on: Node,
}

const fn case(held: Node, line: &'static str, ends: Node, runs_on: Node) -> Case {
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
    let mut scenario = FaultScenario::start();
    scenario.probe();
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
        let before = scenario.memory();
        let migration = scenario.hold_at(held, line);
        scenario.fleet.restart_server(ends);
        if held != ends {
            scenario.fleet.resume_server(held);
        }
        if ends == B {
            // The source told the operator how it ended. Of an earlier life's moves it says nothing.
            let told = if runs_on == B { "done" } else { "failed: " };
            migration.await_output(&format!(r#""text":"{told}"#), LIMIT);
        }
        scenario.await_settled_on(runs_on);
        drop(migration);
        // The second attempt; and back, if that led away from A.
        scenario.move_once(runs_on);
        if runs_on == A {
            scenario.move_once(B);
        }
        for node in [A, B] {
            scenario.await_memory(node, &before);
        }
    }
    scenario.finish_probe();
}

#[test]
fn a_migration_server_that_stalls_does_not_keep_its_domain_from_running() {
    let mut scenario = FaultScenario::start();
    let before = scenario.memory();
    // The domain is frozen, and the other machine prepared.
    let migration = scenario.hold_at(A, "phase Commit");
    // The kernel lets it run and root opens its port, so that it answers while the server still stands still.
    let told = "counter was left exported when its freeze ended";
    scenario.fleet.machine(A).expect(told, LIMIT);
    scenario.probe();
    sleep(ASKED);
    scenario.finish_probe();
    scenario.fleet.resume_server(A);
    // The kernel does not retire what runs again.
    let told =
        "failed: a step of the source failed: the domain was frozen for too long, and runs again";
    scenario.fleet.machine(A).expect(told, LIMIT);
    scenario.await_settled_on(A);
    drop(migration);
    // What the server does now changes nothing for the domain, and the next moves work.
    scenario.probe();
    scenario.move_once(A);
    scenario.move_once(B);
    for node in [A, B] {
        scenario.await_memory(node, &before);
    }
    scenario.finish_probe();
}

#[test]
fn fifty_journeys_there_and_back_leave_the_memory_of_both_machines_as_it_was() {
    let mut scenario = FaultScenario::start();
    scenario.probe();
    let before = scenario.memory();
    for _ in 0..50 {
        scenario.move_once(A);
        scenario.move_once(B);
    }
    for node in [A, B] {
        scenario.await_memory(node, &before);
    }
    scenario.finish_probe();
}
