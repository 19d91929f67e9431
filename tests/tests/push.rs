//! A domain is sent to a running machine in a package: it is started, serves clients, moves, and is stopped, started and
//! removed like any other. A package that the machine refuses changes nothing there.

mod package;

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::Fleet;
use harness::Node::{self, A, B};
use harness::fleet::LIMIT;
use harness::reply::Reply;
use package::{Packages, assert_undisturbed, entry, probe};
use serde_json::{Value, json};

/// The interval between commands that are repeated.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// A size that exceeds the memory for packages in root.
const TOO_LARGE: usize = (4 << 20) + 1;

/// The entry with another value in one field.
fn entry_with(field: &str, value: Value) -> Value {
    let mut entry = entry();
    entry[field] = value;
    entry
}

/// Two machines whose domains are up, and packages for them.
struct Stage {
    fleet: Fleet,
    packages: Packages,
}

impl Stage {
    fn start() -> Stage {
        let mut fleet = Fleet::start();
        for domain in ["counter", "kv"] {
            fleet.await_log(A, &format!("[{domain}] {domain}: ready"));
        }
        Stage {
            fleet,
            packages: Packages::new(),
        }
    }

    /// Sends a package to A.
    fn run(&self, package: PathBuf) -> Reply {
        let package = package.to_str().expect("a path that is text");
        self.fleet.reply(A, &["run", package])
    }

    /// Repeats a command about the domain until it succeeds: other machines have to reply first, or a move is not over yet.
    fn perform(&self, node: Node, command: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let reply = self.fleet.reply(node, &[command, "pushed"]);
            if reply.is_done() {
                return;
            }
            assert!(Instant::now() < deadline, "{command}: {reply}");
            sleep(POLL_INTERVAL);
        }
    }

    /// The pages that are spent on A, and the free bytes of its root's heap.
    fn memory(&self) -> (u64, u64) {
        let memory = self.fleet.reply(A, &["mem"]).memory();
        let machine = memory.expect("a reports its memory").machine;
        (machine.spent_pages, machine.heap_free)
    }

    /// Waits until A uses no more memory than before. The switch releases rings asynchronously.
    fn await_memory(&self, before: (u64, u64), what: &str) {
        let deadline = Instant::now() + LIMIT;
        let mut now = self.memory();
        while now.0 > before.0 || now.1 < before.1 {
            assert!(
                Instant::now() < deadline,
                "{what}: {now:?} instead of {before:?}"
            );
            sleep(POLL_INTERVAL);
            now = self.memory();
        }
    }
}

#[test]
fn a_domain_that_is_sent_serves_moves_stops_starts_and_is_removed() {
    let stage = Stage::start();
    let fleet = &stage.fleet;
    let ran = stage.run(stage.packages.package(entry(), &stage.packages.program));
    let text = ran.to_string();
    assert!(ran.is_done(), "{text}");
    assert!(
        text.contains("pushed is received\npushed is started\n"),
        "{text}"
    );
    let client = probe(fleet);
    let log = fleet.command(A, &["logs", "pushed"]);
    assert!(log.contains("[pushed] counter: ready"), "{log}");
    fleet.migrate("pushed", A);
    assert_undisturbed(client);
    stage.perform(B, "stop");
    assert!(!fleet.list(B).has("pushed"));
    fleet.await_listed(A, "home pushed lost");
    stage.perform(A, "start");
    assert_undisturbed(probe(fleet));
    stage.perform(A, "restart");
    assert_undisturbed(probe(fleet));
    stage.perform(A, "stop");
    stage.perform(A, "rm");
    let list = fleet.list(A);
    assert!(!list.to_string().contains("pushed"), "{list}");
}

#[test]
fn a_removed_domain_gives_its_memory_back() {
    let stage = Stage::start();
    let cycle = || {
        let ran = stage.run(stage.packages.package(entry(), &stage.packages.program));
        assert!(ran.is_done(), "{ran}");
        stage.perform(A, "stop");
        stage.perform(A, "rm");
    };
    // Tables grow the first time only.
    cycle();
    let before = stage.memory();
    cycle();
    stage.await_memory(before, "removed");
}

#[test]
fn an_unacceptable_package_is_refused_with_the_reason_and_leaves_no_trace() {
    let stage = Stage::start();
    let whole = &stage.packages.program;
    let cut = &whole[..whole.len() / 2];
    let large = vec![0; TOO_LARGE];
    let port = json!({ "mac": "52:54:00:4d:00:30", "ip": "10.77.0.20/24" });
    let cases: [(Value, &[u8], &str); 6] = [
        (entry_with("name", json!("counter")), whole, "counter"),
        (
            entry_with("capabilities", json!(["log", "port", "root"])),
            whole,
            "`root`",
        ),
        (entry(), cut, "the program of pushed"),
        (entry(), &large, "too large"),
        (
            entry_with("port", port),
            whole,
            "`port`: the domain `counter` on this machine has the same `mac` or `ip`",
        ),
        (entry_with("home", json!("b")), whole, "at home on b"),
    ];
    let refuse_all = || {
        for (entry, program, reason) in &cases {
            let refused = stage.run(stage.packages.package(entry.clone(), program));
            let text = refused.to_string();
            assert!(!refused.is_done() && text.contains(reason), "{text}");
        }
    };
    // Tables grow the first time only.
    refuse_all();
    let before = stage.memory();
    refuse_all();
    stage.await_memory(before, "refused");
    let refused = stage.run(stage.packages.file(b"\x7fELF")).to_string();
    assert!(refused.contains("it is not a package"), "{refused}");
    let list = stage.fleet.list(A);
    assert!(!list.to_string().contains("pushed"), "{list}");
    assert_eq!(list.running("counter"), Some(1), "{list}");
}
