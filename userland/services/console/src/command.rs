//! What the operator may say: [`Command`].

use alloc::string::String;
use alloc::vec::Vec;

/// The commands, for the operator.
pub const HELP: &str = "\
help                    this
ps                      the domains of this machine
mem                     what memory they have, and the machine
log [DOMAIN]            what was said lately, by all or by one
caps DOMAIN             what a movable domain holds, and what becomes of it on a move
migrate DOMAIN MACHINE  moves a domain; ^C stops watching, not the move
cancel DOMAIN           lets a domain stay that is on its way
start DOMAIN            starts a domain anew that is at home here, and that no machine has any more
force DOMAIN run|drop   settles what is in doubt: the machine's copy runs, or is destroyed
moves                   domains and moves, as the migration server knows them
machines                the fleet, as the migration server knows it";

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing was said.
    Nothing,
    /// What may be said.
    Help,
    /// The domains of this machine.
    Domains,
    /// Their memory.
    Memory,
    /// What was said, by all or by this domain.
    Log(Option<String>),
    /// What the migration server is asked, as it wants to hear it.
    Ask(String),
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCommand<'a> {
    /// There is none of this name.
    Unknown(&'a str),
    /// It takes so many words.
    Words(&'a str, usize),
}

/// The commands that the migration server obeys: our name, its name, how many words follow.
const ASKED: [(&str, &str, usize); 7] = [
    ("caps", "explain", 1),
    ("migrate", "migrate", 2),
    ("cancel", "cancel", 1),
    ("start", "start", 1),
    ("force", "force", 2),
    ("moves", "list", 0),
    ("machines", "machines", 0),
];

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(line: &str) -> Result<Command, NoCommand<'_>> {
        let mut words = line.split_ascii_whitespace();
        let Some(verb) = words.next() else {
            return Ok(Command::Nothing);
        };
        let words: Vec<&str> = words.collect();
        let own = match verb {
            "help" => Some(Command::Help),
            "ps" => Some(Command::Domains),
            "mem" => Some(Command::Memory),
            "log" => {
                let domain = words.first().map(|name| String::from(*name));
                return expect(verb, &words, words.len().min(1)).map(|()| Command::Log(domain));
            }
            _ => None,
        };
        if let Some(command) = own {
            return expect(verb, &words, 0).map(|()| command);
        }
        let asked = ASKED.iter().find(|(name, ..)| *name == verb);
        let (_, asked, count) = asked.ok_or(NoCommand::Unknown(verb))?;
        expect(verb, &words, *count)?;
        let line = core::iter::once(*asked).chain(words);
        Ok(Command::Ask(line.collect::<Vec<_>>().join(" ")))
    }
}

fn expect<'a>(verb: &'a str, words: &[&str], count: usize) -> Result<(), NoCommand<'a>> {
    match words.len() == count {
        true => Ok(()),
        false => Err(NoCommand::Words(verb, count)),
    }
}

impl core::fmt::Display for NoCommand<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            NoCommand::Unknown(verb) => write!(formatter, "there is no command {verb}; try help"),
            NoCommand::Words(verb, count) => {
                write!(formatter, "{verb} takes {count} words more; try help")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands() {
        assert_eq!(Command::parse(" ps "), Ok(Command::Domains));
        assert_eq!(Command::parse("mem"), Ok(Command::Memory));
        assert_eq!(Command::parse("log"), Ok(Command::Log(None)));
        assert_eq!(
            Command::parse("log kv"),
            Ok(Command::Log(Some("kv".into())))
        );
        assert_eq!(Command::parse("  "), Ok(Command::Nothing));
        for (line, asked) in [
            ("migrate  kv b", "migrate kv b"),
            ("caps kv", "explain kv"),
            ("cancel kv", "cancel kv"),
            ("moves", "list"),
        ] {
            assert_eq!(Command::parse(line), Ok(Command::Ask(asked.into())));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(Command::parse("fly kv"), Err(NoCommand::Unknown("fly")));
        assert_eq!(
            Command::parse("migrate kv"),
            Err(NoCommand::Words("migrate", 2))
        );
        assert_eq!(Command::parse("ps a"), Err(NoCommand::Words("ps", 0)));
        assert_eq!(
            Command::parse("log kv counter"),
            Err(NoCommand::Words("log", 1))
        );
    }

    #[test]
    fn every_command_is_in_the_help() {
        let verbs = ASKED.iter().map(|(name, ..)| *name);
        for verb in verbs.chain(["help", "ps", "mem", "log"]) {
            assert!(HELP.lines().any(|line| line.starts_with(verb)), "{verb}");
        }
    }
}
