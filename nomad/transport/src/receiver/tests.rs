//! When acknowledgements are sent, and the limit of the bytes that a receiver keeps.

use alloc::vec;

use super::*;

const TRANSACTION: TransactionId = TransactionId(1);

fn at(us: u64) -> Instant {
    Instant::from_us(us)
}

fn receiver() -> Receiver {
    Receiver::new(TRANSACTION)
}

fn take(receiver: &mut Receiver, us: u64, offset: u64, count: usize, is_urgent: bool) {
    let data = Data {
        transaction: TRANSACTION,
        offset,
        number: 0,
        is_urgent,
        bytes: &vec![7; count],
    };
    let taken = receiver.handle(at(us), &data, |_| Ok::<(), ()>(()));
    assert_eq!(taken, Ok(()));
}

#[test]
fn an_acknowledgement_waits_for_a_while_from_the_first_datagram_on() {
    let mut receiver = receiver();
    assert_eq!(receiver.poll_timeout(), None);
    for us in [0, 900, 1_800] {
        take(&mut receiver, us, us / 9, 100, false);
        assert_eq!(receiver.poll_timeout(), Some(at(ACK_DELAY_US)));
        assert_eq!(receiver.poll_ack(at(us)), None);
    }
    let ack = receiver.poll_ack(at(ACK_DELAY_US)).expect("it is due");
    assert_eq!((ack.next, ack.received), (300, vec![]));
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn an_urgent_datagram_is_acknowledged_at_once() {
    let mut receiver = receiver();
    take(&mut receiver, 0, 0, 100, false);
    take(&mut receiver, 1, 100, 100, true);
    assert_eq!(receiver.poll_ack(at(1)).map(|ack| ack.next), Some(200));
}

#[test]
fn many_bytes_are_acknowledged_at_once_and_then_counted_anew() {
    let mut receiver = receiver();
    let half = BYTES_PER_ACK / 2;
    for pair in 0..3_u64 {
        let offset = pair * BYTES_PER_ACK as u64;
        take(&mut receiver, pair, offset, half, false);
        assert_eq!(receiver.poll_ack(at(pair)), None);
        take(&mut receiver, pair, offset + half as u64, half, false);
        assert!(receiver.poll_ack(at(pair)).is_some());
    }
}

#[test]
fn an_acknowledgement_has_room_for_everything_that_is_kept() {
    let mut receiver = receiver();
    let most = RANGES_MAX as u64;
    for number in 0..2 * most {
        take(&mut receiver, 0, 10 + 20 * number, 10, false);
    }
    // It closes no gap, and opens none.
    take(&mut receiver, 0, 20, 5, true);
    let ack = receiver.poll_ack(at(0)).expect("an urgent one");
    let others = (1..most).map(|number| 10 + 20 * number..20 + 20 * number);
    let kept: Vec<_> = core::iter::once(10..25).chain(others).collect();
    assert_eq!((ack.next, ack.received), (0, kept));
}

#[test]
fn bytes_beyond_the_window_are_dropped() {
    let mut receiver = receiver();
    let end = WINDOW_BYTES as u64;
    take(&mut receiver, 0, end - 9, 10, false);
    take(&mut receiver, 0, end - 20, 10, true);
    let ack = receiver.poll_ack(at(0)).expect("an urgent one");
    assert!(ack.received.into_iter().eq(Some(end - 20..end - 10)));
}
