//! The operator's command line: see the library.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use caravan::asking::{Asking, Error};
use caravan::command::{Invocation, USAGE};
use caravan::screen::{Reader, Screen};
use caravan::{domains, machines, secret};
use nomad_client::End;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let understood = Invocation::parse(&arguments).map_err(|error| format!("{error}\n\n{USAGE}"));
    let found = understood.and_then(|invocation| {
        let variable = std::env::var(secret::VARIABLE).ok();
        let secret = secret::find(invocation.secret.as_deref(), variable)?;
        Ok((invocation, Asking { secret }))
    });
    let (invocation, asking) = match found {
        Ok(found) => found,
        Err(error) => {
            eprintln!("caravan: {error}");
            return ExitCode::from(2);
        }
    };
    match obey(&invocation, &asking) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("caravan: {}: {error}", invocation.server);
            ExitCode::FAILURE
        }
    }
}

fn obey(invocation: &Invocation, asking: &Asking) -> Result<End, Error> {
    let reader = Reader::of_stdout(invocation.json);
    match invocation.line.as_str() {
        "ps" => list_domains(invocation, asking, reader),
        "machines" => list_machines(invocation, asking, reader),
        line => pass_on(invocation, asking, reader, line),
    }
}

/// Shows what the server says as it says it.
fn pass_on(
    invocation: &Invocation,
    asking: &Asking,
    reader: Reader,
    line: &str,
) -> Result<End, Error> {
    let mut screen = Screen::new(reader, io::stdout());
    let mut shown = Ok(());
    let end = asking.ask(invocation.server, line, |happening| {
        if shown.is_ok() {
            shown = screen.show(happening);
        }
    });
    // Who does not read any more has seen enough: the command goes on all the same.
    let _ = shown.and_then(|()| screen.finish());
    end
}

fn list_domains(invocation: &Invocation, asking: &Asking, reader: Reader) -> Result<End, Error> {
    let asked = Instant::now();
    let (end, lines) = asking.lines(invocation.server, "list")?;
    if end == End::Failed {
        return Ok(complain(invocation, &lines));
    }
    domains::show(reader, &mut io::stdout(), &lines, asked.elapsed())?;
    Ok(end)
}

fn list_machines(invocation: &Invocation, asking: &Asking, reader: Reader) -> Result<End, Error> {
    let asked = Instant::now();
    let (end, lines) = asking.lines(invocation.server, "machines")?;
    if end == End::Failed {
        return Ok(complain(invocation, &lines));
    }
    let fleet = machines::ask(asking, invocation.server.port(), &lines, asked);
    machines::show(reader, &mut io::stdout(), &fleet)?;
    Ok(end)
}

/// Says why a server did not give what a table is made of.
fn complain(invocation: &Invocation, lines: &[String]) -> End {
    for line in lines {
        eprintln!("caravan: {}: {line}", invocation.server);
    }
    End::Failed
}
