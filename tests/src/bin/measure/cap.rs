//! The rate of a store while its pages travel under a limit of the bandwidth.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::third_party::Client;
use harness::{Fleet, Node, redis_benchmark, store};
use nomad_client::Event;
use nomad_protocol::{Notice, PhaseName};

use crate::figures::print;
use crate::service::Service;
use crate::workload::start_store;

/// The limit, in millions of bytes per second.
const BANDWIDTH: &str = "--bandwidth=5";
/// The load: some seconds of requests from 50 connections. A move at this limit takes longer than that, since the first round has some
/// 40 MiB, and the second one most of them again.
const LOAD: &str = "-c 50 -t set,get -d 700 -r 50000 -n 10000";
/// The interval between queries for the end of a cancelled move.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The rate of requests, without a move and during one.
struct Pair {
    unmoved: f64,
    moving: f64,
    /// The bytes per second of the pages' way meanwhile.
    wire_rate: f64,
}

/// Measures the rates, and prints them.
///
/// # Errors
/// A move ended during the load.
pub fn measure(repetitions: usize) -> Result<(), String> {
    let mut fleet = start_store();
    fleet.await_log(Node::A, store::READY);
    Service::fill_store(&fleet.party);
    // The emulator translates the code of a load and of a move.
    measure_pair(&fleet)?;
    let pairs = (0..repetitions).map(|_| measure_pair(&fleet));
    let pairs = pairs.collect::<Result<Vec<Pair>, _>>()?;
    let print = |figure: &str, unit, of: fn(&Pair) -> f64| {
        print(&format!("{figure}.kv.cap"), unit, pairs.iter().map(of));
    };
    print("rate_unmoved", "requests_per_s", |pair| pair.unmoved);
    print("rate_moving", "requests_per_s", |pair| pair.moving);
    print("rate_ratio", "ratio", |pair| pair.moving / pair.unmoved);
    print("wire_rate", "bytes_per_s", |pair| pair.wire_rate);
    Ok(())
}

fn measure_pair(fleet: &Fleet) -> Result<Pair, String> {
    let unmoved = rate(fleet);
    let mut moving = fleet.begin_migration_with("kv", Node::A, &[BANDWIDTH]);
    let copying = Event::Move(Notice::Phase(PhaseName::Rounds));
    let copying = serde_json::to_string(&copying).expect("an event as JSON");
    moving.await_output(&copying, LIMIT);
    let sent = || fleet.server_traffic(Node::A, Node::B).bytes;
    let (before, begun) = (sent(), Instant::now());
    let rate = rate(fleet);
    let wire_rate = (sent() - before) as f64 / begun.elapsed().as_secs_f64();
    if let Some(words) = moving.last_words() {
        return Err(format!("the move has ended before the load: {words}"));
    }
    cancel(fleet, moving);
    Ok(Pair {
        unmoved,
        moving: rate,
        wire_rate,
    })
}

/// Has the load sent; returns the requests per second of all its tests, each of which has as many requests.
fn rate(fleet: &Fleet) -> f64 {
    let host = store::IP.to_string();
    let rows = redis_benchmark::run(&fleet.party, &host, store::PORT, LOAD);
    let seconds_per_request: f64 = rows.iter().map(|row| 1.0 / row.requests_per_s).sum();
    rows.len() as f64 / seconds_per_request
}

/// Cancels a move, and waits until neither machine takes part in it.
fn cancel(fleet: &Fleet, mut moving: Client) {
    fleet.command(Node::A, &["cancel", "kv"]);
    let is_over = |moving: &mut Client| {
        let nodes = [Node::A, Node::B];
        moving.last_words().is_some() && !nodes.into_iter().any(|it| fleet.list(it).has_moves())
    };
    let deadline = Instant::now() + LIMIT;
    while !is_over(&mut moving) {
        assert!(Instant::now() < deadline, "the move is not cancelled");
        sleep(POLL_INTERVAL);
    }
}
