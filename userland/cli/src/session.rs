//! A session with one machine: [`Session`], which performs a [`Task`].

use std::io::{self, Stdout};
use std::process::ExitCode;
use std::time::Instant;

use nomad_client::{Command, End, Event};

use crate::connection::{self, Connection, Step};
use crate::logs::Logs;
use crate::screen::{Format, Screen};
use crate::server::Server;
use crate::task::Task;
use crate::{domains, machines, package, top};

/// A machine, the authority to command it, and the form in which its replies are shown.
#[derive(Clone, Debug)]
pub struct Session {
    /// The authority.
    pub connection: Connection,
    /// The machine's migration server.
    pub server: Server,
    /// The form of the output.
    pub format: Format,
}

/// The reason a task has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request to this machine's migration server has failed.
    #[error("{0}: {1}")]
    Connection(Server, connection::Error),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// The package cannot be sent.
    #[error("{0}")]
    Package(#[from] package::Error),
}

impl Error {
    /// The error of a request to this server. That the output cannot be written is no error of the server.
    fn of(server: Server, error: connection::Error) -> Error {
        match error {
            connection::Error::Output(error) => Error::Output(error),
            error => Error::Connection(server, error),
        }
    }

    /// Whether the reader of the output has ended, as `head` does, and wants no more of it.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The exit code of the program after a task.
pub fn exit_code(end: End) -> ExitCode {
    match end {
        End::Done => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
    }
}

impl Session {
    /// Performs a task.
    ///
    /// # Errors
    /// [`Error`].
    pub fn perform(&self, task: &Task) -> Result<End, Error> {
        let done = match task {
            Task::Send(command) => self.send(command.clone(), Vec::new(), |_| ()),
            Task::Run(path) => return self.run(&package::read(path)?, |_| ()),
            Task::Domains => self.show_domains(),
            Task::Machines => self.show_machines(),
            Task::Top => self.show_top(),
            Task::Logs { domain, follow } => {
                show_logs(&mut Logs::new(self, *domain, io::stdout()), *follow)
            }
        };
        done.map_err(|error| Error::of(self.server, error))
    }

    /// Sends a package, and shows the events of the reply as they come; `on_event` gets each of them too.
    ///
    /// # Errors
    /// [`Error`].
    pub fn run(
        &self,
        package: &package::Bytes,
        on_event: impl FnMut(&Event),
    ) -> Result<End, Error> {
        let done = self.send(package.command(), package.to_vec(), on_event);
        done.map_err(|error| Error::of(self.server, error))
    }

    /// Sends a command and returns all events of its reply when it is over.
    ///
    /// # Errors
    /// [`connection::Error`].
    pub fn events(&self, command: Command) -> Result<(End, Vec<Event>), connection::Error> {
        self.connection.events(self.server, command)
    }

    /// Sends a command with its data, and shows the events of the reply as they come; `on_event` gets each of them too.
    fn send(
        &self,
        command: Command,
        data: Vec<u8>,
        mut on_event: impl FnMut(&Event),
    ) -> Result<End, connection::Error> {
        let mut screen = Screen::new(self.format, io::stdout());
        let mut shown = Ok(());
        let end = self.connection.send(self.server, command, data, |step| {
            if let Step::Event(event) = &step {
                on_event(event);
            }
            if shown.is_ok() {
                shown = screen.show(step);
            }
        });
        let end = end?;
        // An output that cannot be written does not end the command.
        match shown.and_then(|()| screen.finish()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(end),
        }
    }

    fn show_domains(&self) -> Result<End, connection::Error> {
        let begun = Instant::now();
        let (end, events) = self.events(Command::List)?;
        match end {
            End::Done => domains::show(self.format, &mut io::stdout(), &events, begun.elapsed())?,
            End::Failed => self.report_failure(&events),
        }
        Ok(end)
    }

    fn show_machines(&self) -> Result<End, connection::Error> {
        let begun = Instant::now();
        let (end, events) = self.events(Command::Machines)?;
        match end {
            End::Done => {
                let port = self.server.address.port();
                let fleet = machines::query(&self.connection, port, &events, begun);
                machines::show(self.format, &mut io::stdout(), &fleet)?;
                if !machines::is_complete(&fleet) {
                    return Ok(End::Failed);
                }
            }
            End::Failed => self.report_failure(&events),
        }
        Ok(end)
    }

    fn show_top(&self) -> Result<End, connection::Error> {
        let (end, events) = top::show(self, &mut io::stdout())?;
        if end == End::Failed {
            self.report_failure(&events);
        }
        Ok(end)
    }

    /// Prints the events of a reply that has no table.
    fn report_failure(&self, events: &[Event]) {
        for event in events {
            eprintln!("caravan: {}: {event}", self.server);
        }
    }
}

fn show_logs(logs: &mut Logs<'_, Stdout>, follow: bool) -> Result<End, connection::Error> {
    match (logs.show()?, follow) {
        (End::Failed, _) => Ok(End::Failed),
        (End::Done, true) => logs.follow(),
        (End::Done, false) => {
            logs.finish()?;
            Ok(End::Done)
        }
    }
}
