//! The cost of migration, on one host: the moves of a service for each workload, and moves of a machine with the same service by QEMU's
//! own migration. A client observes them.
//!
//! | workload of the counter | heap | dirtied |
//! | --- | --- | --- |
//! | `wws`, with an MTU of 1500, 9000 and 65000 | 64 MiB | 500 pages per second, of 4 MiB |
//! | `wws16` | 64 MiB | 5,000 pages per second, of 16 MiB |
//! | `idle` | 4 MiB | one page per second |
//! | `big` | 1,000 MiB | 10 pages per second, of 1 MiB |
//! | `wws.flood`, with a stranger's datagrams for both migration servers, up to 10,000 per second for each, and ten for each frame that the machine sends | as `wws` | |
//!
//! The workload `kv` is the store with 50,000 values of 700 bytes, which 50 clients read and write. Its gap is that of a client that
//! sends a PING every millisecond. All workloads but the first two have an MTU of 65000.
//!
//! A repetition starts the service afresh, moves it to the other machine, which has none of its pages (`NAME.first`), and then back to the
//! machine that has kept the pages not written since (`NAME.return`). `pages_not_sent` compares the first rounds with that of the very
//! first move between the two machines: it is 0 for the first moves, but for the pages of a service that has just been started.
//! The very first move, for which the emulator translates the code of both migration servers, is not among the repetitions
//! (`NAME.cold`). The floor is the longest gap between replies in three seconds without a move. `gap_ratio` and `total_ratio`
//! are the medians over those of QEMU's moves (`NAME.qemu`), as many as there are repetitions.
//!
//! `wire_frames` and `wire_bytes` are all that the source's migration server sends to the destination's; `wire_overhead` is their bytes
//! over those of the pages that were sent with their bytes, in the rounds and in the pause (`pages_with_data`).
//!
//! `instructions` counts the instructions of the steps of a pause, for the counters of `idle` and `wws` without clients: the machines'
//! clocks advance by a nanosecond per instruction, and follow the host's clock while nothing runs. So the steps that wait for the
//! other machine are not instructions, and are left out. `page_out` and `page_in` are what one page more takes in a pause.
//!
//! `kv.cap` compares the rate of the store's requests without a move and while its pages travel with `--bandwidth=5`.
//!
//! The variable `CARAVAN_WORKLOADS` names what is measured, separated by commas, and `CARAVAN_REPETITIONS` the number of repetitions,
//! 10 without it.
//!
//! Prints lines `bench NAME VALUE UNIT`: the median, minimum and maximum of each figure. It fails if a reply was wrong or
//! the connection was lost, since the figures of a broken move are meaningless.

#![forbid(unsafe_code)]

mod cap;
mod figures;
mod instructions;
mod moves;
mod peer;
mod repetition;
mod service;
mod workload;

use std::collections::BTreeMap;
use std::env;
use std::process::ExitCode;

use peer::Peer;
use workload::WORKLOADS;

/// The variable that selects workloads.
const SELECTED: &str = "CARAVAN_WORKLOADS";
/// The variable for the number of repetitions.
const REPETITIONS: &str = "CARAVAN_REPETITIONS";
/// Their number without it.
const USUAL_REPETITIONS: usize = 10;

/// The name that selects the counts of instructions.
const INSTRUCTIONS: &str = "instructions";
/// The name that selects the rate under a limit of the bandwidth.
const CAP: &str = "kv.cap";

fn main() -> ExitCode {
    match measure_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("the moves were not clean: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all() -> Result<(), String> {
    let repetitions = repetitions()?;
    let selected = selected()?;
    let is_selected = |name: &str| {
        let names = selected.as_ref();
        names.is_none_or(|names| names.iter().any(|selected| selected == name))
    };
    if is_selected(INSTRUCTIONS) {
        instructions::count();
    }
    let mut peers: BTreeMap<&str, Peer> = BTreeMap::new();
    for workload in WORKLOADS.iter().filter(|it| is_selected(it.name)) {
        let peer = match peers.get(workload.whole.name) {
            Some(peer) => *peer,
            None => Peer::measure(workload, repetitions)?,
        };
        peers.insert(workload.whole.name, peer);
        moves::measure(workload, &peer, repetitions)?;
    }
    if is_selected(CAP) {
        cap::measure(repetitions)?;
    }
    Ok(())
}

/// The names of the selected workloads; `None` for all.
///
/// # Errors
/// There is no workload of such a name.
fn selected() -> Result<Option<Vec<String>>, String> {
    let Ok(names) = env::var(SELECTED) else {
        return Ok(None);
    };
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    let workloads = WORKLOADS.iter().map(|workload| workload.name);
    let known: Vec<&str> = workloads.chain([INSTRUCTIONS, CAP]).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!(
            "{SELECTED}: no workload {unknown:?}, there are {}",
            known.join(", ")
        )),
        None => Ok(Some(names)),
    }
}

/// The number of repetitions.
///
/// # Errors
/// The variable has no number above zero.
fn repetitions() -> Result<usize, String> {
    let Ok(text) = env::var(REPETITIONS) else {
        return Ok(USUAL_REPETITIONS);
    };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{REPETITIONS}: {text:?} is not a number above zero"))
}
