//! Machines die and wires are cut at every phase of a move, and copies are dropped. The domain never runs twice, and it is never
//! lost with its destination. Moves that only an operator can settle are listed, no memory is leaked, and a second attempt works.

use harness::Node::{self, A, B};
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::cases::{Cases, Stage};
use harness::fleet::LIMIT;
use harness::{FaultScenario, Faults, Fleet, counter};

/// The time within which a running copy certainly replies.
const NO_REPLY: Duration = Duration::from_secs(5);

/// How long the cable is out: shorter than the time after which a source gives up a page stream without a reply.
const CABLE_IS_OUT: Duration = Duration::from_secs(2);

/// The outcome of a move from A to B.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The domain runs on this machine.
    RunsOn(Node),
    /// This machine lists a complete copy that may not run. The operator settles it with this word: `run` or `drop`.
    InDoubt(Node, &'static str),
    /// This machine has a complete copy. It runs the copy if Commit arrived before the source died. Otherwise it lists the
    /// copy, and the operator has it run.
    Arrived(Node),
    /// The domain was lost with its machine, and its home restarts it.
    Restarted,
}
use Outcome::{Arrived, InDoubt, Restarted, RunsOn};

/// The line at which a migration server is held, and the outcome of the move.
#[derive(Clone, Copy)]
struct Case {
    held: (Node, &'static str),
    outcome: Outcome,
}

const fn case(held: Node, line: &'static str, outcome: Outcome) -> Case {
    Case {
        held: (held, line),
        outcome,
    }
}

/// A case's name.
fn name(Case { held, .. }: &Case) -> String {
    let (node, line) = held;
    format!("{line} on {}", node.name())
}

/// Machines on which a client probes the counter through all cases.
const PROBED: Stage<'static, FaultScenario> = Stage {
    open: &|| {
        let mut scenario = FaultScenario::start();
        scenario.probe();
        scenario
    },
    close: &|mut scenario| scenario.finish_probe(),
};

const DESTINATION_DIES: [Case; 11] = [
    case(A, "phase Offer", RunsOn(A)),
    case(A, "phase Rounds", RunsOn(A)),
    case(A, "round 1", RunsOn(A)),
    // From here on A does not wait for B before the commit point.
    case(A, "phase Freeze", InDoubt(A, "run")),
    case(A, "phase Commit", InDoubt(A, "run")),
    case(A, "committed", InDoubt(A, "run")),
    case(B, "phase Admit", RunsOn(A)),
    case(B, "phase Receive", RunsOn(A)),
    case(B, "phase Verify", InDoubt(A, "run")),
    // A's operator must know that the domain's clients received nothing from B. The test makes that true.
    case(B, "phase Activate", InDoubt(A, "run")),
    case(B, "activated", InDoubt(A, "run")),
];

const SOURCE_DIES: [Case; 12] = [
    case(A, "phase Offer", Restarted),
    case(A, "phase Rounds", Restarted),
    case(A, "round 1", Restarted),
    case(A, "phase Freeze", Restarted),
    case(A, "phase Commit", InDoubt(B, "drop")),
    case(A, "committed", InDoubt(B, "run")),
    case(A, "phase Release", RunsOn(B)),
    case(B, "phase Admit", Restarted),
    case(B, "phase Receive", Restarted),
    case(B, "phase Verify", Arrived(B)),
    case(B, "phase Activate", RunsOn(B)),
    case(B, "activated", RunsOn(B)),
];

/// The cases of a cut wire. Each has the line at which a migration server is held while the wire between the machines is cut, and
/// the node on which the domain runs in the end. Some also have a line that a machine must log before the wire is repaired: it logs
/// that line when its timeout has passed.
const WIRE_IS_CUT: [(Case, Option<(Node, &str)>); 12] = [
    (case(A, "phase Offer", RunsOn(A)), Some((A, "failed: "))),
    (case(A, "phase Rounds", RunsOn(A)), Some((A, "failed: "))),
    (case(A, "round 1", RunsOn(A)), Some((A, "failed: "))),
    (case(A, "phase Freeze", RunsOn(B)), Some((A, "in doubt: "))),
    (case(A, "phase Commit", RunsOn(B)), Some((A, "in doubt: "))),
    (case(A, "committed", RunsOn(B)), Some((B, "in doubt: "))),
    (case(A, "phase Release", RunsOn(B)), None),
    (case(B, "phase Admit", RunsOn(A)), Some((A, "failed: "))),
    (case(B, "phase Receive", RunsOn(A)), Some((A, "failed: "))),
    (case(B, "phase Verify", RunsOn(B)), Some((B, "in doubt: "))),
    (
        case(B, "phase Activate", RunsOn(B)),
        Some((A, "in doubt: ")),
    ),
    (case(B, "activated", RunsOn(B)), Some((A, "in doubt: "))),
];

/// Checks the outcome, then moves the domain to the other machine and home to A. The surviving machine must use as much
/// memory as before.
fn conclude(scenario: &mut FaultScenario, outcome: Outcome, survivor: Node, before: &[u64; 2]) {
    let runs_on = match outcome {
        RunsOn(node) => node,
        Restarted => A,
        Arrived(node) => {
            if scenario.await_decision(node) {
                scenario.force(node, "run");
            }
            node
        }
        InDoubt(node, how) => {
            scenario.await_in_doubt(node);
            scenario.force(node, how);
            if how == "run" { node } else { A }
        }
    };
    scenario.await_settled_on(runs_on);
    assert_replies(&scenario.fleet, runs_on);
    scenario.move_once(runs_on);
    if runs_on == A {
        scenario.move_once(B);
    }
    scenario.fleet.await_spent_pages(survivor, before);
}

/// Checks that the counter on this machine replies; otherwise shows the logs.
fn assert_replies(fleet: &Fleet, node: Node) {
    if !has_replied(fleet, node, LIMIT) {
        let logs = [A, B].map(|node| fleet.log(node));
        let [a, b] = &logs;
        panic!("the counter runs and does not reply\n--- a\n{a}\n--- b\n{b}");
    }
}

#[test]
fn a_destination_may_die_at_any_phase() {
    let cases = DESTINATION_DIES.into_iter().map(|case| (name(&case), case));
    let cases = Cases::new("failures::a_destination_may_die_at_any_phase", cases);
    cases.run(&PROBED, |scenario, Case { held, outcome }| {
        let (held, line) = *held;
        let before = scenario.fleet.spent_pages();
        if line == "activated" {
            scenario.fleet.port(B).drop_address(counter::MAC);
        }
        let migration = scenario.hold_at(held, line);
        scenario.fleet.machine(B).kill();
        scenario.fleet.port(B).clear_partitions();
        if held == A {
            scenario.fleet.resume_server(A);
        }
        // B must not be back before A has decided, since A would query it again.
        let line_of_a = match outcome {
            InDoubt(..) => "in doubt: ",
            _ => "failed: ",
        };
        scenario.fleet.machine(A).expect(line_of_a, LIMIT);
        scenario.fleet.restart(B);
        conclude(scenario, *outcome, A, &before);
        drop(migration);
    });
}

#[test]
fn a_source_may_die_at_any_phase() {
    let cases = SOURCE_DIES.into_iter().map(|case| (name(&case), case));
    let cases = Cases::new("failures::a_source_may_die_at_any_phase", cases);
    let stage = Stage {
        open: &FaultScenario::start,
        close: &drop,
    };
    cases.run(&stage, |scenario, Case { held, outcome }| {
        let (held, line) = *held;
        scenario.probe();
        let before = scenario.fleet.spent_pages();
        let migration = scenario.hold_at(held, line);
        scenario.await_sent(line);
        scenario.fleet.restart(A);
        if held == B {
            scenario.fleet.resume_server(B);
        }
        conclude(scenario, *outcome, B, &before);
        drop(migration);
        // A domain that was restarted has lost its clients' connections.
        if matches!(outcome, RunsOn(_) | Arrived(_) | InDoubt(_, "run")) {
            scenario.finish_probe();
        }
    });
}

#[test]
fn the_wire_may_be_cut_at_any_phase() {
    let cases = WIRE_IS_CUT.into_iter().map(|case| (name(&case.0), case));
    let cases = Cases::new("failures::the_wire_may_be_cut_at_any_phase", cases);
    cases.run(&PROBED, |scenario, (Case { held, outcome }, logged)| {
        let (held, line) = *held;
        let before = scenario.fleet.spent_pages();
        let migration = scenario.hold_at(held, line);
        scenario.await_sent(line);
        let (a, b) = (scenario.fleet.port(A), scenario.fleet.port(B));
        a.partition_from(b);
        scenario.fleet.resume_server(held);
        if let Some((node, line)) = logged {
            scenario.fleet.machine(*node).expect(line, LIMIT);
        }
        scenario.fleet.port(A).clear_partitions();
        conclude(scenario, *outcome, held, &before);
        scenario.fleet.await_spent_pages(held.other(), &before);
        drop(migration);
    });
}

/// The counter runs on B, and A has been notified of it when B dies. It is not in doubt then, but lost with B.
#[test]
fn a_domain_that_dies_with_its_destination_after_the_move_is_started_by_its_operator() {
    let mut scenario = FaultScenario::start();
    let before = scenario.fleet.spent_pages();
    let migration = scenario.hold_at(A, "phase Release");
    scenario.fleet.machine(B).kill();
    scenario.fleet.resume_server(A);
    let doubt = "home counter in doubt: 10.77.0.2 does not reply";
    scenario.fleet.await_listed(A, doubt);
    scenario.fleet.restart(B);
    let lost = "home counter lost: no machine has it";
    scenario.fleet.await_listed(A, lost);
    let started = scenario.fleet.command(A, &["start", "counter"]);
    assert!(started.ends_with("done"), "{started}");
    conclude(&mut scenario, RunsOn(A), A, &before);
    drop(migration);
}

/// Both machines are in doubt when B dies with its complete copy: A's is the last one, and A cannot know that.
#[test]
fn a_destination_may_die_while_it_is_in_doubt() {
    let mut scenario = FaultScenario::start();
    scenario.probe();
    let before = scenario.fleet.spent_pages();
    let migration = scenario.hold_at(A, "committed");
    scenario.await_sent("committed");
    let (a, b) = (scenario.fleet.port(A), scenario.fleet.port(B));
    a.partition_from(b);
    scenario.fleet.resume_server(A);
    scenario.fleet.machine(B).expect("in doubt: ", LIMIT);
    scenario.fleet.restart(B);
    scenario.fleet.port(A).clear_partitions();
    conclude(&mut scenario, InDoubt(A, "run"), A, &before);
    drop(migration);
    scenario.finish_probe();
}

/// A has retired the counter, and is held before it sends Commit. B's operator drops B's copy.
#[test]
fn a_domain_whose_copy_is_dropped_after_the_commit_point_runs_on_at_the_source() {
    let mut scenario = FaultScenario::start();
    scenario.probe();
    let before = scenario.fleet.spent_pages();
    let migration = scenario.hold_at(A, "committed");
    scenario.await_in_doubt(B);
    scenario.force(B, "drop");
    scenario.fleet.resume_server(A);
    migration.await_output(r#""text":"declined: cancelled""#, LIMIT);
    migration.await_output(r#""text":"failed: cancelled""#, LIMIT);
    conclude(&mut scenario, RunsOn(A), A, &before);
    scenario.fleet.await_spent_pages(B, &before);
    scenario.finish_probe();
}

#[test]
fn a_cable_that_is_out_while_pages_are_sent_costs_only_time() {
    let mut fleet = Fleet::start();
    fleet.await_log(A, counter::READY);
    let options = counter::options(counter::USUAL);
    let probe = fleet.party.probe(&options);
    let migration = fleet.begin_migration("counter", A);
    migration.await_output(r#""text":"phase Rounds""#, LIMIT);
    fleet.port(B).cut();
    sleep(CABLE_IS_OUT);
    fleet.port(B).heal();
    migration.await_output(r#""text":"done""#, LIMIT);
    assert!(fleet.list(B).running("counter").is_some());
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
}

#[test]
fn pages_arrive_over_a_wire_that_loses_every_fifth_frame_and_reorders_the_others() {
    let mut fleet = Fleet::start();
    fleet.await_log(A, counter::READY);
    let poor = Faults {
        loss: 0.2,
        duplication: 0.1,
        jitter: Duration::from_millis(1),
        ..Faults::seeded(1)
    };
    for from in [A, B] {
        fleet.port(B).set_faults(Some(poor));
        fleet.migrate("counter", from);
        fleet.port(B).set_faults(None);
    }
    let options = counter::options(counter::USUAL);
    let probe = fleet.party.probe(&options);
    sleep(Duration::from_secs(1));
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
}

#[test]
fn a_domain_that_died_with_its_machine_is_lost_until_its_home_is_ordered_to_start_it() {
    let mut scenario = FaultScenario::start();
    scenario.move_once(A);
    scenario
        .fleet
        .await_listed(A, "home counter at 10.77.0.2, incarnation ");
    let incarnation = scenario.fleet.list(B).running("counter");
    let incarnation = incarnation.expect("it runs on B");
    let last = format!("10.77.0.2 had incarnation {incarnation}");
    scenario.fleet.machine(B).kill();
    let doubt = "home counter in doubt: 10.77.0.2 does not reply";
    let doubt = format!("{doubt}; {last}");
    scenario.fleet.await_listed(A, &doubt);
    let early = scenario.fleet.command(A, &["start", "counter"]);
    assert!(early.contains("10.77.0.2 does not reply"), "{early}");
    scenario.fleet.restart(B);
    scenario
        .fleet
        .await_listed(A, &format!("home counter lost: no machine has it; {last}"));
    let started = scenario.fleet.command(A, &["start", "counter"]);
    assert!(started.ends_with("done"), "{started}");
    scenario.await_settled_on(A);
    scenario.move_once(A);
}

#[test]
fn a_domain_that_its_manifest_restarts_is_started_by_its_home_once_no_machine_has_it() {
    let mut scenario = FaultScenario::start_in(Fleet::start_restarting());
    scenario.move_once(A);
    let known = "home counter at 10.77.0.2, incarnation ";
    scenario.fleet.await_listed(A, known);
    scenario.fleet.machine(A).skip_log();
    scenario.fleet.machine(B).kill();
    // Until B has replied, it may have the counter.
    let doubt = "home counter in doubt: 10.77.0.2 does not reply";
    scenario.fleet.await_listed(A, doubt);
    assert!(!scenario.fleet.list(A).has("counter"));
    scenario.fleet.restart(B);
    // No command starts it.
    scenario.await_settled_on(A);
    assert_replies(&scenario.fleet, A);
    scenario.move_once(A);
}

/// The wire is cut when the counter already runs on B. A's operator does not know that, and forces A's copy to run too.
#[test]
fn a_copy_that_was_forced_to_run_stops_once_its_machine_learns_of_the_newer_one() {
    let mut scenario = FaultScenario::start();
    let migration = scenario.hold_at(B, "activated");
    scenario
        .fleet
        .port(A)
        .partition_from(scenario.fleet.port(B));
    scenario.fleet.resume_server(B);
    scenario.fleet.machine(A).expect("in doubt: ", LIMIT);
    scenario.force(A, "run");
    assert!(
        has_replied(&scenario.fleet, A, LIMIT),
        "A's copy does not run"
    );
    scenario.fleet.port(A).clear_partitions();
    scenario.fleet.await_listed(A, "domain counter outlived");
    scenario.fleet.port(B).cut();
    let still_replies = has_replied(&scenario.fleet, A, NO_REPLY);
    // A itself has received the requests: its migration server replies after the last one.
    let list = scenario.fleet.list(A);
    scenario.fleet.port(B).heal();
    assert!(list.is_done(), "{list}");
    assert!(
        !still_replies,
        "A's copy keeps running beside the newer one"
    );
    scenario.force(A, "drop");
    scenario.await_settled_on(B);
    drop(migration);
    scenario.move_once(B);
}

/// Whether a machine's counter replies to an ARP request that no other machine receives. The request is repeated.
fn has_replied(fleet: &Fleet, node: Node, limit: Duration) -> bool {
    const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x77];
    const HEADER: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1];
    let addresses: [&[u8]; 4] = [&SENDER, &[10, 77, 0, 119], &[0; 6], &[10, 77, 0, 20]];
    let mut request = [[0xff; 6], SENDER].concat();
    request.extend(HEADER);
    request.extend(addresses.concat());
    request.resize(60, 0);
    let deadline = Instant::now() + limit;
    let is_reply = |frame: &Vec<u8>| frame.starts_with(&[SENDER, counter::MAC.0].concat());
    let replied = |frames: &[Vec<u8>]| frames.iter().any(is_reply);
    loop {
        let send = || fleet.port(node).inject(&request);
        let once = Duration::from_millis(500);
        let frames = fleet
            .segment
            .captured_until(send, replied, Duration::ZERO, once);
        if replied(&frames) || Instant::now() > deadline {
            return replied(&frames);
        }
    }
}
