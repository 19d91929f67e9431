//! A stream beside a sender whose window follows losses.

use crate::neighbour::Neighbour;
use crate::path::{GIGABIT, Link, Path, SECOND_US, content};

/// The parts of the path's rate that a stream of this many bytes and its neighbour get, in hundredths.
fn shares(path: Path, bytes: usize) -> (u64, u64) {
    let mut link = Link::new(path, None);
    link.neighbour = Some(Neighbour::new());
    let elapsed = link.send(&content(bytes)).expect("arrives");
    let share = |bytes: u64| bytes * SECOND_US / elapsed * 100 / path.rate;
    let neighbour = link.neighbour.as_ref().expect("a neighbour").delivered;
    let shares = (share(bytes as u64), share(neighbour));
    println!("{path:?}: {shares:?} %, {elapsed} us");
    shares
}

#[test]
fn neither_takes_a_queue_of_up_to_two_round_trips_for_itself() {
    for (rate, delay_us, queue) in [
        (12_500_000, 500, 50_000),
        (12_500_000, 5_000, 125_000),
        (12_500_000, 5_000, 250_000),
        (125_000_000, 50, 100_000),
        (125_000_000, 500, 62_500),
        (125_000_000, 500, 125_000),
        (125_000_000, 500, 250_000),
    ] {
        let path = Path {
            rate,
            delay_us,
            queue,
            ..GIGABIT
        };
        let (own, neighbour) = shares(path, rate as usize / 2);
        assert!(own >= 25, "{path:?}: {own} %");
        assert!(neighbour >= 20, "{path:?}: {neighbour} %");
    }
}

/// A sender whose window follows losses fills any queue. The stream does not compete with it for that.
#[test]
fn a_long_queue_is_left_to_the_neighbour() {
    let path = Path {
        rate: 12_500_000,
        delay_us: 500,
        queue: 1_000_000,
        ..GIGABIT
    };
    let (own, neighbour) = shares(path, 2_000_000);
    assert!(own > 0 && neighbour > own, "{own} %, {neighbour} %");
}

/// Eleven fair parts would be 9 % each.
#[test]
fn ten_streams_leave_a_part_to_their_neighbour() {
    for (rate, delay_us, queue) in [(12_500_000, 5_000, 125_000), (125_000_000, 500, 250_000)] {
        let path = Path {
            rate,
            delay_us,
            queue,
            ..GIGABIT
        };
        let mut link = Link::shared(path, 10, None);
        link.neighbour = Some(Neighbour::new());
        let content = content(rate as usize / 20);
        let ends = link.send_all(&[content.as_slice(); 10]).expect("arrives");
        let last = *ends.iter().max().expect("ten streams");
        let delivered = link.neighbour.as_ref().expect("a neighbour").delivered;
        let neighbour = delivered * SECOND_US / last * 100 / rate;
        println!("{path:?}: {neighbour} %, {last} us");
        assert!(neighbour >= 3, "{path:?}: {neighbour} %");
    }
}
