//! The operator's command line: see the library.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use caravan::arguments::{self, Invocation};
use caravan::connection::Connection;
use caravan::netboot;
use caravan::screen::Format;
use caravan::secret;
use caravan::session::{self, Session};

fn main() -> ExitCode {
    let request = match Invocation::parse(std::env::args_os()) {
        Ok(Invocation::Send(request)) => request,
        Ok(Invocation::Netboot(options)) => {
            let Err(error) = netboot::run(&options);
            eprintln!("caravan: {error}");
            return ExitCode::FAILURE;
        }
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
        Err(error) => {
            eprintln!("caravan: {error}");
            ExitCode::FAILURE
        }
    }
}
