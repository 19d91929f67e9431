//! The main job, to look at: two machines boot, a domain serves clients on the first, moves to the second and back,
//! and a third party watches every answer.
//!
//! Prints a table; its exit code is the verdict. On a terminal the machines stay, and take the operator's commands.

#![forbid(unsafe_code)]

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use harness::migration::Migration;
use harness::prober::{self, Report};
use harness::{Fleet, Station};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";
/// How long the domain is watched before, between and after the moves.
const WATCHED: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let once = std::env::args().any(|argument| argument == "--once");
    println!("Two machines start on one segment, and a third party beside them.");
    let mut fleet = Fleet::start();
    fleet.await_log(Station::A, "[counter] counter: ready");
    println!(
        "A counter runs on machine a. The third party asks it over UDP each millisecond and over one TCP"
    );
    println!("connection each five, and checks every answer. It moves to b and back.\n");
    let (moves, report) = move_there_and_back(&fleet);
    print_table(&moves, &report);
    if !once && io::stdin().is_terminal() {
        converse(&fleet);
    }
    match report.summary.error_count() {
        0 if report.summary.tcp_survived => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn move_there_and_back(fleet: &Fleet) -> ([(Station, Migration); 2], Report) {
    let options = prober::Options::new(COUNTER.parse().expect("an address"));
    let probe = fleet.party.probe(&options);
    let moves = [Station::A, Station::B].map(|from| {
        sleep(WATCHED);
        (from, fleet.migrate("counter", from))
    });
    sleep(WATCHED);
    (moves, probe.finish())
}

fn print_table(moves: &[(Station, Migration)], report: &Report) {
    println!("move      gap ms   total ms   rounds   pages sent   sent again");
    for (from, migration) in moves {
        println!(
            "{} -> {}  {:>8.1}  {:>9.0}  {:>7}  {:>11}  {:>11}",
            from.name(),
            from.other().name(),
            migration.gap_ns(report) as f64 / 1e6,
            migration.total_us as f64 / 1e3,
            migration.rounds,
            migration.pages_sent,
            migration.pages_resent,
        );
    }
    let summary = &report.summary;
    println!(
        "\nUDP: {} asked, {} answered. TCP: {} asked, {} answered, connection {}. Errors: {}.",
        summary.udp.asked,
        summary.udp.answered,
        summary.tcp.asked,
        summary.tcp.answered,
        if summary.tcp_survived {
            "alive"
        } else {
            "lost"
        },
        summary.error_count(),
    );
}

/// Passes the operator's commands on until he leaves.
fn converse(fleet: &Fleet) {
    println!(
        "\nThe machines stay. Commands: a|b list, a|b explain DOMAIN, a|b migrate DOMAIN MACHINE; quit."
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
            ["a", words @ ..] => println!("{}", fleet.ask(Station::A, words)),
            ["b", words @ ..] => println!("{}", fleet.ask(Station::B, words)),
            _ => println!("a or b first, then list, explain, migrate or cancel"),
        }
    }
}
