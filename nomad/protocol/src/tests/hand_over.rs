//! The hand-over without faults, and with one fault before the commit point.

use alloc::vec::Vec;

use identity::Incarnation;

use super::pair::*;
use crate::*;

/// The phases that a machine went through, in order.
fn phases(pair: &Pair, machine: usize) -> Vec<PhaseName> {
    let notice = |(by, action): &(usize, Action)| match action {
        Action::Notify(Notice::Phase(phase)) if *by == machine => Some(*phase),
        _ => None,
    };
    pair.done.iter().filter_map(notice).collect()
}

#[test]
fn goes_through_the_phases_in_order_on_both_sides() {
    use PhaseName::*;
    let mut pair = Pair::moving();
    pair.settle();
    assert_eq!(
        phases(&pair, 0),
        [Offer, Rounds, Freeze, Commit, Release, Finished]
    );
    assert_eq!(
        phases(&pair, 1),
        [Admit, Receive, Verify, Activate, Finished]
    );
    assert!(pair.did(
        1,
        &Action::Destination(DestinationAction::Activate {
            incarnation: Incarnation(5),
            downtime_us: 0,
        })
    ));
    assert!(pair.did(0, &Action::Source(SourceAction::Destroy)));
    assert!(!pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
    assert_eq!(
        pair.machines
            .iter()
            .filter_map(Ledger::poll_timeout)
            .count(),
        0
    );
}

#[test]
fn records_before_it_retires_and_before_it_runs_and_before_it_destroys() {
    let mut pair = Pair::moving();
    pair.settle();
    assert!(pair.recorded_before(
        |progress| matches!(progress, RecordedProgress::SourceCommitting { .. }),
        |action| matches!(action, Action::Source(SourceAction::Retire { .. })),
    ));
    assert!(pair.recorded_before(
        |progress| matches!(progress, RecordedProgress::DestinationActivating { .. }),
        |action| matches!(
            action,
            Action::Destination(DestinationAction::Activate { .. })
        ),
    ));
    assert!(pair.recorded_before(
        |progress| matches!(progress, RecordedProgress::SourceReleasing { .. }),
        |action| matches!(action, Action::Source(SourceAction::Destroy)),
    ));
}

#[test]
fn an_offer_without_a_reply_is_repeated_and_then_abandoned() {
    let mut pair = Pair::moving();
    pair.cut = true;
    pair.settle();
    let mut repeats = 0;
    while pair.phase(0).is_some() {
        pair.pass_time();
        repeats += 1;
    }
    assert!(repeats > 5, "{repeats}");
    let why = AbortReason::TooLong {
        phase: PhaseName::Offer,
    };
    assert!(pair.noticed(0, Notice::Aborted(why)));
    assert!(pair.did(0, &Action::Source(SourceAction::Thaw)));
}

#[test]
fn a_refusal_reaches_the_source_with_its_numbers() {
    let why = Refusal::NoMemory {
        needed_bytes: 1 << 20,
        available_bytes: 4096,
    };
    let pair = Pair::settled(|action| match action {
        Action::Destination(DestinationAction::Reserve(offer)) => {
            let needed_bytes = offer.sizes.pool_bytes;
            let refusal = Refusal::NoMemory {
                needed_bytes,
                available_bytes: 4096,
            };
            Some([Event::Destination(DestinationEvent::Refused(refusal))].into())
        }
        _ => None,
    });
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::Refused(why))));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn another_image_version_is_refused_before_anything_is_reserved() {
    let mut pair = Pair::new();
    let newer = Offer {
        versions: Versions { image: 2, abi: 1 },
        ..offer()
    };
    pair.offer(0, MOVE, B, newer).expect("offered");
    pair.settle();
    let why = Refusal::Version {
        of: VersionOf::Image,
        ours: 1,
        theirs: 2,
    };
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::Refused(why))));
    assert!(
        pair.done
            .iter()
            .all(|(machine, action)| *machine == 0 || matches!(action, Action::Send { .. }))
    );
}

#[test]
fn a_cpu_that_lacks_features_is_refused_by_name_of_the_feature() {
    let mut pair = Pair::new();
    let demanding = Offer {
        cpu: CpuFeatures([0b1001, 0, 0, 0, 0, 0]),
        ..offer()
    };
    pair.offer(0, MOVE, B, demanding).expect("offered");
    pair.settle();
    let why = Refusal::Cpu {
        missing: CpuFeatures([0b1000, 0, 0, 0, 0, 0]),
    };
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::Refused(why))));
}

#[test]
fn a_broken_stream_leaves_the_source_running_and_the_destination_empty() {
    let pair = Pair::settled(|action| match action {
        Action::Source(SourceAction::CopyRound { .. }) => Some([Event::StreamBroken].into()),
        _ => None,
    });
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::StreamBroken)));
    assert!(pair.did(0, &Action::Source(SourceAction::Thaw)));
    assert!(pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn cancel_works_at_every_step_before_the_commit_point() {
    // Each shell never completes one action, so the transaction stops right there.
    let shells: [(PhaseName, Override); 5] = [
        (
            PhaseName::Offer,
            never_completes!(Action::Destination(DestinationAction::Reserve(_))),
        ),
        (
            PhaseName::Rounds,
            never_completes!(Action::Source(SourceAction::CopyRound { .. })),
        ),
        (
            PhaseName::Freeze,
            never_completes!(Action::Source(SourceAction::FreezeDomain)),
        ),
        (
            PhaseName::Freeze,
            never_completes!(Action::Source(SourceAction::ExportState { .. })),
        ),
        (
            PhaseName::Freeze,
            never_completes!(Action::Source(SourceAction::SendFreeze { .. })),
        ),
    ];
    for (phase, shell) in shells {
        let mut pair = Pair::settled(shell);
        assert_eq!(pair.phase(0), Some(phase));
        assert_eq!(pair.cancel(0), Ok(Cancelled::Now));
        pair.settle();
        // The destination releases the reservation as soon as it is made.
        pair.report(
            1,
            Event::Destination(DestinationEvent::Reserved {
                admission: ADMISSION,
                kept: KEPT,
            }),
        );
        pair.settle();
        assert!(
            pair.noticed(0, Notice::Aborted(AbortReason::Cancelled)),
            "{phase:?}"
        );
        assert!(
            pair.did(0, &Action::Source(SourceAction::Thaw)),
            "{phase:?}"
        );
        assert_eq!((pair.phase(0), pair.phase(1)), (None, None), "{phase:?}");
        assert_eq!(pair.cancel(0), Err(TooLate));
    }
}

#[test]
fn a_destination_may_cancel_until_its_copy_is_verified_and_not_after() {
    let mut pair = Pair::settled(never_completes!(Action::Destination(
        DestinationAction::Rebuild { .. }
    )));
    assert_eq!(pair.cancel(1), Ok(Cancelled::Now));
    pair.settle();
    assert!(pair.noticed(0, Notice::Aborted(AbortReason::Cancelled)));

    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    assert_eq!(pair.cancel(1), Err(TooLate));
    assert_eq!(pair.phase(1), Some(PhaseName::Verify));
}

/// Reports that a round was sent, and leaves it in flight.
fn sends_slowly(action: &Action) -> Option<Vec<Event>> {
    let Action::Source(SourceAction::CopyRound { number, .. }) = *action else {
        return None;
    };
    let round = planner::Round {
        pages: 64,
        bytes: 64 * 4096,
        elapsed_us: 1000,
        dirtied: 1,
        ..planner::Round::default()
    };
    Some([Event::Source(SourceEvent::RoundSent { number, round })].into())
}

#[test]
fn a_domain_runs_until_the_destination_has_its_round() {
    let mut pair = Pair::settled(sends_slowly);
    // A repeated step, or one about another round, does not count.
    for step in [admit(), received(2)] {
        pair.receive(0, B, step);
    }
    pair.settle();
    assert_eq!(pair.phase(0), Some(PhaseName::Rounds));
    let arrived = DestinationEvent::RoundReceived {
        number: 0,
        pages: 64,
    };
    pair.report(1, Event::Destination(arrived));
    pair.settle();
    assert!(pair.noticed(0, Notice::Finished));
}

#[test]
fn a_lost_acknowledgement_of_a_round_is_repeated() {
    let mut pair = Pair::moving();
    pair.settle_without(received(1));
    assert_eq!(pair.phase(0), Some(PhaseName::Rounds));
    pair.pass_time();
    assert!(pair.noticed(0, Notice::Finished));
}

/// Found by exploration: a duplicated Offer made a second reservation, which lacked the rounds of the first.
#[test]
fn a_second_reservation_does_not_accept_missing_rounds() {
    let freeze = |rounds| {
        let (attempt, digest) = (Attempt::FIRST, DIGEST);
        DestinationEvent::FreezeReceived {
            attempt,
            digest,
            rounds,
        }
    };
    for event in [
        DestinationEvent::RoundReceived {
            number: 1,
            pages: 4,
        },
        freeze(1),
    ] {
        let mut pair = Pair::settled(never_completes!(Action::Source(
            SourceAction::CopyRound { .. }
        )));
        pair.report(1, Event::Destination(event));
        pair.settle();
        assert!(
            pair.noticed(1, Notice::Aborted(AbortReason::StreamBroken)),
            "{event:?}"
        );
        assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
    }
}
