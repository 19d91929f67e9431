//! The command `logs`: a machine's log, a reply at a time: [`Logs`].

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use identity::Name;
use nomad_client::command::LogRange;
use nomad_client::{Command, End, Event};

use crate::connection::Error;
use crate::report::Report;
use crate::screen::Format;
use crate::session::Session;

/// The interval between questions for new lines.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A reader of a machine's log.
pub struct Logs<'a, W> {
    session: &'a Session,
    /// The domain whose lines are shown; all domains' if there is none.
    domain: Option<Name>,
    out: W,
    begun: Instant,
    /// The number of the next line.
    next: u64,
    /// Lines shown so far.
    shown: u64,
}

impl<'a, W: Write> Logs<'a, W> {
    /// A reader that has read nothing yet.
    pub fn new(session: &'a Session, domain: Option<Name>, out: W) -> Logs<'a, W> {
        Logs {
            session,
            domain,
            out,
            begun: Instant::now(),
            next: 0,
            shown: 0,
        }
    }

    /// Shows the lines that the machine has kept.
    ///
    /// # Errors
    /// [`Error`].
    pub fn show(&mut self) -> Result<End, Error> {
        let end = self.show_new(self.domain)?;
        match (end, self.domain) {
            (End::Done, Some(domain)) if self.shown == 0 && !self.is_known(domain)? => {
                let reason = format!(
                    "no domain `{domain}` is here, nor a line of it in the log: `ps` lists the domains"
                );
                self.show_event(&Event::failed(reason))?;
                Ok(End::Failed)
            }
            _ => Ok(end),
        }
    }

    /// Shows the lines that are logged from now on, until the machine refuses or does not answer.
    ///
    /// # Errors
    /// [`Error`].
    pub fn follow(&mut self) -> Result<End, Error> {
        loop {
            thread::sleep(POLL_INTERVAL);
            // Asked for one domain's lines, the machine would search the same others each time.
            let end = self.show_new(None)?;
            if end == End::Failed {
                return Ok(end);
            }
        }
    }

    /// Shows the event that ends the command to a program.
    ///
    /// # Errors
    /// The output is closed.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.session.format {
            Format::Json => self.show_event(&Event::Done),
            Format::Lines | Format::Terminal => Ok(()),
        }
    }

    /// Asks for lines, of all domains or of one, until a reply has none.
    fn show_new(&mut self, domain: Option<Name>) -> Result<End, Error> {
        loop {
            let from = self.next;
            let command = Command::Logs(LogRange { domain, from });
            let (end, events) = self.session.events(command)?;
            for event in &events {
                self.handle(event)?;
            }
            if end == End::Failed || self.next == from {
                return Ok(end);
            }
        }
    }

    fn handle(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Log(line) => {
                self.next = line.number.saturating_add(1);
                if self.domain.is_none_or(|domain| domain == line.domain) {
                    self.shown += 1;
                    self.show_event(event)?;
                }
                Ok(())
            }
            Event::Failed(_) => self.show_event(event),
            _ => Ok(()),
        }
    }

    fn show_event(&mut self, event: &Event) -> io::Result<()> {
        match self.session.format {
            Format::Json => {
                let report = Report::new(self.begun.elapsed(), event.clone());
                writeln!(self.out, "{}", report.to_json())
            }
            Format::Lines | Format::Terminal => writeln!(self.out, "{event}"),
        }
    }

    /// Whether the machine lists a domain.
    fn is_known(&self, name: Name) -> Result<bool, Error> {
        let (_, events) = self.session.events(Command::List)?;
        Ok(events.iter().any(|event| match event {
            Event::Domain(domain) => domain.name == name,
            Event::Home(home) => home.domain == name,
            _ => false,
        }))
    }
}
