//! Streams over a simulated path: the bytes that arrive, and the rate.

mod crowd;
mod fairness;
mod mtu;
mod neighbour;
mod path;

use path::{GIGABIT, Link, Path, SECOND_US, content};
use proptest::prelude::*;

/// The part of the path's rate that a stream of this many bytes gets, in hundredths.
fn share(path: Path, bytes: usize) -> u64 {
    let mut link = Link::new(path, None);
    let content = content(bytes);
    let elapsed = link.send(&content).expect("arrives");
    assert!(link.stream().received == content);
    let share = bytes as u64 * SECOND_US / elapsed * 100 / path.rate;
    println!(
        "{path:?}: {share} %, {elapsed} us, {} dropped by the queue",
        link.dropped_by_queue
    );
    share
}

#[test]
fn fills_a_path_of_any_rate_and_round_trip_time() {
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
fn a_wire_that_loses_datagrams_is_still_used() {
    for (lost, rate, bytes, least) in [
        (200, 25_000_000, 16 << 20, 50),
        (50, 125_000_000, 64 << 20, 45),
    ] {
        let path = Path {
            lost,
            delay_us: 500,
            rate,
            ..GIGABIT
        };
        assert!(share(path, bytes) >= least, "{path:?}");
    }
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
            link.stream().sender.statistics()
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
fn the_operators_limit_is_kept() {
    let mut link = Link::new(GIGABIT, Some(5_000_000));
    let content = content(10_000_000);
    let elapsed = link.send(&content).expect("arrives");
    assert!((1_900_000..2_300_000).contains(&elapsed), "{elapsed}");
}

#[test]
fn a_stream_survives_an_outage_and_repeats_no_bytes_that_have_arrived() {
    let path = Path {
        cut: (100_000, 8_000_000),
        ..GIGABIT
    };
    let mut link = Link::new(path, None);
    let content = content(64 << 20);
    let elapsed = link.send(&content).expect("arrives");
    assert!(link.stream().received == content);
    assert!((8_000_000..11_000_000).contains(&elapsed), "{elapsed}");
    let datagrams = (content.len() / (path.mtu - 29)) as u64;
    assert!(
        link.sent < datagrams * 12 / 10,
        "{} for {datagrams}",
        link.sent
    );
}

#[test]
fn a_stream_to_a_receiver_that_is_gone_is_abandoned() {
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
    link.stream().sender.write(&content[..100_000]);
    link.transmit();
    link.wire.clear();
    link.now = 60 * SECOND_US;
    let elapsed = link.send(&content[100_000..]).expect("arrives");
    assert!(link.stream().received == content);
    assert!(elapsed < 2 * SECOND_US, "{elapsed}");
}

/// On this wire three probes of five have no reply, often many in a row.
#[test]
fn a_stream_over_a_wire_that_loses_two_datagrams_of_five_each_way_is_not_abandoned() {
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
    assert!(link.stream().received == content);
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
        prop_assert!(link.stream().received == content);
    }
}
