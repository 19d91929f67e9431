//! Streams over a simulated path: the bytes that arrive, and the rate.

use std::collections::BTreeMap;

use nomad_protocol::{Instant, TransactionId};
use nomad_transport::{Datagram, Receiver, Sender};
use proptest::prelude::*;

const TRANSACTION: TransactionId = TransactionId(3);
const SECOND_US: u64 = 1_000_000;
/// The bytes of headers per datagram.
const HEADERS: u64 = 42 + 29;

/// The properties of a path.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// In bytes per second.
    rate: u64,
    delay_us: u64,
    /// Bytes that wait in front of the slowest link; more are dropped.
    queue: u64,
    /// Datagrams lost, per thousand, each way.
    lost: u64,
    repeated: u64,
    /// The longest additional delay of a datagram.
    jitter_us: u64,
    /// The longest datagram that the path carries.
    mtu: usize,
    /// The longest datagram that the sender's own port carries.
    port: usize,
    /// From this time on the path carries only 1,472 bytes.
    shrinks_at: u64,
    /// Nothing arrives that is sent between these times.
    cut: (u64, u64),
    /// The two ends take turns of this length. Each is awake for a fifth of it: the sender at its beginning, the
    /// receiver in the middle. With 0 both are always awake.
    turn_us: u64,
}

const GIGABIT: Path = Path {
    rate: 125_000_000,
    delay_us: 50,
    queue: 256 * 1024,
    lost: 0,
    repeated: 0,
    jitter_us: 0,
    mtu: 1472,
    port: 1472,
    shrinks_at: u64::MAX,
    cut: (0, 0),
    turn_us: 0,
};

/// A sender, a receiver, and the datagrams between them by their time of arrival.
struct Link {
    path: Path,
    now: u64,
    random: u64,
    busy_until: u64,
    wire: BTreeMap<(u64, u64), Vec<u8>>,
    sent: u64,
    sender: Sender,
    receiver: Receiver,
    received: Vec<u8>,
    dropped_by_queue: u64,
}

impl Link {
    fn new(path: Path, rate_max: Option<u64>) -> Link {
        let start = Instant::from_us(0);
        Link {
            path,
            now: 0,
            random: 1,
            busy_until: 0,
            wire: BTreeMap::new(),
            sent: 0,
            sender: Sender::new(start, TRANSACTION, rate_max),
            receiver: Receiver::new(TRANSACTION),
            received: Vec::new(),
            dropped_by_queue: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % below.max(1)
    }

    fn put(&mut self, bytes: Vec<u8>, is_data: bool) {
        let (first, last) = self.path.cut;
        if (first..last).contains(&self.now) || self.draw(1000) < self.path.lost {
            return;
        }
        let has_shrunk = self.now >= self.path.shrinks_at;
        let most = if has_shrunk {
            GIGABIT.mtu
        } else {
            self.path.mtu
        };
        if is_data && bytes.len() > most {
            return;
        }
        let mut leaves = self.now;
        if is_data {
            let size = bytes.len() as u64 + HEADERS;
            let waiting = self.busy_until.saturating_sub(self.now) * self.path.rate / SECOND_US;
            if waiting + size > self.path.queue {
                self.dropped_by_queue += 1;
                return;
            }
            self.busy_until =
                self.busy_until.max(self.now) + (size * SECOND_US).div_ceil(self.path.rate);
            leaves = self.busy_until;
        }
        let copies = if self.draw(1000) < self.path.repeated {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let jitter = self.draw(self.path.jitter_us + 1);
            self.sent += 1;
            let at = self.awake(leaves + self.path.delay_us + jitter, is_data);
            self.wire.insert((at, self.sent), bytes.clone());
        }
    }

    /// The next time at which the given end is awake.
    fn awake(&self, at: u64, is_receiver: bool) -> u64 {
        let turn = self.path.turn_us;
        if turn == 0 {
            return at;
        }
        let begin = if is_receiver { turn / 2 } else { 0 };
        let since = (at + turn - begin) % turn;
        if since < turn / 5 {
            at
        } else {
            at + turn - since
        }
    }

    fn is_awake(&self, is_receiver: bool) -> bool {
        self.awake(self.now, is_receiver) == self.now
    }

    fn transmit(&mut self) {
        let now = Instant::from_us(self.now);
        let mut out = Vec::new();
        while self.is_awake(false) && self.sender.transmit(now, self.path.port, &mut out) {
            assert!(out.len() <= self.path.port);
            self.put(std::mem::take(&mut out), true);
        }
        let is_awake = self.is_awake(true);
        let ack = is_awake.then(|| self.receiver.poll_ack(now)).flatten();
        if let Some(ack) = ack {
            self.put(ack.encode(), false);
        }
    }

    fn arrive(&mut self, bytes: &[u8]) {
        let now = Instant::from_us(self.now);
        match Datagram::decode(bytes).expect("a datagram") {
            Datagram::Data(data) => {
                let received = &mut self.received;
                let taken = self.receiver.handle(now, &data, |bytes| {
                    received.extend(bytes);
                    Ok::<(), ()>(())
                });
                assert_eq!(taken, Ok(()));
            }
            Datagram::Ack(ack) => assert_eq!(self.sender.handle_ack(now, &ack), Ok(())),
        }
    }

    /// Runs until everything has arrived and is acknowledged. Returns the microseconds that this took, or `None` if the
    /// sender gave up.
    fn send(&mut self, content: &[u8]) -> Option<u64> {
        let began = self.now;
        let mut rest = content;
        loop {
            let count = self.sender.room().min(rest.len());
            self.sender.write(&rest[..count]);
            rest = &rest[count..];
            self.transmit();
            if rest.is_empty() && self.sender.is_delivered() {
                return Some(self.now - began);
            }
            if self.sender.is_abandoned() {
                return None;
            }
            let timers = [self.sender.poll_timeout(), self.receiver.poll_timeout()];
            let timers = timers.into_iter().zip([false, true]);
            let timers = timers.filter_map(|(due, is_receiver)| {
                Some(self.awake(due?.as_us().max(self.now), is_receiver))
            });
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let next = timers.chain(arrival).min().expect("something happens");
            self.now = self.now.max(next);
            while let Some(entry) = self.wire.first_entry()
                && entry.key().0 <= self.now
            {
                let bytes = entry.remove();
                self.arrive(&bytes);
            }
        }
    }
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n * 7 + n / 251) as u8).collect()
}

/// The part of the path's rate that a stream of this many bytes gets, in hundredths.
fn share(path: Path, bytes: usize) -> u64 {
    let mut link = Link::new(path, None);
    let content = content(bytes);
    let elapsed = link.send(&content).expect("arrives");
    assert!(link.received == content);
    let share = bytes as u64 * SECOND_US / elapsed * 100 / path.rate;
    println!(
        "{path:?}: {share} %, {elapsed} us, {} dropped by the queue",
        link.dropped_by_queue
    );
    share
}

#[test]
fn fills_a_path_of_any_rate_and_length() {
    for rate in [1_000_000, 12_500_000, 125_000_000] {
        for delay_us in [50, 1_000] {
            let path = Path {
                rate,
                delay_us,
                ..GIGABIT
            };
            let seconds = 2 * rate as usize;
            assert!(share(path, seconds.min(64 << 20)) >= 65, "{path:?}");
        }
    }
}

#[test]
fn a_wire_that_loses_every_fifth_datagram_is_still_used() {
    let path = Path {
        lost: 200,
        delay_us: 500,
        rate: 25_000_000,
        ..GIGABIT
    };
    assert!(share(path, 16 << 20) >= 50);
}

#[test]
fn a_small_queue_is_not_flooded() {
    // The ring of a port holds 128 frames.
    let path = Path {
        rate: 30_000_000,
        delay_us: 500,
        queue: 128 * 1514,
        ..GIGABIT
    };
    let mut link = Link::new(path, None);
    let content = content(32 << 20);
    link.send(&content).expect("arrives");
    assert!(
        link.dropped_by_queue < 32 * 723 / 100,
        "{}",
        link.dropped_by_queue
    );
}

/// Both machines run in turns on one busy processor.
#[test]
fn machines_that_take_turns_do_not_slow_down_each_other() {
    for turn_us in [20_000, 100_000] {
        let path = Path { turn_us, ..GIGABIT };
        let bytes = 16 << 20;
        let mut link = Link::new(path, None);
        let elapsed = link.send(&content(bytes)).expect("arrives");
        // At least 128 KiB are sent in each turn.
        let most = bytes as u64 / (128 * 1024) * turn_us;
        println!(
            "{elapsed} us, at most {most}; {:?}",
            link.sender.statistics()
        );
        assert!(elapsed < most, "{elapsed} us, at most {most}");
    }
}

#[test]
fn large_datagrams_are_used_where_the_path_carries_them() {
    for mtu in [8972, 65_000] {
        let path = Path {
            mtu,
            port: mtu,
            queue: 1 << 20,
            ..GIGABIT
        };
        assert!(share(path, 64 << 20) >= 85, "{mtu}");
    }
}

#[test]
fn the_longest_datagram_is_found_by_trial_and_again_when_the_path_changes() {
    let path = Path {
        port: 65_000,
        queue: 1 << 20,
        ..GIGABIT
    };
    for (mtu, shrinks_at, expected) in [
        (1_472, u64::MAX, 1_443),
        (9_000, u64::MAX, 8_943),
        (65_000, u64::MAX, 65_000),
        (9_000, 20_000, 1_443),
        (65_000, 20_000, 1_443),
    ] {
        let path = Path {
            mtu,
            shrinks_at,
            ..path
        };
        let mut link = Link::new(path, None);
        let content = content(16 << 20);
        link.send(&content).expect("arrives");
        assert!(link.received == content);
        let statistics = link.sender.statistics();
        assert_eq!(statistics.datagram_bytes, expected, "{path:?}");
        let lost = statistics.repeats * statistics.datagram_bytes as u64;
        assert!(lost < 2 << 20, "{path:?}: {statistics:?}");
    }
}

#[test]
fn the_operators_limit_is_kept() {
    let mut link = Link::new(GIGABIT, Some(5_000_000));
    let content = content(10_000_000);
    let elapsed = link.send(&content).expect("arrives");
    assert!((1_900_000..2_300_000).contains(&elapsed), "{elapsed}");
}

#[test]
fn a_stream_outlives_a_cut_and_sends_nothing_twice_that_is_there() {
    let path = Path {
        cut: (100_000, 8_000_000),
        ..GIGABIT
    };
    let mut link = Link::new(path, None);
    let content = content(64 << 20);
    let elapsed = link.send(&content).expect("arrives");
    assert!(link.received == content);
    assert!((8_000_000..11_000_000).contains(&elapsed), "{elapsed}");
    let datagrams = (content.len() / (path.mtu - 25)) as u64;
    assert!(
        link.sent < datagrams * 12 / 10,
        "{} for {datagrams}",
        link.sent
    );
}

#[test]
fn a_receiver_that_is_gone_is_noticed() {
    let path = Path {
        cut: (0, u64::MAX),
        ..GIGABIT
    };
    let mut link = Link::new(path, None);
    assert_eq!(link.send(&content(100_000)), None);
    assert!(
        (5 * SECOND_US..20 * SECOND_US).contains(&link.now),
        "{}",
        link.now
    );
}

#[test]
fn a_sender_that_stood_still_does_not_give_up() {
    let mut link = Link::new(GIGABIT, None);
    let content = content(4 << 20);
    link.sender.write(&content[..100_000]);
    link.transmit();
    link.wire.clear();
    link.now = 60 * SECOND_US;
    let elapsed = link.send(&content[100_000..]).expect("arrives");
    assert!(link.received == content);
    assert!(elapsed < 2 * SECOND_US, "{elapsed}");
}

/// On this wire three probes of five have no reply, often many in a row.
#[test]
fn a_wire_that_loses_two_datagrams_of_five_each_way_is_not_given_up() {
    let path = Path {
        lost: 389,
        repeated: 4,
        jitter_us: 1899,
        mtu: 100,
        port: 100,
        rate: 20_000_000,
        ..GIGABIT
    };
    let mut link = Link::new(path, None);
    link.random = 4_938_213_977_788_597_299;
    let content = content(204_751);
    link.send(&content).expect("arrives");
    assert!(link.received == content);
}

proptest! {
    #[test]
    fn every_byte_arrives_in_order_whatever_the_path_does(
        seed in 1..u64::MAX,
        lost in 0..400_u64,
        repeated in 0..400_u64,
        jitter_us in 0..5_000_u64,
        mtu in prop_oneof![Just(100_usize), Just(1472), Just(9000), Just(60_000)],
        bytes in 1..400_000_usize,
    ) {
        let path = Path { lost, repeated, jitter_us, mtu, port: mtu, rate: 20_000_000, ..GIGABIT };
        let mut link = Link::new(path, None);
        link.random = seed;
        let content = content(bytes);
        prop_assert!(link.send(&content).is_some());
        prop_assert!(link.received == content);
    }
}
