//! The operator's options of a move: a limit of the rate, by the machines' own counts, and a move that is given up.

use caravan::report::Report;
use harness::fleet::LIMIT;
use harness::migration::Migration;
use harness::{Fleet, Node, counter, prober};
use nomad_client::{End, Event};
use nomad_protocol::planner::Progress;
use nomad_protocol::{AbortReason, Notice};

/// The limit in bytes per second, equal to that of `--bandwidth` below.
const RATE_MAX: u64 = 5_000_000;
/// The time that a late sender may make up for: `BURST_US` of nomad/transport/src/pacer.rs.
const BURST_US: u64 = 100_000;
/// The limit does not count the headers of datagrams. They are less than one part in this many.
const HEAD_PARTS: u64 = 32;

fn events(reply: &str) -> Vec<Event> {
    let reports = reply.lines().map(serde_json::from_str::<Report>);
    reports
        .map(|report| report.expect("a report as JSON").event)
        .collect()
}

fn rounds(events: &[Event]) -> Vec<Progress> {
    let round = |event: &Event| match event {
        Event::Move(Notice::Progress(progress)) => Some(*progress),
        _ => None,
    };
    events.iter().filter_map(round).collect()
}

/// Checks that the source counts no more bytes than the limit allows in the time that its clock has measured, and that they
/// have crossed the wire.
fn assert_limited(rounds: &[Progress], fleet: &Fleet) {
    let last = rounds.last().expect("a round");
    for progress in rounds {
        let time_us = progress.elapsed_us + u64::from(progress.rounds) * BURST_US;
        let allowed = RATE_MAX * time_us / 1_000_000;
        let allowed = allowed + allowed / HEAD_PARTS;
        assert!(progress.wire_bytes <= allowed, "{progress:?}");
    }
    println!("{last:?}");
    assert!(
        last.wire_bytes > RATE_MAX,
        "too few to show a limit: {last:?}"
    );
    let crossed = fleet.port(Node::A).counters().from_peer.bytes;
    assert!(crossed >= last.wire_bytes, "{crossed} bytes, {last:?}");
}

#[test]
fn an_operator_limits_a_move_and_has_it_given_up() {
    let mut fleet = Fleet::start();
    fleet.await_log(Node::A, counter::READY);
    let options = counter::options(counter::USUAL);
    let probe = fleet.party.probe(&options);

    let misspelt = fleet.command(Node::A, &["migrate", "counter", "b", "--bandwith", "5"]);
    assert!(
        misspelt.contains("'--bandwith'") && misspelt.contains("'--bandwidth'"),
        "{misspelt}"
    );
    assert!(!fleet.list(Node::A).has_moves());

    // No freeze is as short as a millisecond here.
    let command =
        "migrate counter --to b --json --bandwidth 5 --downtime-goal 1 --not-converging give-up";
    let words: Vec<&str> = command.split(' ').collect();
    let given_up = events(&fleet.command(Node::A, &words));
    let last = given_up.last().expect("a reply");
    assert_eq!(last.end(), Some(End::Failed), "{given_up:?}");
    let why = match last {
        Event::Move(Notice::Aborted(why)) => *why,
        _ => panic!("{given_up:?}"),
    };
    assert!(matches!(why, AbortReason::NotConverging { .. }), "{why}");
    assert_limited(&rounds(&given_up), &fleet);
    let list = fleet.list(Node::A);
    assert!(list.running("counter").is_some(), "{list}");
    assert!(!fleet.list(Node::B).has("counter"));

    let begun_ns = prober::now_ns();
    let moving = fleet.begin_migration_with(
        "counter",
        Node::A,
        &["--bandwidth=5", "--timeout=110", "--not-converging=stop"],
    );
    let reply = moving.finish(LIMIT);
    Migration::of_reply(begun_ns, &reply);
    assert_limited(&rounds(&events(&reply)), &fleet);
    let list = fleet.list(Node::B);
    assert!(list.running("counter").is_some(), "{list}");
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
}
