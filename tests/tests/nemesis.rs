//! A store moves and serves clients while a nemesis disturbs machines, migration servers and wires. The store remains
//! linearizable, with one register per key, and no connection ends.
//!
//! A seed determines the actions and the clients' operations, but not the instant of a move at which an action strikes.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `CARAVAN_NEMESIS_SEED` | the seed; fresh by default |
//! | `CARAVAN_NEMESIS_SECONDS` | the minimum duration; a run ends only after a complete deck of actions |

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use harness::Fleet;
use harness::linear::{Entry, Observed, Operation, Workload, by_key, check, history};
use harness::nemesis::{Deck, Kind, Nemesis, Tally, action};
use harness::repeat::{fresh_seed, variable};

/// The store's address.
const KV: &str = "10.77.0.21:6379";

/// The default duration in seconds: less than the first deck of actions, which takes about a minute.
const SECONDS: u64 = 30;
/// The number of clients.
const CLIENTS: u32 = 8;
/// The number of keys.
const KEYS: u32 = 24;

/// The minimum number of completed operations, on any host.
const COMPLETED_MIN: usize = 1_000;
/// The kinds of the actions in each deck that strike a held move.
const HELD: [Kind; 4] = [
    Kind::Cancel,
    Kind::Wire,
    Kind::KillDestination,
    Kind::KillSource,
];
/// The number of a key's operations that a violation shows, up to the one that no order explains.
const SHOWN: usize = 60;
/// The number of keys whose operations are shown.
const KEYS_SHOWN: usize = 3;

#[test]
fn a_store_that_moves_is_linearizable_whatever_a_nemesis_does() {
    let seed = variable("CARAVAN_NEMESIS_SEED").unwrap_or_else(fresh_seed);
    let seconds = variable("CARAVAN_NEMESIS_SECONDS").unwrap_or(SECONDS);
    println!("repeat with CARAVAN_NEMESIS_SEED={seed} CARAVAN_NEMESIS_SECONDS={seconds}");
    let mut nemesis = Nemesis::new(Fleet::start_for_nemesis());
    let clients = nemesis.fleet.party.start_registers(&Workload {
        store: KV.parse().expect("an address"),
        seed,
        clients: CLIENTS,
        keys: KEYS,
    });
    // The clients' observations are judged even after a failure.
    let struck = catch_unwind(AssertUnwindSafe(|| strike(&mut nemesis, seed, seconds)));
    let seen = catch_unwind(AssertUnwindSafe(|| clients.finish()));
    if let Ok(observed) = &seen {
        judge(observed, &nemesis.tally, seed);
    }
    if let Err(panic) = struck {
        if let Ok(observed) = &seen {
            save(&observed.history, &nemesis.tally.lines, seed);
        }
        resume_unwind(panic);
    }
    let observed = seen.unwrap_or_else(|panic| resume_unwind(panic));
    assert_enough(&observed, &nemesis.tally);
}

/// Performs actions until the time has passed and the deck is used up.
fn strike(nemesis: &mut Nemesis, seed: u64, seconds: u64) {
    let begun = Instant::now();
    let mut deck = Deck::new(seed);
    loop {
        nemesis.strike(&deck.draw());
        if deck.is_used_up() && begun.elapsed() >= Duration::from_secs(seconds) {
            return;
        }
    }
}

/// Checks that every key's operations are linearizable, no reply was wrong, and no connection ended.
fn judge(observed: &Observed, tally: &Tally, seed: u64) {
    let mut violations = Vec::new();
    for (key, entries) in by_key(&observed.history) {
        if let Err(violation) = check(&entries) {
            let mut text = format!("key {key}: {violation}");
            if violations.len() < KEYS_SHOWN {
                text += &shown(&entries, &violation.entry);
            }
            violations.push(text);
        }
    }
    let summary = &observed.summary;
    violations.extend(summary.errors.iter().cloned());
    let lost = summary.lost.iter();
    violations.extend(lost.map(|lost| format!("a connection ended: {lost}")));
    if violations.is_empty() {
        return;
    }
    save(&observed.history, &tally.lines, seed);
    panic!("{}", violations.join("\n"));
}

/// A key's operations up to the one that no order explains.
fn shown(entries: &[Entry], last: &Entry) -> String {
    let end = last
        .completion
        .map_or(u64::MAX, |completion| completion.at_ns);
    let until = entries.iter().filter(|entry| entry.invoked_ns <= end);
    let until: Vec<String> = until.map(Entry::to_string).collect();
    let from = until.len().saturating_sub(SHOWN);
    format!(
        "\n{from} operations before these\n{}",
        until[from..].join("\n")
    )
}

/// Writes the history of a failed run, and the log of the nemesis beside it.
fn save(history: &[Entry], lines: &[String], seed: u64) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = directory.join(format!("nemesis-{seed}.history"));
    println!("all operations are in {}", path.display());
    let file = File::create(&path).expect("a file for the history");
    history::write(history, BufWriter::new(file)).expect("the history is written");
    let mut file = File::create(path.with_extension("actions")).expect("a file for the actions");
    writeln!(file, "{}", lines.join("\n")).expect("the actions are written");
}

/// Checks that enough has happened for a meaningful verdict.
fn assert_enough(observed: &Observed, tally: &Tally) {
    let mut completed = BTreeMap::new();
    for entry in observed
        .history
        .iter()
        .filter(|entry| entry.completion.is_some())
    {
        *completed.entry(verb(entry.operation)).or_insert(0) += 1;
    }
    let all: usize = completed.values().sum();
    println!(
        "{all} of {} operations completed: {completed:?}",
        observed.history.len()
    );
    println!(
        "{:?}; under way {:?}: {} aborted, {} moved; {} cancelled",
        tally.actions, tally.under_way, tally.aborted, tally.survived, tally.cancelled
    );
    assert!(all >= COMPLETED_MIN, "only {all} operations were completed");
    for verb in ["GET", "SET", "SETNX", "SET GET", "INCR", "DEL"] {
        assert!(completed.contains_key(verb), "no {verb} was completed");
    }
    assert!(observed.history.len() > all, "no operation was abandoned");
    for kind in action::KINDS {
        assert!(
            tally.actions.contains_key(&kind),
            "{kind:?} was not performed"
        );
    }
    // Each deck has actions on a held move, which cannot end before them.
    for kind in HELD {
        let struck = tally.under_way.get(&kind);
        assert!(struck.is_some(), "no {kind:?} struck a move under way");
    }
    assert!(tally.cancelled > 0, "no cancel succeeded");
    assert!(tally.aborted > 0, "no move was aborted");
    assert!(tally.survived > 0, "no move survived an action");
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Get => "GET",
        Operation::Set(_) => "SET",
        Operation::SetIfAbsent(_) => "SETNX",
        Operation::Swap(_) => "SET GET",
        Operation::Increment => "INCR",
        Operation::Delete => "DEL",
    }
}
