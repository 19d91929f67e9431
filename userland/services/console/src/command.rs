//! The operator's commands: [`Command`], parsed by the table of `nomad-client`. The console performs some of them itself, and
//! sends the others to the migration server.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_client::command::{Audience, CommandError, VERBS, Verb};

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

impl Command {
    /// Parses a line.
    ///
    /// # Errors
    /// The reason it is not a command.
    pub fn parse(line: &str) -> Result<Command, CommandError> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some((first, words)) = words.split_first() else {
            return Ok(Command::Empty);
        };
        let verb = Verb::named(first)?;
        let own = match verb.name {
            "help" => Command::Help,
            "ps" => Command::Domains,
            "mem" => Command::Memory,
            "log" => Command::Log(words.first().map(|domain| String::from(*domain))),
            _ => return verb.command(words).map(Command::Server),
        };
        verb.check_count(words.len()).map(|()| own)
    }
}

/// The commands that the console performs itself, also without a port.
const OWN: [&str; 4] = ["help", "ps", "mem", "log"];

/// The lines that `help` shows at a console with a port.
pub fn help() -> Vec<String> {
    usages(|_| true)
}

/// The lines that `help` shows at a console without a port: only the commands that work there.
pub fn help_without_port() -> Vec<String> {
    usages(|verb| OWN.contains(&verb.name))
}

fn usages(is_listed: impl Fn(&Verb) -> bool) -> Vec<String> {
    let is_here = |verb: &&Verb| {
        matches!(verb.audience, Audience::Operators | Audience::Console) && is_listed(verb)
    };
    // A longer usage is followed by its text as well, at another column.
    let line = |usage: String, about: &str| format!("{usage:<22}  {about}");
    let mut lines = Vec::new();
    for verb in VERBS.iter().filter(is_here) {
        lines.push(line(format!("{} {}", verb.name, verb.operands), verb.about));
        let options = verb.options.iter();
        lines.extend(options.map(|it| line(format!("  {}", it.usage()), it.about)));
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
            ("run kv.caravan", "a command of the program `caravan` only"),
            ("log kv counter", "log [DOMAIN]"),
        ] {
            let error = Command::parse(line).expect_err(line).to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn without_a_port_help_lists_the_commands_that_need_none() {
        let lines = help_without_port();
        let listed = lines.iter().filter_map(|line| line.split(' ').next());
        let listed: Vec<&str> = listed.collect();
        assert_eq!(listed, ["help", "ps", "log", "mem"]);
        for name in listed {
            let command = Command::parse(name).expect("a command");
            assert!(!matches!(command, Command::Server(_)), "{name}");
        }
    }

    #[test]
    fn a_long_usage_in_the_help_stands_apart_from_its_text() {
        for verb in VERBS {
            let usage = format!("{} {}", verb.name, verb.operands);
            let listed = help().into_iter().find(|line| line.starts_with(&usage));
            let text = listed.as_deref().map(|line| &line[usage.len()..]);
            assert!(text.is_none_or(|text| text.starts_with("  ")), "{listed:?}");
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
        for name in ["hold", "run", "top", "logs"] {
            assert!(!names.contains(&name), "{name}");
        }
    }
}
