//! The cost of migration, on one host: ten moves of a service for each workload, and ten moves of a machine with the same service by
//! QEMU's own migration. A client observes them.
//!
//! | workload of the counter | heap | dirtied |
//! | --- | --- | --- |
//! | `wws`, with an MTU of 1500, 9000 and 65000 | 64 MiB | 500 pages per second, of 4 MiB |
//! | `wws16` | 64 MiB | 5,000 pages per second, of 16 MiB |
//! | `idle` | 4 MiB | one page per second |
//! | `big` | 1,000 MiB | 10 pages per second, of 1 MiB |
//! | `wws.flood`, with a stranger's datagrams for both migration servers, up to 10,000 per second for each, and ten for each frame that the machine sends | as `wws` | |
//!
//! The workload `kv` is the store with 50,000 values of 700 bytes, which 50 clients read and write. Its gap is that of a client that
//! sends a PING every millisecond.
//!
//! `instructions` counts the instructions of the steps of a pause, for the counters of `idle` and `wws` without clients: the machines'
//! clocks advance by a nanosecond per instruction, and follow the host's clock while nothing runs. So the steps that wait for the
//! other machine are not instructions, and are left out.
//!
//! All but the first have an MTU of 65000. The floor is the longest gap between replies in three seconds without a move. The variable
//! `CARAVAN_WORKLOADS` names the workloads to measure, separated by commas.
//!
//! All moves but the first one are returns: the destination has kept the pages that were not written since. So gap and total time are also
//! printed for the first move (`NAME.first`) and for the later ones (`NAME.later`), and `pages_not_sent` is the number of pages that a
//! later move sends less than the first one.
//!
//! Prints lines `bench NAME VALUE UNIT`: the median, minimum and maximum of each figure. It fails if a reply was wrong or
//! the connection was lost, since the figures of a broken move are meaningless.

#![forbid(unsafe_code)]

mod service;

use std::ops::Range;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::flood::{self, Flood};
use harness::machine::Options;
use harness::migration::{self, Migration};
use harness::pauses::{self, Step};
use harness::prober;
use harness::qemu_migration::Setup;
use harness::{Fleet, Node, QemuMigration, counter};

use service::Service;

/// The number of moves.
const MOVES: usize = 10;
/// How long the service is watched after each move. A pause in this time still belongs to the move.
const WATCHED: Duration = Duration::from_secs(4);
/// How long the service is watched without a move.
const FLOOR: Duration = Duration::from_secs(3);
const PAGE_BYTES: f64 = 4096.0;

/// The name that selects the counts of instructions.
const INSTRUCTIONS: &str = "instructions";
/// The counters whose steps are counted: name, and archive of the first machine.
const COUNTED: [(&str, &str); 2] = [("idle", "idle-a"), ("wws", "largest-a")];
/// The number of moves whose steps are counted.
const COUNTED_MOVES: usize = 6;
/// The beginning of the names of steps in which a machine waits for the other one.
const WAITING: &str = "await";
/// A microsecond of a machine's clock that advances by one nanosecond per instruction.
const INSTRUCTIONS_PER_US: u64 = 1_000;

/// The variable that selects workloads.
const SELECTED: &str = "CARAVAN_WORKLOADS";

/// A service that is moved.
struct Workload {
    name: &'static str,
    service: Service,
    /// The machines between which it is moved.
    fleet: fn() -> Fleet,
    /// The machine that QEMU moves: its archive and its memory in MiB.
    whole: Option<(&'static str, u32)>,
    /// Whether a stranger sends datagrams to both migration servers.
    has_flood: bool,
}

const WORKLOADS: [Workload; 8] = [
    Workload {
        name: "wws",
        service: Service::Counter(counter::LARGE),
        fleet: Fleet::start_shown,
        whole: None,
        has_flood: false,
    },
    Workload {
        name: "wws.mtu9000",
        service: Service::Counter(counter::LARGE),
        fleet: Fleet::start_jumbo,
        whole: None,
        has_flood: false,
    },
    Workload {
        name: "wws.mtu65000",
        service: Service::Counter(counter::LARGE),
        fleet: || Fleet::start_largest("largest-a", with_largest_mtu),
        whole: Some(("whole", 148)),
        has_flood: false,
    },
    Workload {
        name: "wws16",
        service: Service::Counter(counter::BUSY),
        fleet: || Fleet::start_largest("wws16-a", with_largest_mtu),
        whole: Some(("whole-wws16", 148)),
        has_flood: false,
    },
    Workload {
        name: "idle",
        service: Service::Counter(counter::IDLE),
        fleet: || Fleet::start_largest("idle-a", with_largest_mtu),
        whole: Some(("whole-idle", 80)),
        has_flood: false,
    },
    Workload {
        name: "big",
        service: Service::Counter(counter::BIG),
        fleet: || Fleet::start_largest("big-a", |it| with_largest_mtu(it).memory_mib(1536)),
        whole: Some(("whole-big", 1088)),
        has_flood: false,
    },
    Workload {
        name: "wws.flood",
        service: Service::Counter(counter::LARGE),
        fleet: || Fleet::start_largest("largest-a", with_largest_mtu),
        whole: None,
        has_flood: true,
    },
    Workload {
        name: "kv",
        service: Service::Store,
        fleet: || Fleet::start_largest("store-a", with_largest_mtu),
        whole: Some(("whole-store", 164)),
        has_flood: false,
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
    let is_selected = |name: &str| {
        let mut names = selected.iter().flat_map(|names| names.split(','));
        selected.is_none() || names.any(|selected| selected == name)
    };
    if is_selected(INSTRUCTIONS) {
        count_instructions();
    }
    for workload in WORKLOADS
        .iter()
        .filter(|workload| is_selected(workload.name))
    {
        measure_caravan(workload)?;
        if let Some((archive, memory_mib)) = workload.whole {
            let setup = Setup {
                archive,
                memory_mib,
                nic: workload.service.mac(),
                ready: workload.service.ready(),
            };
            measure_qemu(workload, QemuMigration::start(setup))?;
        }
    }
    Ok(())
}

/// Counts the instructions of the steps of pauses.
fn count_instructions() {
    for (counter, archive) in COUNTED {
        let counting = |options| with_largest_mtu(options).counting_beside_hosts();
        let mut fleet = Fleet::start_largest(archive, counting);
        fleet.await_log(Node::A, counter::READY);
        for from in [Node::A, Node::B].into_iter().cycle().take(COUNTED_MOVES) {
            fleet.migrate("counter", from);
            // Until the log has the steps.
            sleep(WATCHED);
        }
        for (name, us) in pauses_of(&mut fleet) {
            let instructions = us.into_iter().map(|us| us * INSTRUCTIONS_PER_US);
            if !name.contains(WAITING) {
                let name = format!("instructions.{name}.{counter}");
                print(
                    &name,
                    "instructions",
                    instructions.map(|count| count as f64),
                );
            }
        }
    }
}

/// Measures moves of a domain between the first two machines of a fleet.
///
/// # Errors
/// The clients' errors.
fn measure_caravan(workload: &Workload) -> Result<(), String> {
    let mut fleet = (workload.fleet)();
    fleet.await_log(Node::A, workload.service.ready());
    let watch = workload.service.watch(&fleet.party);
    let floods = workload.has_flood.then(|| start_floods(&fleet));
    let nodes = [Node::A, Node::B].into_iter().cycle();
    let moves: Vec<Measured> = nodes
        .take(MOVES)
        .map(|from| measure(&fleet, workload.service, from))
        .collect();
    let datagrams: u64 = floods.into_iter().flatten().map(Flood::finish).sum();
    let replies = watch.finish().map_err(|reason| {
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
    // The machine that a domain returns to has kept its pages.
    let print_later = |name: &str, unit, figure: &dyn Fn(&Measured) -> f64| {
        let name = format!("{name}.{}.later", workload.name);
        self::print(&name, unit, moves[1..].iter().map(figure));
    };
    let print_both = |name, unit, figure: &dyn Fn(&Measured) -> f64| {
        print(name, unit, figure);
        let first = format!("{name}.{}.first", workload.name);
        println!("bench migration.{first} {:.3} {unit}", figure(&moves[0]));
        print_later(name, unit, figure);
    };
    print("floor_ms", "ms", &|moved| {
        ms(replies.longest_gap(moved.floor.start, moved.floor.end))
    });
    print_both("gap_ms", "ms", &|moved| {
        ms(moved.migration.gap_ns(&replies))
    });
    print("freeze_to_thaw_ms", "ms", &|moved| {
        moved.migration.freeze_to_release_us as f64 / 1e3
    });
    print_both("total_ms", "ms", &|moved| {
        moved.migration.total_us as f64 / 1e3
    });
    let first_sent = moves[0].migration.pages_sent;
    print_later("pages_not_sent", "pages", &|moved| {
        first_sent.saturating_sub(moved.migration.pages_sent) as f64
    });
    print("wire_overhead", "ratio", &|moved| {
        moved.wire_bytes as f64 / (moved.migration.pages_sent as f64 * PAGE_BYTES)
    });
    print("pages_resent", "pages", &|moved| {
        moved.migration.pages_resent as f64
    });
    if workload.has_flood {
        println!("bench migration.flood.datagrams {datagrams} datagrams");
    }
    print_pauses(workload.name, &mut fleet);
    Ok(())
}

/// Prints the steps of the pauses, as the machines measured them.
fn print_pauses(workload: &str, fleet: &mut Fleet) {
    for (name, us) in pauses_of(fleet) {
        let us = us.into_iter().map(|us| us as f64);
        print(&format!("pause.{name}.{workload}"), "us", us);
    }
}

/// The names of the steps of all pauses, and the microseconds of each.
fn pauses_of(fleet: &mut Fleet) -> Vec<(String, Vec<u64>)> {
    let logs = [Node::A, Node::B].map(|node| fleet.machine(node).log());
    let mut steps: Vec<(String, Vec<u64>)> = Vec::new();
    for Step { name, us } in logs.iter().flat_map(|log| pauses::steps(log)) {
        match steps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(us),
            None => steps.push((name, vec![us])),
        }
    }
    steps
}

/// Floods both machines' migration servers.
fn start_floods(fleet: &Fleet) -> [Flood; 2] {
    [Node::A, Node::B].map(|node| {
        let frames = flood::made_up(node, node as u64);
        Flood::start(fleet.port(node), frames)
    })
}

fn measure(fleet: &Fleet, service: Service, from: Node) -> Measured {
    sleep(WATCHED);
    let begun_ns = prober::now_ns();
    sleep(FLOOR);
    let floor = begun_ns..prober::now_ns();
    let sent = || fleet.port(from).counters().from_peer.bytes;
    let before = sent();
    let migration = fleet.migrate(service.domain(), from);
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
    let watch = workload.service.watch(&qemu.party);
    let moves: Vec<_> = (0..MOVES)
        .map(|_| {
            sleep(WATCHED);
            qemu.migrate()
        })
        .collect();
    let replies = watch.finish()?;
    let gaps = moves
        .iter()
        .map(|moved| ms(migration::gap_ns(&replies, moved.begun_ns, moved.total)));
    // All MTUs have the same peer.
    let name = workload.name.split('.').next().expect("a name");
    print(&format!("gap_ms.{name}.qemu"), "ms", gaps);
    let totals = moves.iter().map(|moved| moved.total.as_secs_f64() * 1e3);
    print(&format!("total_ms.{name}.qemu"), "ms", totals);
    Ok(())
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
