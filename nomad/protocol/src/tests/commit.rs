//! The commit point: changed versions before it, losses after it, and outcomes in doubt.

use alloc::vec::Vec;

use super::pair::*;
use crate::*;

const SIGNALLED: Interference = Interference {
    change: Change::Signal,
    slot: 5,
};

fn moved() -> Vec<Event> {
    [Event::Source(SourceEvent::VersionMoved { by: SIGNALLED })].into()
}

/// A pair whose destination has verified its copy and whose source is at the commit point, before the kernel has decided.
fn at_the_commit_point() -> Pair {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    assert_eq!(
        (pair.phase(0), pair.phase(1)),
        (Some(PhaseName::Commit), Some(PhaseName::Verify))
    );
    pair.shell = |_| None;
    pair
}

fn report_retire(pair: &mut Pair, event: SourceEvent) {
    pair.report(0, Event::Source(event));
}

#[test]
fn a_moved_version_has_the_freeze_replaced_and_rebuilt_again() {
    let pair = Pair::settled(|action| match action {
        Action::Source(SourceAction::Retire { version }) if version.0 == 1 => Some(moved()),
        _ => None,
    });
    assert!(pair.did(
        1,
        &Action::Destination(DestinationAction::Rebuild {
            attempt: Attempt(2)
        })
    ));
    assert!(pair.noticed(0, Notice::Finished));
    assert!(pair.noticed(1, Notice::Finished));
}

#[test]
fn the_third_moved_version_aborts_and_names_the_interference() {
    let mut pair = Pair::moving();
    pair.shell = |action| matches!(action, Action::Source(SourceAction::Retire { .. })).then(moved);
    pair.settle();
    assert!(pair.noticed(
        0,
        Notice::Aborted(AbortReason::Interfered { by: SIGNALLED })
    ));
    assert!(pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
    let retired = |(_, action): &&(usize, Action)| {
        matches!(action, Action::Source(SourceAction::Retire { .. }))
    };
    assert_eq!(pair.done.iter().filter(retired).count(), 3);
}

#[test]
fn cancelling_while_the_kernel_decides_waits_for_its_decision() {
    let mut pair = at_the_commit_point();
    assert_eq!(pair.cancel(0), Ok(Cancelled::IfNotTooLate));
    report_retire(&mut pair, SourceEvent::VersionMoved { by: SIGNALLED });
    pair.settle();
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::Cancelled)));

    let mut pair = at_the_commit_point();
    assert_eq!(pair.cancel(0), Ok(Cancelled::IfNotTooLate));
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
    assert!(!pair.did(0, &Action::Source(SourceAction::Thaw)));
}

#[test]
fn after_the_commit_point_nothing_makes_the_source_thaw() {
    let mut pair = at_the_commit_point();
    report_retire(&mut pair, SourceEvent::Retired);
    pair.cut = true;
    pair.settle();
    pair.report(0, Event::StreamBroken);
    pair.receive(0, B, Step::Abort(AbortReason::Cancelled));
    assert_eq!(pair.cancel(0), Err(TooLate));
    for _ in 0..40 {
        pair.pass_time();
    }
    assert!(!pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::Silent)));
    pair.cut = false;
    while pair.phase(0).is_some() {
        pair.pass_time();
    }
    assert!(pair.noticed(1, Notice::Activated));
}

#[test]
fn a_restarted_source_that_had_retired_goes_on_with_commit() {
    let mut pair = at_the_commit_point();
    pair.restart_nomad(0, DomainState::Retired);
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
    assert!(pair.noticed(0, Notice::Finished));
}

#[test]
fn a_restarted_source_that_had_not_retired_aborts() {
    let mut pair = at_the_commit_point();
    pair.restart_nomad(0, DomainState::Frozen);
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
}

#[test]
fn a_verified_copy_outlives_a_restart_of_its_nomad() {
    let mut pair = at_the_commit_point();
    pair.restart_nomad(1, DomainState::Frozen);
    pair.settle();
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
}

#[test]
fn a_verified_copy_whose_source_was_restarted_is_in_doubt_until_forced() {
    let mut pair = at_the_commit_point();
    pair.restart_machine(0);
    pair.pass_time();
    assert!(pair.noticed(1, Notice::InDoubt(Doubt::SourceRestarted)));
    assert_eq!(pair.phase(1), Some(PhaseName::InDoubt));
    assert!(pair.force(1, Force::RunHere));
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
    assert_eq!(pair.phase(1), None);
}

#[test]
fn a_late_commit_of_the_earlier_boot_settles_the_doubt() {
    let mut pair = at_the_commit_point();
    pair.restart_machine(0);
    pair.pass_time();
    pair.receive(1, A, commit());
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
}

#[test]
fn a_committed_source_whose_destination_was_restarted_keeps_its_copy() {
    let mut pair = at_the_commit_point();
    pair.restart_machine(1);
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::DestinationRestarted)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert!(pair.force(0, Force::RunHere));
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::Unretire)));
    assert_eq!(pair.phase(0), None);
}

/// A source in doubt that is forced to run its copy; `outcome` is the outcome of `Unretire`, if there is one.
fn forced_to_run(outcome: Option<Event>) -> Pair {
    let mut pair = at_the_commit_point();
    pair.restart_machine(1);
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    pair.shell = match outcome {
        Some(_) => |action| {
            let failed = Event::Failed(LocalFailure::Service { slot: 1 });
            (*action == Action::Source(SourceAction::Unretire)).then(|| [failed].into())
        },
        None => |action| (*action == Action::Source(SourceAction::Unretire)).then(Vec::new),
    };
    assert!(pair.force(0, Force::RunHere));
    pair.settle();
    pair
}

#[test]
fn a_forced_copy_is_in_doubt_until_it_runs() {
    let mut pair = forced_to_run(None);
    assert_eq!(pair.phase(0), Some(PhaseName::InDoubt));
    for force in [Force::RunHere, Force::DropCopy] {
        assert!(!pair.force(0, force), "{force:?}");
    }
    let unretired = Event::Source(SourceEvent::Unretired);
    pair.report(0, unretired);
    pair.settle();
    assert!(pair.noticed(0, Notice::Finished));
    assert_eq!(pair.phase(0), None);
}

#[test]
fn a_copy_that_cannot_be_run_can_be_dropped() {
    let failure = LocalFailure::Service { slot: 1 };
    let mut pair = forced_to_run(Some(Event::Failed(failure)));
    assert_eq!(pair.phase(0), Some(PhaseName::InDoubt));
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert_eq!(pair.phase(0), None);
}

#[test]
fn nothing_is_forced_without_a_doubt() {
    let mut pair = at_the_commit_point();
    assert!(!pair.force(0, Force::RunHere));
    assert!(!pair.force(1, Force::DropCopy));
}

#[test]
fn a_failed_activation_is_tried_again() {
    let mut pair = at_the_commit_point();
    pair.shell = |action| match action {
        Action::Destination(DestinationAction::Activate { .. }) => {
            Some([Event::Failed(LocalFailure::Service { slot: 1 })].into())
        }
        _ => None,
    };
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    pair.shell = |_| None;
    pair.pass_time();
    assert!(pair.noticed(1, Notice::Activated));
}

/// Found by exploration: the record still described a complete copy while the copy was being discarded.
#[test]
fn a_destination_restarted_while_it_discards_goes_on_discarding() {
    let mut pair = at_the_commit_point();
    pair.shell = never_completes!(Action::Destination(DestinationAction::DiscardCopy));
    pair.restart_nomad(0, DomainState::Frozen);
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Abort));
    pair.shell = |_| None;
    pair.restart_machine(0);
    pair.restart_nomad(1, DomainState::Frozen);
    pair.settle();
    assert_eq!(pair.phase(1), None);
    assert!(!pair.noticed(1, Notice::InDoubt(Doubt::SourceRestarted)));
}

/// Found by exploration: a source that aborts as soon as it is resumed stayed in the ledger.
#[test]
fn a_restarted_source_that_aborts_is_over_at_once() {
    let mut pair = at_the_commit_point();
    pair.restart_nomad(0, DomainState::Frozen);
    assert_eq!(pair.phase(0), None);
    let again = pair.offer(0, TransactionId(8), B, offer());
    assert_eq!(again, Ok(()));
}

/// Found by exploration: the server was resumed while it was sending Released. The domain had come back meanwhile, and
/// was destroyed again.
#[test]
fn a_release_that_is_resumed_does_not_destroy_again() {
    let mut pair = at_the_commit_point();
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle_without(Step::ReleaseAck);
    assert_eq!(pair.phase(0), Some(PhaseName::Release));
    pair.done
        .retain(|(_, action)| matches!(action, Action::Record(_)));
    pair.restart_nomad(0, DomainState::Running);
    pair.settle();
    assert!(!pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert!(pair.noticed(0, Notice::Finished));
}

/// The downtime passed to the destination, in microseconds.
fn downtime_us(pair: &Pair) -> Option<u64> {
    pair.done.iter().rev().find_map(|(_, action)| match action {
        Action::Destination(DestinationAction::Activate { downtime_us, .. }) => Some(*downtime_us),
        _ => None,
    })
}

#[test]
fn the_time_that_the_kernel_took_counts_once() {
    let mut pair = at_the_commit_point();
    pair.now = pair.now.after_us(70_000);
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    assert_eq!(downtime_us(&pair), Some(70_000));
}

#[test]
fn the_delay_to_the_destination_counts_as_the_stream_reports_it() {
    let mut pair = Pair::moving();
    pair.delay_us = 200;
    pair.shell = never_completes!(Action::Source(SourceAction::Retire { .. }));
    pair.settle();
    pair.now = pair.now.after_us(70_000);
    report_retire(&mut pair, SourceEvent::Retired);
    let envelope = pair.next_sent(0);
    // Whatever time Commit really takes: nobody can measure it.
    pair.now = pair.now.after_us(400);
    pair.machines[1].handle_message(pair.now, A, envelope);
    pair.settle();
    assert_eq!(downtime_us(&pair), Some(70_200));
}

#[test]
fn a_failed_activation_goes_on_counting() {
    let mut pair = at_the_commit_point();
    pair.shell = |action| match action {
        Action::Destination(DestinationAction::Activate { .. }) => {
            Some([Event::Failed(LocalFailure::NoMemory)].into())
        }
        _ => None,
    };
    report_retire(&mut pair, SourceEvent::Retired);
    pair.settle();
    assert_eq!(downtime_us(&pair), Some(0));
    pair.shell = |_| None;
    let failed = pair.now;
    pair.pass_time();
    assert_eq!(downtime_us(&pair), Some(pair.now.us_since(failed)));
}

#[test]
fn downtime_that_a_restarted_source_has_forgotten_does_not_count() {
    let mut pair = at_the_commit_point();
    pair.now = pair.now.after_us(70_000);
    pair.restart_nomad(0, DomainState::Retired);
    pair.settle();
    assert_eq!(downtime_us(&pair), Some(0));
}
