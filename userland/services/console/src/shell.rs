//! The shell: reads a line, obeys it, shows what comes of it, for ever. It is silent until the first key, so that a line on
//! which nobody types carries the machine's log and nothing else.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use abi::Error;
use embassy_futures::select::select;
use runtime::Message;
use runtime::capability::{Cap, Endpoint};
use runtime::protocol::root::{self, DomainRecord, MemoryRecord, Refusal, Request};

use crate::command::{Command, HELP};
use crate::journal::Journal;
use crate::line::{Line, Typed};
use crate::nomad::Nomad;
use crate::screen::Screen;
use crate::serial::Serial;
use crate::table;

const PROMPT: &str = "> ";
const CONTROL_C: u8 = 0x03;

/// The shell.
pub struct Shell<'a> {
    /// Where the operator types.
    pub serial: Serial,
    /// What the operator sees.
    pub screen: &'a Screen,
    /// Who knows the domains.
    pub root: Cap<Endpoint>,
    /// What was said.
    pub journal: Journal,
    /// The machine's migration server, where there is a network to reach it by.
    pub nomad: Option<Nomad>,
}

impl Shell<'_> {
    /// Serves the operator.
    ///
    /// # Errors
    /// The serial port is gone.
    pub async fn run(&self) -> Result<Infallible, Error> {
        let mut line = Line::default();
        let mut key = self.serial.key().await?;
        self.screen.show(PROMPT);
        loop {
            match line.push(key) {
                Typed::Change { erase, show } => self.change(erase, show),
                Typed::Cancelled => self.screen.show("^C\n> "),
                Typed::Line(text) => {
                    self.screen.show("\n");
                    self.obey(&text).await?;
                    self.screen.show(PROMPT);
                }
            }
            key = self.serial.key().await?;
        }
    }

    fn change(&self, erase: usize, show: Option<char>) {
        for _ in 0..erase {
            self.screen.show("\x08");
        }
        if let Some(character) = show {
            self.screen.show(character.encode_utf8(&mut [0; 4]));
        }
    }

    async fn obey(&self, text: &str) -> Result<(), Error> {
        match Command::parse(text) {
            Ok(Command::Nothing) => {}
            Ok(Command::Help) => self.say(HELP),
            Ok(Command::Domains) => self.say_of_domains(table::domains),
            Ok(Command::Memory) => {
                self.say_of_domains(table::memory);
                self.say_of_machine();
            }
            Ok(Command::Log(domain)) => self.say_log(domain.as_deref()),
            Ok(Command::Ask(line)) => self.ask(&line).await?,
            Err(no) => self.say(&alloc::format!("{no}")),
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        self.screen.show(text);
        self.screen.show("\n");
    }

    fn say_of_domains(&self, table: fn(&[DomainRecord]) -> Vec<String>) {
        match self.domains() {
            Ok(records) => table(&records).iter().for_each(|line| self.say(line)),
            Err(why) => self.say(why),
        }
    }

    /// What memory the machine has.
    fn say_of_machine(&self) {
        let answer = self
            .root
            .call_idempotent(&Message::of(Request::Memory.pack().as_slice()));
        let memory = answer.map_err(Error::text).and_then(|answer| {
            let mut reader = root::answer(answer.words()).map_err(Refusal::text)?;
            MemoryRecord::read(&mut reader).map_err(|_| Refusal::Malformed.text())
        });
        match memory {
            Ok(memory) => self.say(&alloc::format!("{memory}")),
            Err(why) => self.say(why),
        }
    }

    fn say_log(&self, domain: Option<&str>) {
        if let Err(why) = self.journal.show(domain, |line| self.say(line)) {
            self.say(why);
        }
    }

    /// Every domain that root knows.
    fn domains(&self) -> Result<Vec<DomainRecord>, &'static str> {
        let mut records = Vec::new();
        for index in 0.. {
            let question = Request::List { index }.pack();
            let answer = self.root.call_idempotent(&Message::of(question.as_slice()));
            let answer = answer.map_err(Error::text)?;
            match root::answer(answer.words()) {
                Ok(mut reader) => {
                    let record = DomainRecord::read(&mut reader);
                    records.push(record.map_err(|_| Refusal::Malformed.text())?);
                }
                Err(Refusal::NoSuchDomain) => break,
                Err(refusal) => return Err(refusal.text()),
            }
        }
        Ok(records)
    }

    /// Asks the migration server, and shows its answer until its end or until the operator has seen enough.
    async fn ask(&self, line: &str) -> Result<(), Error> {
        let Some(nomad) = &self.nomad else {
            self.say("this console was started without a port");
            return Ok(());
        };
        let answer = nomad.ask(line, |line| self.say(line));
        let enough = async {
            loop {
                match self.serial.key().await {
                    Ok(CONTROL_C) => return Ok(()),
                    // Nothing else is for now.
                    Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        };
        match select(answer, enough).await {
            embassy_futures::select::Either::First(()) => Ok(()),
            embassy_futures::select::Either::Second(ended) => {
                self.say("^C");
                ended
            }
        }
    }
}
