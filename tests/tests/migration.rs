//! A running domain moves between two machines, and its clients notice nothing but a pause.

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::{Fleet, Station, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// How long a domain is watched before and after a move.
const WATCHED: Duration = Duration::from_secs(2);

fn counter_options() -> prober::Options {
    prober::Options::new(COUNTER.parse().expect("an address"))
}

#[test]
fn a_counter_counts_on_elsewhere() {
    let mut fleet = Fleet::start();
    fleet
        .machine(Station::A)
        .expect("[counter] counter: ready", LIMIT);
    let probe = fleet.party.probe(&counter_options());
    sleep(WATCHED);
    let answer = fleet.migrate("counter", Station::A);
    assert!(answer.trim_end().ends_with("done"), "{answer}");
    sleep(WATCHED);
    let report = probe.finish();
    assert_eq!(report.summary.error_count(), 0, "{:?}", report.summary);
}
