//! The rate at which to send: [`Pacer`], by BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue
//! 14(5), 2016; draft-cardwell-iccrg-bbr-congestion-control-00).
//!
//! Two measurements describe the path: the most bytes per second that arrived at the other side, over the last ten
//! round trips, and the least round-trip time. Datagrams leave at that rate, and not much more than the product of rate
//! and round-trip time is in flight. Losses do not slow the pacer down, so a wire that loses every fifth datagram is
//! still used. A full queue slows it down, and beside other senders the bound of `loss_bound` does.
//!
//! ```text
//!   Startup --the rate no longer grows--> Drain --the queue is empty--> Cruise: faster for one round trip in eight,
//!                                                                       slower for the next
//! ```
//!
//! It differs from the paper in three ways. It does not pause every ten seconds to measure the round-trip time anew,
//! because a move rarely lasts that long and `round_trip` forgets old measurements. A step of the cycle lasts for the
//! current round trip, not for the least one. And a sender that was late catches up. The last two are for machines that
//! share a busy processor: they stand still for a hundred times the least round trip, and would otherwise measure an
//! ever lower rate.

use nomad_protocol::Instant;

/// Bytes in flight before there is a measurement.
const FIRST_WINDOW: u64 = 32 * 1024;
/// The round-trip time that is assumed before there is a measurement.
const FIRST_ROUND_TRIP_US: u64 = 1_000;
/// Additional bytes in flight, because a busy machine acknowledges in bursts that are far apart. This many fit into the ring
/// of a network port.
const SLACK: u64 = 128 * 1024;
/// The longest delay that a burst may make up for. A busy machine stands still for a shorter time. The window of bytes
/// in flight limits a burst, too.
const BURST_US: u64 = 100_000;
/// The number of recent round trips whose highest rate is used.
const RATE_ROUNDS: usize = 10;
/// The rate counts as no longer growing after this many round trips in which it grew by less than a quarter.
const FULL_ROUNDS: u32 = 3;

/// The rate of startup, in hundredths of the measured rate: it doubles in each round trip (2 / ln 2).
const STARTUP_GAIN: u64 = 289;
/// The rate of draining, in hundredths: within a round trip it drains the bytes that startup put into the queue.
const DRAIN_GAIN: u64 = 35;
/// The bytes in flight while cruising, in hundredths of the product of rate and round-trip time.
const WINDOW_GAIN: u64 = 150;
/// The rates in the round trips of a cycle, in hundredths of the measured rate.
const CYCLE_GAINS: [u64; 8] = [150, 60, 100, 100, 100, 100, 100, 100];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Startup,
    Drain,
    /// The step of the cycle.
    Cruise(usize),
}

/// The pacer's counts when a datagram was sent. The bytes that arrive between then and its acknowledgement give a rate.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    arrived: u64,
    arrived_at: Instant,
    /// When the first of the datagrams that are measured together was sent.
    first_sent_at: Instant,
    /// Whether the stream had too few bytes to fill the path.
    is_limited: bool,
}

/// The measurements that an acknowledgement gives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The bytes that have arrived since the last acknowledgement.
    pub bytes: u64,
    /// When the latest of the datagrams that have arrived was sent, and its snapshot.
    pub newest: (Instant, Snapshot),
    /// The bytes still in flight.
    pub in_flight: u64,
    /// The least round-trip time.
    pub round_trip_us: u64,
}

/// Decides when the next datagram may leave.
#[derive(Clone, Debug)]
pub struct Pacer {
    state: State,
    /// The operator's limit, in bytes per second.
    rate_max: Option<u64>,
    /// The highest rates of the last round trips, in bytes per second.
    rates: [u64; RATE_ROUNDS],
    round: usize,
    /// The round trip ends with the acknowledgement of a datagram that was sent after this many bytes had arrived.
    round_end: u64,
    /// The rate that the rounds of [`FULL_ROUNDS`] are compared with.
    full_rate: u64,
    full_rounds: u32,
    arrived: u64,
    arrived_at: Instant,
    first_sent_at: Instant,
    /// Until this many bytes have arrived, the stream limits the measured rates, because it had too few bytes to send.
    limited_until: u64,
    round_trip_us: u64,
    next_send: Instant,
}

impl Pacer {
    /// A pacer of a path of which nothing is known.
    pub fn new(now: Instant, rate_max: Option<u64>) -> Pacer {
        Pacer {
            state: State::Startup,
            rate_max,
            rates: [0; RATE_ROUNDS],
            round: 0,
            round_end: 0,
            full_rate: 0,
            full_rounds: 0,
            arrived: 0,
            arrived_at: now,
            first_sent_at: now,
            limited_until: 0,
            round_trip_us: FIRST_ROUND_TRIP_US,
            next_send: now,
        }
    }

    /// When the next datagram may leave.
    pub fn next_send(&self) -> Instant {
        self.next_send
    }

    /// How many bytes may be in flight.
    pub fn window(&self) -> u64 {
        let gain = match self.state {
            State::Startup | State::Drain => STARTUP_GAIN,
            State::Cruise(_) => WINDOW_GAIN,
        };
        match self.measured_rate() {
            0 => FIRST_WINDOW,
            rate => bytes_in(rate, self.round_trip_us) * gain / 100 + SLACK,
        }
    }

    /// The rate at which datagrams leave now, in bytes per second.
    pub fn rate(&self) -> u64 {
        let gain = match self.state {
            State::Startup => STARTUP_GAIN,
            State::Drain => DRAIN_GAIN,
            State::Cruise(step) => CYCLE_GAINS[step],
        };
        let rate = match self.measured_rate() {
            0 => rate_of(FIRST_WINDOW, FIRST_ROUND_TRIP_US),
            rate => rate * gain / 100,
        };
        self.rate_max.map_or(rate, |most| rate.min(most)).max(1)
    }

    /// Records that a datagram of this many bytes leaves, with this many in flight before it.
    pub fn record_sent(&mut self, now: Instant, bytes: u64, in_flight: u64) -> Snapshot {
        if in_flight == 0 {
            (self.first_sent_at, self.arrived_at) = (now, now);
        }
        let began = self.next_send.max(before(now, BURST_US));
        self.next_send = began.after_us(bytes * 1_000_000 / self.rate());
        Snapshot {
            arrived: self.arrived,
            arrived_at: self.arrived_at,
            first_sent_at: self.first_sent_at,
            is_limited: self.limited_until > self.arrived,
        }
    }

    /// Records that the stream has no more bytes to send, although the window has room for more.
    pub fn record_limited(&mut self, in_flight: u64) {
        self.limited_until = self.arrived + in_flight.max(1);
    }

    /// Handles an acknowledgement.
    pub fn handle_arrival(&mut self, now: Instant, arrival: Arrival) {
        let (sent_at, snapshot) = arrival.newest;
        self.arrived += arrival.bytes;
        self.arrived_at = now;
        self.first_sent_at = sent_at;
        self.round_trip_us = arrival.round_trip_us;
        let sending_us = sent_at.us_since(snapshot.first_sent_at);
        let arriving_us = now.us_since(snapshot.arrived_at);
        let elapsed_us = sending_us.max(arriving_us).max(arrival.round_trip_us);
        let rate = rate_of(self.arrived - snapshot.arrived, elapsed_us);
        let is_round_over = snapshot.arrived >= self.round_end;
        if is_round_over {
            self.round_end = self.arrived;
        }
        self.record_rate(rate, snapshot.is_limited, is_round_over);
        if is_round_over {
            self.end_round(arrival.in_flight, snapshot.is_limited);
        }
    }

    fn record_rate(&mut self, rate: u64, is_limited: bool, is_round_over: bool) {
        if is_limited && rate <= self.measured_rate() {
            return;
        }
        if is_round_over {
            self.round = (self.round + 1) % RATE_ROUNDS;
            self.rates[self.round] = 0;
        }
        self.rates[self.round] = self.rates[self.round].max(rate);
    }

    /// Changes the state at the end of a round trip.
    fn end_round(&mut self, in_flight: u64, is_limited: bool) {
        let product = bytes_in(self.measured_rate(), self.round_trip_us);
        let is_full = self.state == State::Startup && !is_limited && self.is_full();
        self.state = match self.state {
            State::Startup if is_full => State::Drain,
            State::Drain if in_flight <= product + SLACK => State::Cruise(2),
            State::Cruise(step) => State::Cruise((step + 1) % CYCLE_GAINS.len()),
            same => same,
        };
    }

    /// Whether the rate has stopped growing, at the end of a round trip.
    fn is_full(&mut self) -> bool {
        let rate = self.measured_rate();
        if rate * 4 >= self.full_rate * 5 {
            (self.full_rate, self.full_rounds) = (rate, 0);
        } else {
            self.full_rounds += 1;
        }
        self.full_rounds >= FULL_ROUNDS
    }

    fn measured_rate(&self) -> u64 {
        self.rates.iter().copied().max().unwrap_or(0)
    }
}

fn rate_of(bytes: u64, us: u64) -> u64 {
    bytes.saturating_mul(1_000_000) / us.max(1)
}

fn bytes_in(rate: u64, us: u64) -> u64 {
    rate.saturating_mul(us) / 1_000_000
}

fn before(now: Instant, us: u64) -> Instant {
    Instant::from_us(now.as_us().saturating_sub(us))
}

#[cfg(test)]
mod tests;
