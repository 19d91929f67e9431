//! After the commit point the destination decides: it runs the domain, or it declines, and the source continues to run
//! the domain.

use alloc::vec::Vec;

use identity::Digest;

use super::pair::*;
use crate::*;

pub(super) const FREEZE: DestinationEvent = DestinationEvent::FreezeReceived {
    attempt: Attempt::FIRST,
    digest: DIGEST,
    rounds: 1,
};

pub(super) const BROKEN: AbortReason = AbortReason::StreamBroken;

/// A pair whose source has committed, while the freeze is still on its way.
pub(super) fn with_pages_on_their_way() -> Pair {
    let mut pair = Pair::settled(|action| {
        let Action::Source(SourceAction::SendFreeze { attempt, .. }) = *action else {
            return None;
        };
        let delay_us = 0;
        Some([Event::Source(SourceEvent::FreezeSent { attempt, delay_us })].into())
    });
    assert!(pair.noticed(0, Notice::Committed));
    assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    pair.shell = |_| None;
    pair
}

/// A pair whose source has committed, whose destination has declined, and in which nothing more is delivered.
fn declined_unheard() -> Pair {
    let mut pair = with_pages_on_their_way();
    pair.cut = true;
    pair.report(1, Event::StreamBroken);
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Decline));
    pair
}

pub(super) fn assert_runs_on_at_the_source(pair: &Pair, why: AbortReason) {
    assert!(pair.did(0, &Action::Source(SourceAction::Unretire)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert!(pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
    assert!(!pair.noticed(1, Notice::Activated));
    for machine in 0..2 {
        assert!(pair.noticed(machine, Notice::Declined(why)), "{machine}");
        assert!(pair.noticed(machine, Notice::Aborted(why)), "{machine}");
        assert_eq!(pair.phase(machine), None);
    }
}

#[test]
fn a_commit_that_overtakes_the_pages_is_remembered() {
    let mut pair = with_pages_on_their_way();
    pair.now = pair.now.after_us(3_000);
    pair.report(1, Event::Destination(FREEZE));
    pair.settle();
    assert!(pair.did(
        1,
        &Action::Destination(DestinationAction::Activate {
            incarnation: offer().incarnation.next(),
            downtime_us: 3_000,
        })
    ));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn a_retired_domain_that_is_declined_runs_on_at_the_source() {
    let mut pair = with_pages_on_their_way();
    pair.report(1, Event::StreamBroken);
    pair.settle();
    assert_runs_on_at_the_source(&pair, BROKEN);
    assert!(pair.recorded_before(
        |progress| matches!(progress, RecordedProgress::DestinationDeclined { .. }),
        |action| matches!(action, Action::Send { envelope, .. }
            if matches!(envelope.message, Message::Transaction(_, Step::Declined(_)))),
    ));
    assert!(pair.recorded_before(
        |progress| matches!(progress, RecordedProgress::SourceDeclined { .. }),
        |action| *action == Action::Source(SourceAction::Unretire),
    ));
}

#[test]
fn a_rebuilt_copy_that_differs_is_declined() {
    let pair = Pair::settled(|action| match action {
        Action::Destination(DestinationAction::Rebuild { attempt }) => {
            let rebuilt = DestinationEvent::Rebuilt {
                attempt: *attempt,
                digest: Digest([9; 32]),
            };
            Some([Event::Destination(rebuilt)].into())
        }
        _ => None,
    });
    assert_runs_on_at_the_source(&pair, AbortReason::DigestMismatch);
}

#[test]
fn a_copy_that_is_not_the_retired_one_is_declined() {
    let mut pair = with_pages_on_their_way();
    let digest = Digest([9; 32]);
    let other = DestinationEvent::FreezeReceived {
        attempt: Attempt::FIRST,
        digest,
        rounds: 1,
    };
    pair.shell = |action| match action {
        Action::Destination(DestinationAction::Rebuild { attempt }) => {
            let rebuilt = DestinationEvent::Rebuilt {
                attempt: *attempt,
                digest: Digest([9; 32]),
            };
            Some([Event::Destination(rebuilt)].into())
        }
        _ => None,
    };
    pair.report(1, Event::Destination(other));
    pair.settle();
    assert_runs_on_at_the_source(&pair, AbortReason::DigestMismatch);
}

#[test]
fn pages_that_do_not_arrive_after_the_commit_point_are_awaited_for_as_long_as_a_freeze_may_last() {
    let mut pair = with_pages_on_their_way();
    let committed = pair.now;
    while !pair.noticed(
        0,
        Notice::Aborted(AbortReason::TooLong {
            phase: PhaseName::Receive,
        }),
    ) {
        pair.pass_time();
    }
    let waited_us = pair.now.us_since(committed);
    assert_eq!(waited_us, Timing::STANDARD.freeze_limit_us);
}

#[test]
fn a_source_restarted_before_the_retirement_is_undone_undoes_it() {
    let mut pair = declined_unheard();
    pair.shell = never_completes!(Action::Source(SourceAction::Unretire));
    pair.cut = false;
    pair.pass_time();
    assert_eq!(pair.phase(0), Some(PhaseName::InDoubt));
    pair.shell = |_| None;
    pair.restart_nomad(0, DomainState::Retired);
    pair.settle();
    assert_runs_on_at_the_source(&pair, BROKEN);
}

#[test]
fn a_source_restarted_after_the_retirement_was_undone_runs_the_domain_on() {
    let mut pair = declined_unheard();
    pair.shell = never_completes!(Action::Source(SourceAction::Unretire));
    pair.cut = false;
    pair.pass_time();
    pair.shell = |_| None;
    pair.restart_nomad(0, DomainState::Running);
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::EndCapture)));
    assert!(pair.noticed(0, Notice::Aborted(BROKEN)));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn a_destination_that_has_declined_never_activates_even_after_a_restart() {
    let mut pair = declined_unheard();
    pair.restart_nomad(1, DomainState::Frozen);
    pair.settle();
    pair.receive(1, A, commit());
    pair.report(1, Event::Destination(FREEZE));
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Decline));
    pair.cut = false;
    pair.pass_time();
    assert_runs_on_at_the_source(&pair, BROKEN);
}

#[test]
fn a_destination_restarted_before_its_copy_is_verified_declines() {
    let mut pair = with_pages_on_their_way();
    pair.restart_nomad(1, DomainState::Gone);
    pair.settle();
    let on = Side::Destination;
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::NomadRestarted { on })));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn only_the_boot_that_took_part_can_decline() {
    let mut pair = with_pages_on_their_way();
    let message = Message::Transaction(MOVE, Step::Declined(BROKEN));
    let boot = BootId(99);
    pair.machines[0].handle_message(pair.now, B, Envelope { boot, message });
    pair.settle();
    assert!(!pair.did(0, &Action::Source(SourceAction::Unretire)));
    assert_eq!(pair.phase(0), Some(PhaseName::Commit));
}

/// The destination's operator has run its copy there and ended the transaction, or has ended a declined one.
#[test]
fn unknown_never_revives_a_retired_domain() {
    for (boot, doubt) in [
        (local(B).boot, Doubt::EndedByOperator),
        (BootId(99), Doubt::DestinationRestarted),
    ] {
        let mut pair = with_pages_on_their_way();
        for (boot, step) in [(boot, Step::Unknown), (BootId(98), Step::Declined(BROKEN))] {
            let message = Message::Transaction(MOVE, step);
            pair.machines[0].handle_message(pair.now, B, Envelope { boot, message });
            pair.settle();
        }
        assert!(pair.noticed(0, Notice::InDoubt(doubt)));
        assert!(!pair.did(0, &Action::Source(SourceAction::Unretire)));
    }
}

#[test]
fn a_late_declined_of_the_earlier_boot_settles_the_doubt() {
    let mut pair = declined_unheard();
    pair.restart_machine(1);
    pair.cut = false;
    pair.pass_time();
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::DestinationRestarted)));
    pair.receive(0, B, Step::Declined(BROKEN));
    pair.settle();
    assert!(pair.did(0, &Action::Source(SourceAction::Unretire)));
    assert_eq!(pair.phase(0), None);
}

#[test]
fn a_declined_domain_that_cannot_run_on_is_listed_until_the_operator_decides() {
    for force in [Force::RunHere, Force::DropCopy] {
        let mut pair = with_pages_on_their_way();
        pair.shell = |action| {
            let failed = Event::Failed(LocalFailure::Service);
            (*action == Action::Source(SourceAction::Unretire)).then(|| [failed].into())
        };
        pair.report(1, Event::StreamBroken);
        pair.settle();
        assert!(pair.noticed(0, Notice::InDoubt(Doubt::Declined)));
        // The destination need not wait for the operator.
        pair.pass_time();
        assert_eq!(
            (pair.phase(0), pair.phase(1)),
            (Some(PhaseName::InDoubt), None)
        );
        pair.shell = |_| None;
        assert!(pair.force(0, force));
        pair.settle();
        assert_eq!(pair.phase(0), None);
        let runs = pair.noticed(0, Notice::Aborted(BROKEN));
        assert_eq!(runs, force == Force::RunHere);
    }
}

/// The source may have retired the domain and be gone.
#[test]
fn a_verified_copy_is_given_up_only_on_the_operators_command() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    pair.shell = |_| None;
    pair.cut = true;
    pair.report(1, Event::StreamBroken);
    pair.report(1, Event::Failed(LocalFailure::NoMemory));
    while !pair.noticed(1, Notice::InDoubt(Doubt::Silent)) {
        pair.pass_time();
    }
    assert_eq!(pair.phase(1), Some(PhaseName::Verify));
    assert!(!pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
    pair.report(0, Event::Source(SourceEvent::Retired));
    assert!(pair.force(1, Force::DropCopy));
    pair.settle();
    pair.restart_nomad(1, DomainState::Frozen);
    pair.settle();
    pair.cut = false;
    pair.pass_time();
    assert_runs_on_at_the_source(&pair, AbortReason::Cancelled);
}

#[test]
fn a_declined_move_whose_source_is_gone_is_listed_until_the_operator_ends_it() {
    let mut pair = declined_unheard();
    while !pair.noticed(1, Notice::InDoubt(Doubt::NotAnswered)) {
        pair.pass_time();
    }
    assert!(!pair.force(1, Force::RunHere));
    assert!(pair.force(1, Force::DropCopy));
    pair.settle();
    assert_eq!(pair.phase(1), None);
}

#[test]
fn a_declined_domain_may_be_offered_again_before_the_source_has_replied() {
    let mut pair = with_pages_on_their_way();
    pair.report(1, Event::StreamBroken);
    pair.settle_without(Step::Abort(BROKEN));
    assert_eq!(
        (pair.phase(0), pair.phase(1)),
        (None, Some(PhaseName::Decline))
    );
    let again = TransactionId(8);
    pair.offer(0, again, B, offer()).expect("offered again");
    pair.shell = never_completes!(Action::Source(SourceAction::CopyRound { .. }));
    pair.settle();
    let entries = pair.machines[1].entries();
    let phases: Vec<_> = entries
        .map(|entry| (entry.transaction, entry.phase))
        .collect();
    assert!(phases.contains(&(again, PhaseName::Receive)), "{phases:?}");
}

#[test]
fn a_declined_move_does_not_discard_the_copy_of_a_later_one() {
    let mut pair = with_pages_on_their_way();
    pair.report(1, Event::StreamBroken);
    pair.settle_without(Step::Abort(BROKEN));
    let again = TransactionId(8);
    pair.offer(0, again, B, offer()).expect("offered again");
    pair.shell = never_completes!(Action::Source(SourceAction::Retire { .. }));
    pair.settle();
    let discarded = pair.count(1, &Action::Destination(DestinationAction::DiscardCopy));
    pair.shell = |_| None;
    pair.restart_nomad(1, DomainState::Frozen);
    pair.settle();
    let discards = pair.count(1, &Action::Destination(DestinationAction::DiscardCopy));
    assert_eq!((discarded, discards), (1, 1));
    let retired = Event::Source(SourceEvent::Retired);
    pair.machines[0].handle_event(pair.now, again, retired);
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
}

/// A duplicate of the offer has reached the machine's next boot.
#[test]
fn a_commit_to_an_earlier_boot_ends_a_reservation() {
    let mut pair = with_pages_on_their_way();
    pair.restart_machine(1);
    pair.receive(1, A, Step::Offer(offer()));
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    pair.receive(1, A, commit());
    pair.settle();
    assert_eq!(pair.phase(1), None);
    pair.pass_time();
    assert!(pair.noticed(0, Notice::InDoubt(Doubt::DestinationRestarted)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Unretire)));
}

#[test]
fn a_verified_copy_is_incomplete_again_once_another_freeze_arrives() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    let attempt = Attempt::FIRST.next();
    pair.report(
        1,
        Event::Destination(DestinationEvent::FreezeBegun { attempt }),
    );
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    let record = pair.record(1).expect("a record");
    let admission = ADMISSION;
    let receiving = RecordedProgress::DestinationReceiving { admission };
    assert_eq!(record.progress, receiving);
}

#[test]
fn a_commit_of_a_later_freeze_makes_a_verified_copy_incomplete() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    let attempt = Attempt::FIRST.next();
    let later = Step::Commit {
        admission: ADMISSION,
        attempt,
        digest: DIGEST,
        downtime_us: 0,
    };
    pair.receive(1, A, later);
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    pair.shell = |_| None;
    let replaced = DestinationEvent::FreezeReceived {
        attempt,
        digest: DIGEST,
        rounds: 1,
    };
    pair.report(1, Event::Destination(replaced));
    pair.settle();
    assert!(pair.noticed(1, Notice::Activated));
}

/// The source has not frozen the domain yet, so nothing has to be agreed.
#[test]
fn a_destination_that_has_acknowledged_nothing_leaves_no_record() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    pair.cut = true;
    pair.report(1, Event::StreamBroken);
    pair.settle();
    assert_eq!(pair.phase(1), None);
    assert!(pair.sent(1, &Step::Abort(BROKEN)));
    let is_declined = |(_, action): &(usize, Action)| {
        matches!(action, Action::Record(record)
        if matches!(record.progress, RecordedProgress::DestinationDeclined { .. }))
    };
    assert!(!pair.done.iter().any(is_declined));
    let nothing: Vec<TransactionId> = pair.machines[1].armed(Timer::Repeat).collect();
    assert_eq!(nothing, []);
}

#[test]
fn a_domain_that_cannot_be_activated_is_listed_until_it_runs_or_its_operator_declines_it() {
    for is_declined in [false, true] {
        let mut pair = with_pages_on_their_way();
        pair.shell = |action| {
            let failed = Event::Failed(LocalFailure::Service);
            let is_it = matches!(
                action,
                Action::Destination(DestinationAction::Activate { .. })
            );
            is_it.then(|| [failed].into())
        };
        pair.report(1, Event::Destination(FREEZE));
        pair.settle();
        while !pair.noticed(1, Notice::InDoubt(Doubt::NotActivated)) {
            pair.pass_time();
        }
        assert!(!pair.force(1, Force::RunHere));
        if is_declined {
            assert!(pair.force(1, Force::DropCopy));
            pair.settle();
            assert_runs_on_at_the_source(&pair, AbortReason::Cancelled);
        } else {
            pair.shell = |_| None;
            pair.pass_time();
            assert!(pair.noticed(1, Notice::Activated));
            assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
        }
    }
}

#[test]
fn a_reason_that_the_destination_states_is_announced_as_its_own() {
    for step in [
        Step::Abort(AbortReason::Cancelled),
        Step::Declined(AbortReason::Cancelled),
    ] {
        let mut pair = Pair::settled(never_completes!(Action::Source(
            SourceAction::CopyRound { .. }
        )));
        pair.receive(0, B, step);
        pair.settle();
        assert!(pair.noticed(0, Notice::Declined(AbortReason::Cancelled)));
        assert!(pair.noticed(0, Notice::Aborted(AbortReason::Cancelled)));
    }
}
