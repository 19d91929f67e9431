//! Which frames are held, passed on, heard and put back.

use super::*;

const A: MachineId = MachineId([1; 32]);
const B: MachineId = MachineId([2; 32]);
const C: MachineId = MachineId([3; 32]);
const MOVE: TransactionId = TransactionId(7);
const ANOTHER: TransactionId = TransactionId(8);
const COUNTER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn frame(to: Mac, length: usize) -> Vec<u8> {
    let mut frame = alloc::vec![9; length];
    frame[..6].copy_from_slice(&to.0);
    frame
}

/// What goes into the switch, by length.
fn inward(table: &mut Table) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some(frame) = table.inward() {
        lengths.push(frame.len());
        table.put();
    }
    lengths
}

/// Carries what `from` has to say to `to`, and the answers back.
fn carry(now_us: u64, from: &mut Table, from_is: MachineId, to: &mut Table, to_is: MachineId) {
    while let Some((peer, transaction, late)) = from.poll(now_us) {
        assert_eq!(peer, to_is);
        if let Some(answer) = to.hear(now_us, from_is, transaction, late) {
            from.hear(now_us, to_is, transaction, answer);
        }
    }
}

#[test]
fn what_is_held_is_put_back_when_the_domain_stays() {
    let mut table = Table::default();
    table.hold(MOVE, B, COUNTER, 1);
    table.take(&frame(COUNTER, 60));
    table.hold(MOVE, B, COUNTER, 2);
    table.take(&frame(COUNTER, 61));
    assert_eq!((table.poll(0), table.inward()), (None, None));
    table.revert(MOVE);
    assert_eq!(inward(&mut table), [60, 61]);
    // One that was on its way through the tunnel then: the port is active again.
    table.take(&frame(COUNTER, 62));
    assert_eq!(inward(&mut table), [62]);
}

#[test]
fn what_is_held_and_what_still_comes_goes_to_the_target() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(MOVE, B, COUNTER, 1);
    a.take(&frame(COUNTER, 1514));
    b.welcome(MOVE, A, COUNTER);
    a.pass_on(MOVE, 100);
    a.take(&frame(COUNTER, 61));
    carry(100, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [1514, 61]);
    assert!(inward(&mut a).is_empty());
    a.expire(100 + PASSED_ON_US - 1);
    a.take(&frame(COUNTER, 62));
    carry(101, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [62]);
    assert_eq!(a.poll_timeout_us(), Some(100 + PASSED_ON_US));
    a.expire(100 + PASSED_ON_US);
    a.take(&frame(COUNTER, 63));
    assert_eq!(a.poll(PASSED_ON_US), None);
}

#[test]
fn only_the_target_acknowledges_frames() {
    let mut a = Table::default();
    a.hold(MOVE, B, COUNTER, 1);
    a.pass_on(MOVE, 0);
    a.take(&frame(COUNTER, 60));
    assert!(a.poll(0).is_some());
    let heard = Late::Ack { stream: 1, next: 1 };
    a.hear(0, C, MOVE, heard.clone());
    let again = |table: &mut Table| table.poll(1_000_000).is_some();
    assert!(again(&mut a), "the target has not heard it");
    a.hear(1_000_000, B, MOVE, heard);
    assert_eq!(a.poll(9_000_000), None);
}

#[test]
fn only_what_is_for_a_domain_that_came_from_there_is_admitted() {
    let (mut a, mut b) = (Table::default(), Table::default());
    a.hold(MOVE, B, COUNTER, 1);
    a.pass_on(MOVE, 0);
    a.take(&frame(COUNTER, 60));
    let (_, _, piece) = a.poll(0).expect("a piece");
    assert_eq!(b.hear(0, A, MOVE, piece.clone()), None, "nothing came");
    b.welcome(MOVE, A, OTHER);
    assert_eq!(b.hear(0, C, MOVE, piece.clone()), None, "from elsewhere");
    assert_eq!(b.hear(0, A, ANOTHER, piece.clone()), None);
    let heard = Late::Ack { stream: 1, next: 1 };
    let answer = b.hear(0, A, MOVE, piece);
    assert_eq!(answer, Some(heard), "for somebody else");
    assert_eq!((b.misdirected_count, b.inward()), (4, None));
}

#[test]
fn a_target_hears_no_more_when_the_transaction_is_long_over() {
    let (mut a, mut b) = (Table::default(), Table::default());
    b.welcome(MOVE, A, COUNTER);
    b.settle(MOVE, 5);
    a.hold(MOVE, B, COUNTER, 1);
    a.pass_on(MOVE, 0);
    a.take(&frame(COUNTER, 60));
    b.expire(5 + PASSED_ON_US - 1);
    carry(1, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [60]);
    b.expire(5 + PASSED_ON_US);
    a.take(&frame(COUNTER, 61));
    carry(1, &mut a, A, &mut b, B);
    assert!(b.inward().is_none() && b.poll_timeout_us().is_none());
}

#[test]
fn a_domain_that_moves_on_takes_its_late_frames_along() {
    let (mut a, mut b, mut c) = (Table::default(), Table::default(), Table::default());
    a.hold(MOVE, B, COUNTER, 1);
    b.welcome(MOVE, A, COUNTER);
    a.pass_on(MOVE, 0);
    b.hold(ANOTHER, C, COUNTER, 2);
    a.take(&frame(COUNTER, 60));
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(b.inward(), None);
    c.welcome(ANOTHER, B, COUNTER);
    b.pass_on(ANOTHER, 0);
    carry(0, &mut b, B, &mut c, C);
    assert_eq!(inward(&mut c), [60]);
}

#[test]
fn a_domain_that_comes_back_gets_what_was_not_passed_on() {
    let mut a = Table::default();
    a.hold(MOVE, B, COUNTER, 1);
    a.pass_on(MOVE, 0);
    a.take(&frame(COUNTER, 60));
    a.welcome(ANOTHER, B, COUNTER);
    a.take(&frame(COUNTER, 61));
    assert_eq!(a.poll(0), None);
    assert_eq!(inward(&mut a), [60, 61]);
}

#[test]
fn hears_nothing_that_it_has_no_room_for() {
    let (mut a, mut b) = (Table::default(), Table::default());
    b.welcome(MOVE, A, COUNTER);
    a.hold(MOVE, B, COUNTER, 1);
    a.pass_on(MOVE, 0);
    for _ in 0..INWARD_MAX {
        b.take(&frame(OTHER, 60));
    }
    a.take(&frame(COUNTER, 61));
    carry(0, &mut a, A, &mut b, B);
    assert_eq!(b.inward.len(), INWARD_MAX);
    inward(&mut b);
    let again_us = a.poll_timeout_us().expect("unheard");
    carry(again_us, &mut a, A, &mut b, B);
    assert_eq!(inward(&mut b), [61]);
}

#[test]
fn knows_a_limited_number_of_domains() {
    let mut table = Table::default();
    for number in 0..=LEAVING_MAX as u8 {
        let mac = Mac([2, 0, 0, 0, 1, number]);
        table.hold(TransactionId(number.into()), B, mac, 1);
    }
    assert_eq!(table.leaving.len(), LEAVING_MAX);
    assert!(table.leaving(TransactionId(0)).is_none());
}
