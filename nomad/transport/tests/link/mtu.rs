//! Paths whose longest datagram changes while a stream is sent.

use proptest::prelude::*;

use crate::path::{GIGABIT, Link, Path, SECOND_US, content};

/// A path of the largest datagrams that a port can send.
const LARGEST: Path = Path {
    mtu: 65_000,
    port: 65_000,
    queue: 1 << 20,
    ..GIGABIT
};

/// The sizes that the transport tries: the basic one, that of a jumbo frame, and the port's.
const SIZES: [usize; 3] = [1_443, 8_943, 65_000];

/// A time and the longest datagram from then on.
type Change = (u64, usize);

/// These changes, and no others.
fn changes(some: &[Change]) -> [Change; 3] {
    let mut all = GIGABIT.mtu_changes;
    all[..some.len()].copy_from_slice(some);
    all
}

#[test]
fn the_longest_datagram_is_found_by_trial_and_again_when_the_path_changes() {
    for (mtu, changed, expected) in [
        (1_472, &[][..], SIZES[0]),
        (9_000, &[], SIZES[1]),
        (65_000, &[], SIZES[2]),
        (9_000, &[(20_000, 1_472)], SIZES[0]),
        (65_000, &[(20_000, 1_472)], SIZES[0]),
        (65_000, &[(20_000, 9_000)], SIZES[1]),
        (65_000, &[(20_000, 9_000), (80_000, 1_472)], SIZES[0]),
        (65_000, &[(20_000, 1_472), (40_000, 65_000)], SIZES[2]),
    ] {
        let path = Path {
            mtu,
            mtu_changes: changes(changed),
            ..LARGEST
        };
        let mut link = Link::new(path, None);
        let content = content(16 << 20);
        link.send(&content).expect("arrives");
        assert!(link.stream().received == content);
        let statistics = link.stream().sender.statistics();
        assert_eq!(statistics.datagram_bytes, expected, "{path:?}");
        let lost = statistics.repeats * statistics.datagram_bytes as u64;
        assert!(lost < 2 << 20, "{path:?}: {statistics:?}");
    }
}

/// The time is the simulated path's.
#[test]
fn a_path_that_stops_carrying_long_datagrams_interrupts_a_stream_for_a_few_probes() {
    let time = |mtu_changes| {
        let path = Path {
            mtu_changes,
            ..LARGEST
        };
        let mut link = Link::new(path, None);
        link.send(&content(16 << 20)).expect("arrives")
    };
    let before = time(changes(&[]));
    for change in [(20_000, 9_000), (20_000, 1_472), (1, 1_472)] {
        let after = time(changes(&[change]));
        println!("{change:?}: {before} us, {after} us");
        assert!(after < before + SECOND_US / 4, "{before} us, {after} us");
    }
}

fn any_mtu() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_472), Just(9_000), 1_472..65_001_usize]
}

prop_compose! {
    /// Changes that follow each other within 40 ms.
    fn any_changes()(
        waits in prop::array::uniform3(0..40_000_u64),
        mtus in prop::array::uniform3(any_mtu()),
    ) -> [Change; 3] {
        let mut at = 0;
        std::array::from_fn(|n| {
            at += waits[n];
            (at, mtus[n])
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_byte_arrives_however_the_longest_datagram_changes(
        seed in 1..u64::MAX,
        lost in 0..200_u64,
        mtu in any_mtu(),
        mtu_changes in any_changes(),
        bytes in 1..1_500_000_usize,
    ) {
        let path = Path { lost, mtu, mtu_changes, rate: 20_000_000, ..LARGEST };
        let mut link = Link::new(path, None);
        link.random = seed;
        let content = content(bytes);
        prop_assert!(link.send(&content).is_some());
        prop_assert!(link.stream().received == content);
    }
}
