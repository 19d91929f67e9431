//! Segments of page streams on one fake machine that receives a domain.

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{
    AbortReason, Attempt, DestinationEvent, Event, LocalFailure, Message, RecordedProgress,
    StateVersion, Step, StreamHeader, TransactionId,
};
use nomad_shell::pages::SegmentRejected;
use nomad_simulator::faults::{LocalFault, LocalStep};
use nomad_simulator::kernel::State;
use nomad_simulator::machine::{Machine, machine_id};
use nomad_simulator::stream::StreamItem;

use super::{HERE, MOVE, PEER, machine, now, offer, replies};

const THIRD: usize = 2;
const OTHER: TransactionId = TransactionId(8);
/// The state that each freeze carries.
const STATE: State = State {
    clock_us: 0,
    version: StateVersion(0),
    age: 0,
    signals: 0,
};

/// A machine that receives one domain from the peer and another from the third machine.
fn destination() -> Machine {
    let mut machine = machine(false, BTreeMap::new());
    for (from, transaction, domain) in [(PEER, MOVE, 1), (THIRD, OTHER, 2)] {
        let offer = Message::Transaction(transaction, Step::Offer(offer(DomainId(domain))));
        let admitted = replies(&mut machine, from, offer);
        let is_admitted = matches!(
            admitted[..],
            [Message::Transaction(it, Step::Admit { .. })] if it == transaction
        );
        assert!(is_admitted, "{admitted:?}");
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

fn freeze(attempt: Attempt) -> StreamHeader {
    StreamHeader::Freeze {
        transaction: MOVE,
        attempt,
        digest: STATE.digest(),
        rounds: 1,
        pages: 4,
    }
}

#[test]
fn a_machine_sends_pages_only_for_its_own_moves() {
    let shell = &mut destination().shell;
    let mut begins = |from| shell.begin_segment(now(), machine_id(from), MOVE, &round(MOVE));
    assert_eq!(begins(THIRD), Err(SegmentRejected));
    assert_eq!(begins(PEER), Ok(()));
}

#[test]
fn a_stream_stays_with_its_move() {
    let shell = &mut destination().shell;
    let peer = machine_id(THIRD);
    let mut goes_on = |transaction| shell.begin_segment(now(), peer, OTHER, &round(transaction));
    assert_eq!(goes_on(MOVE), Err(SegmentRejected));
    assert_eq!(goes_on(OTHER), Ok(()));
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
    let freeze = freeze(Attempt::FIRST);
    let begins = machine.shell.begin_segment(now(), peer, MOVE, &freeze);
    assert_eq!(begins, Ok(()));
    let abort = Step::Abort(AbortReason::Cancelled);
    replies(&mut machine, PEER, Message::Transaction(MOVE, abort));
    assert_eq!(
        machine.shell.begin_segment(now(), peer, MOVE, &freeze),
        Err(SegmentRejected)
    );
}

/// Has a machine receive a freeze of the peer's, whose actions are not performed yet.
fn receive(machine: &mut Machine, attempt: Attempt) {
    let header = freeze(attempt);
    let begun = machine
        .shell
        .begin_segment(now(), machine_id(PEER), MOVE, &header);
    assert_eq!(begun, Ok(()));
    for item in [
        StreamItem::Pages(None, Vec::new()),
        StreamItem::FreezeEnd(STATE),
    ] {
        machine.shell.handle_arrival(MOVE, item).expect("accepted");
    }
    let ended = machine.shell.end_segment(&header).expect("complete");
    machine.shell.handle_event(now(), MOVE, ended);
}

/// A machine that has verified the copy of the first freeze.
fn verified() -> Machine {
    let mut machine = destination();
    let ended = machine.shell.end_segment(&round(MOVE)).expect("built");
    machine.shell.handle_event(now(), MOVE, ended);
    receive(&mut machine, Attempt::FIRST);
    while machine.shell.poll(now()).is_some() {}
    let progress = recorded(&mut machine);
    assert!(matches!(
        progress,
        RecordedProgress::DestinationPrepared { .. }
    ));
    machine
}

/// What a restarted nomad would find about the move.
fn recorded(machine: &mut Machine) -> RecordedProgress {
    let mut store = machine.hardware().record_store.clone();
    let mut records = store.load(false).into_iter();
    let record = records.find(|record| record.transaction == MOVE);
    record.expect("a record").progress
}

#[test]
fn a_verified_copy_is_recorded_as_incomplete_before_a_byte_of_another_freeze_is_accepted() {
    let mut machine = verified();
    let header = freeze(Attempt::FIRST.next());
    let begun = machine
        .shell
        .begin_segment(now(), machine_id(PEER), MOVE, &header);
    assert_eq!(begun, Ok(()));
    let progress = recorded(&mut machine);
    assert!(
        matches!(progress, RecordedProgress::DestinationReceiving { .. }),
        "{progress:?}"
    );
}

#[test]
fn a_verified_copy_is_not_overwritten_by_the_same_freeze() {
    let mut machine = verified();
    let header = freeze(Attempt::FIRST);
    let begun = machine
        .shell
        .begin_segment(now(), machine_id(PEER), MOVE, &header);
    assert_eq!(begun, Err(SegmentRejected));
}

/// Both arrive before the shell is polled.
#[test]
fn a_copy_is_built_before_another_freeze_overwrites_it() {
    let mut machine = destination();
    let ended = machine.shell.end_segment(&round(MOVE)).expect("built");
    machine.shell.handle_event(now(), MOVE, ended);
    receive(&mut machine, Attempt::FIRST);
    assert!(!machine.hardware().is_prepared(DomainId(1)));
    receive(&mut machine, Attempt::FIRST.next());
    assert!(machine.hardware().is_prepared(DomainId(1)));
}
