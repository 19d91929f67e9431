//! The operator's commands: [`Command`].

use alloc::string::String;
use alloc::vec::Vec;

/// The text that `help` shows.
pub const HELP: &str = "\
help                    this
ps                      the domains of this machine
mem                     the memory of each domain and of the machine
log [DOMAIN]            the last lines of the log, of all domains or of one
caps DOMAIN             the capabilities of a movable domain, and their verdicts for a move
migrate DOMAIN MACHINE  moves a domain; ^C stops watching, not the move
cancel DOMAIN           cancels a move in progress
start DOMAIN            starts a domain afresh that is at home here, and that no machine has any more
force DOMAIN run|drop   settles what is in doubt: the machine's copy runs, or is destroyed
moves                   the migration server's domains and moves
machines                the machines of the fleet";

/// A parsed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The line is empty.
    Empty,
    /// The list of commands.
    Help,
    /// The table of this machine's domains.
    Domains,
    /// The table of their memory.
    Memory,
    /// The log, of all domains or of this one.
    Log(Option<String>),
    /// A request to the migration server, in its own syntax.
    Server(String),
}

/// The reason a line was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<'a> {
    /// No command has this name.
    #[error("there is no command {0}; try help")]
    Unknown(&'a str),
    /// The command takes this many arguments.
    #[error("{0} takes {1} arguments; try help")]
    ArgumentCount(&'a str, usize),
}

/// The commands for the migration server: our name, its name, and the number of arguments.
const SERVER_COMMANDS: [(&str, &str, usize); 7] = [
    ("caps", "explain", 1),
    ("migrate", "migrate", 2),
    ("cancel", "cancel", 1),
    ("start", "start", 1),
    ("force", "force", 2),
    ("moves", "list", 0),
    ("machines", "machines", 0),
];

impl Command {
    /// Parses a line.
    ///
    /// # Errors
    /// The reason for rejecting it.
    pub fn parse(line: &str) -> Result<Command, CommandError<'_>> {
        let mut words = line.split_ascii_whitespace();
        let Some(verb) = words.next() else {
            return Ok(Command::Empty);
        };
        let words: Vec<&str> = words.collect();
        let own = match verb {
            "help" => Some(Command::Help),
            "ps" => Some(Command::Domains),
            "mem" => Some(Command::Memory),
            "log" => {
                let domain = words.first().map(|name| String::from(*name));
                return expect_arguments(verb, &words, words.len().min(1))
                    .map(|()| Command::Log(domain));
            }
            _ => None,
        };
        if let Some(command) = own {
            return expect_arguments(verb, &words, 0).map(|()| command);
        }
        let command = SERVER_COMMANDS.iter().find(|(name, ..)| *name == verb);
        let (_, request, count) = command.ok_or(CommandError::Unknown(verb))?;
        expect_arguments(verb, &words, *count)?;
        let line = core::iter::once(*request).chain(words);
        Ok(Command::Server(line.collect::<Vec<_>>().join(" ")))
    }
}

fn expect_arguments<'a>(
    verb: &'a str,
    words: &[&str],
    count: usize,
) -> Result<(), CommandError<'a>> {
    match words.len() == count {
        true => Ok(()),
        false => Err(CommandError::ArgumentCount(verb, count)),
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
        assert_eq!(Command::parse("  "), Ok(Command::Empty));
        for (line, request) in [
            ("migrate  kv b", "migrate kv b"),
            ("caps kv", "explain kv"),
            ("cancel kv", "cancel kv"),
            ("moves", "list"),
        ] {
            assert_eq!(Command::parse(line), Ok(Command::Server(request.into())));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(Command::parse("fly kv"), Err(CommandError::Unknown("fly")));
        assert_eq!(
            Command::parse("migrate kv"),
            Err(CommandError::ArgumentCount("migrate", 2))
        );
        assert_eq!(
            Command::parse("ps a"),
            Err(CommandError::ArgumentCount("ps", 0))
        );
        assert_eq!(
            Command::parse("log kv counter"),
            Err(CommandError::ArgumentCount("log", 1))
        );
    }

    #[test]
    fn every_command_is_in_the_help() {
        let verbs = SERVER_COMMANDS.iter().map(|(name, ..)| *name);
        for verb in verbs.chain(["help", "ps", "mem", "log"]) {
            assert!(HELP.lines().any(|line| line.starts_with(verb)), "{verb}");
        }
    }
}
