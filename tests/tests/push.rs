//! A domain is sent to a running machine in a package: it is started, serves clients, moves, and is stopped, started and
//! removed like any other. A package that the machine refuses changes nothing there.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::Node::{self, A, B};
use harness::fleet::LIMIT;
use harness::prober::Options;
use harness::reply::Reply;
use harness::third_party::Probe;
use harness::{Artefacts, Fleet, scratch};
use manifest::{Domain, Package};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::elf;

/// The interval between commands that are repeated.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The domain's address.
const SERVICE: &str = "10.77.0.48:7000";
/// A size that exceeds the memory for packages in root.
const TOO_LARGE: usize = (4 << 20) + 1;

/// The domain: a small counter under another name.
fn entry() -> Value {
    json!({
        "name": "pushed", "image": "pushed", "movable": true, "pool_mib": 12, "heap_mib": 1,
        "capabilities": ["log", "port"],
        "port": { "mac": "52:54:00:4d:00:30", "ip": "10.77.0.48/24" },
        "arguments": { "heap_mib": "2", "working_set_mib": "1", "pages_per_second": "100" },
    })
}

/// The entry with another value in one field.
fn entry_with(field: &str, value: Value) -> Value {
    let mut entry = entry();
    entry[field] = value;
    entry
}

/// Two machines whose domains are up, and packages for them.
struct Stage {
    fleet: Fleet,
    program: Vec<u8>,
    packages: TempDir,
}

impl Stage {
    fn start() -> Stage {
        let program = elf::read_stripped(&Artefacts::file("counter.elf"));
        let mut fleet = Fleet::start();
        for domain in ["counter", "kv"] {
            fleet.await_log(A, &format!("[{domain}] {domain}: ready"));
        }
        Stage {
            fleet,
            program: program.expect("the counter's program"),
            packages: scratch::directory(),
        }
    }

    fn package(&self, entry: Value, program: &[u8]) -> PathBuf {
        let domain: Domain = serde_json::from_value(entry).expect("an entry");
        self.file(&Package { domain, program }.to_bytes())
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.packages.path().join("pushed.caravan");
        fs::write(&path, bytes).expect("a file");
        path
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

    fn probe(&self) -> Probe {
        let mut options = Options::new(SERVICE.parse().expect("an address"));
        options.heap.mib = 2;
        options.heap.working_mib = 1;
        options.udp_interval = Duration::from_millis(5);
        options.tcp_interval = Duration::from_millis(10);
        self.fleet.party.probe(&options)
    }

    /// The pages that are spent on A, and the free bytes of its root's heap.
    fn memory(&self) -> (u64, u64) {
        let memory = self.fleet.reply(A, &["mem"]).memory();
        let machine = memory.expect("a reports its memory").machine;
        (machine.spent_pages, machine.heap_free)
    }

    /// Waits until A uses as much memory as before. The switch releases rings asynchronously.
    fn await_memory(&self, before: (u64, u64), what: &str) {
        let deadline = Instant::now() + LIMIT;
        let mut now = self.memory();
        while now != before {
            assert!(
                Instant::now() < deadline,
                "{what}: {now:?} instead of {before:?}"
            );
            sleep(POLL_INTERVAL);
            now = self.memory();
        }
    }
}

/// Checks that no reply was wrong, and that the one connection survived.
fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert!(summary.tcp.replies > 0, "{summary:?}");
}

#[test]
fn a_domain_that_is_sent_serves_moves_stops_starts_and_is_removed() {
    let stage = Stage::start();
    let fleet = &stage.fleet;
    let ran = stage.run(stage.package(entry(), &stage.program));
    let text = ran.to_string();
    assert!(ran.is_done(), "{text}");
    assert!(
        text.contains("pushed is received\npushed is started\n"),
        "{text}"
    );
    let probe = stage.probe();
    let log = fleet.command(A, &["logs", "pushed"]);
    assert!(log.contains("[pushed] counter: ready"), "{log}");
    fleet.migrate("pushed", A);
    assert_undisturbed(probe);
    stage.perform(B, "stop");
    assert!(!fleet.list(B).has("pushed"));
    fleet.await_listed(A, "home pushed lost");
    stage.perform(A, "start");
    assert_undisturbed(stage.probe());
    stage.perform(A, "restart");
    assert_undisturbed(stage.probe());
    stage.perform(A, "stop");
    stage.perform(A, "rm");
    let list = fleet.list(A);
    assert!(!list.to_string().contains("pushed"), "{list}");
}

#[test]
fn a_removed_domain_gives_its_memory_back() {
    let stage = Stage::start();
    let cycle = || {
        let ran = stage.run(stage.package(entry(), &stage.program));
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
    let whole = &stage.program;
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
            let refused = stage.run(stage.package(entry.clone(), program));
            let text = refused.to_string();
            assert!(!refused.is_done() && text.contains(reason), "{text}");
        }
    };
    // Tables grow the first time only.
    refuse_all();
    let before = stage.memory();
    refuse_all();
    stage.await_memory(before, "refused");
    let refused = stage.run(stage.file(b"\x7fELF")).to_string();
    assert!(refused.contains("it is not a package"), "{refused}");
    let list = stage.fleet.list(A);
    assert!(!list.to_string().contains("pushed"), "{list}");
    assert_eq!(list.running("counter"), Some(1), "{list}");
}
