//! No entry into the kernel is long: the guest `latency` arranges the longest steps that a hostile domain could cause, and a
//! QEMU plugin counts the instructions of every entry. The test also checks that the kernel never runs with AC set, a flag
//! that user mode may set and that suspends SMAP.
//!
//! `CARAVAN_WRITE_LATENCY=1` writes the measurements into `docs/latency.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use abi::Number;
use harness::machine::{Boot, Options};
use harness::{Artefacts, Verdict};

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(600);

/// The guest's exit code for success.
const PASSED: Verdict = Verdict::Exit(0x10);

/// The maximum number of instructions during which interrupts are disabled.
const BOUND: u64 = 20_000;

/// The timer's vector, and those of exceptions.
const TIMER: u64 = 0xf0;
const EXCEPTIONS: u64 = 32;

/// The line before the table in the page about latency.
const MARK: &str = "<!-- From here on: written by tests/tests/latency.rs. -->\n";

/// The name in the page's table for entries outside of any scene.
const BETWEEN: &str = "between scenes";

/// The scene whose thread enters the kernel with AC set, which suspends SMAP.
const WITH_ALIGNMENT_CHECK: &str = "a thread with AC set";

/// The longest entry of one cause in one scene.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    scene: u64,
    cause: String,
    instructions: u64,
    entries: u64,
    /// The number of entries that ended with SMAP suspended by user mode's AC.
    suspended: u64,
}

impl Row {
    /// Parses a line of the plugin's output.
    fn parse(line: &str) -> Row {
        let words: Vec<&str> = line.split(' ').collect();
        let [scene, kind, number, instructions, entries, suspended] = words[..] else {
            panic!("{line:?} is not a line of the plugin");
        };
        let parse = |text: &str| text.parse().expect("a number");
        Row {
            scene: parse(scene),
            cause: name(kind, parse(number)),
            instructions: parse(instructions),
            entries: parse(entries),
            suspended: parse(suspended),
        }
    }
}

fn name(kind: &str, number: u64) -> String {
    match (kind, number) {
        ("call", number) => Number::ALL
            .iter()
            .find(|call| **call as u64 == number)
            .map_or(format!("unknown call {number}"), |call| format!("{call:?}")),
        (_, TIMER) => "the timer".to_owned(),
        (_, 0..EXCEPTIONS) => format!("exception {number}"),
        (_, number) => format!("interrupt {number}"),
    }
}

/// Runs the guest, and returns the longest entries and the scenes' names.
fn measure() -> (Vec<Row>, BTreeMap<u64, String>) {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-latency")),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let counts = directory.path().join("counts");
    let plugin = Artefacts::file("liblatency_plugin.so");
    let mut machine = Options::new("latency", boot)
        .memory_mib(512)
        .counting()
        .argument("-plugin")
        .argument(format!("{},out={}", plugin.display(), counts.display()))
        .start();
    let verdict = machine.wait_exit(LIMIT);
    let log = machine.log();
    assert_eq!(verdict, PASSED, "{log}");
    let scenes = log.lines().filter_map(scene_of).collect();
    let counts = fs::read_to_string(counts).expect("the plugin wrote its counts");
    (counts.lines().map(Row::parse).collect(), scenes)
}

fn scene_of(line: &str) -> Option<(u64, String)> {
    let (_, rest) = line.split_once("scene ")?;
    let (number, name) = rest.trim_end().split_once(' ')?;
    Some((number.parse().ok()?, name.to_owned()))
}

/// The longest entry of every cause, the longest first.
fn longest(rows: &[Row]) -> Vec<Row> {
    let mut by_cause: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        let most = by_cause.entry(&row.cause).or_insert(row);
        if row.instructions > most.instructions {
            *most = row;
        }
    }
    let mut longest: Vec<Row> = by_cause.into_values().cloned().collect();
    longest.sort_by_key(|row| std::cmp::Reverse(row.instructions));
    longest
}

/// The table for the page.
fn table(rows: &[Row], scenes: &BTreeMap<u64, String>) -> String {
    let mut table = String::from("| entry | instructions | scene |\n| --- | ---: | --- |\n");
    for row in rows {
        let scene = scenes.get(&row.scene).map_or(BETWEEN, |name| name);
        // Writing to a string never fails.
        let _ = writeln!(table, "| {} | {} | {scene} |", row.cause, row.instructions);
    }
    table
}

fn page_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/latency.md")
}

fn write_page(table: &str) {
    let path = page_path();
    let page = fs::read_to_string(&path).expect("the page");
    let (before, _) = page.split_once(MARK).expect("the page has its mark");
    fs::write(path, format!("{before}{MARK}\n{table}")).expect("the page can be written");
}

/// The entries and the scenes in the page's table.
fn page_names() -> (BTreeSet<String>, BTreeSet<String>) {
    let page = fs::read_to_string(page_path()).expect("the page");
    let (_, table) = page.split_once(MARK).expect("the page has its mark");
    let lines = table.trim().lines().skip(2);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").collect();
            let [entry, _, scene] = cells[..] else {
                panic!("{line:?} is not a line of the table");
            };
            (entry.to_owned(), scene.to_owned())
        })
        .unzip()
}

/// Checks that the guest played every scene, that the plugin measured it, and that the page lists every measured entry.
fn expect_all_of_the_page(rows: &[Row], scenes: &BTreeMap<u64, String>) {
    let (entries, places) = page_names();
    let measured: BTreeSet<String> = rows.iter().map(|row| row.cause.clone()).collect();
    assert_eq!(measured, entries, "docs/latency.md lists other entries");
    let mut played: BTreeSet<String> = scenes.values().cloned().collect();
    played.insert(BETWEEN.to_owned());
    let missing: Vec<&String> = places.difference(&played).collect();
    assert!(missing.is_empty(), "not played: {missing:#?}");
    for (number, (scene, name)) in (1..).zip(scenes) {
        assert_eq!(*scene, number, "the scene before {name:?} is missing");
        assert!(rows.iter().any(|row| row.scene == number), "{name:?}");
    }
}

/// Checks that the kernel never ran with SMAP suspended by a flag that user mode had set.
fn expect_smap(rows: &[Row], scenes: &BTreeMap<u64, String>) {
    let (scene, _) = scenes
        .iter()
        .find(|(_, name)| *name == WITH_ALIGNMENT_CHECK)
        .expect("a scene with AC set");
    for cause in ["Yield", "the timer", "exception 14"] {
        let is_it = |row: &Row| row.scene == *scene && row.cause == cause;
        assert!(rows.iter().any(is_it), "no {cause} with AC set");
    }
    let suspended: Vec<&Row> = rows.iter().filter(|row| row.suspended != 0).collect();
    assert!(suspended.is_empty(), "SMAP was suspended: {suspended:#?}");
}

#[test]
fn no_entry_into_the_kernel_is_longer_than_the_bound() {
    let (rows, scenes) = measure();
    let longest = longest(&rows);
    let table = table(&longest, &scenes);
    println!("{table}");
    if std::env::var_os("CARAVAN_WRITE_LATENCY").is_some() {
        write_page(&table);
    }
    expect_all_of_the_page(&rows, &scenes);
    expect_smap(&rows, &scenes);
    let too_long: Vec<&Row> = longest
        .iter()
        .filter(|row| row.instructions > BOUND)
        .collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}
