//! Streams of several transactions at once, on one path.

use crate::path::{GIGABIT, Link, Path, SECOND_US, content_of};

/// The number of streams.
const STREAMS: usize = 10;

/// Sends this many bytes on each stream at once. Returns the link, and the microseconds that each stream took.
fn send(path: Path, bytes: usize, rate_max: Option<u64>) -> (Link, Vec<u64>) {
    let mut link = Link::shared(path, STREAMS as u128, rate_max);
    let contents: Vec<Vec<u8>> = (0..STREAMS).map(|n| content_of(n, bytes)).collect();
    let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let times = link.send_all(&slices).expect("arrives");
    for (stream, content) in link.streams.iter().zip(&contents) {
        assert!(stream.received == *content);
    }
    println!("{path:?}: {times:?}, {} dropped", link.dropped_by_queue);
    (link, times)
}

#[test]
fn ten_streams_fill_a_path_together_and_none_is_left_behind() {
    let bytes = 4 << 20;
    let path = Path {
        delay_us: 500,
        ..GIGABIT
    };
    let (_, times) = send(path, bytes, None);
    let last = *times.iter().max().expect("ten streams");
    let share = (STREAMS * bytes) as u64 * SECOND_US / last * 100 / path.rate;
    assert!(share >= 65, "{share} %: {times:?}");
    let first = *times.iter().min().expect("ten streams");
    assert!(first * 3 > last, "{times:?}");
}

#[test]
fn ten_streams_arrive_over_a_wire_that_loses_repeats_and_reorders() {
    let path = Path {
        lost: 200,
        repeated: 100,
        jitter_us: 1_000,
        ..GIGABIT
    };
    send(path, 1 << 20, None);
}

#[test]
fn the_operators_limit_applies_to_each_stream_separately() {
    let (_, times) = send(GIGABIT, 2_000_000, Some(4_000_000));
    for elapsed in times {
        assert!((350_000..600_000).contains(&elapsed), "{elapsed}");
    }
}

/// A path as slow as this has room for less than one datagram per stream.
#[test]
fn ten_streams_share_a_queue_that_holds_a_few_datagrams() {
    let path = Path {
        rate: 5_000_000,
        queue: 6 * 1_600,
        ..GIGABIT
    };
    let (link, _) = send(path, 200_000, None);
    assert!(link.dropped_by_queue > 0);
}
