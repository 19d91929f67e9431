//! The datagrams that a machine with a valid key, or a restarted machine, may send at any time.

use nomad_protocol::{Instant, TransactionId};
use nomad_transport::{Ack, Arrivals, Data, Datagram, Receiver, Sender, WINDOW_BYTES};
use proptest::prelude::*;

const TRANSACTION: TransactionId = TransactionId(3);
/// The longest datagram, of which 29 bytes are its head.
const BYTES_MAX: usize = 1029;

fn byte_at(offset: u64) -> u8 {
    (offset % 251) as u8
}

fn content(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(byte_at).collect()
}

/// A sender and a receiver without a delay between them.
struct Pair {
    now: Instant,
    sender: Sender,
    receiver: Receiver,
    received: u64,
}

impl Pair {
    fn new() -> Pair {
        let now = Instant::from_us(1_000_000);
        Pair {
            now,
            sender: Sender::new(now, TRANSACTION, None),
            receiver: Receiver::new(TRANSACTION),
            received: 0,
        }
    }

    /// The datagrams that the sender sends now, a microsecond after each other.
    fn transmit(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while self.sender.transmit(self.now, BYTES_MAX, &mut out) {
            datagrams.push(std::mem::take(&mut out));
            self.now = self.now.after_us(1);
        }
        datagrams
    }

    /// Delivers these datagrams.
    fn take(&mut self, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            let data = data_of(datagram);
            let received = &mut self.received;
            let taken = self.receiver.handle(self.now, &data, |bytes| {
                let end = *received + bytes.len() as u64;
                assert_eq!(bytes, content(*received..end));
                *received = end;
                Ok::<(), ()>(())
            });
            assert_eq!(taken, Ok(()));
        }
    }

    /// Delivers these datagrams, and the acknowledgement.
    fn deliver(&mut self, datagrams: &[Vec<u8>]) {
        self.take(datagrams);
        if let Some(ack) = self.receiver.poll_ack(self.now) {
            assert_eq!(self.sender.handle_ack(self.now, &ack), Ok(()));
        }
    }

    /// Lets this many timers elapse, and delivers the datagrams that `arrives` accepts. Stops when the stream is delivered, or
    /// the sender gives up.
    fn run(&mut self, timers: usize, arrives: impl Fn(&Data<'_>) -> bool) {
        for _ in 0..timers {
            let mut datagrams = self.transmit();
            datagrams.retain(|datagram| arrives(&data_of(datagram)));
            self.deliver(&datagrams);
            if self.sender.is_delivered() || self.sender.is_abandoned() {
                return;
            }
            let timers = [self.sender.poll_timeout(), self.receiver.poll_timeout()];
            let due = timers.into_iter().flatten().min().expect("a timer");
            self.now = self.now.max(due);
        }
    }
}

fn data_of(datagram: &[u8]) -> Data<'_> {
    match Datagram::decode(datagram) {
        Some(Datagram::Data(data)) => data,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_receiver_that_was_restarted_is_noticed() {
    let mut pair = Pair::new();
    pair.sender.write(&content(0..100_000));
    pair.run(10_000, |_| true);
    assert!(pair.sender.is_delivered());
    pair.receiver = Receiver::new(TRANSACTION);
    pair.sender.write(&content(100_000..110_000));
    pair.run(10_000, |_| true);
    assert!(pair.sender.is_abandoned(), "{:?}", pair.sender.statistics());
}

/// The acknowledgements name every other byte. A sender that accepted all of them would send one datagram per gap and store
/// one range per byte.
#[test]
fn no_acknowledgement_makes_the_sender_send_tiny_datagrams() {
    let mut pair = Pair::new();
    pair.sender.write(&content(0..200_000));
    // By now the pacer lets a whole window leave at once.
    pair.now = pair.now.after_us(50_000);
    let sent = pair.transmit();
    let last = data_of(&sent[sent.len() - 1]);
    let last = last.offset..last.offset + last.bytes.len() as u64;
    let bytes: Vec<u64> = (1..last.start).step_by(2).collect();
    let mut acks: Vec<Vec<_>> = bytes
        .chunks(119)
        .map(|bytes| bytes.iter().map(|byte| *byte..byte + 1).collect())
        .collect();
    acks.insert(0, vec![last]);
    for received in acks {
        let ack = Ack {
            transaction: TRANSACTION,
            next: 0,
            arrivals: Arrivals::default(),
            received,
        };
        let _ = pair.sender.handle_ack(pair.now, &ack);
    }
    let mut crumbs = 0;
    for _ in 0..100 {
        pair.now = pair.now.after_us(10_000);
        let sent = pair.transmit();
        crumbs += sent.iter().filter(|sent| sent.len() < 100).count();
    }
    assert!(crumbs < 500, "{crumbs}");
}

#[test]
fn the_rest_of_a_probed_datagram_needs_no_second_probe() {
    let mut pair = Pair::new();
    for part in [0..500, 500..3_500] {
        pair.sender.write(&content(part));
        pair.now = pair.now.after_us(50_000);
        assert!(!pair.transmit().is_empty());
    }
    pair.run(100, |_| true);
    assert!(pair.sender.is_delivered());
    assert_eq!(pair.sender.statistics().probes, 1);
}

#[test]
fn the_sender_takes_no_more_bytes_than_the_receiver_has_room_for() {
    let mut pair = Pair::new();
    let bytes = content(0..WINDOW_BYTES as u64 + 100_000);
    assert_eq!(pair.sender.write(&bytes), WINDOW_BYTES);
    assert_eq!(pair.sender.write(&bytes[WINDOW_BYTES..]), 0);
    pair.run(10_000, |_| true);
    assert!(pair.sender.is_delivered());
    assert_eq!(pair.sender.write(&bytes[WINDOW_BYTES..]), 100_000);
}

#[test]
fn bytes_that_have_already_arrived_are_acknowledged_at_once() {
    let mut receiver = Receiver::new(TRANSACTION);
    let now = Instant::from_us(5);
    let bytes = content(0..10);
    let data = Data {
        transaction: TRANSACTION,
        offset: 0,
        number: 0,
        is_urgent: false,
        bytes: &bytes,
    };
    for is_known in [false, true] {
        receiver
            .handle(now, &data, |_| Ok::<(), ()>(()))
            .expect("taken");
        assert_eq!(receiver.poll_ack(now).is_some(), is_known);
        let later = now.after_us(2_000);
        assert_eq!(receiver.poll_ack(later).is_some(), !is_known);
    }
}

/// Bytes that arrived earlier are not passed on after an error.
#[test]
fn a_stream_ends_at_the_first_error() {
    let mut receiver = Receiver::new(TRANSACTION);
    let now = Instant::from_us(5);
    let mut passed_on = 0;
    for offset in [10_u64, 0] {
        let bytes = content(offset..offset + 10);
        let data = Data {
            transaction: TRANSACTION,
            offset,
            number: 0,
            is_urgent: false,
            bytes: &bytes,
        };
        let taken = receiver.handle(now, &data, |_| {
            passed_on += 1;
            Err(())
        });
        assert_eq!(taken.is_err(), offset == 0);
    }
    assert_eq!(passed_on, 1);
}

#[test]
fn an_acknowledgement_of_bytes_that_were_never_sent_is_refused() {
    let mut pair = Pair::new();
    pair.sender.write(&content(0..10));
    let arrivals = |end, count| Arrivals { end, count };
    for (next, received, arrivals) in [
        (1, None, arrivals(0, 0)),
        (0, Some(3..4), arrivals(0, 0)),
        (u64::MAX, None, arrivals(0, 0)),
        (0, None, arrivals(1, 0)),
        (0, None, arrivals(0, 1)),
    ] {
        let ack = Ack {
            transaction: TRANSACTION,
            next,
            arrivals,
            received: received.into_iter().collect(),
        };
        assert!(pair.sender.handle_ack(pair.now, &ack).is_err(), "{ack:?}");
    }
    pair.run(10, |_| true);
    assert_eq!(pair.received, 10);
}

/// Sends a stream during which earlier datagrams, chosen by these indices, arrive again. The channel drops repeated
/// datagrams, but the transport does not rely on that.
fn send_with_replays(datagrams: &[(bool, prop::sample::Index)]) -> Result<(), TestCaseError> {
    let mut pair = Pair::new();
    let (mut sent, mut acks) = (Vec::new(), Vec::new());
    let mut written = 0;
    for (is_ack, index) in datagrams {
        let end = written + pair.sender.room().min(20_000) as u64;
        pair.sender.write(&content(written..end));
        written = end;
        let new = pair.transmit();
        pair.take(&new);
        sent.extend(new);
        acks.extend(pair.receiver.poll_ack(pair.now));
        if *is_ack && !acks.is_empty() {
            let handled = pair.sender.handle_ack(pair.now, index.get(&acks));
            prop_assert_eq!(handled, Ok(()));
        } else if !sent.is_empty() {
            pair.take(&[index.get(&sent).clone()]);
        }
        pair.now = pair.now.after_us(3_000);
    }
    pair.run(10_000, |_| true);
    prop_assert!(pair.sender.is_delivered() && !pair.sender.is_abandoned());
    prop_assert_eq!(pair.received, written);
    Ok(())
}

/// Offsets at and around every value that an end may compare them with.
fn offsets() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..3_000_u64,
        (WINDOW_BYTES as u64 - 1_500)..(WINDOW_BYTES as u64 + 4_500),
        (u64::MAX - 1_500)..=u64::MAX,
        any::<u64>(),
    ]
}

/// Numbers of datagrams, often low ones.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0..300_u32, (u32::MAX - 3)..=u32::MAX, any::<u32>()]
}

/// Bytes that are often a datagram: the kind is one of the known ones, and ranges are short.
fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![0xd1..=0xd3_u8, any::<u8>()];
    let word = prop_oneof![0..3_000_u32, any::<u32>()];
    let words = prop::collection::vec(word, 0..260);
    let rest = 0..4_usize;
    (kind, any::<u128>(), offsets(), words, rest).prop_map(
        |(kind, transaction, offset, words, rest)| {
            let words = words.iter().flat_map(|word| word.to_le_bytes());
            let mut bytes = vec![kind];
            bytes.extend(transaction.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
            bytes.extend(words);
            bytes.truncate(bytes.len() - rest);
            bytes
        },
    )
}

/// The bytes of a datagram.
fn encode(datagram: &Datagram<'_>) -> Vec<u8> {
    match datagram {
        Datagram::Data(data) => {
            let mut bytes = Vec::new();
            data.append_head(&mut bytes);
            bytes.extend(data.bytes);
            bytes
        }
        Datagram::Ack(ack) => ack.encode(),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_datagram_with_these_bytes_or_none(bytes in any_datagram()) {
        if let Some(datagram) = Datagram::decode(&bytes) {
            prop_assert!(Datagram::is_one(&bytes));
            prop_assert_eq!(encode(&datagram), bytes);
        }
    }

    /// A source may send other bytes at an offset each time. Only its own stream is affected.
    #[test]
    fn a_receiver_takes_any_datagrams_in_any_order(
        datagrams in prop::collection::vec((any_datagram(), 0..5_000_u64), 1..100),
    ) {
        let mut receiver = Receiver::new(TRANSACTION);
        let mut now = Instant::from_us(0);
        let mut received = 0;
        for (bytes, wait_us) in &datagrams {
            if let Some(Datagram::Data(data)) = Datagram::decode(bytes) {
                let taken = receiver.handle(now, &data, |bytes| {
                    received += bytes.len() as u64;
                    Ok::<(), ()>(())
                });
                prop_assert_eq!(taken, Ok(()));
            }
            now = now.after_us(*wait_us);
            if let Some(ack) = receiver.poll_ack(now) {
                prop_assert_eq!(ack.next, received);
                let bytes = ack.encode();
                prop_assert_eq!(Datagram::decode(&bytes), Some(Datagram::Ack(ack)));
            }
        }
    }

    #[test]
    fn a_receiver_passes_on_the_stream_whatever_arrives(
        datagrams in prop::collection::vec((offsets(), 0..1_500_usize, numbers(), any::<bool>()), 1..300),
    ) {
        let mut receiver = Receiver::new(TRANSACTION);
        let mut received = 0;
        for (n, (offset, count, number, is_urgent)) in datagrams.into_iter().enumerate() {
            let now = Instant::from_us(n as u64);
            let bytes: Vec<u8> = (0..count as u64).map(|n| byte_at(offset.wrapping_add(n))).collect();
            let data = Data { transaction: TRANSACTION, offset, number, is_urgent, bytes: &bytes };
            receiver.handle(now, &data, |bytes| {
                let end = received + bytes.len() as u64;
                assert_eq!(bytes, content(received..end));
                received = end;
                Ok::<(), ()>(())
            }).expect("nothing refuses it");
            if let Some(ack) = receiver.poll_ack(now) {
                prop_assert_eq!(ack.next, received);
                prop_assert!(ack.arrivals.count <= ack.arrivals.end);
                prop_assert!(ack.received.len() <= 120);
                let is_beyond = |range: &std::ops::Range<u64>| range.start > ack.next && range.end <= ack.next + WINDOW_BYTES as u64;
                prop_assert!(ack.received.iter().all(is_beyond));
                let bytes = ack.encode();
                prop_assert_eq!(Datagram::decode(&bytes), Some(Datagram::Ack(ack)));
            }
        }
    }

    #[test]
    fn a_sender_sends_the_stream_whatever_is_acknowledged(
        acks in prop::collection::vec(
            (
                offsets(),
                (numbers(), numbers()),
                prop::collection::vec((0..2_000_u32, 1..2_000_u32), 0..5),
                0..200_000_u64,
            ),
            1..100,
        ),
    ) {
        let mut pair = Pair::new();
        let mut written = 0;
        for (next, (end, count), ranges, wait_us) in acks {
            let written_end = written + pair.sender.room().min(50_000) as u64;
            pair.sender.write(&content(written..written_end));
            written = written_end;
            for datagram in pair.transmit() {
                let data = data_of(&datagram);
                let end = data.offset + data.bytes.len() as u64;
                prop_assert!(!data.bytes.is_empty() && end <= written);
                prop_assert_eq!(data.bytes, content(data.offset..end));
            }
            let mut last = next;
            let received = ranges.into_iter().map_while(|(gap, length)| {
                let start = last.checked_add(gap.into())?;
                last = start.checked_add(length.into())?;
                Some(start..last)
            }).collect();
            let _ = pair.sender.handle_ack(pair.now, &Ack { transaction: TRANSACTION, next, arrivals: Arrivals { end, count }, received });
            pair.now = pair.now.after_us(wait_us);
            let _ = pair.sender.poll_timeout();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn a_stream_arrives_whatever_is_replayed(
        datagrams in prop::collection::vec(any::<(bool, prop::sample::Index)>(), 1..100),
    ) {
        send_with_replays(&datagrams)?;
    }
}
