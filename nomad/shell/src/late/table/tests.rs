//! Frames that are held, forwarded, acknowledged and put back.

use super::*;

const A: MachineId = MachineId([1; 32]);
const B: MachineId = MachineId([2; 32]);
const C: MachineId = MachineId([3; 32]);
const MOVE: TransactionId = TransactionId(7);
const ANOTHER: TransactionId = TransactionId(8);
const COUNTER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// The move of the domain with this address, which is also its id.
fn of(transaction: TransactionId, peer: MachineId, mac: Mac) -> PortMove {
    PortMove {
        transaction,
        peer,
        domain: DomainId(mac.0[5].into()),
        mac,
    }
}

fn frame(to: Mac, length: usize) -> Vec<u8> {
    let mut frame = alloc::vec![9; length];
    frame[..6].copy_from_slice(&to.0);
    frame
}

/// The lengths of the frames that go into the switch.
fn inward(table: &mut Table) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some(frame) = table.inward() {
        lengths.push(frame.len());
        table.put();
    }
    lengths
}

/// Carries the messages of `from` to `to`, and the replies back.
fn carry(now_us: u64, from: &mut Table, from_is: MachineId, to: &mut Table, to_is: MachineId) {
    while let Some((peer, transaction, late)) = from.poll(now_us) {
        assert_eq!(peer, to_is);
        if let Some(reply) = to.handle_late(now_us, from_is, transaction, late) {
            from.handle_late(now_us, to_is, transaction, reply);
        }
    }
}

#[test]
fn held_frames_are_put_back_when_the_domain_stays() {
    let mut table = Table::default();
    table.hold(of(MOVE, B, COUNTER), 1);
    table.handle_frame(&frame(COUNTER, 60));
    table.hold(of(MOVE, B, COUNTER), 2);
    table.handle_frame(&frame(COUNTER, 61));
    assert_eq!((table.poll(0), table.inward()), (None, None));
    table.revert(MOVE);
    assert_eq!(inward(&mut table), [60, 61]);
    // This frame was in the tunnel at that moment. It goes back into the switch, where the port is active again.
    table.handle_frame(&frame(COUNTER, 62));
    assert_eq!(inward(&mut table), [62]);
}

#[test]
fn frames_held_for_a_move_that_was_given_up_go_with_the_domains_next_move() {
    let (mut a, mut c) = (Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    a.handle_frame(&frame(COUNTER, 60));
    // The switch does not serve the domain yet, so its frames are not put back.
    a.hold(of(ANOTHER, C, COUNTER), 2);
    a.handle_frame(&frame(COUNTER, 61));
    c.accept(of(ANOTHER, A, COUNTER));
    a.forward(ANOTHER, 100);
    carry(100, &mut a, A, &mut c, C);
    assert_eq!(inward(&mut c), [60, 61]);
    assert!(inward(&mut a).is_empty());
}

#[test]
fn held_and_later_frames_go_to_the_destination() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    a.handle_frame(&frame(COUNTER, 1514));
    b.accept(of(MOVE, A, COUNTER));
    a.forward(MOVE, 100);
    a.handle_frame(&frame(COUNTER, 61));
    carry(100, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [1514, 61]);
    assert!(inward(&mut a).is_empty());
    a.expire(10_000_099);
    a.handle_frame(&frame(COUNTER, 62));
    carry(101, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [62]);
    // Ten seconds after the move.
    assert_eq!(a.poll_timeout_us(), Some(10_000_100));
    a.expire(10_000_100);
    a.handle_frame(&frame(COUNTER, 63));
    assert_eq!(a.poll(FORWARD_US), None);
}

#[test]
fn only_the_destination_acknowledges_frames() {
    let mut a = Table::default();
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    assert!(a.poll(0).is_some());
    let ack = Late::Ack { stream: 1, next: 1 };
    a.handle_late(0, C, MOVE, ack.clone());
    let again = |table: &mut Table| table.poll(1_000_000).is_some();
    assert!(again(&mut a), "the destination has not acknowledged it");
    a.handle_late(1_000_000, B, MOVE, ack);
    assert_eq!(a.poll(9_000_000), None);
}

#[test]
fn only_frames_for_a_domain_that_came_from_the_sender_are_accepted() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    let (_, _, piece) = a.poll(0).expect("a piece");
    assert_eq!(
        b.handle_late(0, A, MOVE, piece.clone()),
        None,
        "nothing came"
    );
    b.accept(of(MOVE, A, OTHER));
    assert_eq!(
        b.handle_late(0, C, MOVE, piece.clone()),
        None,
        "from elsewhere"
    );
    assert_eq!(b.handle_late(0, A, ANOTHER, piece.clone()), None);
    let ack = Late::Ack { stream: 1, next: 1 };
    let reply = b.handle_late(0, A, MOVE, piece);
    assert_eq!(reply, Some(ack), "for another address");
    assert_eq!((b.misdirected_count, b.inward()), (4, None));
}

#[test]
fn a_destination_accepts_no_more_when_the_transaction_is_long_over() {
    let (mut a, mut b) = (Table::default(), Table::default());
    b.accept(of(MOVE, A, COUNTER));
    b.end(MOVE, 5);
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    b.expire(5 + FORWARD_US - 1);
    carry(1, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [60]);
    b.expire(5 + FORWARD_US);
    a.handle_frame(&frame(COUNTER, 61));
    carry(1, &mut a, A, &mut b, B);
    assert!(b.inward().is_none() && b.poll_timeout_us().is_none());
}

#[test]
fn a_domain_that_moves_on_takes_its_late_frames_along() {
    let (mut a, mut b, mut c) = (Table::default(), Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    b.accept(of(MOVE, A, COUNTER));
    a.forward(MOVE, 0);
    b.hold(of(ANOTHER, C, COUNTER), 2);
    a.handle_frame(&frame(COUNTER, 60));
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(b.inward(), None);
    c.accept(of(ANOTHER, B, COUNTER));
    b.forward(ANOTHER, 0);
    carry(0, &mut b, B, &mut c, C);
    assert_eq!(inward(&mut c), [60]);
}

#[test]
fn a_domain_that_comes_back_gets_the_frames_that_were_not_forwarded() {
    let mut a = Table::default();
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    a.accept(of(ANOTHER, B, COUNTER));
    a.handle_frame(&frame(COUNTER, 61));
    assert_eq!(a.poll(0), None);
    assert_eq!(inward(&mut a), [60, 61]);
}

#[test]
fn rejects_pieces_that_it_has_no_room_for() {
    let (mut a, mut b) = (Table::default(), Table::default());
    b.accept(of(MOVE, A, COUNTER));
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    for _ in 0..INWARD_MAX {
        b.handle_frame(&frame(OTHER, 60));
    }
    a.handle_frame(&frame(COUNTER, 61));
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(b.inward.len(), INWARD_MAX);
    inward(&mut b);
    let again_us = a.poll_timeout_us().expect("unacknowledged");
    carry(again_us, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [61]);
}

#[test]
fn knows_a_limited_number_of_domains() {
    let mut table = Table::default();
    for number in 0..=LEAVING_MAX as u8 {
        let mac = Mac([2, 0, 0, 0, 1, number]);
        table.hold(of(TransactionId(number.into()), B, mac), 1);
    }
    assert_eq!(table.leaving.len(), LEAVING_MAX);
    assert!(table.leaving(TransactionId(0)).is_none());
}

#[test]
fn frames_in_flight_are_put_back_when_the_domain_returns() {
    let mut a = Table::default();
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    assert!(a.poll(0).is_some(), "it is sent");
    a.handle_frame(&frame(COUNTER, 61));
    a.accept(of(ANOTHER, B, COUNTER));
    assert_eq!(inward(&mut a), [60, 61]);
}

#[test]
fn frames_of_an_earlier_arrival_are_accepted_after_a_later_one() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    b.accept(of(MOVE, A, COUNTER));
    // The domain has been on C meanwhile.
    b.accept(of(ANOTHER, C, COUNTER));
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [60]);
}

#[test]
fn a_domain_that_leaves_again_takes_the_place_of_its_earlier_move() {
    let mut a = Table::default();
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.hold(of(ANOTHER, C, COUNTER), 2);
    a.forward(ANOTHER, 1);
    a.handle_frame(&frame(COUNTER, 60));
    let sent = a.poll(1).map(|(to, transaction, _)| (to, transaction));
    assert_eq!(sent, Some((C, ANOTHER)));
}

#[test]
fn a_domain_with_the_address_of_another_gets_none_of_its_frames() {
    let thief = PortMove {
        domain: DomainId(99),
        ..of(ANOTHER, C, COUNTER)
    };
    let mut a = Table::default();
    a.hold(of(MOVE, B, COUNTER), 1);
    a.forward(MOVE, 0);
    a.handle_frame(&frame(COUNTER, 60));
    a.accept(thief);
    assert_eq!(a.inward(), None);
    a.hold(thief, 2);
    let sent = a.poll(0).map(|(to, transaction, _)| (to, transaction));
    assert_eq!(sent, Some((B, MOVE)));
}

#[test]
fn a_domain_whose_place_is_undecided_is_forgotten_last() {
    let mut table = Table::default();
    table.hold(of(MOVE, B, COUNTER), 1);
    table.handle_frame(&frame(COUNTER, 60));
    for number in 0..LEAVING_MAX as u8 {
        let mac = Mac([2, 0, 0, 0, 1, 100 + number]);
        let transaction = TransactionId(u128::from(number) + 100);
        table.hold(of(transaction, B, mac), 1);
        table.forward(transaction, 0);
    }
    table.revert(MOVE);
    assert_eq!(inward(&mut table), [60]);
}

#[test]
fn frames_held_for_a_domain_whose_transaction_an_operator_ends_are_forwarded() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(of(MOVE, B, COUNTER), 1);
    a.handle_frame(&frame(COUNTER, 60));
    a.end(MOVE, 0);
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [0; 0], "the domain does not run there yet");
    b.accept(of(MOVE, A, COUNTER));
    carry(1_000_000, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [60]);
    a.expire(FORWARD_US);
    assert_eq!(a.transactions().count(), 0);
}
