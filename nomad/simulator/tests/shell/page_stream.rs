//! Segments of page streams on one fake machine that receives a domain.

use std::collections::BTreeMap;

use identity::{Digest, DomainId};
use nomad_protocol::{
    AbortReason, Attempt, DestinationEvent, Event, LocalFailure, Message, Step, StreamHeader,
    TransactionId,
};
use nomad_shell::pages::SegmentRejected;
use nomad_simulator::faults::{LocalFault, LocalStep};
use nomad_simulator::machine::{Machine, machine_id};

use super::{HERE, MOVE, PEER, machine, offer, replies};

const THIRD: usize = 2;
const OTHER: TransactionId = TransactionId(8);

/// A machine that receives one domain from the peer and another from the third machine.
fn destination() -> Machine {
    let mut machine = machine(false, BTreeMap::new());
    for (from, transaction, domain) in [(PEER, MOVE, 1), (THIRD, OTHER, 2)] {
        let offer = Message::Transaction(transaction, Step::Offer(offer(DomainId(domain))));
        let admitted = replies(&mut machine, from, offer);
        assert_eq!(admitted, [Message::Transaction(transaction, Step::Admit)]);
    }
    machine
}

fn round(transaction: TransactionId) -> StreamHeader {
    StreamHeader::Round {
        transaction,
        number: 0,
        pages: 4,
    }
}

#[test]
fn a_machine_sends_pages_only_for_its_own_moves() {
    let shell = &destination().shell;
    let begins = |from| shell.begin_segment(machine_id(from), MOVE, &round(MOVE));
    assert_eq!(begins(THIRD), Err(SegmentRejected));
    assert_eq!(begins(PEER), Ok(None));
}

#[test]
fn a_stream_stays_with_its_move() {
    let shell = &destination().shell;
    let goes_on = |transaction| shell.begin_segment(machine_id(THIRD), OTHER, &round(transaction));
    assert_eq!(goes_on(MOVE), Err(SegmentRejected));
    assert_eq!(goes_on(OTHER), Ok(None));
}

#[test]
fn a_domain_is_built_on_trial_when_a_round_is_whole() {
    let mut machine = destination();
    let received = DestinationEvent::RoundReceived {
        number: 0,
        pages: 4,
    };
    let ended = machine.shell.end_segment(&round(MOVE));
    assert_eq!(ended, Ok(Event::Destination(received)));
    let failure = LocalFailure::NoMemory;
    machine.hardware_mut().local.push(LocalFault {
        machine: HERE,
        step: LocalStep::TrialBuild,
        failure,
        times: 1,
    });
    assert_eq!(machine.shell.end_segment(&round(MOVE)), Err(failure));
}

#[test]
fn a_destination_that_aborts_accepts_no_more_pages() {
    let mut machine = destination();
    let peer = machine_id(PEER);
    let freeze = StreamHeader::Freeze {
        transaction: MOVE,
        attempt: Attempt::FIRST,
        digest: Digest([0; 32]),
        rounds: 0,
        pages: 4,
    };
    let attempt = Attempt::FIRST;
    let begun = Event::Destination(DestinationEvent::FreezeBegun { attempt });
    let begins = machine.shell.begin_segment(peer, MOVE, &freeze);
    assert_eq!(begins, Ok(Some(begun)));
    let abort = Step::Abort(AbortReason::Cancelled);
    replies(&mut machine, PEER, Message::Transaction(MOVE, abort));
    assert_eq!(
        machine.shell.begin_segment(peer, MOVE, &freeze),
        Err(SegmentRejected)
    );
}
