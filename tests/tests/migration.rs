//! A running domain moves between two machines, and its clients notice nothing but a pause.

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::migration::Migration;
use harness::repeat::variable;
use harness::third_party::finish_kv_checker;
use harness::{Fleet, Node, counter, prober, store};

/// The store's address.
const KV: &str = "10.77.0.21:6379";

/// How long a domain is watched before and after a move.
const WATCHED: Duration = Duration::from_secs(2);

fn counter_options() -> prober::Options {
    counter::options(counter::USUAL)
}

/// Two machines, and a counter that runs on the first.
fn fleet_with_counter() -> Fleet {
    let mut fleet = Fleet::start();
    fleet.await_log(Node::A, counter::READY);
    fleet
}

/// Checks that no reply was wrong, and that the one connection survived.
fn assert_undisturbed(report: &prober::Report) {
    let summary = &report.summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
    assert!(summary.udp.replies > 0, "{summary:?}");
}

/// Whether a frame is an ARP announcement of the counter's address (RFC 5227, 1.1).
fn announces_the_counter(frame: &[u8]) -> bool {
    const BROADCAST: [u8; 6] = [0xff; 6];
    const ARP: [u8; 2] = [0x08, 0x06];
    frame.starts_with(&BROADCAST)
        && frame[12..14] == ARP
        && frame[28..32] == counter::IP.octets()
        && frame[38..42] == counter::IP.octets()
}

#[test]
fn a_counter_continues_on_the_other_machine() {
    let fleet = fleet_with_counter();
    let probe = fleet.party.probe(&counter_options());
    sleep(WATCHED);
    let work = || {
        fleet.migrate("counter", Node::A);
    };
    let is_announced = |frames: &[Vec<u8>]| frames.iter().any(|it| announces_the_counter(it));
    let frames = fleet
        .segment
        .captured_until(work, is_announced, Duration::ZERO, LIMIT);
    assert!(
        is_announced(&frames),
        "the counter's address is not announced"
    );
    assert_undisturbed(&probe.finish());
    // The counter's timers run there too, at their rate: half of it leaves room for a busy host.
    let probe = fleet.party.probe(&counter_options());
    sleep(WATCHED);
    let report = probe.finish();
    assert_undisturbed(&report);
    let due = counter::PAGES_PER_SECOND * WATCHED.as_secs();
    let dirtied = report.summary.tcp.dirtied;
    assert!(dirtied >= due / 2, "of {due}: {:?}", report.summary);
}

#[test]
fn moves_a_counter() {
    let fleet = fleet_with_counter();
    let probe = fleet.party.probe(&counter_options());
    for from in [Node::A, Node::B] {
        sleep(WATCHED);
        fleet.migrate("counter", from);
    }
    sleep(WATCHED);
    assert_undisturbed(&probe.finish());
    let list = fleet.list(Node::A);
    assert!(list.running("counter").is_some(), "{list}");
    let list = fleet.list(Node::B);
    assert!(list.is_done() && list.domain("counter").is_none(), "{list}");
}

#[test]
fn moves_kv_under_load() {
    const MOVES: usize = 10;
    let mut fleet = Fleet::start();
    fleet.await_log(Node::A, store::READY);
    let kv_checker = fleet.party.check_kv(KV);
    let (host, port) = KV.split_once(':').expect("an address and a port");
    // The load runs quietly in a loop, which ends only if a connection fails.
    let load = [
        "-h",
        host,
        "-p",
        port,
        "-t",
        "set,get,incr,mset",
        "-c",
        "8",
        "-q",
        "-l",
    ];
    let mut load = fleet.party.start("redis-benchmark", &load);
    for from in [Node::A, Node::B].into_iter().cycle().take(MOVES) {
        sleep(WATCHED);
        fleet.migrate("kv", from);
        assert_eq!(load.last_words(), None);
    }
    sleep(WATCHED);
    assert_eq!(load.last_words(), None);
    assert!(finish_kv_checker(kv_checker, LIMIT).writes > 0);
}

#[test]
fn two_domains_move_concurrently() {
    let mut fleet = fleet_with_counter();
    fleet.await_log(Node::A, store::READY);
    let kv_checker = fleet.party.check_kv(KV);
    let probe = fleet.party.probe(&counter_options());
    for from in [Node::A, Node::B] {
        let begun_ns = prober::now_ns();
        let moves = ["counter", "kv"].map(|domain| fleet.begin_migration(domain, from));
        for reply in moves.map(|begun| begun.finish(LIMIT)) {
            Migration::of_reply(begun_ns, &reply);
        }
    }
    assert_undisturbed(&probe.finish());
    assert!(finish_kv_checker(kv_checker, LIMIT).writes > 0);
}

/// The number of moves per batch. `CARAVAN_MOVES=50` is a long run.
const BATCH: usize = 4;

/// The number of batches after which heaps no longer grow: they grow to the largest size that is ever needed.
const BATCHES: usize = 8;

/// Some batch leaves the heaps unchanged. With a leak, every batch would take more of them.
#[test]
fn moves_leak_no_memory_in_the_heaps_of_servers() {
    let moves = variable("CARAVAN_MOVES").unwrap_or(BATCH);
    let mut fleet = Fleet::start_hooked();
    fleet.await_log(Node::A, counter::READY);
    let mut free = Vec::new();
    for _ in 0..BATCHES {
        for from in [Node::A, Node::B].into_iter().cycle().take(moves) {
            fleet.migrate("counter", from);
        }
        let after = fleet.free_heaps();
        assert!(after.iter().all(|free| *free > 0), "{after:?}");
        if free.last() == Some(&after) {
            return;
        }
        free.push(after);
    }
    panic!("each batch of moves leaves memory allocated: {free:?}");
}

/// A migration server's reserve for everything except moves: `RESERVE_BYTES` of nomad/server/src/budget.rs.
const RESERVE_BYTES: u64 = 2 << 20;

/// The largest domain that may move uses no more of either migration server's heap than a move reserves.
#[test]
fn the_largest_domain_moves_there_and_back_within_its_reserve() {
    let mut fleet = Fleet::start_with_first("crowd-a");
    fleet.await_log(Node::A, "[crowd] has 256 threads and 4000 capabilities");
    for (from, incarnation) in [(Node::A, 2), (Node::B, 3)] {
        fleet.migrate("crowd", from);
        let runs = format!("[crowd] runs in incarnation {incarnation}");
        fleet.await_log(from.other(), &runs);
    }
    for node in [Node::A, Node::B] {
        let least = fleet.memory_of(node).nomad_heap_free_min;
        println!("{node:?}: at least {least} bytes of the heap free");
        assert!(least >= RESERVE_BYTES, "{node:?}: {least}");
    }
}

#[test]
fn commands_without_the_fleets_secret_are_ignored() {
    let fleet = fleet_with_counter();
    let probe = fleet.party.probe(&counter_options());
    let command = ["migrate", "counter", "b"];
    fleet.send_plaintext(Node::A, &command.join(" "));
    let reply = fleet.command_with_wrong_secret(Node::A, &command);
    assert!(
        reply.contains("the machine does not reply, or has another secret or version"),
        "{reply}"
    );
    let list = fleet.list(Node::A);
    assert!(list.running("counter").is_some(), "{list}");
    assert!(!list.has_moves(), "{list}");
    let machines = fleet.command(Node::A, &["machines"]);
    for line in [
        "a                10.77.0.1",
        "b                10.77.0.2",
        "no machine uses an IOMMU: the drivers of devices are trusted",
    ] {
        assert!(machines.contains(line), "{machines}");
    }
    assert!(!machines.contains("does not reply"), "{machines}");
    assert_undisturbed(&probe.finish());
}
