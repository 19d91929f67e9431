//! The shell: reads a command, executes it, shows the result, and repeats. It is silent until the first key, so that a serial
//! line without an operator carries the machine's log and nothing else.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;

use abi::Error;
use embassy_futures::select::{Either, select};
use runtime::Message;
use runtime::capability::{Cap, Endpoint};
use runtime::protocol::encode;
use runtime::protocol::root::{self, DomainRecord, MemoryRecord, Refusal, Request};

use crate::command::{Command, help, help_without_port};
use crate::journal::Journal;
use crate::keys::Keys;
use crate::line::{KeyEffect, Line};
use crate::nomad::Nomad;
use crate::table;
use crate::terminal::Terminal;

const PROMPT: &str = "> ";
const CONTROL_C: u8 = 0x03;
/// The reply to a command for the migration server, which a console without a port cannot reach.
const NO_PORT: &str = "this console has no port, through which it would reach the migration server\n  \
    next: use the program `caravan` on another computer, or give the console a port in the fleet file (docs/fleet.md)";

/// The shell's connections.
pub struct Shell<'a> {
    /// The source of keys.
    pub keys: Keys,
    /// The destination of output.
    pub terminal: &'a Terminal,
    /// Root, for the list of domains.
    pub domains: Cap<Endpoint>,
    /// The machine's log.
    pub journal: Journal,
    /// The machine's migration server, if the console has a port.
    pub nomad: Option<Nomad>,
}

impl Shell<'_> {
    /// Serves the operator for ever.
    ///
    /// # Errors
    /// A failure of the serial port or the keyboard.
    pub async fn run(&self) -> Result<Infallible, Error> {
        let mut line = Line::default();
        let mut key = self.keys.next().await?;
        self.terminal.show(PROMPT);
        loop {
            match line.push(key) {
                KeyEffect::Change { erase, show } => self.change(erase, show),
                KeyEffect::Cancelled => self.terminal.show("^C\n> "),
                KeyEffect::Line(text) => {
                    self.terminal.show("\n");
                    self.execute(&text).await?;
                    self.terminal.show(PROMPT);
                }
            }
            key = self.keys.next().await?;
        }
    }

    fn change(&self, erase: usize, show: Option<char>) {
        for _ in 0..erase {
            self.terminal.show("\x08");
        }
        if let Some(character) = show {
            self.terminal.show(character.encode_utf8(&mut [0; 4]));
        }
    }

    async fn execute(&self, text: &str) -> Result<(), Error> {
        match Command::parse(text) {
            Ok(Command::Empty) => {}
            Ok(Command::Help) => self.print_help(),
            Ok(Command::Domains) => self.print_domains(table::domains),
            Ok(Command::Memory) => {
                self.print_domains(table::memory);
                self.print_machine_memory();
            }
            Ok(Command::Log(domain)) => self.print_log(domain.as_deref()),
            Ok(Command::Server(command)) => self.request(command).await?,
            Err(error) => self.print(&alloc::format!("{error}; try `help`")),
        }
        Ok(())
    }

    fn print(&self, text: &str) {
        self.terminal.show(text);
        self.terminal.show("\n");
    }

    fn print_help(&self) {
        let lines = match self.nomad {
            Some(_) => help(),
            None => help_without_port(),
        };
        lines.iter().for_each(|line| self.print(line));
    }

    fn print_domains(&self, table: fn(&[DomainRecord]) -> Vec<String>) {
        match self.domains() {
            Ok(records) => table(&records).iter().for_each(|line| self.print(line)),
            Err(reason) => self.print(&reason),
        }
    }

    /// Prints the machine's memory.
    fn print_machine_memory(&self) {
        let memory = self.call(Request::Memory).and_then(|reply| {
            let record = root::decode_reply::<MemoryRecord>(reply.words());
            record.map_err(|refusal| refusal.to_string())
        });
        match memory {
            Ok(memory) => self.print(&memory.to_string()),
            Err(reason) => self.print(&reason),
        }
    }

    fn print_log(&self, domain: Option<&str>) {
        let shown = self.journal.show(domain, |line| self.print(line));
        let complaint = match (shown, domain) {
            (Ok(0), Some(domain)) => self
                .domains()
                .map(|records| table::unknown(domain, &records)),
            (Ok(_), _) => Ok(None),
            (Err(reason), _) => Err(reason),
        };
        if let Some(text) = complaint.unwrap_or_else(Some) {
            self.print(&text);
        }
    }

    /// Root's list of domains.
    fn domains(&self) -> Result<Vec<DomainRecord>, String> {
        let mut records = Vec::new();
        for index in 0.. {
            let reply = self.call(Request::List { index })?;
            match root::decode_reply(reply.words()) {
                Ok(record) => records.push(record),
                Err(Refusal::NoSuchDomain) => break,
                Err(refusal) => return Err(refusal.to_string()),
            }
        }
        Ok(records)
    }

    fn call(&self, request: Request) -> Result<Message, String> {
        let message = Message::of(encode(&request).as_slice());
        let reply = self.domains.call_idempotent(&message);
        reply.map_err(|error| error.text().to_string())
    }

    /// Sends a command to the migration server, and shows the reply to its end or until the operator types `^C`.
    async fn request(&self, command: nomad_client::Command) -> Result<(), Error> {
        let Some(nomad) = &self.nomad else {
            self.print(NO_PORT);
            return Ok(());
        };
        let reply = nomad.request(command, |line| self.print(line));
        let interrupt = async {
            loop {
                match self.keys.next().await {
                    Ok(CONTROL_C) => return Ok(()),
                    // Other keys are ignored meanwhile.
                    Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        };
        match select(reply, interrupt).await {
            Either::First(()) => Ok(()),
            Either::Second(interrupted) => {
                self.print("^C");
                interrupted
            }
        }
    }
}
