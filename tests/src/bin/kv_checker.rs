//! The checking client of a key-value store as a program: `kv_checker ADDRESS:PORT` runs until its standard input ends.
//!
//! It prints its report as JSON. It fails if it found an error.

#![forbid(unsafe_code)]

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::kv_checker::KvChecker;

/// Set to end the run.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .and_then(|address| address.parse().ok());
    let Some(address) = address else {
        eprintln!("usage: kv_checker ADDRESS:PORT");
        return ExitCode::from(2);
    };
    std::thread::spawn(|| {
        // An error on the input ends the run as well.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        STOP.store(true, Ordering::Relaxed);
    });
    match KvChecker::connect(address).and_then(|checker| checker.run(&STOP)) {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kv_checker: {error}");
            ExitCode::FAILURE
        }
    }
}
