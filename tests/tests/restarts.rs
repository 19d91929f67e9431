//! A migration server that ends at any point of a move and is restarted continues from its records and from root's state. The
//! domain runs on exactly one machine, its clients notice nothing, no memory is leaked, and a second attempt works.

use std::thread::sleep;
use std::time::Duration;

use harness::FaultScenario;
use harness::Node::{self, A, B};
use harness::fleet::LIMIT;

/// How long a client probes the domain whose migration server is held.
const PROBED: Duration = Duration::from_secs(2);

/// A move from A to B, and a migration server's end.
struct Case {
    /// The node whose server is held, and the line.
    held: (Node, &'static str),
    /// The node whose server then ends.
    ends: Node,
    /// The node on which the domain runs after that.
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
    // The source's server ends. Before the commit point the domain keeps running there, after it the domain runs on the
    // destination.
    case(A, "phase Offer", A, A),
    case(A, "phase Rounds", A, A),
    case(A, "phase Freeze", A, A),
    case(A, "phase Commit", A, A),
    case(A, "committed", A, B),
    case(A, "phase Release", A, B),
    // The destination's server ends before its copy is verified. An offer that it had not recorded is repeated. At Verify
    // the source has retired the domain, and the destination declines it.
    case(B, "phase Admit", B, B),
    case(B, "phase Receive", B, A),
    case(B, "phase Verify", B, A),
    // The destination's server ends when its copy is verified, before and after the commit point.
    case(A, "phase Commit", B, B),
    case(A, "committed", B, B),
    // The destination's server ends between receiving Commit and sending Activated.
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
        let before = scenario.fleet.spent_pages();
        let migration = scenario.hold_at(held, line);
        scenario.await_sent(line);
        scenario.fleet.restart_server(ends);
        if held != ends {
            scenario.fleet.resume_server(held);
        }
        if ends == B {
            // The source reports the end to the operator. A restarted server does not report earlier moves.
            let last = if runs_on == B { "done" } else { "failed: " };
            migration.await_output(&format!(r#""text":"{last}"#), LIMIT);
        }
        scenario.await_settled_on(runs_on);
        drop(migration);
        // The second attempt, and a move back if the counter has left A.
        scenario.move_once(runs_on);
        if runs_on == A {
            scenario.move_once(B);
        }
        for node in [A, B] {
            scenario.fleet.await_spent_pages(node, &before);
        }
    }
    scenario.finish_probe();
}

#[test]
fn a_migration_server_that_stalls_does_not_keep_its_domain_from_running() {
    let mut scenario = FaultScenario::start();
    let before = scenario.fleet.spent_pages();
    // The domain is frozen, and the other machine has all of it.
    let migration = scenario.hold_at(A, "phase Commit");
    // The kernel thaws the domain and root opens its port, so it replies while the server is still held.
    let line = "counter was left exported when its freeze ended";
    scenario.fleet.machine(A).expect(line, LIMIT);
    scenario.probe();
    sleep(PROBED);
    scenario.finish_probe();
    scenario.fleet.resume_server(A);
    // The kernel does not retire a domain that runs again.
    let line =
        "failed: a step of the source failed: the domain was frozen for too long, and runs again";
    scenario.fleet.machine(A).expect(line, LIMIT);
    scenario.await_settled_on(A);
    drop(migration);
    // The server's further steps do not affect the domain, and the next moves work.
    scenario.probe();
    scenario.move_once(A);
    scenario.move_once(B);
    for node in [A, B] {
        scenario.fleet.await_spent_pages(node, &before);
    }
    scenario.finish_probe();
}

#[test]
fn fifty_round_trips_leave_the_memory_use_of_both_machines_unchanged() {
    let mut scenario = FaultScenario::start();
    scenario.probe();
    let before = scenario.fleet.spent_pages();
    for _ in 0..50 {
        scenario.move_once(A);
        scenario.move_once(B);
    }
    for node in [A, B] {
        scenario.fleet.await_spent_pages(node, &before);
    }
    scenario.finish_probe();
}
