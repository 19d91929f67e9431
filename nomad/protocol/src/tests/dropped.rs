//! An operator drops a retired domain at its source, while the destination may have the only other copy.

use super::pair::*;
use crate::*;

const BROKEN: AbortReason = AbortReason::StreamBroken;

/// A pair whose source has committed and lists the move, since none of its messages arrive. The destination has verified the copy,
/// unless it still awaits the pages.
fn silent(is_verified: bool) -> Pair {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    assert_eq!(pair.phase(1), Some(PhaseName::Verify));
    if !is_verified {
        let attempt = Attempt::FIRST.next();
        let begun = DestinationEvent::FreezeBegun { attempt };
        pair.report(1, Event::Destination(begun));
        pair.settle();
    }
    pair.shell = |_| None;
    pair.cut = true;
    pair.report(0, Event::Source(SourceEvent::Retired));
    while !pair.noticed(0, Notice::InDoubt(Doubt::Silent)) {
        pair.pass_time();
    }
    pair
}

fn dropped(is_verified: bool) -> Pair {
    let mut pair = silent(is_verified);
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::Dropped)));
    pair
}

#[test]
fn a_domain_dropped_at_its_source_runs_at_the_destination_once_that_is_reached() {
    for restarts in [false, true] {
        let mut pair = dropped(true);
        if restarts {
            pair.restart_nomad(0, DomainState::Gone);
            pair.settle();
        }
        pair.cut = false;
        pair.pass_time();
        assert!(pair.noticed(1, Notice::Activated));
        assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
        assert_eq!(
            pair.count(0, &Action::Source(SourceAction::Destroy)),
            1,
            "a copy that has come back must survive"
        );
    }
}

#[test]
fn a_copy_that_is_being_dropped_is_destroyed_by_a_restarted_server() {
    let mut pair = silent(true);
    pair.shell = never_completes!(Action::Source(SourceAction::Destroy));
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    pair.shell = |_| None;
    pair.restart_nomad(0, DomainState::Retired);
    pair.settle();
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::Dropped)));
}

#[test]
fn a_domain_dropped_at_its_source_and_declined_by_the_destination_is_reported_as_lost() {
    let mut pair = dropped(false);
    pair.cut = false;
    pair.report(1, Event::StreamBroken);
    pair.settle();
    assert!(pair.noticed(0, Notice::Lost(BROKEN)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Unretire)));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn the_record_of_a_dropped_domain_is_ended_by_its_operator_or_by_a_destination_that_knows_nothing()
{
    let mut pair = dropped(true);
    assert!(!pair.force(0, Force::RunHere));
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    assert_eq!(pair.phase(0), None);
    let mut pair = dropped(true);
    pair.restart_machine(1);
    pair.cut = false;
    pair.pass_time();
    assert_eq!(pair.phase(0), None);
}

#[test]
fn a_source_whose_commit_does_not_arrive_lists_the_move_although_the_destination_asks_for_it() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    pair.shell = |_| None;
    pair.cut = true;
    pair.report(0, Event::Source(SourceEvent::Retired));
    pair.settle();
    let committed = pair.now;
    while !pair.noticed(0, Notice::InDoubt(Doubt::Silent)) {
        pair.pass_time();
        pair.receive(0, B, received(2));
        pair.settle();
    }
    let waited_us = pair.now.us_since(committed);
    assert_eq!(waited_us, Timing::STANDARD.silence_limit_us);
}

/// The operator has had the copy run here, which failed for good.
#[test]
fn a_copy_that_cannot_be_run_waits_for_the_destination() {
    for step in [activated(), Step::Declined(BROKEN)] {
        let mut pair = silent(true);
        pair.shell = |action| {
            let failed = Event::Failed(LocalFailure::Service);
            (*action == Action::Source(SourceAction::Unretire)).then(|| [failed].into())
        };
        assert!(pair.force(0, Force::RunHere));
        pair.settle();
        assert_eq!(pair.phase(0), Some(PhaseName::Commit));
        pair.shell = |_| None;
        pair.receive(0, B, step.clone());
        pair.settle();
        let runs = pair.did(0, &Action::Source(SourceAction::Unretire));
        let is_declined = matches!(step, Step::Declined(_));
        assert!(runs);
        assert_eq!(pair.noticed(0, Notice::Aborted(BROKEN)), is_declined);
        let destroyed = pair.did(0, &Action::Source(SourceAction::Destroy));
        assert_eq!(destroyed, !is_declined);
    }
}

#[test]
fn a_source_whose_record_is_contradicted_still_replies_to_its_destination() {
    let contradicted = || {
        let mut pair = silent(true);
        pair.restart_nomad(0, DomainState::Gone);
        pair.settle();
        assert!(pair.noticed(0, Notice::InDoubt(Doubt::RecordContradicted)));
        pair
    };
    let mut pair = contradicted();
    pair.receive(0, B, activated());
    pair.settle();
    assert_eq!(pair.phase(0), Some(PhaseName::Release));
    let mut pair = contradicted();
    pair.receive(0, B, Step::Declined(BROKEN));
    pair.settle();
    assert!(pair.sent(0, &Step::Abort(BROKEN)));
    assert_eq!(pair.phase(0), Some(PhaseName::InDoubt));
    let mut pair = contradicted();
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    pair.cut = false;
    pair.pass_time();
    assert!(pair.noticed(1, Notice::Activated));
}
