//! The operator's command line: see the library.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use caravan::arguments::{self, Invocation, Request, View};
use caravan::connection::{Connection, Error};
use caravan::screen::{Format, Screen};
use caravan::{domains, machines, secret};
use nomad_client::{End, Event};

fn main() -> ExitCode {
    let request = match Invocation::parse(std::env::args_os()) {
        Ok(Invocation::Send(request)) => request,
        Ok(Invocation::Complete(shell)) => {
            clap_complete::generate(
                shell,
                &mut arguments::program(),
                "caravan",
                &mut io::stdout(),
            );
            return ExitCode::SUCCESS;
        }
        Err(error) => error.exit(),
    };
    let secret = secret::find(
        request.secret.as_deref(),
        std::env::var(secret::VARIABLE).ok(),
    );
    let connection = match secret {
        Ok(secret) => Connection { secret },
        Err(error) => {
            eprintln!("caravan: {error}");
            return ExitCode::from(2);
        }
    };
    match execute(&request, &connection) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("caravan: {}: {error}", request.server);
            ExitCode::FAILURE
        }
    }
}

fn execute(request: &Request, connection: &Connection) -> Result<End, Error> {
    let format = Format::of_stdout(request.json);
    if request.view == View::Events {
        return show_events(request, connection, format);
    }
    let begun = Instant::now();
    let (end, events) = connection.events(request.server, request.command.clone())?;
    if end == End::Failed {
        report_failure(request, &events);
        return Ok(end);
    }
    let out = &mut io::stdout();
    match request.view {
        View::Machines => {
            let fleet = machines::ask(connection, request.server.port(), &events, begun);
            machines::show(format, out, &fleet)?;
        }
        _ => domains::show(format, out, &events, begun.elapsed())?,
    }
    Ok(end)
}

/// Shows events as they come.
fn show_events(request: &Request, connection: &Connection, format: Format) -> Result<End, Error> {
    let mut screen = Screen::new(format, io::stdout());
    let mut shown = Ok(());
    let end = connection.send(request.server, request.command.clone(), |step| {
        if shown.is_ok() {
            shown = screen.show(step);
        }
    });
    // A closed output does not end the command.
    let _ = shown.and_then(|()| screen.finish());
    end
}

/// Prints the events of a reply without a table.
fn report_failure(request: &Request, events: &[Event]) {
    for event in events {
        eprintln!("caravan: {}: {event}", request.server);
    }
}
