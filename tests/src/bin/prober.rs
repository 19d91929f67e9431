//! The prober as a program: see `harness::prober`.

#![forbid(unsafe_code)]

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::prober::{self, Options};

const USAGE: &str = "\
usage: prober ADDRESS:PORT [OPTIONS]

Probes a domain over UDP and TCP, checks every reply, and reports the longest gap. Fails if anything was wrong.

  --heap MIB            the domain's heap (64)
  --working MIB         the part of the heap that is written (4)
  --udp-interval US     microseconds between UDP requests (1000)
  --tcp-interval US     microseconds between TCP requests (5000)
  --udp-patience US     microseconds to wait for missing replies to the last UDP requests (3000000)
  --seconds N           end after this time
  --until-eof           end when the standard input ends
  --window START..END   seconds since the start, for the longest gap (from the first reply to the end)
  --json                report as JSON, and fail only if the prober could not probe. A line before the report
                        marks the time when both UDP and TCP have had a reply
  --replies FILE        write the time of each UDP reply, in nanoseconds of the monotonic clock";

/// Set to end the probing.
static STOP: AtomicBool = AtomicBool::new(false);

/// The parsed command line.
struct Arguments {
    options: Options,
    until_eof: bool,
    json: bool,
    replies: Option<String>,
}

fn main() -> ExitCode {
    let outcome = read_arguments(std::env::args().skip(1)).and_then(probe);
    outcome.unwrap_or_else(|error| {
        eprintln!("prober: {error}");
        ExitCode::from(2)
    })
}

fn probe(arguments: Arguments) -> Result<ExitCode, String> {
    if arguments.until_eof {
        std::thread::spawn(stop_at_eof);
    }
    let on_reply = || {
        if arguments.json {
            println!("{}", prober::REPLIED);
        }
    };
    let report = prober::run(&arguments.options, &STOP, on_reply);
    let report = report.map_err(|error| error.to_string())?;
    if let Some(path) = arguments.replies {
        std::fs::write(&path, report.udp_replies.to_text())
            .map_err(|error| format!("{path}: {error}"))?;
    }
    if arguments.json {
        println!(
            "{}",
            serde_json::to_string(&report.summary).map_err(|error| error.to_string())?
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", report.summary);
    Ok(if report.summary.error_count() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn stop_at_eof() {
    // An error on the input ends the probing as well.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    STOP.store(true, Ordering::Relaxed);
}

fn read_arguments(mut rest: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let address = rest.next().ok_or(USAGE)?;
    let address = address
        .parse()
        .map_err(|_| format!("`{address}` is not an ADDRESS:PORT\n{USAGE}"))?;
    let options = Options::new(address);
    let mut arguments = Arguments {
        options,
        until_eof: false,
        json: false,
        replies: None,
    };
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{name} lacks its value"));
        match name.as_str() {
            "--until-eof" => arguments.until_eof = true,
            "--json" => arguments.json = true,
            "--replies" => arguments.replies = Some(value()?),
            other if arguments.options.accept(other, value)? => {}
            other => return Err(format!("unknown option `{other}`\n{USAGE}")),
        }
    }
    arguments.options.check()?;
    Ok(arguments)
}
