//! The checking client of a key-value store as a program: `keeper ADDRESS:PORT`, until its standard input ends.
//!
//! Prints what was kept, as JSON; fails if anything was wrong.

#![forbid(unsafe_code)]

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::keeper::Keeper;

/// Set to end the run.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .and_then(|address| address.parse().ok());
    let Some(address) = address else {
        eprintln!("usage: keeper ADDRESS:PORT");
        return ExitCode::from(2);
    };
    std::thread::spawn(|| {
        // However it ends, there is nobody left who would end the run.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        STOP.store(true, Ordering::Relaxed);
    });
    match Keeper::connect(address).and_then(|keeper| keeper.run(&STOP)) {
        Ok(kept) => {
            println!("{}", serde_json::json!(kept));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("keeper: {error}");
            ExitCode::FAILURE
        }
    }
}
