//! Machines on a segment, and a host beside them, the third party: a [`Fleet`], with which every test of a move begins.
//!
//! The machines run Caravan. Usually there are two, from the manifests `usual-a` and `machine-b`. The third party
//! probes them, and sends the operator's commands (`operator`). `memory` has the memory that the machines use. The PCs of
//! `sticks` start from one USB stick. In a `lab` the third party also starts the second machine, from the network.

mod lab;
mod memory;
mod operator;
mod sticks;

use std::path::Path;
use std::time::Duration;

pub use operator::send_command;
pub use sticks::Firmware;

use crate::machine::{Boot, Machine, Options};
use crate::migration::Migration;
use crate::output::Output;
use crate::prober;
use crate::segment::Traffic;
use crate::{Artefacts, MacAddress, Node, Port, Segment, ThirdParty};

/// How long any step of a machine may take. Only a hang reaches this limit.
pub const LIMIT: Duration = Duration::from_secs(300);

/// The log line of a migration server that is up.
const UP: &str = "[nomad] listening";

/// The UDP port on which a migration server receives its operator's commands.
pub const MIGRATION_PORT: u16 = 7411;

/// The manifest that holds the secret of all machines.
const MANIFEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../userland/manifests/default.toml"
);

/// The boot archives of the machines of most tests.
const USUAL_ARCHIVES: [&str; 2] = ["usual-a", "machine-b"];
/// The boot archives of the machines that `scripts/run` shows and `scripts/bench` measures. Their counter is four times as large.
const SHOWN_ARCHIVES: [&str; 2] = ["kv", "machine-b"];
/// The archives of two machines with a small counter and migration servers that can be held at a phase.
const HOOKED_ARCHIVES: [&str; 2] = ["hooks-a", "hooks-b"];
/// The same, with a counter that its home starts anew by itself.
const RESTARTING_ARCHIVES: [&str; 2] = ["restarts-a", "hooks-b"];
/// The archives of three such machines, each of which lists the others.
pub const TRIO: [&str; 3] = ["trio-a", "trio-b", "trio-c"];
/// The archives of two machines with a store, and migration servers that can be held at a phase but have the usual timeouts.
const NEMESIS_ARCHIVES: [&str; 2] = ["nemesis-a", "nemesis-b"];

/// The archives of two machines with an MTU for NIC and migration server: 9000 on the first one, 65000 on the second one.
const JUMBO_ARCHIVES: [&str; 2] = ["jumbo-a", "jumbo-b"];

/// The UUID of the machine `b` in that fleet, whose machine `a` is recognised by its network card.
pub const UUID_OF_B: &str = "b0000000-0000-4000-8000-00000000000b";
/// How long firmware and a boot loader may take until a machine is up. Only a hang reaches this limit.
const STICK_LIMIT: Duration = Duration::from_secs(600);

/// A change to a machine's usual options.
pub type OptionsChange = fn(Options) -> Options;

/// No change.
fn unchanged(options: Options) -> Options {
    options
}

/// Machines and a third party.
#[derive(Debug)]
pub struct Fleet {
    /// The wire.
    pub segment: Segment,
    /// The host of the clients.
    pub party: ThirdParty,
    ports: Vec<Port>,
    archives: Vec<&'static str>,
    changes: [OptionsChange; 2],
    secret: String,
    machines: Vec<Machine>,
}

impl Fleet {
    /// Starts both machines and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// If one of them does not come up; its log is in the message.
    pub fn start() -> Fleet {
        Fleet::start_as(&USUAL_ARCHIVES)
    }

    /// Starts the machines that `scripts/run` shows, and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_shown() -> Fleet {
        Fleet::start_as(&SHOWN_ARCHIVES)
    }

    /// Starts both machines, the second one from another archive and with changed options, and waits until their migration
    /// servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_other(archive: &'static str, change: OptionsChange) -> Fleet {
        Fleet::start_from(&[USUAL_ARCHIVES[0], archive], [unchanged, change])
    }

    /// Starts both machines with a change of options for each, and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_changed(changes: [OptionsChange; 2]) -> Fleet {
        Fleet::start_from(&USUAL_ARCHIVES, changes)
    }

    /// Starts both machines, the first one from another archive, and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_first(archive: &'static str) -> Fleet {
        Fleet::start_from(&[archive, USUAL_ARCHIVES[1]], [unchanged; 2])
    }

    /// Starts both machines with a small counter and migration servers that [`Fleet::hold_at`] can hold, and waits until the
    /// servers are up. A debugger may be attached to either machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_hooked() -> Fleet {
        Fleet::start_from(&HOOKED_ARCHIVES, [Options::debuggable; 2])
    }

    /// As [`Fleet::start_hooked`], with a counter that its home starts anew when no machine has it.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_restarting() -> Fleet {
        Fleet::start_from(&RESTARTING_ARCHIVES, [Options::debuggable; 2])
    }

    /// Starts both machines with a store on the first one and migration servers that can be held but keep their usual
    /// timeouts, and waits until the servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_for_nemesis() -> Fleet {
        Fleet::start_as(&NEMESIS_ARCHIVES)
    }

    /// Starts both machines with an MTU for NIC and migration server, 9000 on the first one and 65000 on the second one, and
    /// waits until the servers are up. The first one's virtual NIC offers a larger MTU than the manifest requests.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_jumbo() -> Fleet {
        Fleet::start_from(&JUMBO_ARCHIVES, [|options| options.host_mtu(65_000); 2])
    }

    /// Starts two machines with an MTU of 65000 for NIC and migration server, and with this change of their options, and waits until
    /// the servers are up. The first one boots this archive.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_largest(first: &'static str, change: OptionsChange) -> Fleet {
        Fleet::start_from(&[first, JUMBO_ARCHIVES[1]], [change; 2])
    }

    /// Starts machines that boot these archives, and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_as(archives: &[&'static str]) -> Fleet {
        Fleet::start_from(archives, [unchanged; 2])
    }

    fn start_from(archives: &[&'static str], changes: [OptionsChange; 2]) -> Fleet {
        let mut fleet = Fleet::begin(archives, changes);
        fleet.await_up();
        fleet
    }

    /// Starts machines that boot these archives. It does not wait, so that their logs can be followed from the first line.
    pub fn boot_as(archives: &[&'static str]) -> Fleet {
        Fleet::begin(archives, [unchanged; 2])
    }

    /// Starts both machines with a change of options for each. It does not wait.
    pub fn boot_changed(changes: [OptionsChange; 2]) -> Fleet {
        Fleet::begin(&USUAL_ARCHIVES, changes)
    }

    /// Waits until all migration servers are up.
    ///
    /// # Panics
    ///
    /// If one of them does not come up; its log is in the message.
    pub fn await_up(&mut self) {
        for node in self.nodes() {
            self.await_log(node, UP);
        }
    }

    fn begin(archives: &[&'static str], changes: [OptionsChange; 2]) -> Fleet {
        let mut segment = Segment::new();
        let party = ThirdParty::join(
            &mut segment,
            "third",
            "10.77.0.100/24",
            MacAddress::local(100),
        );
        let ports: Vec<Port> = Node::first(archives.len())
            .map(|node| segment.port(node.name()))
            .collect();
        let mut fleet = Fleet {
            segment,
            party,
            ports,
            archives: archives.to_vec(),
            changes,
            secret: secret(),
            machines: Vec::new(),
        };
        for node in fleet.nodes() {
            let machine = fleet.boot(node);
            fleet.machines.push(machine);
        }
        fleet
    }

    /// The nodes of this fleet.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        Node::first(self.archives.len())
    }

    /// One of the machines.
    pub fn machine(&mut self, node: Node) -> &mut Machine {
        &mut self.machines[node as usize]
    }

    /// Everything a machine has printed on its serial port.
    pub fn log(&self, node: Node) -> String {
        self.machines[node as usize].log()
    }

    /// A handle to a machine's log, which another thread may follow.
    pub fn output(&self, node: Node) -> Output {
        self.machines[node as usize].output()
    }

    /// Waits until a machine's log contains a text anywhere: domains start concurrently.
    ///
    /// # Panics
    ///
    /// If that does not happen within [`LIMIT`], or the machine ends; the end of the log is in the message.
    pub fn await_log(&mut self, node: Node, text: &str) {
        self.machine(node).expect_anywhere(text, LIMIT);
    }

    /// The segment's port into which a machine's NIC is plugged.
    pub fn port(&self, node: Node) -> &Port {
        &self.ports[node as usize]
    }

    /// The frames that the migration server of a machine has sent to that of another one.
    pub fn server_traffic(&self, from: Node, to: Node) -> Traffic {
        let port = self.port(from);
        port.traffic_between(from.server_mac(), to.server_mac())
    }

    /// Sends a text to a machine's migration server unencrypted, as any host on the wire can.
    pub fn send_plaintext(&self, node: Node, text: &str) {
        let address = node.address();
        // A datagram may get lost; repeating it does no harm.
        let script = format!(
            "for i in 1 2 3 4 5; do echo '{text}' > /dev/udp/{address}/{MIGRATION_PORT}; sleep 0.1; done"
        );
        self.party.run("bash", &["-c", &script], LIMIT);
    }

    /// Kills a machine, as pulling its plug does, and boots it again.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self, node: Node) {
        self.machine(node).kill();
        let machine = self.boot(node);
        *self.machine(node) = machine;
        self.await_log(node, UP);
    }

    /// Replaces the second machine with the usual one of [`Fleet::start`].
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn replace_other(&mut self) {
        self.archives = USUAL_ARCHIVES.to_vec();
        self.changes = [unchanged; 2];
        self.restart(Node::B);
    }

    /// Moves a domain from one machine to the other.
    ///
    /// # Panics
    ///
    /// If the move fails; the migration server's reply is in the message.
    pub fn migrate(&self, domain: &str, from: Node) -> Migration {
        self.migrate_to(domain, from, from.other())
    }

    /// Moves a domain between any two machines.
    ///
    /// # Panics
    ///
    /// As [`Fleet::migrate`].
    pub fn migrate_to(&self, domain: &str, from: Node, to: Node) -> Migration {
        let begun_ns = prober::now_ns();
        let reply = self.begin_migration_to(domain, from, to).finish(LIMIT);
        Migration::of_reply(begun_ns, &reply)
    }

    fn boot(&self, node: Node) -> Machine {
        let options = match self.archives[node as usize] {
            sticks::BIOS => sticks::options(node, Firmware::Bios),
            sticks::UEFI => sticks::options(node, Firmware::Uefi),
            lab::NETWORK => Options::new(node.name(), Boot::NetworkBios),
            archive => {
                let archive = Some(Artefacts::archive_named(archive));
                let kernel = Artefacts::kernel();
                Options::new(node.name(), Boot::Kernel { kernel, archive })
                    .argument("-append")
                    .argument("debug-exit")
            }
        };
        let options = options
            .memory_mib(512)
            .nic(self.port(node), node.nic())
            .argument("-rtc")
            .argument(format!("base={}", node.wall_clock()));
        let change = self.changes.get(node as usize);
        change.map_or(unchanged as OptionsChange, |it| *it)(options).start()
    }
}

/// A test that fails reports the state of each machine, and the traffic on its wire.
impl Drop for Fleet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for node in self.nodes().take(self.machines.len()) {
            let (counters, state) = (self.port(node).counters(), self.machine(node).state());
            eprintln!("--- {node:?} ---\n{counters:?}\n{state}");
        }
    }
}

/// The fleet's secret, from the machines' manifest.
fn secret() -> String {
    let manifest = manifest::compile(Path::new(MANIFEST));
    let manifest = manifest.unwrap_or_else(|error| panic!("{error}"));
    let server = manifest.at_home_with_role(manifest::Role::MigrationServer);
    let secret = server.and_then(|server| server.arguments.get("secret"));
    secret.expect("a secret in the manifest").clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_archives_are_those_that_run_builds() {
        assert_eq!(SHOWN_ARCHIVES, xtask::manifest::SHOWN);
    }
}
