//! The cost of migration, on one host: ten moves of the counter with the `wws` workload for each of three MTUs, and ten moves of
//! a machine with the same counter by QEMU's own migration. A prober observes them.
//!
//! Prints lines `bench NAME VALUE UNIT`: the median, minimum and maximum of each figure. It fails if a reply was wrong or
//! the connection was lost, since the figures of a broken move are meaningless.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::migration::{self, Migration};
use harness::pauses::{self, Step};
use harness::prober::Report;
use harness::third_party::Probe;
use harness::{Fleet, Node, QemuMigration, ThirdParty, counter};

/// The number of moves.
const MOVES: usize = 10;
/// How long the domain is watched after each move. A pause in this time still belongs to the move.
const WATCHED: Duration = Duration::from_secs(4);
const PAGE_BYTES: f64 = 4096.0;

/// A move, and the number of bytes that its source sent meanwhile.
struct Measured {
    migration: Migration,
    wire_bytes: u64,
}

fn main() -> ExitCode {
    match measure_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("the moves were not clean: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all() -> Result<(), String> {
    measure_caravan("wws", Fleet::start_shown())?;
    measure_caravan("wws.mtu9000", Fleet::start_jumbo())?;
    measure_caravan("wws.mtu65000", Fleet::start_largest())?;
    measure_qemu()
}

/// Measures moves of a domain between the first two machines of a fleet.
///
/// # Errors
/// The clients' errors.
fn measure_caravan(workload: &str, mut fleet: Fleet) -> Result<(), String> {
    fleet.await_log(Node::A, counter::READY);
    let probe = watch(&fleet.party);
    let nodes = [Node::A, Node::B].into_iter().cycle();
    let moves: Vec<Measured> = nodes
        .take(MOVES)
        .map(|from| measure(&fleet, from))
        .collect();
    let report = clean(probe).map_err(|reason| {
        let logs = [Node::A, Node::B].map(|node| fleet.machine(node).log());
        format!("{reason}\n{}", logs.join("\n"))
    })?;
    let print = |name, unit, figure: &dyn Fn(&Measured) -> f64| {
        print(
            &format!("{name}.{workload}"),
            unit,
            moves.iter().map(figure),
        );
    };
    print("gap_ms", "ms", &|moved| ms(moved.migration.gap_ns(&report)));
    print("freeze_to_thaw_ms", "ms", &|moved| {
        moved.migration.freeze_to_release_us as f64 / 1e3
    });
    print("total_ms", "ms", &|moved| {
        moved.migration.total_us as f64 / 1e3
    });
    print("wire_overhead", "ratio", &|moved| {
        moved.wire_bytes as f64 / (moved.migration.pages_sent as f64 * PAGE_BYTES)
    });
    print("pages_resent", "pages", &|moved| {
        moved.migration.pages_resent as f64
    });
    print_pauses(workload, &mut fleet);
    Ok(())
}

/// Prints the steps of the pauses, as the machines measured them.
fn print_pauses(workload: &str, fleet: &mut Fleet) {
    let logs = [Node::A, Node::B].map(|node| fleet.machine(node).log());
    let mut steps: Vec<(String, Vec<f64>)> = Vec::new();
    for Step { name, us } in logs.iter().flat_map(|log| pauses::steps(log)) {
        match steps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(us as f64),
            None => steps.push((name, vec![us as f64])),
        }
    }
    for (name, us) in steps {
        print(&format!("pause.{name}.{workload}"), "us", us.into_iter());
    }
}

fn measure(fleet: &Fleet, from: Node) -> Measured {
    sleep(WATCHED);
    let sent = || fleet.port(from).counters().from_peer.bytes;
    let before = sent();
    let migration = fleet.migrate("counter", from);
    Measured {
        migration,
        wire_bytes: sent() - before,
    }
}

/// Measures moves of a machine by QEMU.
///
/// # Errors
/// The clients' errors.
fn measure_qemu() -> Result<(), String> {
    let mut qemu = QemuMigration::start();
    let probe = watch(&qemu.party);
    let moves: Vec<_> = (0..MOVES)
        .map(|_| {
            sleep(WATCHED);
            qemu.migrate()
        })
        .collect();
    let report = clean(probe)?;
    let gaps = moves
        .iter()
        .map(|moved| ms(migration::gap_ns(&report, moved.begun_ns, moved.total)));
    print("gap_ms.wws.qemu", "ms", gaps);
    let totals = moves.iter().map(|moved| moved.total.as_secs_f64() * 1e3);
    print("total_ms.wws.qemu", "ms", totals);
    Ok(())
}

fn watch(party: &ThirdParty) -> Probe {
    party.probe(&counter::options(counter::LARGE))
}

/// Ends a probe, and returns its report if there are no errors.
fn clean(probe: Probe) -> Result<Report, String> {
    sleep(WATCHED);
    let report = probe.finish();
    let is_clean = report.summary.error_count() == 0 && report.summary.tcp_survived;
    let reason = || report.summary.to_string();
    is_clean.then_some(()).ok_or_else(reason)?;
    Ok(report)
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Prints the median, minimum and maximum.
fn print(name: &str, unit: &str, values: impl Iterator<Item = f64>) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
    for (which, value) in [
        ("median", middle),
        ("min", values[0]),
        ("max", values[values.len() - 1]),
    ] {
        println!("bench migration.{name}.{which} {value:.3} {unit}");
    }
}
