//! A simulated path between two machines, and the streams that share it: [`Path`], [`Link`].

use std::collections::BTreeMap;

use crate::neighbour::{Neighbour, SEGMENT};
use nomad_protocol::{Instant, TransactionId};
use nomad_transport::{Datagram, Receiver, Sender};

pub const SECOND_US: u64 = 1_000_000;
/// The bytes of headers per datagram.
const HEADERS: u64 = 42 + 29;
/// A change that never happens.
const NEVER: (u64, usize) = (u64::MAX, 0);

/// The properties of a path.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// In bytes per second.
    pub rate: u64,
    pub delay_us: u64,
    /// Bytes that wait in front of the slowest link; more are dropped.
    pub queue: u64,
    /// Datagrams lost, per thousand, each way.
    pub lost: u64,
    pub repeated: u64,
    /// The longest additional delay of a datagram.
    pub jitter_us: u64,
    /// The longest datagram that the path carries at first.
    pub mtu: usize,
    /// Later values of `mtu`, and the times from which they apply, in rising order.
    pub mtu_changes: [(u64, usize); 3],
    /// The longest datagram that the sender's own port carries.
    pub port: usize,
    /// Nothing arrives that is sent between these times.
    pub cut: (u64, u64),
    /// The two ends take turns of this length. Each is awake for a fifth of it: the sender at its beginning, the
    /// receiver in the middle. With 0 both are always awake.
    pub turn_us: u64,
}

pub const GIGABIT: Path = Path {
    rate: 125_000_000,
    delay_us: 50,
    queue: 256 * 1024,
    lost: 0,
    repeated: 0,
    jitter_us: 0,
    mtu: 1472,
    mtu_changes: [NEVER; 3],
    port: 1472,
    cut: (0, 0),
    turn_us: 0,
};

impl Path {
    /// The longest datagram that the path carries at this time.
    fn mtu_at(&self, now: u64) -> usize {
        let changes = self.mtu_changes.iter().rev();
        let mut past = changes.filter(|(at, _)| *at <= now);
        past.next().map_or(self.mtu, |(_, mtu)| *mtu)
    }
}

/// A sender, its receiver, and the bytes that the receiver has passed on.
pub struct Stream {
    pub sender: Sender,
    receiver: Receiver,
    pub received: Vec<u8>,
}

/// Streams on one path, and the datagrams between their ends by time of arrival.
pub struct Link {
    path: Path,
    pub now: u64,
    pub random: u64,
    busy_until_ns: u64,
    pub wire: BTreeMap<(u64, u64), Vec<u8>>,
    pub sent: u64,
    pub streams: Vec<Stream>,
    /// Another sender on the path.
    pub neighbour: Option<Neighbour>,
    pub dropped_by_queue: u64,
}

impl Link {
    /// A path with one stream.
    pub fn new(path: Path, rate_max: Option<u64>) -> Link {
        Link::shared(path, 1, rate_max)
    }

    /// A path that this many streams share. Each is limited to `rate_max`.
    pub fn shared(path: Path, streams: u128, rate_max: Option<u64>) -> Link {
        let stream = |number| Stream {
            sender: Sender::new(Instant::from_us(0), TransactionId(number), rate_max),
            receiver: Receiver::new(TransactionId(number)),
            received: Vec::new(),
        };
        Link {
            path,
            now: 0,
            random: 1,
            busy_until_ns: 0,
            wire: BTreeMap::new(),
            sent: 0,
            streams: (0..streams).map(stream).collect(),
            neighbour: None,
            dropped_by_queue: 0,
        }
    }

    /// The only stream of [`Link::new`].
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.streams[0]
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
        if is_data && bytes.len() > self.path.mtu_at(self.now) {
            return;
        }
        let mut leaves = self.now;
        if is_data {
            let Some(at) = self.pass_queue(bytes.len() as u64 + HEADERS) else {
                self.dropped_by_queue += 1;
                return;
            };
            leaves = at;
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

    /// When a frame of this size has left the queue in front of the slowest link, unless the queue drops it.
    fn pass_queue(&mut self, size: u64) -> Option<u64> {
        let waiting_ns = self.busy_until_ns.saturating_sub(self.now * 1_000);
        if waiting_ns * self.path.rate / (SECOND_US * 1_000) + size > self.path.queue {
            return None;
        }
        let sent_ns = (size * SECOND_US * 1_000).div_ceil(self.path.rate);
        self.busy_until_ns = self.busy_until_ns.max(self.now * 1_000) + sent_ns;
        Some(self.busy_until_ns.div_ceil(1_000))
    }

    fn transmit_neighbour(&mut self) {
        let Some(mut neighbour) = self.neighbour.take() else {
            return;
        };
        neighbour.advance(self.now);
        while neighbour.may_send() {
            let leaves = self.pass_queue(SEGMENT);
            let acknowledged = leaves.map(|at| at + 2 * self.path.delay_us);
            neighbour.record_sent(self.now, acknowledged);
        }
        self.neighbour = Some(neighbour);
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

    /// Sends what is due. As in the migration server, the streams take turns of one datagram.
    pub fn transmit(&mut self) {
        let now = Instant::from_us(self.now);
        let port = self.path.port;
        let mut has_more = self.is_awake(false);
        while has_more {
            has_more = false;
            for number in 0..self.streams.len() {
                let mut out = Vec::new();
                if self.streams[number].sender.transmit(now, port, &mut out) {
                    assert!(out.len() <= port);
                    self.put(out, true);
                    has_more = true;
                }
            }
        }
        for number in 0..self.streams.len() {
            let is_awake = self.is_awake(true);
            let receiver = &mut self.streams[number].receiver;
            let ack = is_awake.then(|| receiver.poll_ack(now)).flatten();
            if let Some(ack) = ack {
                self.put(ack.encode(), false);
            }
        }
    }

    fn arrive(&mut self, bytes: &[u8]) {
        let now = Instant::from_us(self.now);
        match Datagram::decode(bytes).expect("a datagram") {
            Datagram::Data(data) => {
                let stream = &mut self.streams[data.transaction.0 as usize];
                let received = &mut stream.received;
                let taken = stream.receiver.handle(now, &data, |bytes| {
                    received.extend(bytes);
                    Ok::<(), ()>(())
                });
                assert_eq!(taken, Ok(()));
            }
            Datagram::Ack(ack) => {
                let stream = &mut self.streams[ack.transaction.0 as usize];
                assert_eq!(stream.sender.handle_ack(now, &ack), Ok(()));
            }
        }
    }

    /// Sends on the only stream until everything has arrived and is acknowledged. Returns the microseconds that this
    /// took, or `None` if the sender gave up.
    pub fn send(&mut self, content: &[u8]) -> Option<u64> {
        self.send_all(&[content]).map(|ends| ends[0])
    }

    /// Sends one content per stream, all at once. Returns the microseconds that each took, or `None` if a sender gave up.
    pub fn send_all(&mut self, contents: &[&[u8]]) -> Option<Vec<u64>> {
        let began = self.now;
        let mut rests = contents.to_vec();
        let mut ends = vec![None; rests.len()];
        loop {
            for (stream, rest) in self.streams.iter_mut().zip(&mut rests) {
                let count = stream.sender.room().min(rest.len());
                stream.sender.write(&rest[..count]);
                *rest = &rest[count..];
            }
            self.transmit();
            self.transmit_neighbour();
            for (number, stream) in self.streams.iter().enumerate() {
                if rests[number].is_empty() && stream.sender.is_delivered() {
                    ends[number].get_or_insert(self.now - began);
                }
            }
            if let Some(ends) = ends.iter().copied().collect() {
                return Some(ends);
            }
            if self.streams.iter().any(|it| it.sender.is_abandoned()) {
                return None;
            }
            self.await_event();
        }
    }

    /// Advances the time to the next timer or arrival, and delivers the datagrams that arrive.
    fn await_event(&mut self) {
        let timers = self.streams.iter().flat_map(|stream| {
            let timers = [stream.sender.poll_timeout(), stream.receiver.poll_timeout()];
            timers.into_iter().zip([false, true])
        });
        let timers = timers.filter_map(|(due, is_receiver)| {
            Some(self.awake(due?.as_us().max(self.now), is_receiver))
        });
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let neighbour = self.neighbour.as_ref().map(Neighbour::next_event);
        let others = arrival.into_iter().chain(neighbour);
        let next = timers.chain(others).min().expect("something happens");
        self.now = self.now.max(next);
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.now
        {
            let bytes = entry.remove();
            self.arrive(&bytes);
        }
    }
}

/// Reproducible bytes.
pub fn content(bytes: usize) -> Vec<u8> {
    content_of(0, bytes)
}

/// Reproducible bytes, other ones for each stream.
pub fn content_of(stream: usize, bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|n| (n * 7 + n / 251 + stream * 31) as u8)
        .collect()
}
