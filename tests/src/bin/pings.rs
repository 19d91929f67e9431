//! The client of `harness::pings` as a program for a host beside the machines: `pings ADDRESS:PORT FILE`.
//!
//! It writes a line when it has the first reply. It ends when its standard input ends, and writes the time of each reply to the
//! file, in nanoseconds of the monotonic clock.

#![forbid(unsafe_code)]

use std::io::{Read, stdin};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs, thread};

use harness::pings;
use harness::prober::REPLIED;

/// Set to end.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match record(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pings: {error}");
            ExitCode::FAILURE
        }
    }
}

fn record(arguments: &[String]) -> Result<(), String> {
    let [address, path] = arguments else {
        return Err("usage: pings ADDRESS:PORT FILE".into());
    };
    let address = address
        .parse()
        .map_err(|error| format!("{address}: {error}"))?;
    thread::spawn(|| {
        // An error on the input ends the program as well.
        let _ = stdin().read_to_end(&mut Vec::new());
        STOP.store(true, Ordering::Relaxed);
    });
    let replies = pings::run(address, &STOP, || println!("{REPLIED}"));
    let replies = replies.map_err(|error| error.to_string())?;
    fs::write(path, replies.to_text()).map_err(|error| format!("{path}: {error}"))
}
