//! A refused move leaves no trace: the operator gets the reason, the domain keeps running, the other machine keeps no part of
//! it, neither machine's memory use changes, and the same move works once the reason is gone.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::reply::Reply;
use harness::third_party::Probe;
use harness::{Fleet, Node, counter, store};

/// How long the domain is watched after each step.
const WATCHED: Duration = Duration::from_secs(2);

/// The interval between queries of the machines' lists.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The counter's first migration.
const MIGRATE: [&str; 3] = ["migrate", "counter", "b"];

/// The number of refusals after which memory use is compared.
const REFUSALS: usize = 3;

/// The machines, which both report their memory use.
const BOTH: &[Node] = &[Node::A, Node::B];

/// A query of a machine's domains and moves.
type List = fn(&Fleet, Node) -> Reply;

/// A fleet whose counter is up and watched.
fn watched(mut fleet: Fleet) -> (Fleet, Probe) {
    fleet.await_log(Node::A, counter::READY);
    let options = counter::options(counter::USUAL);
    let probe = fleet.party.probe(&options);
    sleep(WATCHED);
    (fleet, probe)
}

/// Waits until a domain runs on one machine, the other one does not have it, and no transaction is left. The operator is
/// notified of a move's end before its last trace is gone.
fn await_only_on(fleet: &Fleet, domain: &str, node: Node, list_b: List) {
    for (queried, list_of) in [(Node::A, Fleet::list as List), (Node::B, list_b)] {
        let is_settled = |list: &Reply| {
            let is_right = if queried == node {
                list.running(domain).is_some()
            } else {
                !list.has(domain)
            };
            is_right && list.is_done() && !list.has_moves()
        };
        let deadline = Instant::now() + LIMIT;
        let mut list = list_of(fleet, queried);
        while !is_settled(&list) {
            assert!(Instant::now() < deadline, "{}: {list}", queried.name());
            sleep(POLL_INTERVAL);
            list = list_of(fleet, queried);
        }
    }
}

/// Checks that no reply was wrong, and that the one connection survived.
fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
    assert!(summary.udp.replies > 0, "{summary:?}");
}

/// Has a move refused once, so that tables and heaps grow to their size, and then some more times, which must leave the memory
/// use of the measured machines unchanged.
fn assert_uses_no_memory(fleet: &Fleet, measured: &[Node], refuse: impl Fn()) {
    refuse();
    let spent = |node: Node| fleet.memory_of(node).machine.spent_pages;
    let before: Vec<_> = measured
        .iter()
        .map(|node| (*node, spent(*node), fleet.free_heaps_of(*node)))
        .collect();
    (0..REFUSALS).for_each(|_| refuse());
    for (node, pages, heaps) in before {
        fleet.await_spent_pages_of(node, pages);
        fleet.await_free_heaps_of(node, heaps);
    }
}

/// Checks that the second machine refuses the counter with these reasons, and that the usual machine in its place accepts it.
fn assert_refused(fleet: Fleet, why: &[&str]) {
    assert_refused_by(fleet, why, Fleet::list, BOTH);
}

/// As [`assert_refused`], with another query for the second machine, and with the machines whose memory is measured.
fn assert_refused_by(fleet: Fleet, why: &[&str], list_b: List, measured: &[Node]) {
    let (mut fleet, probe) = watched(fleet);
    assert_uses_no_memory(&fleet, measured, || {
        let reply = fleet.command(Node::A, &MIGRATE);
        for words in why {
            assert!(reply.contains(words), "no {words:?} in: {reply}");
        }
        assert!(!reply.contains("phase Rounds"), "{reply}");
        await_only_on(&fleet, "counter", Node::A, list_b);
    });
    fleet.replace_other();
    fleet.migrate("counter", Node::A);
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::B, Fleet::list);
    assert_undisturbed(probe);
}

#[test]
fn a_destination_reports_missing_processor_features() {
    let fleet = Fleet::start_with_other("machine-b", |options| {
        options.cpu("max,-avx2,-rdseed,-sha-ni")
    });
    // AVX2, RDSEED, SHA.
    let missing = format!("leaf 7 EBX {:#x}", 1 << 5 | 1 << 18 | 1 << 29);
    assert_refused(fleet, &["failed", "processor", &missing]);
}

#[test]
fn a_destination_reports_too_little_memory() {
    let fleet = Fleet::start_with_other("machine-b", |options| options.memory_mib(112));
    assert_refused(fleet, &["failed", "too little memory: 80 MiB needed"]);
}

#[test]
fn a_destination_without_the_key_does_not_reply() {
    let fleet = Fleet::start_with_other("stranger-b", |options| options);
    // The stranger does not report that it has no counter, so the counter's home waits for it until the counter is forced to run.
    fleet.force(Node::A, "run");
    let why = ["failed", "no reply to the offer"];
    assert_refused_by(fleet, &why, Fleet::list_with_wrong_secret, &[Node::A]);
}

#[test]
fn a_destination_reports_another_version() {
    let fleet = Fleet::start_with_other("version-b", |options| options);
    assert_refused(fleet, &["failed", "the image format there has version 999"]);
}

#[test]
fn a_destination_reports_a_missing_service_and_leaves_no_trace() {
    let mut fleet = Fleet::start_with_first("service-a");
    fleet.await_log(Node::A, store::READY);
    assert_uses_no_memory(&fleet, BOTH, || {
        let reply = fleet.command(Node::A, &["migrate", "kv", "b"]);
        let why = "a step of the destination failed: a service does not serve the domain";
        assert!(reply.contains(why), "{reply}");
        let never_froze = reply.contains("phase Rounds") && !reply.contains("phase Freeze");
        assert!(never_froze, "{reply}");
        await_only_on(&fleet, "kv", Node::A, Fleet::list);
    });
}

#[test]
fn a_domain_whose_service_holds_one_of_its_objects_stays() {
    let mut fleet = Fleet::start_with_first("service-a");
    fleet.await_log(Node::A, "[client] kv: ready");
    let why = "it belongs to something that stays behind";
    let explained = fleet.command(Node::A, &["explain", "client"]);
    assert!(explained.contains(why), "{explained}");
    let explained = fleet.command(Node::A, &["explain", "kv"]);
    assert!(!explained.contains(why), "{explained}");
    assert_uses_no_memory(&fleet, BOTH, || {
        let reply = fleet.command(Node::A, &["migrate", "client", "b"]);
        let refused = reply.starts_with("failed: client cannot move") && reply.contains(why);
        assert!(refused, "{reply}");
        await_only_on(&fleet, "client", Node::A, Fleet::list);
    });
}

#[test]
fn a_destination_reports_a_priority_that_it_may_not_grant() {
    let fleet = Fleet::start_with_other("low-b", |options| options);
    let (fleet, probe) = watched(fleet);
    assert_uses_no_memory(&fleet, BOTH, || {
        let reply = fleet.command(Node::A, &MIGRATE);
        let why = "a thread has priority 16, above that of the migration server there";
        assert!(reply.contains(why), "{reply}");
        assert!(!reply.contains("phase Freeze"), "{reply}");
        await_only_on(&fleet, "counter", Node::A, Fleet::list);
    });
    assert_undisturbed(probe);
}

#[test]
fn a_pinned_domain_moves_once_it_releases_its_pool() {
    let mut fleet = Fleet::start_with_first("pinned-a");
    fleet.await_log(Node::A, "[pinned] holds a pool");
    let why = "a domain or pool within its own pool";
    let explained = fleet.command(Node::A, &["explain", "pinned"]);
    assert!(explained.contains(why), "{explained}");
    assert_uses_no_memory(&fleet, BOTH, || {
        let reply = fleet.command(Node::A, &["migrate", "pinned", "b"]);
        let refused = reply.starts_with("failed: pinned cannot move") && reply.contains(why);
        assert!(refused, "{reply}");
        await_only_on(&fleet, "pinned", Node::A, Fleet::list);
    });
    send_to_pinned(&mut fleet, Node::A, "[pinned] lets go");
    fleet.migrate("pinned", Node::A);
    send_to_pinned(&mut fleet, Node::B, "[pinned] holds nothing");
}

/// Sends the pinned domain datagrams until a machine's log has this line.
fn send_to_pinned(fleet: &mut Fleet, node: Node, line: &str) {
    let script = "while echo > /dev/udp/10.77.0.22/9; do sleep 0.2; done";
    let sender = fleet.party.start("bash", &["-c", script]);
    fleet.await_log(node, line);
    drop(sender);
}

#[test]
fn a_domain_that_cannot_move_is_not_offered() {
    let (fleet, probe) = watched(Fleet::start());
    for (command, reason) in [
        (["migrate", "counter", "nowhere"], "unknown machine"),
        (["migrate", "nobody", "b"], "failed"),
        (["migrate", "switch", "b"], "may not move"),
    ] {
        let reply = fleet.command(Node::A, &command);
        assert!(reply.contains(reason), "{command:?}: {reply}");
    }
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::A, Fleet::list);
    assert_undisturbed(probe);
}
