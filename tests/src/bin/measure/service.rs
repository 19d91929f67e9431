//! The services that are moved, and the clients that watch them: [`Service`], [`Watch`].

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::output::Pattern;
use harness::prober::{Heap, Replies};
use harness::third_party::{Client, Pings, Probe};
use harness::{Fleet, MacAddress, Node, ThirdParty, counter, redis_benchmark, store};

/// How long a service is watched after the last move.
const WATCHED: Duration = Duration::from_secs(4);
/// Fills the store: 50,000 keys with values of 700 bytes. Almost every key is written, since there are four times as many requests.
const FILL: &str = "-t set -d 700 -r 50000 -n 200000 -P 16";
/// Reads and writes the same keys from 50 connections, without end.
const LOAD: [&str; 10] = [
    "-c", "50", "-t", "set,get", "-d", "700", "-r", "50000", "-l", "-q",
];

/// A service that is moved.
#[derive(Clone, Copy)]
pub enum Service {
    /// The counter, with this heap.
    Counter(Heap),
    /// The store, with real data and under load.
    Store,
}

/// The clients of a service.
pub enum Watch {
    /// A prober of the counter.
    Counter(Probe),
    /// A client of the store that sends a PING every millisecond, and the load beside it.
    Store(Pings, Client),
}

impl Service {
    /// Its domain.
    pub fn domain(self) -> &'static str {
        match self {
            Service::Counter(_) => "counter",
            Service::Store => "kv",
        }
    }

    /// The line that its domain logs once it serves.
    pub fn ready(self) -> &'static str {
        match self {
            Service::Counter(_) => counter::READY,
            Service::Store => store::READY,
        }
    }

    /// Its Ethernet address.
    pub fn mac(self) -> MacAddress {
        match self {
            Service::Counter(_) => counter::MAC,
            Service::Store => store::MAC,
        }
    }

    /// Stops its domain, which is at home on the first machine, starts it afresh there, and waits until it serves. No machine has a copy
    /// of the new domain.
    ///
    /// # Errors
    /// The migration server's reply, or the domain does not serve.
    pub fn restart(self, fleet: &Fleet) -> Result<(), String> {
        let (domain, log) = (self.domain(), fleet.output(Node::A));
        let before = log.length();
        let reply = fleet.reply(Node::A, &["restart", domain]);
        if !reply.is_done() {
            return Err(format!("{domain} is not restarted: {reply}"));
        }
        let ready = log.wait_for(Pattern::Text(self.ready()), before, LIMIT);
        let ready = ready.map(drop);
        ready.map_err(|error| format!("{domain} does not serve after a restart: {error:?}"))
    }

    /// Fills the store with data.
    pub fn fill_store(party: &ThirdParty) {
        redis_benchmark::run(party, &store::IP.to_string(), store::PORT, FILL);
    }

    /// Starts its clients, and waits for their first replies.
    pub fn watch(self, party: &ThirdParty) -> Watch {
        match self {
            Service::Counter(heap) => Watch::Counter(party.probe(&counter::options(heap))),
            Service::Store => {
                let (host, port) = (store::IP.to_string(), store::PORT.to_string());
                Service::fill_store(party);
                let pings = party.ping_store(store::address());
                let address = ["-h", &host, "-p", &port];
                let load = party.start("redis-benchmark", &[&address[..], &LOAD].concat());
                Watch::Store(pings, load)
            }
        }
    }
}

impl Watch {
    /// Ends the clients after some time; returns when replies arrived.
    ///
    /// # Errors
    /// A reply was wrong, or a connection was lost.
    pub fn finish(self) -> Result<Replies, String> {
        sleep(WATCHED);
        match self {
            Watch::Counter(probe) => {
                let report = probe.finish();
                let is_clean = report.summary.error_count() == 0 && report.summary.tcp_survived;
                let reason = || report.summary.to_string();
                is_clean.then_some(()).ok_or_else(reason)?;
                Ok(report.udp_replies)
            }
            Watch::Store(pings, mut load) => {
                if let Some(words) = load.last_words() {
                    return Err(format!("the load on the store has ended: {words}"));
                }
                drop(load);
                Ok(pings.finish())
            }
        }
    }
}
