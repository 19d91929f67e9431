//! Three machines: a domain moves between two of them while its home is cut off, restarts, or does not know the third.

use std::thread::sleep;
use std::time::{Duration, Instant};

use Node::{A, B, C};
use harness::cases::{Cases, Stage};
use harness::fleet::{LIMIT, TRIO};
use harness::reply::Reply;
use harness::third_party::Probe;
use harness::{Fleet, Node, counter};

/// The line in the list of the machine that runs it.
const RUNS: &str = "domain counter running";
/// The end of a migration server's log line about a domain that was activated there.
const ACTIVATED: &str = ": activated";
/// The interval between queries of the machines' state.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The lines at which a move from B to C is held while the domain's home, A, is restarted.
const HELD: [(Node, &str); 11] = [
    (B, "phase Offer"),
    (C, "phase Admit"),
    (C, "phase Receive"),
    (B, "round 1"),
    (B, "phase Freeze"),
    (B, "phase Commit"),
    (B, "committed"),
    (C, "phase Verify"),
    (C, "phase Activate"),
    (C, "activated"),
    (B, "phase Release"),
];

/// Destinations for a domain whose home does not list C, and the last line of the reply to the move. B is refused too: it
/// lists C, and could pass the domain on.
const UNLISTED: [(&str, &str); 3] = [
    (
        "b",
        "failed: the destination refuses: its fleet has other machines than the fleet here",
    ),
    (
        "c",
        "failed: unknown machine c: the fleet's other machines are b",
    ),
    (
        "10.77.0.3",
        "failed: counter cannot be offered: neither a machine of the fleet nor a guest has that address",
    ),
];

fn fleet(archives: [&'static str; 3]) -> Fleet {
    let mut fleet = Fleet::start_as(&archives);
    fleet.await_log(A, counter::READY);
    fleet
}

/// Starts to probe the counter. A second instance would be detected, since it starts from an older state.
fn probe(fleet: &Fleet) -> Probe {
    let mut options = counter::options(counter::SMALL);
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    fleet.party.probe(&options)
}

fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
    assert!(summary.tcp.replies > 0, "{summary}");
}

/// Waits until the counter runs on this machine, and no other has it or takes part in a move.
fn await_settled_on(fleet: &Fleet, node: Node) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let lists: Vec<Reply> = fleet.nodes().map(|it| fleet.list(it)).collect();
        let is_right = |(it, list): (Node, &Reply)| {
            let is_there = list.has("counter");
            list.is_done() && is_there == (it == node) && !list.has_moves()
        };
        let runs = lists[node as usize].running("counter").is_some();
        if runs && fleet.nodes().zip(&lists).all(is_right) {
            return;
        }
        let name = node.name();
        assert!(
            Instant::now() < deadline,
            "not settled on {name}: {lists:#?}"
        );
        sleep(POLL_INTERVAL);
    }
}

#[test]
fn a_home_that_was_cut_off_and_restarted_learns_where_its_domain_is() {
    let mut fleet = fleet(TRIO);
    let probe = probe(&fleet);
    fleet.migrate_to("counter", A, B);
    await_settled_on(&fleet, B);
    fleet.port(A).cut();
    fleet.migrate_to("counter", B, C);
    fleet.restart(A);
    fleet.port(A).heal();
    fleet.await_listed(A, "home counter at 10.77.0.3, incarnation ");
    await_settled_on(&fleet, C);
    fleet.migrate_to("counter", C, A);
    await_settled_on(&fleet, A);
    assert_undisturbed(probe);
}

#[test]
fn a_home_may_be_restarted_at_any_phase_of_a_move_between_two_others() {
    let test = "three::a_home_may_be_restarted_at_any_phase_of_a_move_between_two_others";
    let named = |held: (Node, &'static str)| (format!("{} on {}", held.1, held.0.name()), held);
    let stage = Stage {
        open: &|| {
            let fleet = fleet(TRIO);
            let probe = probe(&fleet);
            fleet.migrate_to("counter", A, B);
            await_settled_on(&fleet, B);
            (fleet, probe)
        },
        close: &|(_fleet, probe)| assert_undisturbed(probe),
    };
    Cases::new(test, HELD.into_iter().map(named)).run(&stage, |(fleet, _), (held, line)| {
        fleet.machine(*held).skip_log();
        fleet.hold_at(*held, line);
        let migration = fleet.begin_migration_to("counter", B, C);
        let held_at = format!("held at `{line}");
        fleet.machine(*held).expect(&held_at, LIMIT);
        fleet.restart(A);
        let list = fleet.command(A, &["list"]);
        assert!(!list.contains(RUNS), "{list}");
        fleet.resume_server(*held);
        migration.await_output(r#""text":"done""#, LIMIT);
        await_settled_on(fleet, C);
        fleet.await_listed(A, "home counter at 10.77.0.3, incarnation ");
        fleet.migrate_to("counter", C, B);
        await_settled_on(fleet, B);
    });
}

#[test]
fn a_machine_that_a_home_does_not_list_gets_none_of_its_domains() {
    let mut fleet = Fleet::start_as(&["hooks-a", "trio-b", "trio-c"]);
    // B lists C too, so it does not reply to A's roll call, which does not include C. An operator decides that no machine has
    // the counter.
    fleet.await_listed(A, "home counter in doubt: 10.77.0.2 does not reply");
    fleet.force(A, "run");
    fleet.await_log(A, counter::READY);
    let probe = probe(&fleet);
    for (to, reason) in UNLISTED {
        let reply = fleet.command(A, &["migrate", "counter", to]);
        let last = reply.lines().last().unwrap_or_default();
        assert_eq!(last, reason, "to {to}: {reply}");
    }
    await_settled_on(&fleet, A);
    assert_undisturbed(probe);
}

/// Two machines with one image both claim to be B, by name, address and key. The second one comes when the domain is started: as
/// long as both are up, its home cannot know that no machine has it.
#[test]
fn two_machines_that_are_both_b_do_not_duplicate_a_domain() {
    let mut fleet = Fleet::boot_as(&["hooks-a", "hooks-b", "hooks-b"]);
    fleet.port(C).cut();
    fleet.await_log(A, counter::READY);
    fleet.await_up();
    fleet.port(C).heal();
    fleet.await_log(A, "[nomad] two machines are called b");
    let probe = probe(&fleet);
    let reply = fleet.command(A, &["migrate", "counter", "b"]);
    println!("{reply}");
    let has_moved = reply.ends_with("done");
    if has_moved {
        await_activation(&fleet);
    } else {
        fleet.await_listed(A, RUNS);
    }
    assert_undisturbed(probe);
    // Each is queried on its own console, since on the wire either of the two Bs may reply.
    let run = [A, B, C].map(|node| runs_by_its_console(&mut fleet, node));
    let [on_a, on_b, on_c] = run.map(usize::from);
    assert_eq!(
        [on_a, on_b + on_c],
        [usize::from(!has_moved), usize::from(has_moved)],
        "{run:?}: {reply}"
    );
    assert_eq!(activations(&fleet), usize::from(has_moved), "{reply}");
}

/// The number of domains that the two Bs have activated, from their logs.
fn activations(fleet: &Fleet) -> usize {
    let logs = [B, C].map(|node| fleet.log(node));
    let lines = logs.iter().flat_map(|log| log.lines());
    lines.filter(|line| line.ends_with(ACTIVATED)).count()
}

/// Waits until a log has the activation. A migration server writes its log only when it is idle.
fn await_activation(fleet: &Fleet) {
    let deadline = Instant::now() + LIMIT;
    while activations(fleet) == 0 {
        assert!(Instant::now() < deadline, "no log has an activation");
        sleep(POLL_INTERVAL);
    }
}

/// Whether a machine's own console lists the counter as running there.
fn runs_by_its_console(fleet: &mut Fleet, node: Node) -> bool {
    // The error for an unknown command follows the complete table.
    const END: &str = "there is no command `finish`";
    let machine = fleet.machine(node);
    let before = machine.log().len();
    machine.skip_log();
    machine.type_line("ps");
    machine.expect_text("> ", LIMIT);
    machine.type_line("finish");
    machine.expect(END, LIMIT);
    let listed = machine.log().split_off(before);
    let runs = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.starts_with(&["counter", "running"])
    };
    listed.lines().any(runs)
}
