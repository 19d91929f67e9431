//! Clients of a key-value store as a program: `registers ADDRESS:PORT SEED CLIENTS KEYS FILE`. It runs until its standard input
//! ends. See `harness::linear`.
//!
//! It prints a line when every client has had a reply. At the end it writes the history to the file and prints the summary as
//! JSON. It fails only if it cannot start or write.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufWriter, Read};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::linear::history;
use harness::linear::workload::{REPLIED, Workload};

const USAGE: &str = "usage: registers ADDRESS:PORT SEED CLIENTS KEYS FILE";

/// Set to end the run.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("registers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, seed, clients, keys, file] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let workload = Workload {
        store: parse(store)?,
        seed: parse(seed)?,
        clients: parse(clients)?,
        keys: parse(keys)?,
    };
    std::thread::spawn(|| {
        // An error on the input ends the run as well.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        STOP.store(true, Ordering::Relaxed);
    });
    let observed = workload.run(&STOP, || println!("{REPLIED}"));
    let observed = observed.map_err(|error| error.to_string())?;
    let written = File::create(file)
        .and_then(|created| history::write(&observed.history, BufWriter::new(created)));
    written.map_err(|error| format!("{file}: {error}"))?;
    println!("{}", serde_json::json!(observed.summary));
    Ok(())
}

fn parse<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("invalid argument `{text}`; {USAGE}"))
}
