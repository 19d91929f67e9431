//! A migration server ends while it moves a domain, and is started anew: it goes on from its records, the domain runs on
//! exactly one machine, and a second attempt works.

use std::thread::sleep;
use std::time::Duration;

use harness::{Fleet, Station, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// How long a domain is watched after something happened.
const WATCHED: Duration = Duration::from_secs(2);

/// Longer than a peer's silence is borne before the commit point.
const SETTLED: Duration = Duration::from_secs(8);

/// Ends the server of `stopped` at `line` while the counter moves from A to B; it must then run on `expected`.
fn ends_at(stopped: Station, line: &str, expected: Station) {
    let mut fleet = Fleet::start_hooked();
    fleet.await_log(Station::A, "[counter] counter: ready");
    let options = prober::Options::new(COUNTER.parse().expect("an address"));
    let probe = fleet.party.probe(&options);
    sleep(WATCHED);
    fleet.stop_at(stopped, line);
    let migration = fleet.begin_migration("counter", Station::A);
    fleet.await_log(stopped, "as a test asked for");
    sleep(SETTLED);
    drop(migration);
    for (station, runs) in [(expected, true), (expected.other(), false)] {
        let list = fleet.ask(station, &["list"]);
        let name = station.name();
        assert_eq!(
            list.contains("domain counter running"),
            runs,
            "{name}: {list}"
        );
    }
    fleet.migrate("counter", expected);
    sleep(WATCHED);
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
}

#[test]
fn a_source_that_had_not_committed_lets_its_domain_run() {
    ends_at(Station::A, "phase Freeze", Station::A);
}

#[test]
fn a_source_that_had_committed_goes_on_until_it_is_answered() {
    ends_at(Station::A, "committed", Station::B);
}

#[test]
fn a_target_that_was_not_prepared_leaves_the_domain_where_it_was() {
    ends_at(Station::B, "phase Verify", Station::A);
}
