//! The operator's options: a deadline up to the commit point, and the end of a move that does not converge.

use alloc::vec::Vec;

use nomad_planner::{MoveOptions, NotConverging, Round, Throttle};

use super::pair::*;
use crate::*;

const TIMEOUT_US: u64 = 700_000;

const TIMED_OUT: Notice = Notice::Aborted(AbortReason::TimedOut {
    after_us: TIMEOUT_US,
});

fn with_timeout(shell: Override) -> Pair {
    let options = MoveOptions {
        timeout_us: Some(TIMEOUT_US),
        ..MoveOptions::default()
    };
    Pair::settled_with(options, shell)
}

/// Lets time pass up to the deadline of a move that has begun at 0.
fn pass_deadline(pair: &mut Pair) {
    let deadline = Instant::from_us(TIMEOUT_US);
    while pair.now < deadline {
        pair.pass_time();
    }
}

fn assert_runs_on(pair: &Pair) {
    assert!(pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(!pair.noticed(0, Notice::Committed));
    assert_eq!(pair.phase(0), None);
}

#[test]
fn the_deadline_ends_every_phase_before_the_commit_point() {
    let shells: [Override; 5] = [
        never_completes!(Action::Destination(DestinationAction::Reserve(_))),
        never_completes!(Action::Source(SourceAction::CopyRound { .. })),
        never_completes!(Action::Source(SourceAction::FreezeDomain)),
        never_completes!(Action::Source(SourceAction::ExportState { .. })),
        never_completes!(Action::Source(SourceAction::SendFreeze { .. })),
    ];
    for shell in shells {
        let mut pair = with_timeout(shell);
        let phase = pair.phase(0);
        pass_deadline(&mut pair);
        assert!(pair.noticed(0, TIMED_OUT), "{phase:?}");
        assert_runs_on(&pair);
        assert_eq!(pair.now, Instant::from_us(TIMEOUT_US), "{phase:?}");
    }
}

#[test]
fn the_deadline_waits_for_the_kernel_to_retire_the_domain() {
    let retires: Override = never_completes!(Action::Source(SourceAction::Retire { .. }));
    for (event, is_committed) in [
        (SourceEvent::Retired, true),
        (SourceEvent::RetireFailed(LocalFailure::FreezeEnded), false),
    ] {
        let mut pair = with_timeout(retires);
        pass_deadline(&mut pair);
        assert_eq!(pair.phase(0), Some(PhaseName::Commit));
        pair.report(0, Event::Source(event));
        pair.settle();
        assert_eq!(pair.noticed(0, Notice::Finished), is_committed);
        assert_eq!(pair.noticed(0, TIMED_OUT), !is_committed);
    }
}

#[test]
fn after_the_commit_point_the_deadline_has_no_effect() {
    let mut pair = with_timeout(never_completes!(Action::Destination(
        DestinationAction::Activate { .. }
    )));
    assert!(pair.noticed(0, Notice::Committed));
    let armed = pair.machines[0].armed(Timer::Deadline);
    assert_eq!(armed.count(), 0);
    pass_deadline(&mut pair);
    assert!(!pair.noticed(0, TIMED_OUT));
    pair.report(1, Event::Destination(DestinationEvent::Activated));
    pair.settle();
    assert!(pair.noticed(0, Notice::Finished));
}

/// Sends rounds in which as much is dirtied as is sent.
fn never_shrinks(action: &Action) -> Option<Vec<Event>> {
    let Action::Source(SourceAction::CopyRound { number, .. }) = *action else {
        return None;
    };
    let round = Round {
        pages: 64,
        bytes: 64 * 4096,
        elapsed_us: 1_000_000,
        dirtied: 64,
        ..Round::default()
    };
    Some([Event::Source(SourceEvent::RoundSent { number, round })].into())
}

/// Acknowledges rounds for the destination until the rounds end.
fn rounds_end(options: MoveOptions) -> Pair {
    let mut pair = Pair::settled_with(options, never_shrinks);
    let mut number = 0;
    while pair.phase(0) == Some(PhaseName::Rounds) {
        let arrived = DestinationEvent::RoundReceived { number, pages: 64 };
        pair.report(1, Event::Destination(arrived));
        pair.settle();
        number += 1;
    }
    pair
}

#[test]
fn a_move_that_does_not_converge_is_abandoned_only_if_the_operator_asks_for_it() {
    let pair = rounds_end(MoveOptions::default());
    assert!(pair.noticed(0, Notice::Finished));
    let pair = rounds_end(MoveOptions {
        not_converging: NotConverging::GiveUp,
        ..MoveOptions::default()
    });
    let why = AbortReason::NotConverging {
        rounds: planner::STALLED_ROUNDS,
        pages_remaining: 64,
    };
    assert!(pair.noticed(0, Notice::Aborted(why)));
    assert!(pair.noticed(1, Notice::Aborted(why)));
    assert_runs_on(&pair);
    assert_eq!(pair.phase(1), None);
    assert!(!pair.did(0, &Action::Source(SourceAction::FreezeDomain)));
}

#[test]
fn a_lax_goal_of_the_operator_ends_the_rounds_at_once() {
    let pair = rounds_end(MoveOptions {
        downtime_us: Some(60_000_000),
        not_converging: NotConverging::GiveUp,
        ..MoveOptions::default()
    });
    assert!(pair.noticed(0, Notice::Finished));
    let second = SourceAction::CopyRound {
        number: 1,
        throttle: Throttle::NONE,
    };
    assert!(!pair.did(0, &Action::Source(second)));
}

#[test]
fn a_round_may_take_as_long_as_the_bandwidth_requires() {
    let options = MoveOptions {
        rate_max: Some(1_000),
        ..MoveOptions::default()
    };
    let limit_of = |options| {
        let copies: Override = never_completes!(Action::Source(SourceAction::CopyRound { .. }));
        let pair = Pair::settled_with(options, copies);
        let deadline = pair.machines[0].poll_timeout();
        deadline.expect("a limit").as_us()
    };
    let pages = offer().sizes.pages;
    let longer_us = limit_of(options) - limit_of(MoveOptions::default());
    assert_eq!(longer_us, pages * planner::PAGE_BYTES * 1_000);
}

#[test]
fn a_destination_waits_as_long_as_pages_arrive() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    pair.cut = true;
    let limit_us = Timing::STANDARD.receive_limit_us;
    for seconds in [100, 200, 300] {
        pair.now = Instant::from_us(seconds * 1_000_000);
        pair.report(1, Event::Destination(DestinationEvent::Arriving));
        pair.machines[1].handle_timeout(pair.now);
        assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    }
    pair.now = pair.now.after_us(limit_us);
    pair.machines[1].handle_timeout(pair.now);
    pair.settle();
    assert_eq!(pair.phase(1), None);
}

#[test]
fn the_options_are_listed_with_the_move() {
    let pair = with_timeout(never_completes!(Action::Destination(
        DestinationAction::Reserve(_)
    )));
    let entry = pair.machines[0].entries().next().expect("a move");
    assert_eq!(entry.options.timeout_us, Some(TIMEOUT_US));
}
