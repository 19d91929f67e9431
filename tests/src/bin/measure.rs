//! What moves cost: ten of them, of the counter with the `wws` workload, under a prober's eyes.
//!
//! Prints lines `bench NAME VALUE UNIT`, the median, the least and the most of each figure. It fails if an answer was
//! wrong or the connection did not live: a figure of a broken move is none.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::migration::Migration;
use harness::prober;
use harness::{Fleet, Station};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";
/// How many moves.
const MOVES: usize = 10;
/// How long the domain is watched between two moves: as long as a pause still counts as the move's.
const WATCHED: Duration = Duration::from_secs(4);
/// Bytes of a page.
const PAGE_BYTES: f64 = 4096.0;

/// A move, and the bytes that its source put on the wire meanwhile.
struct Measured {
    migration: Migration,
    wire_bytes: u64,
}

fn main() -> ExitCode {
    let mut fleet = Fleet::start();
    fleet.await_log(Station::A, "[counter] counter: ready");
    let options = prober::Options::new(COUNTER.parse().expect("an address"));
    let probe = fleet.party.probe(&options);
    let stations = [Station::A, Station::B].into_iter().cycle();
    let moves: Vec<Measured> = stations
        .take(MOVES)
        .map(|from| measure(&fleet, from))
        .collect();
    sleep(WATCHED);
    let report = probe.finish();
    if report.summary.error_count() != 0 || !report.summary.tcp_survived {
        for station in [Station::A, Station::B] {
            let (name, log) = (station.name(), fleet.machine(station).log());
            eprintln!("machine {name} said:\n{log}");
        }
        eprintln!("the moves were not clean: {:?}", report.summary);
        return ExitCode::FAILURE;
    }
    let of = |figure: &dyn Fn(&Measured) -> f64| moves.iter().map(figure).collect();
    print(
        "gap_ms",
        "ms",
        of(&|moved| moved.migration.gap_ns(&report) as f64 / 1e6),
    );
    print(
        "freeze_to_thaw_ms",
        "ms",
        of(&|moved| moved.migration.freeze_to_release_us as f64 / 1e3),
    );
    print(
        "total_ms",
        "ms",
        of(&|moved| moved.migration.total_us as f64 / 1e3),
    );
    print(
        "wire_overhead",
        "ratio",
        of(&|moved| moved.wire_bytes as f64 / (moved.migration.pages_sent as f64 * PAGE_BYTES)),
    );
    print(
        "pages_resent",
        "pages",
        of(&|moved| moved.migration.pages_resent as f64),
    );
    ExitCode::SUCCESS
}

fn measure(fleet: &Fleet, from: Station) -> Measured {
    sleep(WATCHED);
    let sent = || fleet.port(from).counters().from_peer.bytes;
    let before = sent();
    let migration = fleet.migrate("counter", from);
    Measured {
        migration,
        wire_bytes: sent() - before,
    }
}

/// The median, the least and the most.
fn print(name: &str, unit: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let middle = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
    for (which, value) in [
        ("median", middle),
        ("min", values[0]),
        ("max", values[values.len() - 1]),
    ] {
        println!("bench migration.{name}.wws.{which} {value:.3} {unit}");
    }
}
