//! A domain with a thread in every state and an object of every kind moves back and forth over a bad wire, and notices nothing.
//!
//! `CARAVAN_ZOO_MOVES` sets the number of moves, `CARAVAN_ZOO_SEED` the faults of the wire and the time between moves.

use std::thread::sleep;
use std::time::Duration;

use harness::repeat::{fresh_seed, variable};
use harness::splitmix::splitmix64;
use harness::zoo::Zoo;
use harness::{Faults, Fleet, Node};

/// The default number of moves.
const MOVES: u64 = 20;
/// The longest time between moves.
const STAY_MS_MAX: u64 = 500;
/// The minimum time from A's start to B's. A clock that followed its machine's clock would be wrong by this much.
const CLOCKS_APART: Duration = Duration::from_secs(10);
/// The largest error of the domain's clock after a move: far less than [`CLOCKS_APART`], and far more than the asymmetry of a
/// message's delays.
const CLOCK_ERROR_MAX: Duration = Duration::from_secs(2);
/// The number of the domain's workloads, one per thread.
const THREADS: usize = 44;

/// The faults of a bad wire.
fn poor(seed: u64) -> Faults {
    Faults {
        loss: 0.01,
        duplication: 0.01,
        delay: Duration::from_millis(1),
        jitter: Duration::from_millis(1),
        ..Faults::seeded(seed)
    }
}

#[test]
fn a_domain_in_every_state_moves_over_a_bad_wire_and_notices_nothing() {
    let seed = variable("CARAVAN_ZOO_SEED").unwrap_or_else(fresh_seed);
    let moves = variable("CARAVAN_ZOO_MOVES").unwrap_or(MOVES);
    println!("repeat with CARAVAN_ZOO_SEED={seed} CARAVAN_ZOO_MOVES={moves}");
    let mut fleet = Fleet::start_as(&["zoo-a", "zoo-b"]);
    fleet.await_log(Node::A, "[zoo] zoo: ready");
    sleep(CLOCKS_APART);
    fleet.restart(Node::B);
    for node in [Node::A, Node::B] {
        fleet.port(node).set_faults(Some(poor(seed)));
    }
    let mut zoo = Zoo::new(&fleet.party);
    let mut report = zoo.report();
    assert_eq!(report.rounds.len(), THREADS, "{report:#?}");
    let mut from = Node::A;
    let mut served = zoo.calls_served();
    for number in 0..moves {
        report = zoo.await_progress(&report);
        sleep(Duration::from_millis(
            splitmix64(seed ^ number) % STAY_MS_MAX,
        ));
        fleet.migrate("zoo", from);
        let before = report;
        report = zoo.await_progress(&before);
        assert_eq!(report.incarnation, before.incarnation + 1);
        let error = Duration::from_nanos(report.clock_error_ns(&before).unsigned_abs());
        assert!(error < CLOCK_ERROR_MAX, "{before:#?}\n{report:#?}");
        // The service serves calls and the network at the same time. Every thread made progress on A before the domain left.
        if from == Node::A {
            let served_before = served;
            served = zoo.calls_served();
            assert!(served > served_before, "the service makes no progress");
        }
        from = from.other();
    }
    report = zoo.await_progress(&report);
    let rounds: u64 = report.rounds.values().sum();
    // The service handles one call at a time. A second one waits to be received, and the move does not interrupt it.
    let interrupted: u64 = report.interruptions.values().sum();
    assert!((1..=moves).contains(&interrupted), "{report:#?}");
    println!(
        "zoo: {moves} moves, {rounds} rounds of {THREADS} threads, {interrupted} calls interrupted, no error"
    );
}
