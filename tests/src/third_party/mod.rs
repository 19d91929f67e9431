//! A host elsewhere on the segment, which survives the death of any machine.
//!
//! ```text
//!   redis-cli, the prober, ...   ordinary programs of this host
//!        |  the host's TCP/IP, in a user and network namespace of its own: no root
//!      lan0, a tap
//!        |  the pump: a QEMU without a machine, which only forwards frames
//!      a port of the segment
//! ```
//!
//! The namespaces live as long as the pump. Programs enter them through `nsenter`, so a [`Client`] is an ordinary child
//! process of the test.

mod client;
mod pings;
mod probe;
mod registers;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub use client::Client;
pub use pings::Pings;
pub use probe::Probe;
pub use registers::Registers;

use crate::child::{self, Child};
use crate::kv_checker::KvReport;
use crate::linear::Workload;
use crate::output::Output;
use crate::segment::{MacAddress, Port, Segment};

/// The tap's name inside the namespace.
const INTERFACE: &str = "lan0";

/// How long the namespace may take to appear. Only a hang reaches this limit.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A host on the segment where third-party programs run.
#[derive(Debug)]
pub struct ThirdParty {
    pump: Child,
    stderr: Output,
    port: Port,
}

/// Ends a checking client and returns its report.
///
/// # Panics
///
/// If anything was wrong.
pub fn finish_kv_checker(checker: Client, limit: Duration) -> KvReport {
    serde_json::from_str(&checker.finish(limit)).expect("the checker's report")
}

impl ThirdParty {
    /// Joins `segment` at a new port called `name`, with an address and its prefix's length: `10.77.0.1/24`.
    ///
    /// # Panics
    ///
    /// If a required program is not installed, or the host allows no namespaces or no tap.
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
        let stderr = Output::follow(pump.take_stderr().expect("a piped stderr"));
        let mut party = Self { pump, stderr, port };
        party.await_tap();
        let mac = mac.to_string();
        party.configure(&["link", "set", "lo", "up"]);
        // Without an automatic IPv6 address the host is quiet until a program sends.
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

    /// Its port of the segment.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// A command that runs `program` here. Unlike a program of [`start`](Self::start), it dies with the thread that spawns it.
    pub fn command(&self, program: &str) -> Command {
        let [enter, arguments @ ..] = self.entrance();
        let mut command = Command::new(enter);
        command.args(arguments);
        // A change of credentials clears the parent-death signal, so it is set after the last change.
        command.args(["setpriv", "--pdeathsig", "KILL", "--", program]);
        command
    }

    /// The command-line prefix that runs a program here, from any process of this user.
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

    /// Starts `program` here without waiting for it.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn start(&self, program: &str, arguments: &[&str]) -> Client {
        self.start_with(program, arguments, &[])
    }

    /// Starts `program` with variables of the environment.
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

    /// Runs `program` here and returns its standard output.
    ///
    /// # Panics
    ///
    /// If it fails, or does not end within `limit`.
    pub fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> String {
        self.start(program, arguments).finish(limit)
    }

    /// Starts a prober here, and waits for its first replies over UDP and TCP. [`Probe::finish`] returns its report.
    ///
    /// # Panics
    ///
    /// If it gets no reply.
    pub fn probe(&self, options: &crate::prober::Options) -> Probe {
        Probe::start(self, options)
    }

    /// Starts a client that sends a PING to a key-value store every millisecond, and waits for its first reply.
    /// [`Pings::finish`] returns the times of all replies.
    ///
    /// # Panics
    ///
    /// If it gets no reply.
    pub fn ping_store(&self, address: SocketAddr) -> Pings {
        Pings::start(self, address)
    }

    /// Starts a checking client of a key-value store here. [`finish_kv_checker`] returns its report.
    pub fn check_kv(&self, address: &str) -> Client {
        let program = child::beside("kv_checker", "cargo build -p harness --bins");
        self.start(program.to_str().expect("a path that is text"), &[address])
    }

    /// Starts clients of a key-value store here, and waits until each has had a reply. [`Registers::finish`] returns their
    /// observations.
    ///
    /// # Panics
    ///
    /// If one gets no reply.
    pub fn start_registers(&self, workload: &Workload) -> Registers {
        Registers::start(self, workload)
    }

    /// Waits until the pump has created its tap.
    fn await_tap(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        while !self.has_tap() {
            let ended = self.pump.wait(Duration::from_millis(5));
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no tap in a namespace of its own ({ended:?}): {}\nIt needs /dev/net/tun, readable and writable, and \
                 user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
                 kernel.apparmor_restrict_unprivileged_userns=0)",
                self.stderr.tail(10)
            );
        }
    }

    /// Whether the tap exists. The check begins only after the pump has bound its socket: before that, the process may not
    /// have entered its namespaces yet, and `nsenter` would enter this host's own.
    fn has_tap(&self) -> bool {
        let mut show = self.command("ip");
        show.args(["link", "show", INTERFACE])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.port.peer_socket().exists() && show.status().expect("nsenter starts").success()
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
