//! The operator's command line: see the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use caravan::answer::{End, Line};
use caravan::command::{Invocation, USAGE};
use caravan::server;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let invocation = match Invocation::parse(&arguments) {
        Ok(invocation) => invocation,
        Err(error) => {
            eprintln!("caravan: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let asked = Instant::now();
    let show = |line: &Line| match invocation.json {
        true => println!("{}", line.to_json(asked.elapsed())),
        false => println!("{}", line.text()),
    };
    match server::ask(invocation.server, &invocation.line, show) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("caravan: {}: {error}", invocation.server);
            ExitCode::FAILURE
        }
    }
}
