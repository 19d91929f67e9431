//! A stranger floods both migration servers with datagrams while a domain moves: made-up ones, and those of an earlier move again.

use std::time::Duration;

use harness::Node::{self, A, B};
use harness::fleet::LIMIT;
use harness::flood::{self, Flood};
use harness::repeat::fresh_seed;
use harness::{Fleet, counter, prober};

/// At least one of this many floods must leave no less memory free than an earlier one.
const ROUNDS: usize = 6;

/// Moves the counter to B and back; returns the microseconds that this took.
fn move_twice(fleet: &Fleet) -> u64 {
    let moves = [A, B].map(|from| fleet.migrate("counter", from));
    moves.iter().map(|migration| migration.total_us).sum()
}

/// Moves the counter to B and back while both machines are flooded.
fn move_through_flood(fleet: &Fleet, frames: &[(Node, Vec<Vec<u8>>)]) {
    let start =
        |(node, frames): &(Node, Vec<Vec<u8>>)| Flood::start(fleet.port(*node), frames.clone());
    let floods: Vec<Flood> = frames.iter().map(start).collect();
    let took_us = move_twice(fleet);
    let sent: u64 = floods.into_iter().map(Flood::finish).sum();
    println!("moves through {sent} datagrams: {took_us} us");
}

#[test]
fn a_strangers_datagrams_neither_stop_a_move_nor_use_memory() {
    let seed = fresh_seed();
    println!("seed {seed}");
    let mut fleet = Fleet::start_hooked();
    fleet.await_log(A, counter::READY);
    let mut took_us = 0;
    let work = || took_us = move_twice(&fleet);
    let recorded = fleet
        .segment
        .captured_until(work, |_| true, Duration::ZERO, LIMIT);
    println!("moves without a flood: {took_us} us");
    let frames = [A, B].map(|node| {
        let recorded = flood::recorded(node, &recorded);
        (node, [flood::made_up(node, seed), recorded].concat())
    });
    let mut options = counter::options(counter::SMALL);
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    let probe = fleet.party.probe(&options);
    let before = fleet.spent_pages();
    let mut heaps = Vec::new();
    while heaps.len() < ROUNDS {
        move_through_flood(&fleet, &frames);
        for node in [A, B] {
            fleet.await_spent_pages(node, &before);
        }
        let free = fleet.free_heaps();
        // What is remembered of strangers expires at any time. A leak leaves less memory after every flood.
        let has_no_less =
            |earlier: &Vec<u64>| earlier.iter().zip(&free).all(|(before, now)| now >= before);
        if heaps.iter().any(has_no_less) {
            return assert_undisturbed(&probe.finish());
        }
        heaps.push(free);
    }
    panic!("each flood leaves memory allocated: {heaps:?}");
}

/// Checks that no reply was wrong, and that the one connection survived.
fn assert_undisturbed(report: &prober::Report) {
    let summary = &report.summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
    assert!(summary.tcp.replies > 0, "{summary:?}");
}
