//! The operator's command line: see the library.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use caravan::arguments::{self, Invocation};
use caravan::connection::Connection;
use caravan::netboot;
use caravan::screen::Format;
use caravan::secret;
use caravan::session::{self, Session};
use clap_complete::Shell;

fn main() -> ExitCode {
    let request = match Invocation::parse(std::env::args_os()) {
        Ok(Invocation::Send(request)) => request,
        Ok(Invocation::Netboot(options)) => {
            let Err(error) = netboot::run(&options);
            return fail(&error);
        }
        Ok(Invocation::Complete(shell)) => {
            return match print_completions(shell) {
                Err(error) if !error.is_closed_output() => fail(&error),
                _ => ExitCode::SUCCESS,
            };
        }
        Err(error) => error.exit(),
    };
    let secret = secret::find(
        request.secret.as_deref(),
        std::env::var_os(secret::VARIABLE),
    );
    let connection = match secret {
        Ok(secret) => Connection { secret },
        Err(error) => {
            eprintln!("caravan: {error}");
            return ExitCode::from(2);
        }
    };
    let session = Session {
        connection,
        server: request.server,
        format: Format::of_stdout(request.json),
    };
    match session.perform(&request.task) {
        Ok(end) => session::exit_code(end),
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("caravan: {error}");
    ExitCode::FAILURE
}

fn print_completions(shell: Shell) -> Result<(), session::Error> {
    // clap panics if its output cannot be written.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut arguments::program(), "caravan", &mut text);
    let mut out = io::stdout();
    let written = out.write_all(&text).and_then(|()| out.flush());
    written.map_err(session::Error::Output)
}
