//! A demonstration of migration with two machines. A counter and a store serve clients on the first one, move to the second and
//! back, and a third party, a host beside the machines, checks every reply. With `--sticks`, the machines are PCs that start
//! from one image.
//!
//! Prints a table; the exit code is the verdict. On a terminal the machines keep running and accept the operator's commands. With
//! `--once` they end, and QEMU's own mover moves machines with the same services, for comparison. For tests, with `--small`, the domains are
//! those of the machines of most tests.

#![forbid(unsafe_code)]

mod peer;
mod table;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::kv_checker::KvReport;
use harness::migration::Migration;
use harness::prober::{Heap, Report};
use harness::third_party::finish_kv_checker;
use harness::{Fleet, Node, counter, store};

/// The store's address.
pub const STORE: &str = "10.77.0.21:6379";
/// How long the domains are watched before, between and after the moves.
pub const WATCHED: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let (mut fleet, heap) = start();
    fleet.await_log(Node::A, counter::READY);
    fleet.await_log(Node::A, store::READY);
    println!(
        "A counter and a key-value store run on machine a. The third party sends the counter a request over UDP"
    );
    println!(
        "every millisecond and over one TCP connection every five, and checks every reply. It writes to the store,"
    );
    println!("and reads every acknowledged write back. Both domains move to b and back.\n");
    let seen = move_there_and_back(&fleet, heap);
    table::print(&seen);
    if !has("--once") && io::stdin().is_terminal() {
        converse(&fleet);
    }
    drop(fleet);
    if has("--once") && !has("--sticks") {
        table::print_peer(&peer::moves());
    }
    let summary = &seen.counter.summary;
    let is_sound = summary.error_count() == 0 && summary.was_served() && seen.store.writes > 0;
    if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether this program was started with an option.
fn has(option: &str) -> bool {
    std::env::args().any(|argument| argument == option)
}

/// Starts the machines. Also returns the heap of their counter.
fn start() -> (Fleet, Heap) {
    if has("--sticks") {
        println!(
            "Two PCs, with an Intel 82574L and an 82576, start on one segment from the same stick, and a third party beside"
        );
        println!(
            "them. Each finds its part of the fleet: a by the address of its network card, b by its UUID."
        );
        return (Fleet::start_sticks(), counter::LARGE);
    }
    println!("Two machines start on one segment, and a third party beside them.");
    match has("--small") {
        true => (Fleet::start(), counter::USUAL),
        false => (Fleet::start_shown(), counter::LARGE),
    }
}

/// The third party's results.
struct Seen {
    moves: Vec<(&'static str, Node, Migration)>,
    counter: Report,
    store: KvReport,
}

fn move_there_and_back(fleet: &Fleet, heap: Heap) -> Seen {
    let options = counter::options(heap);
    let probe = fleet.party.probe(&options);
    let checker = fleet.party.check_kv(STORE);
    let mut moves = Vec::new();
    for from in [Node::A, Node::B] {
        for domain in ["counter", "kv"] {
            sleep(WATCHED);
            moves.push((domain, from, fleet.migrate(domain, from)));
        }
    }
    sleep(WATCHED);
    Seen {
        moves,
        counter: probe.finish(),
        store: finish_kv_checker(checker, LIMIT),
    }
}

/// Executes the operator's commands until `quit`.
fn converse(fleet: &Fleet) {
    println!(
        "\nThe machines keep running. Commands: a|b ps, a|b machines, a|b explain DOMAIN, a|b migrate DOMAIN DESTINATION; quit."
    );
    loop {
        print!("> ");
        let _ = io::stdout().flush();
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["quit" | "exit"] => return,
            ["a", words @ ..] => println!("{}", fleet.command(Node::A, words)),
            ["b", words @ ..] => println!("{}", fleet.command(Node::B, words)),
            _ => println!(
                "expected a or b, then a command of caravan: machines, ps, list, explain, migrate, cancel"
            ),
        }
    }
}
