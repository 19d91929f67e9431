//! What the operator typed: [`Invocation`].

use std::net::{SocketAddr, SocketAddrV4, ToSocketAddrs};
use std::path::PathBuf;

use nomad_protocol::PORT;

/// How the program is used.
pub const USAGE: &str = "\
usage: caravan [--json] [--secret FILE] MACHINE COMMAND

MACHINE is the IPv4 address of a machine's migration server, with or without a port (7411).
The fleet's secret is in FILE, or in the environment variable CARAVAN_SECRET.

  machines                 the fleet, as the machine knows it, and which of it answers
  ps                       the machine's domains
  list                     domains and moves
  explain DOMAIN           what would become of each thing that the domain holds
  migrate DOMAIN MACHINE   moves a domain to a machine of the fleet, by name or address
  cancel DOMAIN            lets a domain stay that is on its way
  start DOMAIN             starts a domain anew that is at home on the machine, and that no machine has any more
  force DOMAIN run|drop    settles what is in doubt: the machine's copy runs, or is destroyed
  mem                      the machine's memory

--json says all that as a JSON object a line. Exit codes: 0 done, 1 refused or failed, 2 not understood.";

/// Commands, and how many words each takes.
const COMMANDS: [(&str, usize); 9] = [
    ("machines", 0),
    ("ps", 0),
    ("list", 0),
    ("explain", 1),
    ("migrate", 2),
    ("cancel", 1),
    ("start", 1),
    ("force", 2),
    ("mem", 0),
];

/// Commands that only a server which the tests use obeys.
const COMMANDS_FOR_TESTS: [(&str, usize); 3] = [("hold", 1), ("go", 0), ("stop", 0)];

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Whom to ask.
    pub server: SocketAddrV4,
    /// What to ask: a line of the migration server's commands, or `ps`.
    pub line: String,
    /// Whether to answer in JSON, an object a line.
    pub json: bool,
    /// Where the secret is, if the operator said.
    pub secret: Option<PathBuf>,
}

impl Invocation {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[String]) -> Result<Invocation, String> {
        let (mut json, mut secret, mut words) = (false, None, arguments);
        while let [option, rest @ ..] = words
            && option.starts_with("--")
        {
            words = rest;
            match option.as_str() {
                "--json" => json = true,
                "--secret" => {
                    let [file, rest @ ..] = words else {
                        return Err("--secret takes a file".into());
                    };
                    (secret, words) = (Some(file.into()), rest);
                }
                _ => return Err(format!("there is no option {option}")),
            }
        }
        let [machine, command, operands @ ..] = words else {
            return Err("a machine and a command are needed".into());
        };
        Ok(Invocation {
            server: address(machine)?,
            line: line_of(command, operands)?,
            json,
            secret,
        })
    }
}

fn line_of(command: &str, operands: &[String]) -> Result<String, String> {
    let mut all = COMMANDS.iter().chain(&COMMANDS_FOR_TESTS);
    let known = all.find(|(name, _)| *name == command);
    let (_, count) = known.ok_or_else(|| format!("there is no command {command}"))?;
    if operands.len() != *count {
        return Err(format!("{command} takes {count} operands"));
    }
    let words = std::iter::once(command).chain(operands.iter().map(String::as_str));
    Ok(words.collect::<Vec<_>>().join(" "))
}

fn address(text: &str) -> Result<SocketAddrV4, String> {
    let with_port = text
        .to_socket_addrs()
        .or_else(|_| (text, PORT).to_socket_addrs());
    let mut addresses = with_port.into_iter().flatten();
    let first = addresses.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    first.ok_or_else(|| format!("{text} is no IPv4 address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, String> {
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        Invocation::parse(&words)
    }

    #[test]
    fn reads_a_machine_and_a_command() {
        let invocation = parse("10.77.0.1 migrate counter b").expect("a command");
        assert_eq!(
            invocation.server,
            "10.77.0.1:7411".parse().expect("an address")
        );
        assert_eq!(
            (invocation.line.as_str(), invocation.json, invocation.secret),
            ("migrate counter b", false, None)
        );
    }

    #[test]
    fn reads_options_in_any_order() {
        for line in [
            "--json --secret file 127.0.0.1:99 list",
            "--secret file --json 127.0.0.1:99 list",
        ] {
            let invocation = parse(line).expect("a command");
            assert!(invocation.json);
            assert_eq!(invocation.secret, Some("file".into()));
            assert_eq!(invocation.server.port(), 99);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, complaint) in [
            ("10.77.0.1 fly", "fly"),
            ("10.77.0.1 migrate counter", "2"),
            ("10.77.0.1", "needed"),
            ("--jason 10.77.0.1 list", "--jason"),
            ("--secret", "file"),
            ("::1 list", "::1"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn every_command_is_in_the_usage() {
        for (name, _) in COMMANDS {
            let line = format!("  {name} ");
            assert!(USAGE.lines().any(|text| text.starts_with(&line)), "{name}");
        }
    }
}
