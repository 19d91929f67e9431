//! The operator's commands: [`Command`]. The console's own commands come first, then those of the migration server, from the
//! table of `nomad-client`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_client::command::{Audience, CommandError, VERBS};

/// A parsed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The line is empty.
    Empty,
    /// The list of commands.
    Help,
    /// The table of this machine's domains.
    Domains,
    /// The table of the memory of each domain and of the machine.
    Memory,
    /// The log, of all domains or of this one.
    Log(Option<String>),
    /// A command for the migration server.
    Server(nomad_client::Command),
}

/// The console's own commands: name, operands, description.
const OWN: [(&str, &str, &str); 4] = [
    ("help", "", "List the commands"),
    ("ps", "", "List the domains of this machine"),
    (
        "mem",
        "",
        "Report the memory of each domain and of the machine",
    ),
    (
        "log",
        "[DOMAIN]",
        "Show the last lines of the log, of all domains or of one",
    ),
];

impl Command {
    /// Parses a line.
    ///
    /// # Errors
    /// The reason it is not a command.
    pub fn parse(line: &str) -> Result<Command, CommandError> {
        let mut words = line.split_ascii_whitespace();
        let Some(verb) = words.next() else {
            return Ok(Command::Empty);
        };
        match (verb, words.next(), words.next()) {
            ("help", None, None) => Ok(Command::Help),
            ("ps", None, None) => Ok(Command::Domains),
            ("mem", None, None) => Ok(Command::Memory),
            ("log", domain, None) => Ok(Command::Log(domain.map(String::from))),
            _ => match OWN.iter().find(|(name, ..)| *name == verb) {
                Some((name, "", _)) => Err(CommandError::NoOperands(name)),
                Some((name, operands, _)) => Err(CommandError::Operands(name, operands)),
                None => line.parse().map(Command::Server),
            },
        }
    }
}

/// The lines that `help` shows. `run` is not among them: only the host program `caravan` can send the package that it needs.
pub fn help() -> Vec<String> {
    let is_ours = |name: &str| OWN.iter().any(|(own, ..)| *own == name);
    let line = |usage: String, about: &str| format!("{usage:<24}{about}");
    let own = OWN.iter();
    let own = own.map(|(name, operands, about)| line(format!("{name} {operands}"), about));
    let mut lines: Vec<String> = own.collect();
    for verb in VERBS {
        if verb.audience == Audience::Operators && !is_ours(verb.name) {
            lines.push(line(format!("{} {}", verb.name, verb.operands), verb.about));
            let options = verb.options.iter();
            lines.extend(options.map(|it| line(format!("  {}", it.usage()), it.about)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn parses_commands() {
        for (line, command) in [
            (" ps ", Command::Domains),
            ("mem", Command::Memory),
            ("log", Command::Log(None)),
            ("log kv", Command::Log(Some("kv".into()))),
            ("  ", Command::Empty),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
        for line in [
            "migrate  kv b",
            "explain kv",
            "list",
            "stop kv",
            "restart kv",
            "rm kv",
        ] {
            let command = line.parse().expect("a command for the server");
            assert_eq!(Command::parse(line), Ok(Command::Server(command)));
        }
    }

    #[test]
    fn an_error_names_the_word_and_the_usage() {
        for (line, word) in [
            ("fly kv", "`fly`"),
            ("migrate kv", "migrate DOMAIN DESTINATION"),
            ("ps a", "`ps` takes no operands"),
            ("log kv counter", "log [DOMAIN]"),
        ] {
            let error = Command::parse(line).expect_err(line).to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn help_lists_every_command_once() {
        let names = help();
        let names = names.iter().filter(|line| !line.starts_with("  --"));
        let names = names.map(|line| line.split(' ').next());
        let mut names: Vec<&str> = names.flatten().collect();
        for name in [
            "help", "ps", "mem", "log", "migrate", "stop", "restart", "rm",
        ] {
            assert!(names.contains(&name), "{name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(!names.contains(&"hold"));
    }
}
