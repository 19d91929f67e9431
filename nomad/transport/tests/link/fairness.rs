//! A stream beside a sender whose window follows losses.

use crate::neighbour::Neighbour;
use crate::path::{GIGABIT, Link, Path, SECOND_US, content};

/// A path of this rate, delay and queue without other defects.
fn path(rate: u64, delay_us: u64, queue: u64) -> Path {
    Path {
        rate,
        delay_us,
        queue,
        ..GIGABIT
    }
}

/// Streams of one path, all of this many bytes, and a neighbour. Returns the part of the path's rate that the first stream to
/// end got, and its neighbour meanwhile, in hundredths.
fn shares(path: Path, streams: usize, bytes: usize) -> (u64, u64) {
    let mut link = Link::shared(path, streams as u128, None);
    link.neighbour = Some(Neighbour::new());
    let content = content(bytes);
    let contents = vec![content.as_slice(); streams];
    let ends = link.send_all(&contents).expect("arrives");
    let first = *ends.iter().min().expect("a stream");
    let neighbour = link.neighbour.as_ref().expect("a neighbour");
    let share = |bytes: u64| bytes * SECOND_US / first * 100 / path.rate;
    let shares = (share(bytes as u64), share(neighbour.delivered(first)));
    println!("{streams} on {path:?}: {shares:?} %, {first} us");
    shares
}

#[test]
fn a_stream_and_its_neighbour_share_a_path_whose_queue_is_short() {
    for (rate, delay_us, queue) in [
        (12_500_000, 500, 50_000),
        (12_500_000, 5_000, 125_000),
        (12_500_000, 5_000, 250_000),
        (125_000_000, 50, 100_000),
        (125_000_000, 500, 62_500),
        (125_000_000, 500, 125_000),
        (125_000_000, 500, 250_000),
    ] {
        let path = path(rate, delay_us, queue);
        let (own, neighbour) = shares(path, 1, rate as usize / 2);
        assert!(own >= 20, "{path:?}: {own} %");
        assert!(neighbour >= 20, "{path:?}: {neighbour} %");
    }
}

/// A sender whose window follows losses fills any queue. The stream does not compete with it for that.
#[test]
fn a_long_queue_is_left_to_the_neighbour() {
    let path = path(12_500_000, 500, 1_000_000);
    let (own, neighbour) = shares(path, 1, 2_000_000);
    assert!(own >= 8 && neighbour > own, "{own} %, {neighbour} %");
}

/// Eleven fair parts would be 9 % each.
#[test]
fn ten_streams_leave_a_part_to_their_neighbour() {
    for (rate, delay_us, queue) in [(12_500_000, 5_000, 125_000), (125_000_000, 500, 250_000)] {
        let path = path(rate, delay_us, queue);
        let (_, neighbour) = shares(path, 10, rate as usize / 10);
        assert!(neighbour >= 2, "{path:?}: {neighbour} %");
    }
}

/// Datagrams that are reordered are not lost: a path that delays each by up to 300 us carries as much as one that does not.
#[test]
fn reordering_does_not_bound_a_stream() {
    let path = Path {
        jitter_us: 300,
        delay_us: 500,
        ..GIGABIT
    };
    let bytes = 32 << 20;
    let mut link = Link::new(path, None);
    let elapsed = link.send(&content(bytes)).expect("arrives");
    let share = bytes as u64 * SECOND_US / elapsed * 100 / path.rate;
    println!("{share} %");
    assert!(share >= 65, "{share} %");
}
