//! The operator of a [`Fleet`]: commands to the machines' migration servers, sent by the command line on the third party, a
//! host beside the machines.

use std::path::PathBuf;
use std::process;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Fleet, LIMIT, UP};
use crate::reply::Reply;
use crate::third_party::Client;
use crate::{Node, ThirdParty, child};

/// The interval between queries of a migration server.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The variable in which the operator's command line expects the fleet's secret.
const SECRET_VARIABLE: &str = "CARAVAN_SECRET";
/// The secret of another fleet.
const OTHER_SECRET: &str = "another secret";

impl Fleet {
    /// Sends an operator's command to a machine's migration server, and returns its reply, which may be a refusal.
    ///
    /// # Panics
    ///
    /// If the command line cannot be run.
    pub fn command(&self, node: Node, words: &[&str]) -> String {
        self.command_at(node.address(), words)
    }

    /// As [`Fleet::command`], to the migration server at this address.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn command_at(&self, address: &str, words: &[&str]) -> String {
        self.command_with(&self.secret, address, words)
    }

    fn command_with(&self, secret: &str, address: &str, words: &[&str]) -> String {
        let output = self.run_operator(secret, address, words);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    fn run_operator(&self, secret: &str, address: &str, words: &[&str]) -> process::Output {
        run_operator(&self.party, secret, address, words)
    }

    /// The events of a migration server's reply to a command, as lines of text, and whether the command line succeeded.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn outcome(&self, node: Node, words: &[&str]) -> (String, bool) {
        let output = self.run_operator(&self.secret, node.address(), words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        (text, output.status.success())
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
        let output = self.run_operator(secret, node.address(), &[words, &["--json"]].concat());
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

    /// Requests the domains and moves of a machine with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn list_with_wrong_secret(&self, node: Node) -> Reply {
        self.reply_with(OTHER_SECRET, node, &["list"])
    }

    /// Sends a command with another fleet's secret.
    ///
    /// # Panics
    ///
    /// As [`Fleet::command`].
    pub fn command_with_wrong_secret(&self, node: Node, words: &[&str]) -> String {
        self.command_with(OTHER_SECRET, node.address(), words)
    }

    /// Waits until the output of `list` at a machine contains a text.
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

    /// Waits until the machine at this address lists another one at an address that a handshake has proven; returns the list.
    ///
    /// # Panics
    ///
    /// If that does not happen within [`LIMIT`].
    pub fn await_found(&self, at: &str, other: Node, other_address: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let expected = [other.name(), other_address, "handshake"];
        loop {
            let list = self.command_at(at, &["machines"]);
            let mut rows = list.lines().map(str::split_whitespace);
            if rows.any(|row| row.take(3).eq(expected)) {
                return list;
            }
            assert!(Instant::now() < deadline, "{other:?} is not in {list}");
            sleep(POLL_INTERVAL);
        }
    }

    /// Begins to move a domain between A and B; the client prints the migration server's events as lines of JSON.
    pub fn begin_migration(&self, domain: &str, from: Node) -> Client {
        self.begin_migration_to(domain, from, from.other())
    }

    /// Begins to move a domain between A and B with options; the client prints the migration server's events as lines of JSON.
    pub fn begin_migration_with(&self, domain: &str, from: Node, options: &[&str]) -> Client {
        let to = [
            "--json",
            from.address(),
            "migrate",
            domain,
            from.other().name(),
        ];
        self.start_operator(&[&to[..], options].concat())
    }

    /// Begins to move a domain between any two machines; the client prints the migration server's events as lines of JSON.
    pub fn begin_migration_to(&self, domain: &str, from: Node, to: Node) -> Client {
        self.start_operator(&["--json", from.address(), "migrate", domain, to.name()])
    }

    /// Starts the operator's command line.
    fn start_operator(&self, arguments: &[&str]) -> Client {
        let program = operator();
        let program = program.to_str().expect("a path that is text");
        let secret = [(SECRET_VARIABLE, self.secret.as_str())];
        self.party.start_with(program, arguments, &secret)
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

    /// Settles the counter that is in doubt on a machine, once every other machine has had time to reply. `how` is `run` or
    /// `drop`.
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
        // The server ends before it can reply.
        let client = self.start_operator(&[node.address(), "end"]);
        let machine = self.machine(node);
        machine.expect("ends, as a test asked for", LIMIT);
        machine.expect(UP, LIMIT);
        drop(client);
    }
}

/// Sends a command to a machine of a fleet with the usual secret, from a third party outside of any [`Fleet`].
///
/// # Panics
///
/// If the command line cannot be run.
pub fn send_command(party: &ThirdParty, address: &str, words: &[&str]) -> process::Output {
    run_operator(party, &super::secret(), address, words)
}

/// Runs the operator's command line.
fn run_operator(
    party: &ThirdParty,
    secret: &str,
    address: &str,
    words: &[&str],
) -> process::Output {
    let program = operator();
    let mut command = party.command(program.to_str().expect("a path that is text"));
    command.env(SECRET_VARIABLE, secret);
    let output = command.arg(address).args(words).output();
    output.expect("the operator's command line runs")
}

/// The operator's command line.
fn operator() -> PathBuf {
    child::beside("caravan", "cargo build -p caravan")
}
