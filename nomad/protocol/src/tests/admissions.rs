//! A destination may admit a transaction again that it has forgotten. What was sent for the first admission does not count then.

use super::decline::*;
use super::pair::*;
use crate::*;

/// Someone on the path has held back the first datagrams of the offer, the pages and Commit, each sent again by the source.
#[test]
fn a_declined_transaction_that_is_admitted_again_is_not_activated_by_the_old_commit() {
    let mut pair = with_pages_on_their_way();
    pair.report(1, Event::StreamBroken);
    pair.shell = |_| None;
    pair.settle();
    assert_runs_on_at_the_source(&pair, BROKEN);
    pair.cut = true;
    pair.receive(1, A, Step::Offer(offer()));
    pair.settle();
    let round = DestinationEvent::RoundReceived {
        number: 0,
        pages: 64,
    };
    pair.report(1, Event::Destination(round));
    pair.report(1, Event::Destination(FREEZE));
    pair.settle();
    assert_eq!(pair.phase(1), Some(PhaseName::Verify));
    pair.receive(1, A, commit());
    pair.settle();
    assert!(!pair.noticed(1, Notice::Activated));
    assert_eq!(pair.phase(1), None);
}

/// The first Admit is lost, and the repeated one names the copy, too.
#[test]
fn a_source_learns_which_copy_the_destination_keeps() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    let kept = KEPT;
    assert!(pair.did(0, &Action::Source(SourceAction::StartDirtyLog { kept })));
    pair.receive(1, A, Step::Offer(offer()));
    pair.settle();
    let admits = pair.count_sent(1, &admit());
    assert_eq!(admits, 2);
}

/// The destination has forgotten the admission that the source knows, and has admitted the duplicate of the offer.
#[test]
fn a_source_does_not_freeze_for_an_admission_that_it_does_not_know() {
    for step in [
        Step::Admit {
            admission: AdmissionId(99),
            kept: None,
        },
        Step::Received {
            admission: AdmissionId(99),
            rounds: 1,
        },
    ] {
        let mut pair = Pair::settled(never_completes!(Action::Source(
            SourceAction::CopyRound { .. }
        )));
        pair.receive(0, B, step);
        pair.settle();
        assert!(pair.noticed(0, Notice::Aborted(AbortReason::PeerForgot)));
    }
}
