//! Machines on a segment with a third party beside them: [`Fleet`], what every test of a move begins with.
//!
//! They run Caravan: mostly two, as the manifests `kv` (machine `a`) and `machine-b` say. The third party probes, and gives
//! the operator's commands.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::machine::{Boot, Machine, Options};
use crate::migration::Migration;
use crate::reply::Reply;
use crate::third_party::Client;
use crate::transcript::Transcript;
use crate::{Artefacts, MacAddress, Port, Segment, Station, ThirdParty};
use crate::{child, prober};

/// How long a machine may take for anything it is asked: it stops a hang.
pub const LIMIT: Duration = Duration::from_secs(120);

/// How often a migration server is asked again.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// What a machine's log says when its migration server is up.
const UP: &str = "[nomad] listening";

/// Where a migration server hears its operator.
const MIGRATION_PORT: u16 = 7411;

/// Where the operator's command line looks for the fleet's secret.
const SECRET_VARIABLE: &str = "CARAVAN_SECRET";
/// The secret of another fleet.
const OTHER_SECRET: &str = "another secret";

/// The manifest that says it, for all machines.
const MANIFEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../userland/manifests/default.toml"
);

/// What the two machines boot.
const ARCHIVES: [&str; 2] = ["kv", "machine-b"];
/// The same, but their migration servers stand still at moments that a test names, and the counter is small.
const HOOKED_ARCHIVES: [&str; 2] = ["hooks-a", "hooks-b"];
/// Three of these, each of which lists the others.
pub const TRIO: [&str; 3] = ["trio-a", "trio-b", "trio-c"];
/// The same with a store and ordinary limits, for a nemesis.
const NEMESIS_ARCHIVES: [&str; 2] = ["nemesis-a", "nemesis-b"];

/// In what a machine differs from what it usually is.
pub type Shape = fn(Options) -> Options;

/// As usual.
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

    /// The same, with a second machine that boots another archive and is of another shape.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_other(archive: &'static str, shape: Shape) -> Fleet {
        Fleet::start_from(&[ARCHIVES[0], archive], shape)
    }

    /// The same, with a first machine that boots another archive.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_with_first(archive: &'static str) -> Fleet {
        Fleet::start_from(&[archive, ARCHIVES[1]], usual)
    }

    /// The same, with migration servers that stand still at a moment that [`Fleet::hold_at`] names, and with a small
    /// counter.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_hooked() -> Fleet {
        Fleet::start_from(&HOOKED_ARCHIVES, usual)
    }

    /// The same, with a store on the first machine and migration servers that can be held but keep to their ordinary limits.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_for_nemesis() -> Fleet {
        Fleet::start_as(&NEMESIS_ARCHIVES)
    }

    /// Machines that boot these archives.
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

    /// Starts machines that boot these archives, and waits for nothing, so that their logs can be followed from the first line.
    pub fn boot_as(archives: &[&'static str]) -> Fleet {
        Fleet::begin(archives, usual)
    }

    /// Waits until all migration servers are up.
    ///
    /// # Panics
    ///
    /// If one of them does not come up; its log is in the message.
    pub fn await_up(&mut self) {
        for station in self.stations() {
            self.await_log(station, UP);
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
        let ports: Vec<Port> = Station::first(archives.len())
            .map(|station| segment.port(station.name()))
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
        for station in fleet.stations() {
            let machine = fleet.boot(station);
            fleet.machines.push(machine);
        }
        fleet
    }

    /// Where its machines are.
    pub fn stations(&self) -> impl Iterator<Item = Station> + use<> {
        Station::first(self.archives.len())
    }

    /// One of the machines.
    pub fn machine(&mut self, station: Station) -> &mut Machine {
        &mut self.machines[station as usize]
    }

    /// All that a machine has said on its serial port.
    pub fn log(&self, station: Station) -> String {
        self.machines[station as usize].log()
    }

    /// A handle to a machine's log, which another thread may follow.
    pub fn transcript(&self, station: Station) -> Transcript {
        self.machines[station as usize].transcript()
    }

    /// Waits until a machine's log holds a text, wherever it stands: domains start side by side.
    ///
    /// # Panics
    ///
    /// If it does not within [`LIMIT`], or the machine ends; the log's end is in the message.
    pub fn await_log(&mut self, station: Station, text: &str) {
        self.machine(station).expect_anywhere(text, LIMIT);
    }

    /// The segment's port that a machine's card is plugged into.
    pub fn port(&self, station: Station) -> &Port {
        &self.ports[station as usize]
    }

    /// Gives a machine's migration server a command of the operator's and returns what it says, also if that is no.
    ///
    /// # Panics
    ///
    /// If the command line cannot be run.
    pub fn ask(&self, station: Station, words: &[&str]) -> String {
        self.ask_with(&self.secret, station, words)
    }

    fn ask_with(&self, secret: &str, station: Station, words: &[&str]) -> String {
        let output = self.output(secret, station, words);
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).trim_end().to_owned()
    }

    /// Runs the operator's command line.
    fn output(&self, secret: &str, station: Station, words: &[&str]) -> Output {
        let mut command = self
            .party
            .command(operator().to_str().expect("a path that is text"));
        command.env(SECRET_VARIABLE, secret);
        let output = command.arg(station.address()).args(words).output();
        output.expect("the operator's command line runs")
    }

    /// The events with which a machine's migration server replies to a command.
    ///
    /// # Panics
    ///
    /// As [`Fleet::ask`].
    pub fn reply(&self, station: Station, words: &[&str]) -> Reply {
        self.reply_with(&self.secret, station, words)
    }

    fn reply_with(&self, secret: &str, station: Station, words: &[&str]) -> Reply {
        let output = self.output(secret, station, &[words, &["--json"]].concat());
        let [reply, complaint] =
            [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        Reply::parse(&reply, complaint.trim_end())
    }

    /// The domains and moves of a machine.
    ///
    /// # Panics
    ///
    /// As [`Fleet::ask`].
    pub fn list(&self, station: Station) -> Reply {
        self.reply(station, &["list"])
    }

    /// The domains and moves of a machine with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::ask`].
    pub fn list_of_stranger(&self, station: Station) -> Reply {
        self.reply_with(OTHER_SECRET, station, &["list"])
    }

    /// Gives a command with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::ask`].
    pub fn ask_as_stranger(&self, station: Station, words: &[&str]) -> String {
        self.ask_with(OTHER_SECRET, station, words)
    }

    /// Waits until a machine's migration server lists this.
    ///
    /// # Panics
    ///
    /// If it does not within [`LIMIT`].
    pub fn await_listed(&self, station: Station, text: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let list = self.ask(station, &["list"]);
            if list.contains(text) {
                return;
            }
            let name = station.name();
            assert!(Instant::now() < deadline, "{name}: no `{text}` in {list}");
            sleep(LOOK_INTERVAL);
        }
    }

    /// Begins to move a domain between A and B; what the migration server says comes as lines of JSON.
    pub fn begin_migration(&self, domain: &str, from: Station) -> Client {
        self.begin_migration_to(domain, from, from.other())
    }

    /// The same between any two machines.
    pub fn begin_migration_to(&self, domain: &str, from: Station, to: Station) -> Client {
        let program = operator();
        let program = program.to_str().expect("a path that is text");
        let arguments = ["--json", from.address(), "migrate", domain, to.name()];
        let secret = [(SECRET_VARIABLE, self.secret.as_str())];
        self.party.start_with(program, &arguments, &secret)
    }

    /// Has a machine's migration server stand still when it says this line of a move.
    ///
    /// # Panics
    ///
    /// If the server was not started with hooks.
    pub fn hold_at(&self, station: Station, line: &str) {
        let said = self.ask(station, &["hold", line]);
        assert_eq!(said, "done", "{} is not held", station.name());
    }

    /// Settles what is in doubt about the counter on a machine, `run` or `drop`, as soon as its migration server has given all others
    /// the time to answer.
    ///
    /// # Panics
    ///
    /// If there is nothing to settle, or another machine runs it.
    pub fn force(&self, station: Station, how: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let said = self.ask(station, &["force", "counter", how]);
            if said.ends_with("done") {
                return;
            }
            let is_early = said.contains("try again") && Instant::now() < deadline;
            assert!(is_early, "{}: {said}", station.name());
            sleep(LOOK_INTERVAL);
        }
    }

    /// Lets a migration server go on that stands still.
    ///
    /// # Panics
    ///
    /// If the server was not started with hooks.
    pub fn let_go(&self, station: Station) {
        let said = self.ask(station, &["go"]);
        assert_eq!(said, "done", "{} does not go on", station.name());
    }

    /// Has a machine's migration server end, and waits until it is up again.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn end_server(&mut self, station: Station) {
        let program = operator();
        let program = program.to_str().expect("a path that is text");
        let secret = [(SECRET_VARIABLE, self.secret.as_str())];
        // It dies before it can answer.
        let asking = self
            .party
            .start_with(program, &[station.address(), "stop"], &secret);
        let machine = self.machine(station);
        machine.expect("ends, as a test asked for", LIMIT);
        machine.expect(UP, LIMIT);
        drop(asking);
    }

    /// Says a text to a machine's migration server, in clear, as anybody on the wire may.
    pub fn say_plainly(&self, station: Station, text: &str) {
        let address = station.address();
        // A datagram may get lost; to be told again does no harm.
        let say = format!(
            "for i in 1 2 3 4 5; do echo '{text}' > /dev/udp/{address}/{MIGRATION_PORT}; sleep 0.1; done"
        );
        self.party.run("bash", &["-c", &say], LIMIT);
    }

    /// Kills a machine and starts it anew, as pulling its plug would.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn restart(&mut self, station: Station) {
        self.machine(station).kill();
        let machine = self.boot(station);
        *self.machine(station) = machine;
        self.await_log(station, UP);
    }

    /// Replaces the second machine by one as [`Fleet::start`] has it.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn replace_other(&mut self) {
        self.archives = ARCHIVES.to_vec();
        self.shape_of_b = usual;
        self.restart(Station::B);
    }

    /// Moves a domain from one machine to the other.
    ///
    /// # Panics
    ///
    /// If the move fails; what the migration server said is in the message.
    pub fn migrate(&self, domain: &str, from: Station) -> Migration {
        self.migrate_to(domain, from, from.other())
    }

    /// The same between any two machines.
    ///
    /// # Panics
    ///
    /// As [`Fleet::migrate`].
    pub fn migrate_to(&self, domain: &str, from: Station, to: Station) -> Migration {
        let begun_ns = prober::now_ns();
        let answer = self.begin_migration_to(domain, from, to).finish(LIMIT);
        Migration::of_answer(begun_ns, &answer)
    }

    fn boot(&self, station: Station) -> Machine {
        let archive = Some(Artefacts::archive_named(self.archives[station as usize]));
        let kernel = Artefacts::kernel();
        let options = Options::new(station.name(), Boot::Kernel { kernel, archive })
            .memory_mib(512)
            .card(self.port(station), station.card())
            .argument("-append")
            .argument("debug-exit");
        let shape = match station {
            Station::B => self.shape_of_b,
            _ => usual,
        };
        shape(options).start()
    }
}

/// The fleet's secret, as the machines' manifest says it.
fn secret() -> String {
    let manifest = manifest::compile(Path::new(MANIFEST));
    let manifest = manifest.unwrap_or_else(|error| panic!("{error}"));
    let mut arguments = manifest.domains.iter().map(|domain| &domain.arguments);
    let secret = arguments.find_map(|arguments| arguments.get("secret"));
    secret.expect("a secret in the manifest").clone()
}

/// The operator's command line.
fn operator() -> PathBuf {
    child::beside("caravan", "cargo build -p caravan")
}
