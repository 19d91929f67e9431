//! Machines die and wires are cut while a domain moves: it never runs twice, it is never lost before the commit point,
//! and a second attempt works.

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::third_party::Probe;
use harness::{Fleet, Station, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// How long a domain is watched after something happened.
const WATCHED: Duration = Duration::from_secs(2);

/// What the operator hears when pages begin to move.
const ROUNDS: &str = r#""event":"phase","text":"Rounds""#;

fn fleet_with_counter() -> (Fleet, Probe) {
    let mut fleet = Fleet::start();
    fleet.await_log(Station::A, "[counter] counter: ready");
    let options = prober::Options::new(COUNTER.parse().expect("an address"));
    let probe = fleet.party.probe(&options);
    sleep(WATCHED);
    (fleet, probe)
}

/// No answer was wrong, and the one connection lived.
fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary:?}");
}

/// The counter runs on one machine, and the other one does not know it.
fn assert_runs_on(fleet: &Fleet, station: Station) {
    for (asked, runs) in [(station, true), (station.other(), false)] {
        let list = fleet.ask(asked, &["list"]);
        assert_eq!(
            list.contains("domain counter running"),
            runs,
            "{}: {list}",
            asked.name()
        );
    }
}

#[test]
fn a_target_that_dies_while_pages_arrive_leaves_the_domain_where_it_was() {
    let (mut fleet, probe) = fleet_with_counter();
    let migration = fleet.begin_migration("counter", Station::A);
    migration.await_output(ROUNDS, LIMIT);
    fleet.machine(Station::B).kill();
    migration.await_output(r#""event":"failed""#, LIMIT);
    fleet.restart(Station::B);
    assert_runs_on(&fleet, Station::A);
    fleet.migrate("counter", Station::A);
    sleep(WATCHED);
    assert_runs_on(&fleet, Station::B);
    assert_undisturbed(probe);
}

#[test]
fn a_wire_that_is_cut_while_pages_travel_costs_time_and_nothing_else() {
    let (fleet, probe) = fleet_with_counter();
    let migration = fleet.begin_migration("counter", Station::A);
    migration.await_output(ROUNDS, LIMIT);
    fleet.port(Station::B).cut();
    sleep(WATCHED);
    fleet.port(Station::B).heal();
    migration.await_output(r#""event":"done""#, LIMIT);
    sleep(WATCHED);
    assert_runs_on(&fleet, Station::B);
    assert_undisturbed(probe);
}

#[test]
fn a_source_that_died_can_send_its_domain_started_anew() {
    let (mut fleet, probe) = fleet_with_counter();
    drop(probe);
    let migration = fleet.begin_migration("counter", Station::A);
    migration.await_output(ROUNDS, LIMIT);
    fleet.restart(Station::A);
    fleet.await_log(Station::A, "[counter] counter: ready");
    fleet.migrate("counter", Station::A);
    assert_runs_on(&fleet, Station::B);
}
