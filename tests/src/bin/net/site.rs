//! A machine with the store, and its clients: [`Site`].

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::machine::{Machine, Options};
use harness::pinger::Pinger;
use harness::redis_benchmark::{self, Row};
use harness::{MacAddress, Node, Segment, ThirdParty, store};

use crate::nic::Nic;
use crate::system::System;

/// The machine's memory.
pub const MEMORY_MIB: u32 = 512;
const PINGER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 99);
/// The time after the first reply in which the machine finishes starting.
const SETTLING: Duration = Duration::from_secs(5);

/// A machine, and hosts on the same segment.
pub struct Site {
    /// The machine.
    pub machine: Machine,
    /// The host of the store's clients.
    pub party: ThirdParty,
    /// A host that only pings the store.
    pub pinger: Pinger,
    /// When the machine was started.
    pub started: Instant,
    _segment: Segment,
}

impl Site {
    /// Starts a machine with this card, system and changes, and the hosts.
    pub fn start(nic: Nic, system: System<'_>, change: impl FnOnce(Options) -> Options) -> Site {
        let mut segment = Segment::new();
        let mac = MacAddress::local;
        let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", mac(100));
        let pinger = Pinger::join(&mut segment, mac(99), PINGER, store::IP);
        let port = segment.port("a");
        let options = system
            .options(nic)
            .memory_mib(MEMORY_MIB)
            .nic(&port, Node::A.nic())
            .nic_model(nic.model());
        let started = Instant::now();
        let machine = change(options).start();
        Site {
            machine,
            party,
            pinger,
            started,
            _segment: segment,
        }
    }

    /// Waits until the store replies to its first request, a PING.
    ///
    /// # Panics
    ///
    /// If it does not reply.
    pub fn await_pong(&mut self) {
        // The clients' host would repeat its own ARP requests only once per second.
        self.pinger.resolve(LIMIT);
        let deadline = Instant::now() + LIMIT;
        // A connection is refused until the store listens.
        let script = format!("redis-cli -h {} -p {} PING || true", store::IP, store::PORT);
        while !self
            .party
            .run("bash", &["-c", &script], LIMIT)
            .contains("PONG")
        {
            assert!(
                Instant::now() < deadline,
                "no PONG:\n{}",
                self.machine.log()
            );
        }
    }

    /// Waits until the machine has finished starting.
    pub fn settle(&self) {
        sleep(SETTLING);
    }

    /// Runs the load generator of the Redis tools with these arguments, which select one test.
    pub fn load(&self, arguments: &str) -> Row {
        let rows =
            redis_benchmark::run(&self.party, &store::IP.to_string(), store::PORT, arguments);
        let [row] = &rows[..] else {
            panic!("{arguments} is not one test: {rows:?}");
        };
        row.clone()
    }
}
