//! Machines on a segment with a third party beside them: a [`Fleet`], where every test of a move begins.
//!
//! They run Caravan: usually two, from the manifests `kv` (machine `a`) and `machine-b`. The third party probes them, and
//! sends the operator's commands.

use std::path::{Path, PathBuf};
use std::process;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::machine::{Boot, Machine, Options};
use crate::migration::Migration;
use crate::output::Output;
use crate::reply::Reply;
use crate::third_party::Client;
use crate::{Artefacts, MacAddress, Node, Port, Segment, ThirdParty};
use crate::{child, prober};

/// How long a machine may take for anything; only stops a hang.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The interval between queries of a migration server.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The log line of a migration server that is up.
const UP: &str = "[nomad] listening";

/// The UDP port on which a migration server receives its operator's commands.
const MIGRATION_PORT: u16 = 7411;

/// The variable in which the operator's command line expects the fleet's secret.
const SECRET_VARIABLE: &str = "CARAVAN_SECRET";
/// The secret of another fleet.
const OTHER_SECRET: &str = "another secret";

/// The manifest that holds the secret of all machines.
const MANIFEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../userland/manifests/default.toml"
);

/// The boot archives of the two machines.
const ARCHIVES: [&str; 2] = ["kv", "machine-b"];
/// The same, but with a small counter and migration servers that can be held at a phase.
const HOOKED_ARCHIVES: [&str; 2] = ["hooks-a", "hooks-b"];
/// Three such archives, each of which lists the others.
pub const TRIO: [&str; 3] = ["trio-a", "trio-b", "trio-c"];
/// The same with a store and the usual timeouts, for a nemesis.
const NEMESIS_ARCHIVES: [&str; 2] = ["nemesis-a", "nemesis-b"];

/// A change to a machine's usual options.
pub type Shape = fn(Options) -> Options;

/// The usual options.
fn usual(options: Options) -> Options {
    options
}

/// Machines and a third party.
#[derive(Debug)]
pub struct Fleet {
    /// The wire.
    pub segment: Segment,
    /// The clients' host.
    pub party: ThirdParty,
    ports: Vec<Port>,
    archives: Vec<&'static str>,
    shape_of_b: Shape,
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
        Fleet::start_from(&ARCHIVES, usual)
    }

    /// The same, with another archive and shape for the second machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_other(archive: &'static str, shape: Shape) -> Fleet {
        Fleet::start_from(&[ARCHIVES[0], archive], shape)
    }

    /// The same, with another archive for the first machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_first(archive: &'static str) -> Fleet {
        Fleet::start_from(&[archive, ARCHIVES[1]], usual)
    }

    /// The same, with a small counter and migration servers that [`Fleet::hold_at`] can hold.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_hooked() -> Fleet {
        Fleet::start_from(&HOOKED_ARCHIVES, usual)
    }

    /// The same, with a store on the first machine and migration servers that can be held but keep their usual timeouts.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_for_nemesis() -> Fleet {
        Fleet::start_as(&NEMESIS_ARCHIVES)
    }

    /// Starts machines that boot these archives.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_as(archives: &[&'static str]) -> Fleet {
        Fleet::start_from(archives, usual)
    }

    fn start_from(archives: &[&'static str], shape_of_b: Shape) -> Fleet {
        let mut fleet = Fleet::begin(archives, shape_of_b);
        fleet.await_up();
        fleet
    }

    /// Starts machines that boot these archives, without waiting, so that their logs can be followed from the first line.
    pub fn boot_as(archives: &[&'static str]) -> Fleet {
        Fleet::begin(archives, usual)
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

    fn begin(archives: &[&'static str], shape_of_b: Shape) -> Fleet {
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
            shape_of_b,
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

    /// The segment's port that a machine's card is plugged into.
    pub fn port(&self, node: Node) -> &Port {
        &self.ports[node as usize]
    }

    /// Sends an operator's command to a machine's migration server and returns its reply, even if it refuses.
    ///
    /// # Panics
    ///
    /// If the command line cannot be run.
    pub fn command(&self, node: Node, words: &[&str]) -> String {
        self.command_with(&self.secret, node, words)
    }

    fn command_with(&self, secret: &str, node: Node, words: &[&str]) -> String {
        let output = self.run_operator(secret, node, words);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    /// Runs the operator's command line.
    fn run_operator(&self, secret: &str, node: Node, words: &[&str]) -> process::Output {
        let mut command = self
            .party
            .command(operator().to_str().expect("a path that is text"));
        command.env(SECRET_VARIABLE, secret);
        let output = command.arg(node.address()).args(words).output();
        output.expect("the operator's command line runs")
    }

    /// The events of a migration server's reply to a command.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn reply(&self, node: Node, words: &[&str]) -> Reply {
        self.reply_with(&self.secret, node, words)
    }

    fn reply_with(&self, secret: &str, node: Node, words: &[&str]) -> Reply {
        let output = self.run_operator(secret, node, &[words, &["--json"]].concat());
        let [reply, error] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        Reply::parse(&reply, error.trim_end())
    }

    /// The domains and moves of a machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn list(&self, node: Node) -> Reply {
        self.reply(node, &["list"])
    }

    /// The same, asked with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn list_of_stranger(&self, node: Node) -> Reply {
        self.reply_with(OTHER_SECRET, node, &["list"])
    }

    /// Sends a command with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn command_as_stranger(&self, node: Node, words: &[&str]) -> String {
        self.command_with(OTHER_SECRET, node, words)
    }

    /// Waits until the list of a machine's migration server contains a text.
    ///
    /// # Panics
    ///
    /// If that does not happen within [`LIMIT`].
    pub fn await_listed(&self, node: Node, text: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let list = self.command(node, &["list"]);
            if list.contains(text) {
                return;
            }
            let name = node.name();
            assert!(Instant::now() < deadline, "{name}: no `{text}` in {list}");
            sleep(POLL_INTERVAL);
        }
    }

    /// Begins to move a domain between A and B; the client prints the migration server's events as lines of JSON.
    pub fn begin_migration(&self, domain: &str, from: Node) -> Client {
        self.begin_migration_to(domain, from, from.other())
    }

    /// The same between any two machines.
    pub fn begin_migration_to(&self, domain: &str, from: Node, to: Node) -> Client {
        let program = operator();
        let program = program.to_str().expect("a path that is text");
        let arguments = ["--json", from.address(), "migrate", domain, to.name()];
        let secret = [(SECRET_VARIABLE, self.secret.as_str())];
        self.party.start_with(program, &arguments, &secret)
    }

    /// Holds a machine's migration server as soon as it reports this line of a move.
    ///
    /// # Panics
    ///
    /// If the server was not started with hooks.
    pub fn hold_at(&self, node: Node, line: &str) {
        let reply = self.command(node, &["hold", line]);
        assert_eq!(reply, "done", "{} is not held", node.name());
    }

    /// Settles the counter that is in doubt on a machine, `run` or `drop`, as soon as its migration server has given all
    /// others the time to answer.
    ///
    /// # Panics
    ///
    /// If there is nothing to settle, or another machine runs it.
    pub fn force(&self, node: Node, how: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let reply = self.command(node, &["force", "counter", how]);
            if reply.ends_with("done") {
                return;
            }
            let is_early = reply.contains("try again") && Instant::now() < deadline;
            assert!(is_early, "{}: {reply}", node.name());
            sleep(POLL_INTERVAL);
        }
    }

    /// Resumes a migration server that is held.
    ///
    /// # Panics
    ///
    /// If the server was not started with hooks.
    pub fn resume_server(&self, node: Node) {
        let reply = self.command(node, &["go"]);
        assert_eq!(reply, "done", "{} does not resume", node.name());
    }

    /// Ends a machine's migration server, and waits until it is up again.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart_server(&mut self, node: Node) {
        let program = operator();
        let program = program.to_str().expect("a path that is text");
        let secret = [(SECRET_VARIABLE, self.secret.as_str())];
        // It dies before it can answer.
        let client = self
            .party
            .start_with(program, &[node.address(), "end"], &secret);
        let machine = self.machine(node);
        machine.expect("ends, as a test asked for", LIMIT);
        machine.expect(UP, LIMIT);
        drop(client);
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

    /// Replaces the second machine by the usual one of [`Fleet::start`].
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn replace_other(&mut self) {
        self.archives = ARCHIVES.to_vec();
        self.shape_of_b = usual;
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

    /// The same between any two machines.
    ///
    /// # Panics
    ///
    /// As [`Fleet::migrate`].
    pub fn migrate_to(&self, domain: &str, from: Node, to: Node) -> Migration {
        let begun_ns = prober::now_ns();
        let answer = self.begin_migration_to(domain, from, to).finish(LIMIT);
        Migration::of_answer(begun_ns, &answer)
    }

    fn boot(&self, node: Node) -> Machine {
        let archive = Some(Artefacts::archive_named(self.archives[node as usize]));
        let kernel = Artefacts::kernel();
        let options = Options::new(node.name(), Boot::Kernel { kernel, archive })
            .memory_mib(512)
            .card(self.port(node), node.card())
            .argument("-append")
            .argument("debug-exit")
            .argument("-rtc")
            .argument(format!("base={}", node.wall_clock()));
        let shape = match node {
            Node::B => self.shape_of_b,
            _ => usual,
        };
        shape(options).start()
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

/// The operator's command line.
fn operator() -> PathBuf {
    child::beside("caravan", "cargo build -p caravan")
}
