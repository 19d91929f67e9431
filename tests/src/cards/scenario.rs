//! What a fleet does with its cards.

use std::time::Duration;

use super::Card;
use super::forgery::end_driver;
use crate::fleet::LIMIT;
use crate::redis_benchmark::Load;
use crate::{Fleet, Node, counter, prober, store};

/// The clients of the store while it moves.
const LOAD: &str = "-c 5 -n 1000 -r 100 -d 100 -t set,get";

/// The options of a client that probes a counter with this heap at a rate at which the machines are not busy.
pub fn probe_options(heap: prober::Heap) -> prober::Options {
    let mut options = counter::options(heap);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    options
}

/// Checks that no reply was wrong, and that the one connection survived.
///
/// # Panics
///
/// If not; the summary is in the message.
pub fn assert_undisturbed(report: &prober::Report) {
    let summary = &report.summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
}

/// Plugs the cable of a machine's card out and in again.
///
/// # Panics
///
/// If the machine does not report it.
pub fn replug(fleet: &mut Fleet, node: Node) {
    let machine = fleet.machine(node);
    machine.skip_log();
    for (is_up, line) in [(false, "the link is down"), (true, "the link is up")] {
        machine.set_link(is_up);
        machine.expect(&format!("[nic0] {line}"), LIMIT);
    }
}

/// Moves the store to B and back this many times while clients use it.
///
/// # Panics
///
/// If a move fails, or a client's connection breaks.
pub fn move_store_under_load(fleet: &mut Fleet, times: usize) {
    fleet.await_log(Node::A, store::READY);
    let host = store::IP.to_string();
    let mut load = Load::start(&fleet.party, &host, store::PORT, LOAD);
    let mut pauses_us = Vec::new();
    for from in [Node::A, Node::B].into_iter().cycle().take(2 * times) {
        pauses_us.push(fleet.migrate("kv", from).freeze_to_release_us);
        load.await_rows(1);
    }
    let results = load.finish();
    assert!(results.len() > 2 * times, "{results:?}");
    pauses_us.sort_unstable();
    let (median, longest) = (pauses_us[times], pauses_us[2 * times - 1]);
    println!(
        "{} moves of the store under load: pauses of {median} us (median) to {longest} us, {} tests of redis-benchmark",
        pauses_us.len(),
        results.len()
    );
}

/// Moves the store to B and back this many times under load. Moves the counter to the other machine and back, then ends the driver of
/// each machine twice under traffic and interrupts its link, each time with a move after it. The counter has this heap.
///
/// # Panics
///
/// If a move fails, a driver is not restarted, or a client of the counter notices more than a pause.
pub fn restart_under_traffic(
    fleet: &mut Fleet,
    cards: [Card; 2],
    heap: prober::Heap,
    times: usize,
) {
    let nodes = [Node::A, Node::B];
    for (node, card) in nodes.into_iter().zip(&cards) {
        let speed = card.megabits_per_second;
        let speed = speed.map_or(String::new(), |speed| format!(", {speed} Mb/s"));
        fleet.await_log(node, &format!("[nic0] the link is up{speed}"));
    }
    fleet.await_log(Node::A, counter::READY);
    move_store_under_load(fleet, times);
    let probe = fleet.party.probe(&probe_options(heap));
    fleet.migrate("counter", Node::A);
    fleet.migrate("counter", Node::B);
    for (node, card) in nodes.into_iter().zip(&cards) {
        let is_up = format!("[nic0] NIC {} is up", node.nic());
        fleet.machine(node).expect(&is_up, LIMIT);
        for _ in 0..2 {
            end_driver(fleet.machine(node), card.forge);
            fleet.machine(node).expect(&is_up, LIMIT);
        }
        // A new driver starts without a link. Until it has one, a cable that is plugged out changes nothing.
        fleet.machine(node).expect("[nic0] the link is up", LIMIT);
        replug(fleet, node);
        // Towards B first, then back.
        fleet.migrate("counter", node);
    }
    assert_undisturbed(&probe.finish());
}
