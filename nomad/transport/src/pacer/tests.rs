//! The rate over round trips of known bytes and times.

use super::*;

/// A round trip in microseconds.
const ROUND_TRIP_US: u64 = 1_000;

fn at(us: u64) -> Instant {
    Instant::from_us(us)
}

/// A pacer and the time.
struct Fixture {
    pacer: Pacer,
    now: u64,
}

impl Fixture {
    fn new(rate_max: Option<u64>) -> Fixture {
        Fixture {
            pacer: Pacer::new(at(0), rate_max),
            now: 0,
        }
    }

    /// Sends and acknowledges this many bytes in a round trip, with this many others in flight at its end.
    fn pass(&mut self, bytes: u64, in_flight: u64) {
        let sent_at = at(self.now);
        let snapshot = self.pacer.record_sent(sent_at, bytes, 0);
        self.now += ROUND_TRIP_US;
        let arrival = Arrival {
            bytes,
            newest: (sent_at, snapshot),
            in_flight,
            round_trip_us: ROUND_TRIP_US,
        };
        self.pacer.handle_arrival(at(self.now), arrival);
    }
}

#[test]
fn a_rate_counts_for_ten_round_trips() {
    let mut path = Fixture::new(None);
    path.pass(10_000, 0);
    for _ in 1..RATE_ROUNDS {
        path.pass(1_000, 0);
        assert_eq!(path.pacer.measured_rate(), 10_000_000);
    }
    path.pass(1_000, 0);
    assert_eq!(path.pacer.measured_rate(), 1_000_000);
}

#[test]
fn a_stream_with_too_few_bytes_may_raise_the_rate_but_not_lower_it() {
    let mut path = Fixture::new(None);
    path.pass(10_000, 0);
    for _ in 0..2 * RATE_ROUNDS {
        path.pacer.record_limited(0);
        path.pass(1_000, 0);
        assert_eq!(path.pacer.measured_rate(), 10_000_000);
    }
    path.pacer.record_limited(0);
    path.pass(20_000, 0);
    assert_eq!(path.pacer.measured_rate(), 20_000_000);
}

#[test]
fn startup_ends_when_the_rate_no_longer_grows_and_the_queue_is_drained() {
    let mut path = Fixture::new(None);
    for bytes in [10_000, 20_000, 40_000] {
        path.pass(bytes, 0);
        assert_eq!(path.pacer.state, State::Startup);
    }
    let queued = 40_000 + SLACK + 1;
    for _ in 1..FULL_ROUNDS {
        path.pass(40_000, queued);
        assert_eq!(path.pacer.state, State::Startup);
    }
    for _ in 0..4 {
        path.pass(40_000, queued);
        assert_eq!(path.pacer.state, State::Drain);
    }
    path.pass(40_000, queued - 1);
    assert_eq!(path.pacer.state, State::Cruise(2));
}

#[test]
fn the_window_exceeds_the_bytes_of_one_round_trip() {
    let mut path = Fixture::new(None);
    assert_eq!(path.pacer.window(), FIRST_WINDOW);
    path.pass(100_000, 0);
    assert_eq!(path.pacer.window(), 289_000 + SLACK);
    path.pacer.state = State::Cruise(3);
    assert_eq!(path.pacer.window(), 150_000 + SLACK);
}

#[test]
fn a_sender_that_was_late_for_a_minute_makes_up_for_a_tenth_of_a_second() {
    const MINUTE_US: u64 = 60_000_000;
    const BYTES: u64 = 1_000;
    // A byte per microsecond.
    let mut pacer = Pacer::new(at(0), Some(1_000_000));
    let mut sent = 0;
    while pacer.next_send() <= at(MINUTE_US) {
        pacer.record_sent(at(MINUTE_US), BYTES, 0);
        sent += BYTES;
    }
    assert_eq!(sent, BURST_US + BYTES);
}
