//! The baseline on the same host: a machine with the same service, moved by QEMU's own migration ([`QemuMigration`]).
//!
//! The speed of the host is unknown, so pauses measured on it are meaningful only in comparison with another implementation.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::LIMIT;
use crate::machine::{Boot, Machine, Options};
use crate::{Artefacts, MacAddress, Port, Segment, ThirdParty, counter, prober, store};

/// Parameters of QEMU's migration: the downtime limit in milliseconds, and 1 Gbit/s in bytes.
const DOWNTIME_LIMIT_MS: u64 = 10;
const BYTES_PER_SECOND: u64 = 125_000_000;
/// The interval between queries of its progress.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A machine that is moved from one emulator to another.
#[derive(Debug)]
pub struct QemuMigration {
    /// The clients' host.
    pub party: ThirdParty,
    ports: [Port; 2],
    machine: Machine,
    setup: Setup,
    /// The index of the port into which it is plugged.
    port: usize,
    // It is dropped last, since the machine and the clients are plugged into it.
    _segment: Segment,
}

/// The machine, with no more memory than it needs.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Its archive.
    pub archive: &'static str,
    /// Its memory.
    pub memory_mib: u32,
    /// The Ethernet address of its service. Its NIC has the same, since QEMU announces the NIC at the destination.
    pub nic: MacAddress,
    /// The line that the service logs once it serves.
    pub ready: &'static str,
}

impl Setup {
    /// A machine with the counter of the manifests for users.
    pub const COUNTER: Setup = Setup {
        archive: "whole",
        memory_mib: 148,
        nic: counter::MAC,
        ready: counter::READY,
    };

    /// A machine with the store.
    pub const STORE: Setup = Setup {
        archive: "whole-store",
        memory_mib: 164,
        nic: store::MAC,
        ready: store::READY,
    };
}

/// A move as observed by the operator.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// The time of the command, on the prober's clock.
    pub begun_ns: u64,
    /// The time from the command to its completion.
    pub total: Duration,
    /// How long the machine was stopped, as QEMU reports it, in milliseconds.
    pub downtime_ms: u64,
}

impl QemuMigration {
    /// Starts a machine, and waits until its service is up.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start(setup: Setup) -> QemuMigration {
        let mut segment = Segment::new();
        let address = MacAddress::local(100);
        let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", address);
        let ports = ["here", "there"].map(|name| segment.port(name));
        let mut machine = options(setup, &ports[0]).start();
        machine.expect(setup.ready, LIMIT);
        QemuMigration {
            party,
            ports,
            machine,
            setup,
            port: 0,
            _segment: segment,
        }
    }

    /// Moves the machine to another QEMU process, which replaces the one it leaves.
    ///
    /// # Panics
    ///
    /// If QEMU does not move it within [`LIMIT`].
    pub fn migrate(&mut self) -> Moved {
        self.port = 1 - self.port;
        let port = &self.ports[self.port];
        let destination = options(self.setup, port);
        let mut destination = destination.argument("-incoming").argument("defer").start();
        let socket = destination.directory().join("incoming");
        let uri = json!({ "uri": format!("unix:{}", socket.display()) });
        destination.control("migrate-incoming", uri.clone());
        let limits = json!({
            "downtime-limit": DOWNTIME_LIMIT_MS,
            "max-bandwidth": BYTES_PER_SECOND,
        });
        self.machine.control("migrate-set-parameters", limits);
        let (begun_ns, begun) = (prober::now_ns(), Instant::now());
        self.machine.control("migrate", uri);
        let downtime_ms = self.await_completion(begun);
        let total = begun.elapsed();
        // The source is stopped.
        self.machine.kill();
        self.machine = destination;
        Moved {
            begun_ns,
            total,
            downtime_ms,
        }
    }

    /// Returns the downtime, in milliseconds.
    fn await_completion(&mut self, begun: Instant) -> u64 {
        loop {
            let state = self.machine.control("query-migrate", json!({}));
            match state["status"].as_str() {
                Some("completed") => return state["downtime"].as_u64().expect("a number"),
                Some("failed" | "cancelled") => panic!("the migration failed: {state}"),
                _ => assert!(
                    begun.elapsed() < LIMIT,
                    "the migration takes too long: {state}"
                ),
            }
            sleep(POLL_INTERVAL);
        }
    }
}

fn options(setup: Setup, port: &Port) -> Options {
    let kernel = Artefacts::kernel();
    let archive = Some(Artefacts::archive_named(setup.archive));
    Options::new("whole", Boot::Kernel { kernel, archive })
        .memory_mib(setup.memory_mib)
        .nic(port, setup.nic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archives_of_the_demonstration_are_those_that_run_builds() {
        let archives = [Setup::COUNTER, Setup::STORE].map(|setup| setup.archive);
        assert_eq!(archives, xtask::manifest::WHOLE);
    }
}
