//! The cost of migration, on one host: ten moves of the counter for each workload, and ten moves of a machine with the same counter
//! by QEMU's own migration. A prober observes them.
//!
//! | workload | heap | dirtied |
//! | --- | --- | --- |
//! | `wws`, with an MTU of 1500, 9000 and 65000 | 64 MiB | 500 pages a second of 4 MiB |
//! | `wws16` | 64 MiB | 5,000 pages a second of 16 MiB |
//! | `idle` | 4 MiB | a page a second |
//! | `big` | 1,000 MiB | 10 pages a second of 1 MiB |
//!
//! All but the first have an MTU of 65000. The floor is the longest gap between replies in three seconds without a move. The variable
//! `CARAVAN_WORKLOADS` names the workloads to measure, separated by commas.
//!
//! Prints lines `bench NAME VALUE UNIT`: the median, minimum and maximum of each figure. It fails if a reply was wrong or
//! the connection was lost, since the figures of a broken move are meaningless.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::machine::Options;
use harness::migration::{self, Migration};
use harness::pauses::{self, Step};
use harness::prober::{self, Heap, Report};
use harness::third_party::Probe;
use harness::{Fleet, Node, QemuMigration, ThirdParty, counter};

/// The number of moves.
const MOVES: usize = 10;
/// How long the domain is watched after each move. A pause in this time still belongs to the move.
const WATCHED: Duration = Duration::from_secs(4);
/// How long the domain is watched without a move.
const FLOOR: Duration = Duration::from_secs(3);
const PAGE_BYTES: f64 = 4096.0;

/// The variable that selects workloads.
const SELECTED: &str = "CARAVAN_WORKLOADS";

/// A counter that is moved.
struct Workload {
    name: &'static str,
    heap: Heap,
    /// The machines between which it is moved.
    fleet: fn() -> Fleet,
    /// The machine that QEMU moves: its archive and its memory in MiB.
    whole: Option<(&'static str, u32)>,
}

const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "wws",
        heap: counter::LARGE,
        fleet: Fleet::start_shown,
        whole: None,
    },
    Workload {
        name: "wws.mtu9000",
        heap: counter::LARGE,
        fleet: Fleet::start_jumbo,
        whole: None,
    },
    Workload {
        name: "wws.mtu65000",
        heap: counter::LARGE,
        fleet: || Fleet::start_largest("largest-a", with_largest_mtu),
        whole: Some(("whole", 148)),
    },
    Workload {
        name: "wws16",
        heap: counter::BUSY,
        fleet: || Fleet::start_largest("wws16-a", with_largest_mtu),
        whole: Some(("whole-wws16", 148)),
    },
    Workload {
        name: "idle",
        heap: counter::IDLE,
        fleet: || Fleet::start_largest("idle-a", with_largest_mtu),
        whole: Some(("whole-idle", 80)),
    },
    Workload {
        name: "big",
        heap: counter::BIG,
        fleet: || Fleet::start_largest("big-a", |it| with_largest_mtu(it).memory_mib(1536)),
        whole: Some(("whole-big", 1088)),
    },
];

fn with_largest_mtu(options: Options) -> Options {
    options.host_mtu(65_000)
}

/// A move, the number of bytes that its source sent meanwhile, and the time without a move before it.
struct Measured {
    migration: Migration,
    wire_bytes: u64,
    floor: Range<u64>,
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
    let selected = std::env::var(SELECTED).ok();
    let is_selected = |workload: &&Workload| {
        let mut names = selected.iter().flat_map(|names| names.split(','));
        selected.is_none() || names.any(|name| name == workload.name)
    };
    for workload in WORKLOADS.iter().filter(is_selected) {
        measure_caravan(workload)?;
        if let Some((archive, memory_mib)) = workload.whole {
            measure_qemu(workload, QemuMigration::start(archive, memory_mib))?;
        }
    }
    Ok(())
}

/// Measures moves of a domain between the first two machines of a fleet.
///
/// # Errors
/// The clients' errors.
fn measure_caravan(workload: &Workload) -> Result<(), String> {
    let mut fleet = (workload.fleet)();
    fleet.await_log(Node::A, counter::READY);
    let probe = watch(&fleet.party, workload);
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
            &format!("{name}.{}", workload.name),
            unit,
            moves.iter().map(figure),
        );
    };
    print("floor_ms", "ms", &|moved| {
        ms(report.longest_gap_ns(moved.floor.start, moved.floor.end))
    });
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
    print_pauses(workload.name, &mut fleet);
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
    let begun_ns = prober::now_ns();
    sleep(FLOOR);
    let floor = begun_ns..prober::now_ns();
    let sent = || fleet.port(from).counters().from_peer.bytes;
    let before = sent();
    let migration = fleet.migrate("counter", from);
    Measured {
        migration,
        wire_bytes: sent() - before,
        floor,
    }
}

/// Measures moves of a machine by QEMU.
///
/// # Errors
/// The clients' errors.
fn measure_qemu(workload: &Workload, mut qemu: QemuMigration) -> Result<(), String> {
    let probe = watch(&qemu.party, workload);
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
    // All MTUs have the same peer.
    let name = workload.name.split('.').next().expect("a name");
    print(&format!("gap_ms.{name}.qemu"), "ms", gaps);
    let totals = moves.iter().map(|moved| moved.total.as_secs_f64() * 1e3);
    print(&format!("total_ms.{name}.qemu"), "ms", totals);
    Ok(())
}

fn watch(party: &ThirdParty, workload: &Workload) -> Probe {
    party.probe(&counter::options(workload.heap))
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
