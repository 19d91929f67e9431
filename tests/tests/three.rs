//! Three machines: a domain goes from one to another while its home is away, ends, or does not know the third.

use std::thread::sleep;
use std::time::{Duration, Instant};

use Station::{A, B, C};
use harness::fleet::{LIMIT, TRIO, has};
use harness::third_party::Probe;
use harness::{Fleet, Station, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";
/// What a machine lists that runs it.
const RUNS: &str = "domain counter running";
/// How often the machines are asked how they are.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Where a move from B to C stands still while the home of the domain, which is A, is restarted.
const HELD: [(Station, &str); 8] = [
    (B, "phase Offer"),
    (B, "round 1"),
    (B, "phase Freeze"),
    (B, "phase Commit"),
    (B, "committed"),
    (C, "phase Verify"),
    (C, "phase Activate"),
    (C, "activated"),
];

fn fleet(archives: [&'static str; 3]) -> Fleet {
    let mut fleet = Fleet::start_as(&archives);
    fleet.await_log(A, "[counter] counter: ready");
    fleet
}

/// Asks the counter all along. One that was started a second time would know less than the first.
fn probe(fleet: &Fleet) -> Probe {
    let mut options = prober::Options::new(COUNTER.parse().expect("an address"));
    options.heap.mib = 2;
    options.heap.working_mib = 1;
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    fleet.party.probe(&options)
}

fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary}");
    assert!(summary.tcp.answered > 0, "{summary}");
}

/// Waits until the counter runs on this machine, and no other has it or anything of a move.
fn await_settled_on(fleet: &Fleet, station: Station) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let lists: Vec<String> = fleet
            .stations()
            .map(|it| fleet.ask(it, &["list"]))
            .collect();
        let is_right = |(it, list): (Station, &String)| {
            let is_there = has(list, "counter");
            let is_whole = list.ends_with("done");
            is_whole && is_there == (it == station) && !list.contains("transaction ")
        };
        let runs = lists[station as usize].contains(RUNS);
        if runs && fleet.stations().zip(&lists).all(is_right) {
            return;
        }
        let name = station.name();
        assert!(
            Instant::now() < deadline,
            "not settled on {name}: {lists:#?}"
        );
        sleep(LOOK_INTERVAL);
    }
}

#[test]
fn a_home_that_was_cut_off_and_restarted_hears_where_its_domain_has_gone() {
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
    let mut fleet = fleet(TRIO);
    let probe = probe(&fleet);
    fleet.migrate_to("counter", A, B);
    await_settled_on(&fleet, B);
    for (held, line) in HELD {
        println!("held at `{line}` on {}: A is restarted", held.name());
        fleet.machine(held).skip_log();
        fleet.hold_at(held, line);
        let migration = fleet.begin_migration_to("counter", B, C);
        let told = format!("held at `{line}");
        fleet.machine(held).expect(&told, LIMIT);
        fleet.restart(A);
        let list = fleet.ask(A, &["list"]);
        assert!(!list.contains(RUNS), "{list}");
        fleet.let_go(held);
        migration.await_output(r#""event":"done""#, LIMIT);
        await_settled_on(&fleet, C);
        fleet.await_listed(A, "home counter at 10.77.0.3, incarnation ");
        fleet.migrate_to("counter", C, B);
        await_settled_on(&fleet, B);
    }
    assert_undisturbed(probe);
}

#[test]
fn a_machine_that_the_home_does_not_list_gets_no_domain_of_its() {
    let fleet = fleet(["hooks-a", "trio-b", "trio-c"]);
    let probe = probe(&fleet);
    for to in [B, C] {
        let answer = fleet.ask(A, &["migrate", "counter", to.name()]);
        assert!(!answer.ends_with("done"), "{answer}");
    }
    await_settled_on(&fleet, A);
    assert_undisturbed(probe);
}

/// One image on two machines: both say that they are B, by name, address and key.
#[test]
fn two_machines_that_are_both_b_do_not_make_two_of_a_domain() {
    let fleet = fleet(["hooks-a", "hooks-b", "hooks-b"]);
    let probe = probe(&fleet);
    let answer = fleet.ask(A, &["migrate", "counter", "b"]);
    println!("{answer}");
    if !answer.ends_with("done") {
        fleet.await_listed(A, RUNS);
    }
    assert_undisturbed(probe);
}
