//! The client of a TCP echo service as a program: see `harness::echo`.
//!
//! `echo ADDRESS:PORT` sends lines until its standard input ends, and prints its result as JSON.

#![forbid(unsafe_code)]

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::echo;

/// Set to end the client.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let address = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(service) = address else {
        eprintln!("usage: echo ADDRESS:PORT");
        return ExitCode::from(2);
    };
    std::thread::spawn(stop_at_eof);
    let seen = echo::run(service, &STOP, || println!("{}", echo::REPLIED));
    println!("{}", serde_json::to_string(&seen).expect("plain numbers"));
    ExitCode::SUCCESS
}

fn stop_at_eof() {
    // An error ends the input as well.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    STOP.store(true, Ordering::Relaxed);
}
