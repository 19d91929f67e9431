//! A move that cannot be leaves no trace: the operator hears why, the domain runs on, the other machine has nothing of
//! it, and once the reason is gone the same move works.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::reply::Reply;
use harness::third_party::Probe;
use harness::{Fleet, Node, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// How long the domain is watched after something happened.
const WATCHED: Duration = Duration::from_secs(2);

/// How often the machines are asked what they have.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The counter's first migration.
const MIGRATE: [&str; 3] = ["migrate", "counter", "b"];

/// How a machine is asked for its domains and moves.
type List = fn(&Fleet, Node) -> Reply;

/// A fleet whose counter is up and watched.
fn watched(mut fleet: Fleet) -> (Fleet, Probe) {
    fleet.await_log(Node::A, "[counter] counter: ready");
    let options = prober::Options::new(COUNTER.parse().expect("an address"));
    let probe = fleet.party.probe(&options);
    sleep(WATCHED);
    (fleet, probe)
}

/// A domain runs on one machine and stays there; the other one does not have it, and neither has a transaction left. The
/// operator hears of a move's end before its last trace is gone, so that is waited for.
fn await_only_on(fleet: &Fleet, domain: &str, node: Node, list_b: List) {
    for (asked, list_of) in [(Node::A, Fleet::list as List), (Node::B, list_b)] {
        let is_so = |list: &Reply| {
            let is_right = if asked == node {
                list.running(domain).is_some()
            } else {
                !list.has(domain)
            };
            is_right && list.is_done() && !list.has_moves()
        };
        let deadline = Instant::now() + LIMIT;
        let mut list = list_of(fleet, asked);
        while !is_so(&list) {
            assert!(Instant::now() < deadline, "{}: {list}", asked.name());
            sleep(POLL_INTERVAL);
            list = list_of(fleet, asked);
        }
    }
}

/// No answer was wrong, and the one connection lived.
fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary:?}");
    assert!(summary.udp.answered > 0, "{summary:?}");
}

/// The second machine does not take the counter and says why; a machine as it should be does.
fn assert_refused(fleet: Fleet, why: &[&str]) {
    assert_refused_by(fleet, why, Fleet::list);
}

/// The same with a second machine that is asked in another way.
fn assert_refused_by(fleet: Fleet, why: &[&str], list_b: List) {
    let (mut fleet, probe) = watched(fleet);
    let answer = fleet.command(Node::A, &MIGRATE);
    for words in why {
        assert!(answer.contains(words), "no {words:?} in: {answer}");
    }
    assert!(!answer.contains("phase Rounds"), "{answer}");
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::A, list_b);
    fleet.replace_other();
    fleet.migrate("counter", Node::A);
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::B, Fleet::list);
    assert_undisturbed(probe);
}

#[test]
fn a_target_whose_processor_lacks_something_says_what() {
    let fleet = Fleet::start_with_other("machine-b", |options| {
        options.cpu("max,-avx2,-rdseed,-sha-ni")
    });
    // AVX2, RDSEED, SHA.
    let missing = format!("leaf 7 EBX {:#x}", 1 << 5 | 1 << 18 | 1 << 29);
    assert_refused(fleet, &["failed", "processor", &missing]);
}

#[test]
fn a_target_without_memory_says_so() {
    let fleet = Fleet::start_with_other("machine-b", |options| options.memory_mib(112));
    assert_refused(fleet, &["failed", "too little memory: 80 MiB needed"]);
}

#[test]
fn a_target_that_does_not_know_the_key_stays_silent() {
    let fleet = Fleet::start_with_other("stranger-b", |options| options);
    // The stranger does not say that it has no counter: its home waits for that until it is told not to.
    fleet.force(Node::A, "run");
    let why = ["failed", "no answer to the offer"];
    assert_refused_by(fleet, &why, Fleet::list_of_stranger);
}

#[test]
fn a_target_of_another_version_names_both() {
    let fleet = Fleet::start_with_other("version-b", |options| options);
    assert_refused(fleet, &["failed", "the image format there has version 999"]);
}

#[test]
fn a_target_without_a_service_says_so_and_leaves_no_trace() {
    let mut fleet = Fleet::start_with_first("service-a");
    fleet.await_log(Node::A, "[kv] kv: ready");
    let answer = fleet.command(Node::A, &["migrate", "kv", "b"]);
    let why = "a step of the destination failed: a service does not serve the domain";
    assert!(answer.contains(why), "{answer}");
    let never_stood = answer.contains("phase Rounds") && !answer.contains("phase Freeze");
    assert!(never_stood, "{answer}");
    await_only_on(&fleet, "kv", Node::A, Fleet::list);
}

#[test]
fn a_domain_whose_service_keeps_something_of_it_stays() {
    let mut fleet = Fleet::start_with_first("service-a");
    fleet.await_log(Node::A, "[client] kv: ready");
    let why = "it belongs to something that stays behind";
    let explained = fleet.command(Node::A, &["explain", "client"]);
    assert!(explained.contains(why), "{explained}");
    let explained = fleet.command(Node::A, &["explain", "kv"]);
    assert!(!explained.contains(why), "{explained}");
    let answer = fleet.command(Node::A, &["migrate", "client", "b"]);
    let refused = answer.starts_with("failed: client cannot move") && answer.contains(why);
    assert!(refused, "{answer}");
    await_only_on(&fleet, "client", Node::A, Fleet::list);
}

#[test]
fn a_target_that_may_not_give_a_priority_says_so() {
    let fleet = Fleet::start_with_other("low-b", |options| options);
    let (fleet, probe) = watched(fleet);
    let answer = fleet.command(Node::A, &MIGRATE);
    let why = "a thread has priority 16, above that of the migration server there";
    assert!(answer.contains(why), "{answer}");
    assert!(!answer.contains("phase Freeze"), "{answer}");
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::A, Fleet::list);
    assert_undisturbed(probe);
}

#[test]
fn a_pinned_domain_moves_once_it_has_let_go() {
    let mut fleet = Fleet::start_with_first("pinned-a");
    fleet.await_log(Node::A, "[pinned] holds a pool");
    let why = "a domain or pool of its own inside";
    let explained = fleet.command(Node::A, &["explain", "pinned"]);
    assert!(explained.contains(why), "{explained}");
    let answer = fleet.command(Node::A, &["migrate", "pinned", "b"]);
    let refused = answer.starts_with("failed: pinned cannot move") && answer.contains(why);
    assert!(refused, "{answer}");
    await_only_on(&fleet, "pinned", Node::A, Fleet::list);
    tell_pinned(&mut fleet, Node::A, "[pinned] lets go");
    fleet.migrate("pinned", Node::A);
    tell_pinned(&mut fleet, Node::B, "[pinned] holds nothing");
}

/// Sends the pinned domain datagrams until a machine's log says what came of it.
fn tell_pinned(fleet: &mut Fleet, node: Node, said: &str) {
    let tell = "while echo > /dev/udp/10.77.0.22/9; do sleep 0.2; done";
    let teller = fleet.party.start("bash", &["-c", tell]);
    fleet.await_log(node, said);
    drop(teller);
}

#[test]
fn what_cannot_leave_is_not_even_offered() {
    let (fleet, probe) = watched(Fleet::start());
    for (command, complaint) in [
        (["migrate", "counter", "nowhere"], "unknown machine"),
        (["migrate", "nobody", "b"], "failed"),
        (["migrate", "switch", "b"], "may not move"),
    ] {
        let answer = fleet.command(Node::A, &command);
        assert!(answer.contains(complaint), "{command:?}: {answer}");
    }
    sleep(WATCHED);
    await_only_on(&fleet, "counter", Node::A, Fleet::list);
    assert_undisturbed(probe);
}
