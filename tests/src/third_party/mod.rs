//! A client elsewhere on the segment, which no machine's death takes along.
//!
//! ```text
//!   redis-cli, the prober, ...   ordinary programs of this host
//!        |  the host's TCP/IP, in a user and network namespace of its own: no root
//!      lan0, a tap
//!        |  a QEMU without a machine in it, which only pumps frames
//!      a port of the segment
//! ```
//!
//! The namespaces live as long as the pump does. Programs enter them through `nsenter`, so that a [`Client`] is an
//! ordinary child process of the test's.

mod client;
mod probe;
mod registers;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub use client::Client;
pub use probe::Probe;
pub use registers::Registers;

use crate::child::{self, Child};
use crate::keeper::Kept;
use crate::linear::Workload;
use crate::segment::{MacAddress, Port, Segment};
use crate::transcript::Transcript;

/// The tap's name inside the namespace.
const INTERFACE: &str = "lan0";

/// How long the namespace may take to appear: it stops a hang.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A host on the segment where third-party programs run.
#[derive(Debug)]
pub struct ThirdParty {
    pump: Child,
    complaints: Transcript,
    port: Port,
}

/// Ends a checking client and says what the store kept.
///
/// # Panics
///
/// If anything was wrong.
pub fn kept_by(keeper: Client, limit: Duration) -> Kept {
    serde_json::from_str(&keeper.finish(limit)).expect("what the keeper says")
}

impl ThirdParty {
    /// Joins `segment` at a new port called `name`, with an address and its prefix's length: `10.77.0.1/24`.
    ///
    /// # Panics
    ///
    /// If a program that this takes is not installed, or the host allows no namespaces or no tap.
    pub fn join(segment: &mut Segment, name: &str, address: &str, mac: MacAddress) -> Self {
        for (program, package) in [
            ("unshare", "util-linux"),
            ("ip", "iproute2"),
            ("qemu-system-x86_64", "qemu-system-x86"),
        ] {
            child::require(program, package);
        }
        let port = segment.port(name);
        let mut pump = child::spawn(pump(&port))
            .unwrap_or_else(|error| panic!("unshare does not start: {error}"));
        let complaints = Transcript::follow(pump.take_stderr().expect("a piped stderr"));
        let mut party = Self {
            pump,
            complaints,
            port,
        };
        party.await_tap();
        let mac = mac.to_string();
        party.configure(&["link", "set", "lo", "up"]);
        // Without an IPv6 address of its own accord the host is quiet until a program speaks.
        party.configure(&[
            "link",
            "set",
            INTERFACE,
            "address",
            &mac,
            "addrgenmode",
            "none",
            "up",
        ]);
        party.configure(&["address", "add", address, "dev", INTERFACE]);
        party
    }

    /// The segment's port that it sits at.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// A command that runs `program` here. It dies with the thread that spawns it; [`start`](Self::start) does not.
    pub fn command(&self, program: &str) -> Command {
        let [enter, arguments @ ..] = self.entrance();
        let mut command = Command::new(enter);
        command.args(arguments);
        // Only after the last change of credentials does the parent-death signal last.
        command.args(["setpriv", "--pdeathsig", "KILL", "--", program]);
        command
    }

    /// The words before a command line that run it here, from any process of this user.
    pub fn entrance(&self) -> [String; 7] {
        let target = self.pump.id().to_string();
        [
            "nsenter",
            "--preserve-credentials",
            "--user",
            "--net",
            "--target",
            &target,
            "--",
        ]
        .map(str::to_owned)
    }

    /// Starts `program` here, to be waited for later.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn start(&self, program: &str, arguments: &[&str]) -> Client {
        self.start_with(program, arguments, &[])
    }

    /// The same with variables of the environment.
    pub fn start_with(
        &self,
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Client {
        let mut command = self.command(program);
        command.args(arguments).envs(variables.iter().copied());
        Client::start(program, command)
    }

    /// Runs `program` here and returns what it writes to its standard output.
    ///
    /// # Panics
    ///
    /// If it fails, or does not end within `limit`.
    pub fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> String {
        self.start(program, arguments).finish(limit)
    }

    /// Starts a prober here, and waits until it has been answered over UDP and over TCP. Its report comes from
    /// [`Probe::finish`].
    ///
    /// # Panics
    ///
    /// If it is not answered.
    pub fn probe(&self, options: &crate::prober::Options) -> Probe {
        Probe::start(self, options)
    }

    /// Starts a checking client of a key-value store here. What the store kept comes from [`kept_by`].
    pub fn keep(&self, address: &str) -> Client {
        let keeper = child::beside("keeper", "cargo build -p harness --bins");
        self.start(keeper.to_str().expect("a path that is text"), &[address])
    }

    /// Starts clients of a key-value store here, and waits until each has been answered. What they saw comes from
    /// [`Registers::finish`].
    ///
    /// # Panics
    ///
    /// If one is not answered.
    pub fn ask_registers(&self, workload: &Workload) -> Registers {
        Registers::start(self, workload)
    }

    /// Waits until the pump has its tap.
    fn await_tap(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        while !self.has_tap() {
            let ended = self.pump.wait(Duration::from_millis(5));
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no tap in a namespace of its own ({ended:?}): {}\nIt takes /dev/net/tun, readable and writable, and \
                 user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
                 kernel.apparmor_restrict_unprivileged_userns=0)",
                self.complaints.tail(10)
            );
        }
    }

    /// Whether the tap is there. It is looked for only once the pump has bound its socket: before, the process may not
    /// have entered its namespaces yet, and `nsenter` would find this host's own.
    fn has_tap(&self) -> bool {
        let mut look = self.command("ip");
        look.args(["link", "show", INTERFACE])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.port.peer_socket().exists() && look.status().expect("nsenter starts").success()
    }

    fn configure(&self, arguments: &[&str]) {
        self.run("ip", arguments, START_LIMIT);
    }
}

/// The command for a QEMU without a machine, whose hub joins a tap to `port`, in namespaces of its own.
fn pump(port: &Port) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--net",
        "--",
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
    ]);
    command.args([
        "qemu-system-x86_64",
        "-machine",
        "none",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
    ]);
    let tap = format!("tap,id=tap,ifname={INTERFACE},script=no,downscript=no,vnet_hdr=off");
    command.args([
        "-netdev",
        &tap,
        "-netdev",
        "hubport,id=inside,hubid=0,netdev=tap",
    ]);
    command.args([
        "-netdev",
        &port.netdev("segment"),
        "-netdev",
        "hubport,id=outside,hubid=0,netdev=segment",
    ]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}
