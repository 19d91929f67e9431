//! Cuts, growth, and the losses of the wire itself.

use super::*;

const KIB: u64 = 1024;

/// A bound, and the datagrams of its stream, of which every one is overtaken before the next is sent.
#[derive(Default)]
struct Stream {
    bound: LossBound,
    arrivals: Arrivals,
}

impl Stream {
    fn report(&mut self, next: u32, in_flight: u64) {
        let sending = Sending {
            next,
            in_flight,
            datagram_bytes: KIB,
        };
        self.bound.handle_report(self.arrivals, sending);
    }

    /// Sends as many datagrams as an epoch has, with this many bytes in flight, and loses some of them.
    fn send(&mut self, in_flight: u64, lost: u32) {
        self.bound.record_sent(in_flight);
        self.arrivals.end += EPOCH;
        self.arrivals.count += EPOCH - lost;
        self.report(self.arrivals.end, 0);
    }

    /// Sends a whole epoch, from the first datagram after a cut on.
    fn send_epoch(&mut self, in_flight: u64, lost: u32) {
        self.report(self.arrivals.end, 0);
        self.send(in_flight, lost);
    }
}

/// A stream whose bound was cut once, to 100 KiB.
fn cut() -> Stream {
    let mut stream = Stream::default();
    stream.send(200 * KIB, 26);
    assert_eq!(stream.bound.bytes(), 100 * KIB);
    assert!(stream.bound.is_on_trial());
    stream
}

#[test]
fn more_than_one_loss_in_a_hundred_halves_what_was_in_flight() {
    for (lost, bytes) in [
        (0, u64::MAX),
        (1, u64::MAX),
        (2, 100 * KIB),
        (128, 100 * KIB),
    ] {
        let mut stream = Stream::default();
        stream.send(200 * KIB, lost);
        assert_eq!(stream.bound.bytes(), bytes, "{lost} lost");
    }
}

#[test]
fn late_datagrams_are_not_lost() {
    let mut stream = Stream::default();
    // A machine stands still for a long time: nothing is reported, and then everything.
    for (end, next) in [(100, 5_000), (5_000, 5_000), (5_500, 5_500)] {
        stream.arrivals = Arrivals { end, count: end };
        stream.report(next, 100 * KIB);
    }
    assert_eq!(stream.bound.bytes(), u64::MAX);
}

#[test]
fn datagrams_that_were_sent_before_a_cut_do_not_count_after_it() {
    let mut stream = Stream::default();
    stream.bound.record_sent(200 * KIB);
    stream.arrivals = Arrivals {
        end: EPOCH,
        count: EPOCH / 2,
    };
    stream.report(3 * EPOCH + 1, 200 * KIB);
    for _ in 0..2 {
        stream.send(100 * KIB, EPOCH / 2);
    }
    assert_eq!(stream.bound.bytes(), 100 * KIB);
}

#[test]
fn an_older_report_changes_nothing() {
    let mut stream = Stream::default();
    stream.send(200 * KIB, 0);
    stream.send(200 * KIB, 0);
    let newest = stream.arrivals;
    stream.arrivals = Arrivals { end: 90, count: 20 };
    stream.report(newest.end, 0);
    stream.arrivals = newest;
    stream.send(200 * KIB, 0);
    assert_eq!(stream.bound.bytes(), u64::MAX);
}

#[test]
fn a_cut_that_ends_the_losses_stays_and_grows_by_a_datagram_per_round_trip() {
    let mut stream = cut();
    stream.send_epoch(100 * KIB, 1);
    assert!(!stream.bound.is_on_trial());
    assert_eq!(stream.bound.bytes(), 100 * KIB);
    stream.bound.record_sent(100 * KIB);
    // A round trip's bytes arrive in ten acknowledgements.
    for _ in 0..10 {
        stream.bound.record_arrived(10 * KIB, KIB);
    }
    let grown = stream.bound.bytes();
    assert!((100 * KIB + 980..=101 * KIB).contains(&grown), "{grown}");
}

#[test]
fn the_bound_does_not_grow_while_much_less_is_in_flight() {
    let mut stream = cut();
    stream.bound.record_sent(50 * KIB);
    stream.bound.record_arrived(50 * KIB, KIB);
    assert_eq!(stream.bound.bytes(), 100 * KIB);
}

#[test]
fn losses_that_no_cut_reduces_are_the_wires_own() {
    let mut stream = cut();
    stream.send_epoch(100 * KIB, 20);
    assert_eq!(stream.bound.bytes(), 50 * KIB);
    stream.send_epoch(50 * KIB, 30);
    assert_eq!(stream.bound.bytes(), u64::MAX, "as before the first cut");
    assert!(!stream.bound.is_on_trial());
    // The wire loses 25 of 128. Some more are chance, many more are not.
    stream.send_epoch(200 * KIB, 40);
    assert_eq!(stream.bound.bytes(), u64::MAX);
    stream.send_epoch(200 * KIB, 60);
    assert_eq!(stream.bound.bytes(), 100 * KIB);
}

#[test]
fn losses_that_fall_with_each_cut_are_not_the_wires_own() {
    let mut stream = cut();
    stream.send_epoch(100 * KIB, 12);
    stream.send_epoch(50 * KIB, 5);
    assert_eq!(stream.bound.bytes(), 25 * KIB);
    stream.send_epoch(25 * KIB, 0);
    assert_eq!(stream.bound.bytes(), 25 * KIB);
    assert!(stream.bound.wire.is_none());
}

/// A queue that is far too short loses most datagrams, also after a cut.
#[test]
fn most_of_the_datagrams_are_never_lost_by_the_wire() {
    let mut stream = Stream::default();
    for bytes in [800, 400, 200, 100] {
        stream.send_epoch(bytes * KIB, 90);
        assert_eq!(stream.bound.bytes(), bytes / 2 * KIB);
    }
}

#[test]
fn losses_are_no_sign_of_the_wire_if_nothing_can_be_cut() {
    let mut stream = Stream::default();
    for _ in 0..10 {
        stream.send_epoch(40 * KIB, 40);
        assert_eq!(stream.bound.bytes(), BYTES_MIN);
    }
    assert!(!stream.bound.is_on_trial());
}

/// The datagrams of an epoch were sent before the report with which it begins.
#[test]
fn what_is_in_flight_when_an_epoch_begins_counts() {
    let mut stream = Stream {
        arrivals: Arrivals {
            end: EPOCH,
            count: EPOCH,
        },
        ..Stream::default()
    };
    stream.report(400, 300 * KIB);
    stream.arrivals = Arrivals {
        end: 400,
        count: 350,
    };
    stream.report(400, 0);
    assert_eq!(stream.bound.bytes(), 150 * KIB);
}

#[test]
fn an_epoch_contains_all_that_was_sent_before_it_began() {
    let mut stream = Stream {
        arrivals: Arrivals {
            end: EPOCH,
            count: EPOCH,
        },
        ..Stream::default()
    };
    stream.report(1_000, 100 * KIB);
    for lost in [100, 0] {
        let end = 1_000 - lost;
        stream.arrivals = Arrivals {
            end,
            count: end - 10,
        };
        stream.report(1_000, 0);
        let is_cut = stream.bound.bytes() < u64::MAX;
        assert_eq!(is_cut, lost == 0);
    }
}

#[test]
fn an_epoch_after_a_cut_has_the_bound_in_flight_at_most() {
    let mut stream = cut();
    stream.send_epoch(190 * KIB, 26);
    assert_eq!(stream.bound.bytes(), 50 * KIB);
}

#[test]
fn the_wires_own_losses_are_measured_anew_after_a_while() {
    let mut stream = cut();
    stream.send_epoch(100 * KIB, 26);
    stream.send_epoch(50 * KIB, 26);
    stream.report(stream.arrivals.end, 0);
    for _ in 0..WIRE_EPOCHS {
        assert_eq!(stream.bound.bytes(), u64::MAX);
        stream.send(200 * KIB, 26);
    }
    stream.send(200 * KIB, 26);
    assert_eq!(stream.bound.bytes(), 100 * KIB);
}

#[test]
fn the_bound_has_room_for_what_a_receiver_acknowledges_at_once_and_for_some_datagrams() {
    for (datagram_bytes, bytes) in [(KIB, BYTES_MIN), (64 * KIB, 256 * KIB)] {
        let mut stream = Stream::default();
        stream.arrivals.end = EPOCH;
        let sending = Sending {
            next: EPOCH,
            in_flight: 30 * KIB,
            datagram_bytes,
        };
        stream.bound.handle_report(stream.arrivals, sending);
        assert_eq!(stream.bound.bytes(), bytes);
    }
}
