//! A switch that ends is restarted with all of its ports, at rest and during a move. Connections survive, and a move that was
//! under way leaves the domain running on one machine.

use std::thread::sleep;
use std::time::Duration;

use harness::FaultScenario;
use harness::Node::{self, A, B};
use harness::cases::{Cases, Stage};
use harness::fleet::LIMIT;
use harness::listed::Listed;
use harness::{Artefacts, Fleet};

/// How long a client probes the counter after each restart.
const PROBED: Duration = Duration::from_secs(1);

/// The lines at which a move from A to B is held, and the machine whose switch ends then.
const CASES: [((Node, &str), Node); 8] = [
    ((A, "phase Rounds"), A),
    ((A, "round 1"), B),
    ((A, "phase Freeze"), A),
    ((A, "phase Commit"), B),
    ((A, "committed"), A),
    ((B, "phase Activate"), B),
    ((B, "activated"), A),
    ((A, "phase Release"), B),
];

/// Ends a machine's switch, and waits until root has restarted it.
fn end_switch(fleet: &mut Fleet, node: Node) {
    let machine = fleet.machine(node);
    machine.skip_log();
    machine.break_program(&Artefacts::file("switch.elf"));
    machine.expect("switch has exception 6", LIMIT);
    machine.expect("[switch] room for", LIMIT);
}

#[test]
fn a_switch_that_ends_under_traffic_is_restarted_and_connections_survive() {
    let mut scenario = FaultScenario::start();
    scenario.probe();
    for runs_on in [A, B] {
        for ends in [A, B] {
            end_switch(&mut scenario.fleet, ends);
            sleep(PROBED);
        }
        scenario.move_once(runs_on);
    }
    scenario.finish_probe();
}

#[test]
fn a_switch_may_end_during_a_move() {
    let named = |case: ((Node, &'static str), Node)| {
        let ((held, line), ends) = case;
        let name = format!("{line} on {}, switch of {} ends", held.name(), ends.name());
        (name, case)
    };
    let stage = Stage {
        open: &|| {
            let mut scenario = FaultScenario::start();
            scenario.probe();
            scenario
        },
        close: &|mut scenario| scenario.finish_probe(),
    };
    let cases = Cases::new(
        "switch::a_switch_may_end_during_a_move",
        CASES.into_iter().map(named),
    );
    cases.run(&stage, |scenario, ((held, line), ends)| {
        let before = scenario.fleet.spent_pages();
        let migration = scenario.hold_at(*held, line);
        end_switch(&mut scenario.fleet, *ends);
        scenario.fleet.resume_server(*held);
        let settled = |listed: &Listed| listed.settled("counter");
        let runs_on = Listed::wait(&scenario.fleet, "counter", "settled", settled);
        println!("it runs on {}", runs_on.name());
        drop(migration);
        scenario.move_once(runs_on);
        if runs_on == A {
            scenario.move_once(B);
        }
        for node in [A, B] {
            scenario.fleet.await_spent_pages(node, &before);
        }
    });
}
