//! The peer on this very host: a machine with the same domain, moved whole by QEMU's own migration ([`Whole`]).
//!
//! What a host of unknown speed says about pauses means something only beside what another mover takes there.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::LIMIT;
use crate::machine::{Boot, Machine, Options};
use crate::{Artefacts, MacAddress, Port, Segment, ThirdParty, prober};

/// The boot archive of such a machine.
const ARCHIVE: &str = "whole";
/// The least memory that it runs in, in MiB.
const MEMORY_MIB: u32 = 148;
/// The counter's address is the card's, too: QEMU announces the card where it arrives.
const CARD: MacAddress = MacAddress([0x52, 0x54, 0x00, 0x4d, 0x00, 0x14]);
/// What its mover is tuned to: the pause it may cause, in milliseconds, and 1 Gbit/s in bytes.
const DOWNTIME_LIMIT_MS: u64 = 10;
const BYTES_PER_SECOND: u64 = 125_000_000;
/// How often it is asked how far it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A machine that is moved from one emulator to another.
#[derive(Debug)]
pub struct Whole {
    /// The clients' host.
    pub party: ThirdParty,
    ports: [Port; 2],
    machine: Machine,
    /// Through which of the ports it is on the wire.
    at: usize,
    // It goes last: the machine and the clients are plugged into it.
    _segment: Segment,
}

/// A move as the operator saw it.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// When the command was given, on the prober's clock.
    pub begun_ns: u64,
    /// From the command to its end.
    pub total: Duration,
}

impl Whole {
    /// Starts the machine and waits until its counter is up.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start() -> Whole {
        let mut segment = Segment::new();
        let address = MacAddress::local(100);
        let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", address);
        let ports = ["here", "there"].map(|name| segment.port(name));
        let mut machine = options(&ports[0]).start();
        machine.expect("counter: ready", LIMIT);
        Whole {
            party,
            ports,
            machine,
            at: 0,
            _segment: segment,
        }
    }

    /// Moves it to another emulator, which takes the place of the one that it leaves.
    ///
    /// # Panics
    ///
    /// If QEMU does not move it within [`LIMIT`].
    pub fn migrate(&mut self) -> Moved {
        self.at = 1 - self.at;
        let target = options(&self.ports[self.at]).argument("-incoming");
        let mut target = target.argument("defer").start();
        let socket = target.directory().join("incoming");
        let uri = json!({ "uri": format!("unix:{}", socket.display()) });
        target.control("migrate-incoming", uri.clone());
        let goals = json!({
            "downtime-limit": DOWNTIME_LIMIT_MS,
            "max-bandwidth": BYTES_PER_SECOND,
        });
        self.machine.control("migrate-set-parameters", goals);
        let (begun_ns, begun) = (prober::now_ns(), Instant::now());
        self.machine.control("migrate", uri);
        self.await_completion(begun);
        let total = begun.elapsed();
        // What has left stands still.
        self.machine.kill();
        self.machine = target;
        Moved { begun_ns, total }
    }

    fn await_completion(&mut self, begun: Instant) {
        loop {
            let state = self.machine.control("query-migrate", json!({}));
            match state["status"].as_str() {
                Some("completed") => return,
                Some("failed" | "cancelled") => panic!("QEMU does not move it: {state}"),
                _ => assert!(begun.elapsed() < LIMIT, "QEMU takes too long: {state}"),
            }
            sleep(LOOK_INTERVAL);
        }
    }
}

fn options(port: &Port) -> Options {
    let kernel = Artefacts::kernel();
    let archive = Some(Artefacts::archive_named(ARCHIVE));
    Options::new("whole", Boot::Kernel { kernel, archive })
        .memory_mib(MEMORY_MIB)
        .card(port, CARD)
}
