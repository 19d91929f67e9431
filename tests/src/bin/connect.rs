//! The latency of requests when fifty clients connect to the store at once and pipeline sixteen requests each: the benchmark
//! of the Redis tools, run repeatedly against one machine.
//!
//! A lost frame shows in three ways: a client retransmits a segment, the request takes 200 ms longer, and the machine's log reports
//! the loss if the switch lost the frame. A busy host can cause the first two as well.
//!
//! Prints lines `bench NAME VALUE UNIT` to the standard output, and each run and the log's reports to the standard error.
//! `CARAVAN_CONNECT_RUNS` is the number of runs, 100 by default; `CARAVAN_CONNECT_CAPTURE` names a file for a capture of all frames.

#![forbid(unsafe_code)]

use std::env;
use std::path::Path;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::{Fleet, Node, redis_benchmark, store};

/// The arguments of the benchmark.
const LOAD: &str = "-c 50 -P 16 -n 20000 -t set,get";
/// The default number of runs.
const RUNS: usize = 100;
/// Linux's minimal retransmission timeout.
const STALL_MS: f64 = 200.0;
/// How long the last lines of a machine's log may take to reach its serial port.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    let runs =
        env::var("CARAVAN_CONNECT_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number"));
    let capture = env::var("CARAVAN_CONNECT_CAPTURE").ok();
    // The first machine starts its store only after the second one has replied that it has none.
    let mut fleet = Fleet::start_shown();
    fleet.await_log(Node::A, store::READY);
    if let Some(path) = &capture {
        fleet.segment.start_capture(Path::new(path));
    }
    let mut all: Vec<Run> = (0..runs)
        .map(|number| {
            let run = run(&fleet);
            eprintln!("run {number}: {run:?}");
            run
        })
        .collect();
    all.sort_by(|a, b| a.slowest_ms.total_cmp(&b.slowest_ms));
    let count = |is_match: fn(&Run) -> bool| all.iter().filter(|run| is_match(run)).count();
    let stalled = count(|run| run.slowest_ms >= STALL_MS);
    let retransmitting = count(|run| run.retransmitted > 0);
    println!("bench connect.runs {runs} runs");
    println!("bench connect.retransmitting {retransmitting} runs");
    println!("bench connect.stalled {stalled} runs");
    let (middle, last) = (&all[runs / 2], &all[runs - 1]);
    println!("bench connect.slowest_ms.median {} ms", middle.slowest_ms);
    println!("bench connect.slowest_ms.max {} ms", last.slowest_ms);
    std::thread::sleep(LOG_PATIENCE);
    let log = fleet.machine(Node::A).log();
    log.lines()
        .filter(|line| line.contains("lost"))
        .for_each(|line| eprintln!("{line}"));
}

/// The result of a run.
#[derive(Debug)]
struct Run {
    /// The longest time for a request.
    slowest_ms: f64,
    /// The number of segments that clients retransmitted.
    retransmitted: u64,
}

fn run(fleet: &Fleet) -> Run {
    let before = retransmitted(fleet);
    let rows = redis_benchmark::run(&fleet.party, &store::IP.to_string(), store::PORT, LOAD);
    let slowest_ms = rows.iter().map(|row| row.longest_ms).fold(0.0, f64::max);
    Run {
        slowest_ms,
        retransmitted: retransmitted(fleet) - before,
    }
}

/// The number of segments that the clients' host has retransmitted in all. The file has two lines per protocol: one of names and
/// one of values.
fn retransmitted(fleet: &Fleet) -> u64 {
    let counters = fleet.party.run("cat", &["/proc/net/snmp"], LIMIT);
    let mut lines = counters.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next(), lines.next());
    let pairs = names.zip(values).map(|(names, values)| {
        let values = values.split(' ');
        names
            .split(' ')
            .zip(values)
            .find(|(name, _)| *name == "RetransSegs")
    });
    let found = pairs.flatten().and_then(|(_, value)| value.parse().ok());
    found.unwrap_or_else(|| panic!("no RetransSegs in {counters}"))
}
