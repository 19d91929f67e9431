//! The command `logs`, which prints a machine's log, one reply at a time: [`Logs`].
//!
//! The numbers of lines begin again at 0 when the machine restarts. So [`Logs::poll`] requests the last known line again: a reply
//! without lines, or with another line under that number, comes from a new log.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use identity::Name;
use nomad_client::command::LogRange;
use nomad_client::event::LogLine;
use nomad_client::{Command, End, Event};

use crate::connection::Error;
use crate::report::Report;
use crate::screen::Format;
use crate::session::Session;

/// The interval between requests for new lines.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The outcome of a request for new lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// The machine has replied.
    Replied(End),
    /// The machine does not reply.
    Silent,
}

/// A reader of a machine's log.
pub struct Logs<'a, W> {
    session: &'a Session,
    /// The domain whose lines are shown; without one, the lines of all domains.
    domain: Option<Name>,
    out: W,
    begun: Instant,
    /// The number of the next line.
    next: u64,
    /// The last line received, of any domain.
    last: Option<LogLine>,
    /// The number of lines shown so far.
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
            last: None,
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
                    "no domain `{domain}` is here, and the log has no line of it: `ps` lists the domains"
                );
                self.show_event(&Event::failed(reason))?;
                Ok(End::Failed)
            }
            _ => Ok(end),
        }
    }

    /// Shows the lines that are logged from now on, until the machine refuses. While it does not reply, waits for it.
    ///
    /// # Errors
    /// [`Error`], except that the machine does not reply.
    pub fn follow(&mut self) -> Result<End, Error> {
        let mut previous = Poll::Replied(End::Done);
        loop {
            thread::sleep(POLL_INTERVAL);
            let poll = self.poll_or_wait()?;
            match poll {
                Poll::Replied(End::Failed) => return Ok(End::Failed),
                Poll::Silent if previous != Poll::Silent => {
                    eprintln!("caravan: {}: (no reply, waiting)", self.session.server);
                }
                _ => {}
            }
            previous = poll;
        }
    }

    /// As [`Logs::poll`], but it is not an error that the machine does not reply: it may be restarting.
    ///
    /// # Errors
    /// [`Error`].
    pub fn poll_or_wait(&mut self) -> Result<Poll, Error> {
        match self.poll() {
            Err(error) if error.is_silence() => Ok(Poll::Silent),
            polled => polled.map(Poll::Replied),
        }
    }

    /// Shows the lines that were logged since the last reply; all lines if the machine has restarted since.
    ///
    /// # Errors
    /// [`Error`].
    pub fn poll(&mut self) -> Result<End, Error> {
        let known = self.next;
        // All domains' lines are requested: for one domain's lines, the machine would search all other lines again each time.
        let (end, events) = self.request(None, known.saturating_sub(1))?;
        if end == End::Done && self.is_other_log(&events) {
            self.next = 0;
            return self.show_new(None);
        }
        self.show_lines(&events)?;
        if self.next > known {
            return self.show_new(None);
        }
        Ok(end)
    }

    /// Whether a reply that should begin with the last known line comes from another log.
    fn is_other_log(&self, events: &[Event]) -> bool {
        match (&self.last, events.first()) {
            (None, _) => false,
            (Some(last), Some(Event::Log(line))) => {
                let is_same = (line.domain, &line.text) == (last.domain, &last.text);
                line.number == last.number && !is_same
            }
            (Some(_), _) => true,
        }
    }

    /// Shows the event that ends the command, if the output is JSON.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.session.format {
            Format::Json => self.show_event(&Event::Done),
            Format::Lines | Format::Terminal => Ok(()),
        }
    }

    /// Requests lines, of all domains or of one, until a reply has none.
    fn show_new(&mut self, domain: Option<Name>) -> Result<End, Error> {
        loop {
            let from = self.next;
            let (end, events) = self.request(domain, from)?;
            self.show_lines(&events)?;
            if end == End::Failed || self.next == from {
                return Ok(end);
            }
        }
    }

    fn request(&self, domain: Option<Name>, from: u64) -> Result<(End, Vec<Event>), Error> {
        let command = Command::Logs(LogRange { domain, from });
        self.session.events(command)
    }

    /// Shows the new lines of a reply, and the reason if it failed.
    fn show_lines(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            match event {
                Event::Log(line) if line.number >= self.next => self.show_line(line)?,
                Event::Failed(_) => self.show_event(event)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn show_line(&mut self, line: &LogLine) -> io::Result<()> {
        // A known line that was requested again does not count as dropped.
        let dropped = line.dropped.min(line.number - self.next);
        self.next = line.number.saturating_add(1);
        self.last = Some(line.clone());
        if self.domain.is_some_and(|domain| domain != line.domain) {
            return Ok(());
        }
        self.shown += 1;
        let line = line.clone();
        self.show_event(&Event::Log(LogLine { dropped, ..line }))
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
