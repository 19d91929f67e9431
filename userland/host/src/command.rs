//! What the operator typed: [`Invocation`].

use std::net::{SocketAddr, ToSocketAddrs};

/// The port of every migration server.
pub const PORT: u16 = 7411;

/// How the program is used.
pub const USAGE: &str = "\
usage: caravan [--json] MACHINE COMMAND

MACHINE is the address of a machine's migration server, with or without a port (7411).

  list                     domains and moves
  explain DOMAIN           what would become of each thing that the domain holds
  migrate DOMAIN MACHINE   moves a domain to a machine of the fleet, by name or address
  cancel DOMAIN            lets a domain stay that is on its way
  force DOMAIN run|drop    settles what is in doubt: the machine's copy runs, or is destroyed
  mem                      the machine's memory";

/// Commands, and how many words each takes.
const COMMANDS: [(&str, usize); 9] = [
    ("list", 0),
    ("explain", 1),
    ("migrate", 2),
    ("cancel", 1),
    ("force", 2),
    ("mem", 0),
    // Only a server that the tests use knows these.
    ("hold", 1),
    ("go", 0),
    ("stop", 0),
];

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Whom to ask.
    pub server: SocketAddr,
    /// What to ask: a line of the migration server's commands.
    pub line: String,
    /// Whether to answer in JSON, an object a line.
    pub json: bool,
}

impl Invocation {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[String]) -> Result<Invocation, String> {
        let (json, words) = match arguments.split_first() {
            Some((first, rest)) if first == "--json" => (true, rest),
            _ => (false, arguments),
        };
        let [machine, command, operands @ ..] = words else {
            return Err("a machine and a command are needed".into());
        };
        let known = COMMANDS.iter().find(|(name, _)| name == command);
        let (_, count) = known.ok_or_else(|| format!("there is no command {command}"))?;
        if operands.len() != *count {
            return Err(format!("{command} takes {count} operands"));
        }
        let line = [std::slice::from_ref(command), operands].concat().join(" ");
        Ok(Invocation {
            server: address(machine)?,
            line,
            json,
        })
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let with_port = text
        .to_socket_addrs()
        .or_else(|_| (text, PORT).to_socket_addrs());
    let first = with_port.ok().and_then(|mut addresses| addresses.next());
    first.ok_or_else(|| format!("{text} is no address"))
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
            (invocation.line.as_str(), invocation.json),
            ("migrate counter b", false)
        );
        assert!(parse("--json 127.0.0.1:99 list").expect("a command").json);
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(parse("10.77.0.1 fly").is_err_and(|error| error.contains("fly")));
        assert!(parse("10.77.0.1 migrate counter").is_err_and(|error| error.contains("2")));
        assert!(parse("10.77.0.1").is_err());
    }
}
