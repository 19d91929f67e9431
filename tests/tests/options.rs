//! The operator's options of a move: a limit of the rate, by the machines' own counts, and a domain that writes faster than its pages
//! may be sent.

use caravan::report::Report;
use harness::fleet::LIMIT;
use harness::migration::Migration;
use harness::{Fleet, Node, counter, prober};
use nomad_client::{End, Event};
use nomad_protocol::planner::{Progress, RoundProgress};
use nomad_protocol::{AbortReason, Notice, PhaseName};

/// The limit in bytes per second, equal to that of `--bandwidth` below.
const RATE_MAX: u64 = 5_000_000;
/// The time that a late sender may make up for: `BURST_US` of nomad/transport/src/pacer.rs.
const BURST_US: u64 = 100_000;
/// The limit does not count the headers of datagrams. They are less than one part in this many.
const HEAD_PARTS: u64 = 32;

/// A limit below the 5,000 pages that the counter `wws16` writes per second, in bytes per second. A freeze at this rate, for its 16 MiB,
/// takes less than the longest freeze.
const BELOW_DIRTY_RATE: u64 = 12_000_000;
/// A round shrinks the remaining pages if it leaves fewer than it sent, by more than one part in this many: `SHRINK_PARTS` of
/// nomad/planner/src/lib.rs.
const SHRINK_PARTS: u64 = 16;
/// The time between two reports about a round: `REPORT_US` of nomad/shell/src/pages.rs.
const REPORT_US: u64 = 1_000_000;
/// The goal of the downtime without `--downtime-goal`.
const DOWNTIME_GOAL_US: u64 = 20_000;
/// A domain that would be frozen for longer is not frozen: `FREEZE_US_MAX` of nomad/planner/src/lib.rs.
const FREEZE_US_MAX: u64 = 2_500_000;
/// The most rounds: `ROUNDS_MAX` there.
const ROUNDS_MAX: usize = 30;

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

/// Checks that the operator saw each long round advance before it ended, and nothing while the domain was frozen.
fn assert_reported(events: &[Event]) {
    let mut is_copying = false;
    let mut rounds_done = 0;
    let mut reports: Vec<RoundProgress> = Vec::new();
    let mut ended_us = 0;
    for event in events {
        match event {
            Event::Move(Notice::Round(report)) => {
                assert!(is_copying, "{report:?}");
                assert_eq!(report.round, rounds_done + 1, "{report:?}");
                assert!(report.pages_sent <= report.pages, "{report:?}");
                if let Some(last) = reports.last() {
                    assert!(report.pages_sent >= last.pages_sent, "{report:?}");
                    assert!(report.wire_bytes > last.wire_bytes, "{report:?}");
                }
                reports.push(*report);
            }
            Event::Move(Notice::Progress(round)) => {
                let round_us = round.elapsed_us - ended_us;
                let is_long = round_us > 3 * REPORT_US;
                assert!(!reports.is_empty() || !is_long, "{round:?}");
                (rounds_done, ended_us) = (round.rounds, round.elapsed_us);
                reports.clear();
            }
            Event::Move(Notice::Phase(phase)) => is_copying = *phase == PhaseName::Rounds,
            _ => {}
        }
    }
    assert!(rounds_done > 0 && ended_us > 3 * REPORT_US, "{ended_us} us");
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
    assert_reported(&given_up);
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

/// Moves the counter `wws16` to the other machine under a limit below its dirty rate. Returns the rounds, and the end of the move.
fn move_busy_counter(
    fleet: &Fleet,
    [from, to]: [Node; 2],
    options: &[&str],
) -> (Vec<Progress>, Event) {
    let probe = fleet.party.probe(&counter::options(counter::BUSY));
    let bandwidth = format!("--bandwidth={}", BELOW_DIRTY_RATE / 1_000_000);
    let words = ["migrate", "counter", to.name(), "--json", &bandwidth];
    let events = events(&fleet.command(from, &[&words, options].concat()));
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    let end = events.last().expect("a reply").clone();
    (rounds(&events), end)
}

/// Checks that two rounds in a row left about as many pages as they sent. Returns the last estimate of the downtime.
fn assert_stalled(rounds: &[Progress]) -> u64 {
    let stalls = rounds.windows(2).map(|pair| {
        let sent = pair[1].pages_sent - pair[0].pages_sent;
        pair[1].pages_remaining + sent.div_ceil(SHRINK_PARTS) >= sent
    });
    let stalls: Vec<bool> = stalls.collect();
    assert!(
        stalls.windows(2).any(|pair| pair[0] && pair[1]),
        "{rounds:?}"
    );
    let estimate_us = rounds.last().and_then(|last| last.downtime_estimate_us);
    let estimate_us = estimate_us.expect("an estimate after a round");
    assert!(estimate_us > DOWNTIME_GOAL_US, "{rounds:?}");
    estimate_us
}

fn is_given_up(end: &Event) -> bool {
    matches!(
        end,
        Event::Move(Notice::Aborted(AbortReason::NotConverging { .. }))
    )
}

#[test]
fn a_domain_that_writes_faster_than_it_is_sent_stays_stops_or_slows_down_as_its_operator_wants() {
    let mut fleet = Fleet::start_largest("wws16-a", |options| options.host_mtu(65_000));
    fleet.await_log(Node::A, counter::READY);

    let there = [Node::A, Node::B];
    let (rounds, end) = move_busy_counter(&fleet, there, &["--not-converging=give-up"]);
    assert!(is_given_up(&end), "{end:?}");
    assert_stalled(&rounds);
    assert!(rounds.len() < ROUNDS_MAX, "{rounds:?}");
    let list = fleet.list(Node::A);
    assert!(list.running("counter").is_some(), "{list}");

    let (rounds, end) = move_busy_counter(&fleet, there, &["--not-converging=stop"]);
    let estimate_us = assert_stalled(&rounds);
    let goes = end.end() == Some(End::Done);
    if !goes {
        // A host that is too busy to reach the limit of the rate sends the rest too slowly for a freeze.
        assert!(matches!(end, Event::Move(Notice::Aborted(_))), "{end:?}");
        assert!(
            !is_given_up(&end) || estimate_us > FREEZE_US_MAX,
            "{rounds:?}"
        );
    }
    let list = fleet.list(if goes { Node::B } else { Node::A });
    assert!(list.running("counter").is_some(), "{list}");

    let back = if goes { [Node::B, Node::A] } else { there };
    let options = ["--not-converging=slow", "--downtime-goal=600"];
    let (rounds, end) = move_busy_counter(&fleet, back, &options);
    // This domain catches up after each stop, so slowing it down does not shrink its rounds.
    let is_over = matches!(end, Event::Move(Notice::Aborted(_))) || end.end() == Some(End::Done);
    assert!(is_over, "{end:?}");
    let last = rounds.last().expect("a round");
    // The goal is too short for a host that is too busy to send half of the limit.
    let is_too_slow = last.bytes_per_second < Some(BELOW_DIRTY_RATE / 2);
    assert!(is_too_slow || last.throttle.percent() >= 50, "{rounds:?}");
}
