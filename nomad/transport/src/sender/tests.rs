//! Probes, retransmissions, and the acknowledgements that they get.

use alloc::vec;

use super::*;
use crate::arrivals::{ArrivalCounter, Arrivals};
use crate::datagram::Datagram;

const TRANSACTION: TransactionId = TransactionId(1);
/// Bytes of the stream per datagram.
const PART: u64 = 100;

fn at(us: u64) -> Instant {
    Instant::from_us(us)
}

/// A sender with this many datagrams to send.
fn sender(datagrams: usize) -> Sender {
    let mut sender = Sender::new(at(0), TRANSACTION, None);
    sender.write(&vec![7; datagrams * PART as usize]);
    sender
}

/// The offset of the datagram that is sent now, and whether it is urgent.
fn transmit(sender: &mut Sender, us: u64) -> Option<(u64, bool)> {
    let mut out = Vec::new();
    let most = HEAD_BYTES + PART as usize;
    let is_one = sender.transmit(at(us), most, &mut out);
    is_one.then(|| match Datagram::decode(&out) {
        Some(Datagram::Data(data)) => (data.offset, data.is_urgent),
        other => panic!("{other:?}"),
    })
}

fn acknowledge(sender: &mut Sender, us: u64, next: u64, received: Option<Range<u64>>) {
    let ack = Ack {
        transaction: TRANSACTION,
        next,
        arrivals: Arrivals::default(),
        received: received.into_iter().collect(),
    };
    assert_eq!(sender.handle_ack(at(us), &ack), Ok(()));
}

#[test]
fn the_last_datagram_and_every_probe_are_acknowledged_at_once() {
    let mut sender = sender(2);
    assert_eq!(transmit(&mut sender, 0), Some((0, false)));
    assert_eq!(transmit(&mut sender, 100), Some((PART, true)));
    assert_eq!(transmit(&mut sender, 200), None);
    let due = sender.poll_timeout().expect("a probe").as_us();
    assert_eq!(transmit(&mut sender, due), Some((0, true)));
}

#[test]
fn a_probe_is_acknowledged_at_once_although_more_bytes_wait() {
    let mut sender = sender(1_000);
    // As many datagrams leave at once as may be in flight.
    while let Some((_, is_urgent)) = transmit(&mut sender, 50_000) {
        assert!(!is_urgent);
    }
    assert!(!sender.is_sent());
    let due = sender.poll_timeout().expect("a probe").as_us();
    assert_eq!(transmit(&mut sender, due), Some((0, true)));
}

#[test]
fn an_acknowledgement_postpones_the_next_probe() {
    let mut sender = sender(2);
    transmit(&mut sender, 0);
    transmit(&mut sender, 100);
    let due = sender.poll_timeout().expect("a probe").as_us();
    acknowledge(&mut sender, due - 1, PART, None);
    assert!(sender.poll_timeout() > Some(at(due)));
    for _ in 0..PROBES_MAX - 1 {
        let due = sender.poll_timeout().expect("a probe").as_us();
        assert_eq!(transmit(&mut sender, due), Some((PART, true)));
    }
    acknowledge(&mut sender, 20_000_000, PART, None);
    let due = sender.poll_timeout().expect("a probe").as_us();
    transmit(&mut sender, due);
    assert!(!sender.is_abandoned());
}

/// An acknowledgement of bytes that were sent twice could be for the first or the second datagram (Karn's algorithm).
#[test]
fn bytes_that_were_sent_twice_do_not_measure_the_round_trip() {
    let mut sender = sender(1);
    transmit(&mut sender, 0);
    let due = sender.poll_timeout().expect("a probe").as_us();
    transmit(&mut sender, due);
    acknowledge(&mut sender, due + 5, PART, None);
    assert!(sender.is_delivered());
    assert_eq!(sender.statistics().round_trip_us, 0);
}

#[test]
fn an_overtaken_datagram_is_sent_again_a_while_later() {
    let mut sender = sender(3);
    for us in [0, 100, 200] {
        transmit(&mut sender, us);
    }
    let overtaken = PART..3 * PART;
    acknowledge(&mut sender, 1_000, 0, Some(overtaken));
    assert_eq!(transmit(&mut sender, 1_000), None);
    let due = sender.poll_timeout().expect("a loss").as_us();
    assert_eq!(due, 800 + REORDER_MIN_US, "a round trip and a while");
    assert_eq!(transmit(&mut sender, due), Some((0, true)));
    acknowledge(&mut sender, due + 800, 3 * PART, None);
    assert!(sender.is_delivered());
    assert_eq!(sender.statistics().probes, 0);
}

#[test]
fn only_datagrams_that_are_overtaken_and_late_are_sent_again() {
    let mut sender = sender(4);
    for us in [0, 1_000, 1_100, 1_200] {
        transmit(&mut sender, us);
    }
    let overtaking = 2 * PART..3 * PART;
    acknowledge(&mut sender, 1_900, 0, Some(overtaking));
    let patience_us = 800 + REORDER_MIN_US;
    assert_eq!(sender.poll_timeout(), Some(at(patience_us)));
    // The second one is not late yet, and nothing has overtaken the last one.
    assert_eq!(transmit(&mut sender, patience_us), Some((0, true)));
    assert_eq!(transmit(&mut sender, patience_us), None);
    assert_eq!(sender.poll_timeout(), Some(at(1_000 + patience_us)));
    let all_late = 1_200 + patience_us;
    assert_eq!(transmit(&mut sender, all_late), Some((PART, true)));
    assert_eq!(transmit(&mut sender, all_late), None);
}

#[test]
fn lost_bytes_that_arrive_after_all_are_not_sent_again() {
    let mut sender = sender(4);
    for us in [0, 100, 200, 300] {
        transmit(&mut sender, us);
    }
    acknowledge(&mut sender, 1_100, 0, Some(2 * PART..4 * PART));
    let due = 100 + 800 + REORDER_MIN_US;
    assert_eq!(transmit(&mut sender, due), Some((0, false)));
    acknowledge(&mut sender, due, 0, Some(PART..4 * PART));
    assert_eq!(transmit(&mut sender, due), None);
}

/// The path carries only datagrams of the base size, so that every trial is lost.
#[test]
fn a_lost_trial_of_the_mtu_has_the_number_of_the_datagram_after_it() {
    let mut sender = Sender::new(at(0), TRANSACTION, None);
    let mut counter = ArrivalCounter::default();
    let (mut us, mut next, mut trials) = (0, 0, 0);
    while counter.arrivals().end < 1_000 {
        us += 500;
        sender.write(&vec![7; sender.room()]);
        let mut out = Vec::new();
        if !sender.transmit(at(us), 60_000, &mut out) {
            continue;
        }
        let Some(Datagram::Data(data)) = Datagram::decode(&out) else {
            panic!("{out:?}");
        };
        if out.len() > crate::BASE {
            trials += 1;
            continue;
        }
        counter.record(data.number);
        let end = data.offset + data.bytes.len() as u64;
        let received = (data.offset > next).then_some(data.offset..end);
        if data.offset <= next {
            next = next.max(end);
        }
        let ack = Ack {
            transaction: TRANSACTION,
            next,
            arrivals: counter.arrivals(),
            received: received.into_iter().collect(),
        };
        let _ = sender.handle_ack(at(us + 100), &ack);
    }
    assert!(trials > 0);
    let Arrivals { end, count } = counter.arrivals();
    assert_eq!(count, end, "no number is missing");
}
