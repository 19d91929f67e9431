//! The domain on a running machine: built here, sent by the operator's command line.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use caravan::connection::Connection;
use caravan::screen::Format;
use caravan::session::{self, Session};
use caravan::{arguments, package, secret};
use nomad_client::{Command, Event};

use crate::error::{Error, Result};
use crate::project::Project;
use crate::tree;

/// Builds the domain, and starts it on the machine. The exit code is that of the operator's command line.
///
/// # Errors
/// It does not build, its home is another machine, or the machine does not reply.
pub fn push(machine: &str, secret: Option<&str>) -> Result<ExitCode> {
    let server =
        arguments::address(machine).map_err(|reason| Error::Machine(machine.to_owned(), reason))?;
    let project = Project::here()?;
    let secret = secret::find(secret.map(Path::new), env::var(secret::VARIABLE).ok());
    let session = Session {
        connection: Connection {
            secret: secret.map_err(Error::Secret)?,
        },
        server,
        format: Format::of_stdout(false),
    };
    let program = project.build(&tree::find()?)?;
    let package = package::read(&project.package(&program)?);
    check_home(&project, &session)?;
    let end = session.run(&package.map_err(session::Error::from)?)?;
    Ok(session::exit_code(end))
}

/// Checks that the machine is the domain's home, if it has one: no other machine accepts it.
fn check_home(project: &Project, session: &Session) -> Result<()> {
    let Some(home) = &project.entry.domain().home else {
        return Ok(());
    };
    let reply = session.events(Command::Machines);
    let (_, fleet) = reply.map_err(|error| session::Error::Connection(session.server, error))?;
    let other = fleet.iter().find_map(|event| match event {
        Event::Machine { name, address } if address == session.server.ip() => {
            (name.as_str() != home.as_str()).then_some(name)
        }
        _ => None,
    });
    match other {
        None => Ok(()),
        Some(name) => {
            let server = session.server;
            let reason = format!(
                "the machine at {server} is `{name}`, and accepts only domains at home there: write home = \"{name}\", or no `home`"
            );
            Err(Error::Entry(project.entry.error("home", &reason)))
        }
    }
}
