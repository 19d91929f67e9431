//! A ledger's replies about transactions that it does not know, or that concern the same domain.

use alloc::format;

use identity::{DomainId, Incarnation, Name};
use nomad_planner::{Goals, MoveOptions};

use super::pair::*;
use crate::*;

const ONWARD: TransactionId = TransactionId(8);

/// The step with which a machine replies to a step from `from`, if it replies.
fn reply(
    pair: &mut Pair,
    machine: usize,
    from: MachineId,
    transaction: TransactionId,
    step: Step,
) -> Option<Step> {
    let message = Message::Transaction(transaction, step);
    pair.machines[machine].handle_message(
        pair.now,
        from,
        Envelope {
            boot: BootId(99),
            message,
        },
    );
    match pair.machines[machine].poll_action() {
        Some((
            _,
            Action::Send {
                envelope:
                    Envelope {
                        message: Message::Transaction(_, step),
                        ..
                    },
                ..
            },
        )) => Some(step),
        _ => None,
    }
}

#[test]
fn the_reply_about_an_unknown_transaction_is_unknown() {
    let mut pair = Pair::new();
    for query in [
        Step::Admit,
        Step::Received { rounds: 1 },
        Step::Declined(AbortReason::Cancelled),
        commit(),
    ] {
        assert_eq!(reply(&mut pair, 0, B, MOVE, query), Some(Step::Unknown));
    }
    assert_eq!(
        reply(&mut pair, 0, B, MOVE, Step::Released),
        Some(Step::ReleaseAck)
    );
    for closing in [
        Step::Unknown,
        Step::ReleaseAck,
        Step::Abort(AbortReason::Cancelled),
    ] {
        assert_eq!(reply(&mut pair, 0, B, MOVE, closing), None);
    }
}

#[test]
fn a_third_machine_cannot_affect_a_transaction() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    let stranger = MachineId([0xc; 32]);
    for machine in 0..2 {
        assert_eq!(
            reply(
                &mut pair,
                machine,
                stranger,
                MOVE,
                Step::Abort(AbortReason::Cancelled)
            ),
            None
        );
        assert_eq!(
            reply(&mut pair, machine, stranger, MOVE, Step::Unknown),
            None
        );
    }
    assert_eq!(
        (pair.phase(0), pair.phase(1)),
        (Some(PhaseName::Rounds), Some(PhaseName::Receive))
    );
}

#[test]
fn a_domain_is_not_moved_on_before_its_source_has_released_it() {
    let mut pair = Pair::settled(never_completes!(Action::Source(SourceAction::Destroy)));
    assert!(pair.noticed(1, Notice::Activated));
    let onward = Offer {
        incarnation: Incarnation(5),
        ..offer()
    };
    let refused = pair.offer(1, ONWARD, A, onward.clone());
    assert_eq!(refused, Err(OfferError::NotReleased(MOVE)));
    pair.report(0, Event::Source(SourceEvent::Destroyed));
    pair.settle();
    assert_eq!(pair.offer(1, ONWARD, A, onward), Ok(()));
}

#[test]
fn a_domain_is_in_one_transaction_at_a_time() {
    let mut pair = Pair::moving();
    let again = pair.offer(0, ONWARD, B, offer());
    assert_eq!(again, Err(OfferError::Busy(MOVE)));
    let same = pair.offer(0, MOVE, B, offer());
    assert_eq!(same, Err(OfferError::TransactionUsed));
    let itself = pair.offer(0, ONWARD, A, offer());
    assert_eq!(itself, Err(OfferError::SameMachine));
}

#[test]
fn a_second_attempt_finds_out_that_the_first_is_over() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    // The abort is lost: the destination still holds the reservation of the first attempt.
    pair.cut = true;
    pair.cancel(0).expect("before the commit point");
    pair.settle();
    pair.cut = false;
    pair.shell = |_| None;
    pair.offer(0, ONWARD, B, offer()).expect("offered again");
    pair.settle();
    assert!(pair.did(1, &Action::Destination(DestinationAction::DiscardCopy)));
    pair.pass_time();
    assert_eq!(pair.phase(1), Some(PhaseName::Receive));
    assert_eq!(
        pair.machines[1]
            .entries()
            .next()
            .expect("an entry")
            .transaction,
        ONWARD
    );
}

#[test]
fn a_domain_in_doubt_is_not_admitted_again() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::Retire { .. }
    )));
    pair.restart_machine(0);
    pair.pass_time();
    let refused = reply(&mut pair, 1, A, ONWARD, Step::Offer(offer()));
    assert_eq!(
        refused,
        Some(Step::Refuse(Refusal::InDoubt { transaction: MOVE }))
    );
}

#[test]
fn a_move_from_before_the_sources_restart_makes_room_for_the_domain_started_afresh() {
    let mut pair = Pair::settled(never_completes!(Action::Source(
        SourceAction::CopyRound { .. }
    )));
    pair.restart_machine(0);
    let anew = Offer {
        domain: DomainId(78),
        ..offer()
    };
    pair.offer(0, ONWARD, B, anew).expect("offered");
    pair.settle();
    assert!(pair.did(
        1,
        &Action::Notify(Notice::Aborted(AbortReason::PeerRestarted))
    ));
    pair.pass_time();
    let phase = |pair: &Pair| {
        let entry = pair.machines[1].entries().next();
        entry.map(|entry| (entry.transaction, entry.phase))
    };
    assert_eq!(phase(&pair), Some((ONWARD, PhaseName::Receive)));
}

#[test]
fn one_machine_cannot_fill_the_ledger() {
    let mut pair = Pair::new();
    for number in 0..INCOMING_PER_PEER_MAX as u128 + 1 {
        let another = Offer {
            domain: DomainId(number),
            name: Name::try_new(&format!("counter{number}")).expect("a name"),
            ..offer()
        };
        let message = Message::Transaction(TransactionId(number), Step::Offer(another));
        pair.machines[1].handle_message(
            pair.now,
            A,
            Envelope {
                boot: BootId(1),
                message,
            },
        );
    }
    let limit = INCOMING_PER_PEER_MAX as u32;
    let quota = Step::Refuse(Refusal::Quota { used: limit, limit });
    let reply = Envelope {
        boot: local(B).boot,
        message: Message::Transaction(TransactionId(16), quota),
    };
    pair.settle();
    assert!(pair.did(
        1,
        &Action::Send {
            to: A,
            envelope: reply
        }
    ));
}

#[test]
fn an_activation_without_a_transaction_stops_an_older_copy_before_the_reply() {
    let mut pair = Pair::new();
    let message = Message::Transaction(MOVE, activated());
    let boot = BootId(99);
    pair.machines[0].handle_message(pair.now, B, Envelope { boot, message });
    let outlived = Action::Outlived {
        domain: DOMAIN,
        incarnation: offer().incarnation.next(),
        by: B,
    };
    assert_eq!(pair.machines[0].poll_action(), Some((MOVE, outlived)));
    assert_eq!(pair.machines[0].poll_action(), None);
}

#[test]
fn only_machines_of_one_fleet_move_domains_between_them() {
    let mut pair = Pair::new();
    let stranger = MachineId([0xc; 32]);
    let to_stranger = pair.offer(0, MOVE, stranger, offer());
    assert_eq!(to_stranger, Err(OfferError::NotInFleet));
    let other = Step::Refuse(Refusal::OtherFleet);
    let from_stranger = reply(&mut pair, 1, stranger, MOVE, Step::Offer(offer()));
    assert_eq!(from_stranger, Some(other.clone()));
    let larger = Offer {
        fleet: Fleet::new([A, B, stranger]).id(),
        ..offer()
    };
    assert_eq!(
        reply(&mut pair, 1, A, MOVE, Step::Offer(larger)),
        Some(other)
    );
}

#[test]
fn a_transaction_without_room_for_its_record_does_not_begin() {
    let mut pair = Pair::new();
    let mut local = pair.machines[0].local().clone();
    local.records_max = 1;
    pair.machines = [Ledger::new(local.clone()), Ledger::new(local)];
    let offered = |number| Offer {
        domain: DomainId(number),
        name: Name::try_new(&format!("counter{number}")).expect("a name"),
        ..offer()
    };
    let goals = (Goals::default(), MoveOptions::default());
    let [source, destination] = &mut pair.machines;
    source
        .offer(pair.now, MOVE, B, offered(1), goals)
        .expect("there is room");
    let full = source.offer(pair.now, ONWARD, B, offered(2), goals);
    assert_eq!(full, Err(OfferError::RecordsFull));
    let mut offer_to = |number| {
        let transaction = TransactionId(number);
        let message = Message::Transaction(transaction, Step::Offer(offered(number)));
        let boot = BootId(1);
        destination.handle_message(pair.now, B, Envelope { boot, message });
        destination.entries().count()
    };
    assert_eq!((offer_to(1), offer_to(2)), (1, 1));
    let refused = Step::Refuse(Refusal::RecordsFull);
    let actions: alloc::vec::Vec<Action> =
        core::iter::from_fn(|| destination.poll_action().map(|(_, action)| action)).collect();
    let is_refusal = |action: &Action| {
        matches!(action, Action::Send { envelope, .. }
            if envelope.message == Message::Transaction(TransactionId(2), refused.clone()))
    };
    assert!(actions.iter().any(is_refusal), "{actions:?}");
}

#[test]
fn a_reply_of_absence_counts_the_activated_domains() {
    let life = LifeId(1);
    let absent = |activated| Presence::Absent { life, activated };
    let mut pair = Pair::new();
    reply(&mut pair, 1, A, MOVE, Step::Offer(offer()));
    assert_eq!(pair.machines[1].absence(), absent(0), "it never ran");
    let mut pair = Pair::moving();
    pair.settle();
    assert_eq!(pair.machines[1].absence(), absent(1));
    assert_eq!(pair.machines[0].absence(), absent(0), "it left");
}

/// The source is lost for good after it received Activated, and before it sends Released.
#[test]
fn an_operator_ends_a_transaction_whose_other_machine_is_gone() {
    let mut pair = Pair::settled(never_completes!(Action::Source(SourceAction::Destroy)));
    assert!(!pair.force(1, Force::RunHere));
    pair.cut = true;
    while !pair.noticed(1, Notice::InDoubt(Doubt::NotReleased)) {
        pair.pass_time();
    }
    assert!(!pair.force(1, Force::DropCopy));
    assert!(pair.force(1, Force::RunHere));
    pair.settle();
    assert_eq!(pair.phase(1), None);
    assert!(pair.did(1, &Action::Forget));
}

/// The destination is lost for good before it receives Released.
#[test]
fn an_operator_ends_a_transaction_that_the_destination_never_acknowledges() {
    let mut pair = Pair::moving();
    pair.settle_without(Step::Released);
    pair.cut = true;
    while !pair.noticed(0, Notice::InDoubt(Doubt::NotAcknowledged)) {
        pair.pass_time();
    }
    assert!(!pair.force(0, Force::RunHere));
    assert!(pair.force(0, Force::DropCopy));
    pair.settle();
    assert_eq!(pair.phase(0), None);
}

#[test]
fn a_doubt_about_a_silent_machine_is_over_when_it_replies() {
    let mut pair = Pair::settled(never_completes!(Action::Source(SourceAction::Destroy)));
    while !pair.noticed(1, Notice::InDoubt(Doubt::NotReleased)) {
        pair.pass_time();
    }
    pair.report(0, Event::Source(SourceEvent::Destroyed));
    pair.settle();
    assert_eq!((pair.phase(0), pair.phase(1)), (None, None));
}

#[test]
fn a_lower_incarnation_is_outlived() {
    assert!(Incarnation(3).is_outlived_by(Incarnation(4)));
    assert!(!Incarnation(4).is_outlived_by(Incarnation(4)));
}
