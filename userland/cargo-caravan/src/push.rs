//! Builds the domain here, and sends it to a running machine as the operator's command line does.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use caravan::connection::Connection;
use caravan::screen::Format;
use caravan::session::{self, Session};
use caravan::{package, secret};
use manifest::Entry;
use nomad_client::event::AddressOrigin;
use nomad_client::{Command, Event};

use crate::error::{Error, Result};
use crate::project::Project;
use crate::tree;

/// Builds the domain, and starts it on the machine. The exit code is that of the operator's command line.
///
/// # Errors
/// The machine's address or the secret cannot be used, the domain does not build, its home is another machine, or the machine
/// refuses it or does not reply.
pub fn push(machine: &str, secret: Option<&Path>) -> Result<ExitCode> {
    let server = machine
        .parse()
        .map_err(|reason| Error::Machine(machine.to_owned(), reason))?;
    let project = Project::here()?;
    let secret = secret::find(secret, env::var_os(secret::VARIABLE));
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
    let mut refusal = None;
    let end = session.run(&package.map_err(session::Error::from)?, |event| {
        refusal = refused_field(&project.entry, event);
    })?;
    match refusal {
        Some(error) => Err(error),
        None => Ok(session::exit_code(end)),
    }
}

/// The error at the line of the field because of which the machine rejects the package.
fn refused_field(entry: &Entry, event: &Event) -> Option<Error> {
    match event {
        Event::Rejected {
            field: Some(field),
            reason,
        } => Some(Error::Entry(entry.error(field.as_str(), reason))),
        _ => None,
    }
}

/// If the domain has a home, checks that it is this machine: no other machine accepts the domain.
fn check_home(project: &Project, session: &Session) -> Result<()> {
    let Some(home) = &project.entry.domain().home else {
        return Ok(());
    };
    let reply = session.events(Command::Machines);
    let (_, fleet) = reply.map_err(|error| session::Error::Connection(session.server, error))?;
    let other = fleet.iter().find_map(|event| match event {
        Event::Machine { name, origin, .. } if *origin == AddressOrigin::Own => {
            (name.as_str() != home.as_str()).then_some(name)
        }
        _ => None,
    });
    match other {
        None => Ok(()),
        Some(name) => {
            let server = session.server;
            let reason = format!(
                "the machine at {server} is `{name}`, and accepts only domains at home there: set home = \"{name}\", or remove `home`"
            );
            Err(Error::Entry(project.entry.error("home", &reason)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_field_that_the_machine_refuses_is_shown_with_its_line() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("caravan.toml");
        let text = include_str!("../template/caravan.toml.in").replace("{{name}}", "echo");
        fs::write(&file, &text).expect("an entry");
        let entry = Entry::read(&file).expect("an entry");
        let line = text.lines().position(|line| line.starts_with("port = "));
        let place = format!("caravan.toml:{}: ", line.expect("a port") + 1);
        let reason = "the domain `kv` on this machine has the same `mac` or `ip`";
        let port = Event::rejected(identity::Name::try_new("port").ok(), reason.into());
        let error = refused_field(&entry, &port).expect("a field");
        assert!(error.next_step().starts_with("correct that line"));
        let error = error.to_string();
        for part in [&place, "`port`", "`kv`"] {
            assert!(error.contains(part), "{error}");
        }
        let whole = Event::rejected(None, "field `port`: it is the package's fault".into());
        let other = Event::failed("field `port`: the package is empty".into());
        for event in [whole, other] {
            assert!(refused_field(&entry, &event).is_none(), "{event}");
        }
    }
}
