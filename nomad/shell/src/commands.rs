//! An operator's commands: lines of text, in a session with the operator's key.
//!
//! ```text
//! migrate DOMAIN MACHINE     moves a domain, and reports its progress as lines
//! explain DOMAIN             lists whether and how each thing that the domain holds would move
//! cancel DOMAIN              cancels a move before its commit point
//! list                       lists domains and transactions
//! start DOMAIN               starts a domain at home here that no machine has, anew
//! force DOMAIN run           settles a doubt: runs the copy here, regardless of the other machine
//! force DOMAIN drop          settles a doubt: destroys the copy here
//! mem                        reports the machine's memory
//! machines                   lists the fleet as this machine knows it, itself first
//! ```
//!
//! MACHINE is a name of the fleet or an address. Every answer consists of lines, the last of which begins with `done`
//! or `failed`. More commands are for tests, where the manifest has `hooks`.

use nomad_image::Name;
use nomad_protocol::Force;

pub use nomad_client::COMMAND_BYTES_MAX;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Move a domain to a machine.
    Migrate(Name, &'a str),
    /// List whether and how each thing that it holds would move.
    Explain(Name),
    /// Cancel its move.
    Cancel(Name),
    /// List the domains and transactions here.
    List,
    /// Start a lost domain.
    Start(Name),
    /// Settle a doubt.
    Force(Name, Force),
    /// Report the machine's memory.
    Memory,
    /// List the machines of the fleet.
    Machines,
    /// For tests: pause when this line of a transaction's progress is reported.
    Hold(&'a str),
    /// For tests: resume.
    Go,
    /// For tests: end.
    Stop,
}

/// The reason a text is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// It is not a line of text of bounded length.
    NotText,
    /// It has an unknown verb, or the wrong number of words.
    Unknown,
    /// It has an invalid name.
    BadName,
}

impl CommandError {
    /// The reason as a sentence for the operator.
    pub fn text(self) -> &'static str {
        match self {
            CommandError::NotText => "not a line of text",
            CommandError::Unknown => {
                "the commands are: migrate DOMAIN MACHINE, explain DOMAIN, cancel DOMAIN, list, start DOMAIN, force DOMAIN run|drop, mem, machines"
            }
            CommandError::BadName => "not a name",
        }
    }
}

impl<'a> Command<'a> {
    /// Parses a command.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn parse(datagram: &'a [u8]) -> Result<Command<'a>, CommandError> {
        if datagram.len() > COMMAND_BYTES_MAX {
            return Err(CommandError::NotText);
        }
        let text = core::str::from_utf8(datagram).map_err(|_| CommandError::NotText)?;
        if let Some(line) = text.strip_prefix("hold ") {
            return Ok(Command::Hold(line.trim()));
        }
        let mut words = text.split_ascii_whitespace();
        let name = |word: &str| Name::try_new(word).ok_or(CommandError::BadName);
        match [words.next(), words.next(), words.next(), words.next()] {
            [Some("migrate"), Some(domain), Some(machine), None] => {
                Ok(Command::Migrate(name(domain)?, machine))
            }
            [Some("explain"), Some(domain), None, None] => Ok(Command::Explain(name(domain)?)),
            [Some("cancel"), Some(domain), None, None] => Ok(Command::Cancel(name(domain)?)),
            [Some("list"), None, None, None] => Ok(Command::List),
            [Some("machines"), None, None, None] => Ok(Command::Machines),
            [Some("start"), Some(domain), None, None] => Ok(Command::Start(name(domain)?)),
            [Some("force"), Some(domain), Some("run"), None] => {
                Ok(Command::Force(name(domain)?, Force::RunHere))
            }
            [Some("force"), Some(domain), Some("drop"), None] => {
                Ok(Command::Force(name(domain)?, Force::DropCopy))
            }
            [Some("mem"), None, None, None] => Ok(Command::Memory),
            [Some("go"), None, None, None] => Ok(Command::Go),
            [Some("stop"), None, None, None] => Ok(Command::Stop),
            _ => Err(CommandError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_commands() {
        let counter = Name::try_new("counter").expect("a name");
        let migrate = Command::parse(b"migrate counter 10.77.0.12\n");
        assert_eq!(migrate, Ok(Command::Migrate(counter, "10.77.0.12")));
        assert_eq!(
            Command::parse(b"explain counter"),
            Ok(Command::Explain(counter))
        );
        assert_eq!(
            Command::parse(b"cancel counter\r\n"),
            Ok(Command::Cancel(counter))
        );
        assert_eq!(Command::parse(b"list"), Ok(Command::List));
        assert_eq!(Command::parse(b"machines"), Ok(Command::Machines));
        assert_eq!(Command::parse(b"mem"), Ok(Command::Memory));
        assert_eq!(
            Command::parse(b"start counter"),
            Ok(Command::Start(counter))
        );
        let force = Command::parse(b"force counter drop");
        assert_eq!(force, Ok(Command::Force(counter, Force::DropCopy)));
        let hold = Command::parse(b"hold phase Freeze\n");
        assert_eq!(hold, Ok(Command::Hold("phase Freeze")));
        assert_eq!(Command::parse(b"go"), Ok(Command::Go));
    }

    #[test]
    fn refuses_everything_else() {
        assert_eq!(
            Command::parse(b"migrate counter"),
            Err(CommandError::Unknown)
        );
        assert_eq!(Command::parse(b"migrate a b c"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b"force a"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b"force a b"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b""), Err(CommandError::Unknown));
        assert_eq!(
            Command::parse(b"explain \x1b[2J"),
            Err(CommandError::BadName)
        );
        assert_eq!(Command::parse(b"explain \xff"), Err(CommandError::NotText));
        assert_eq!(Command::parse(&[b'a'; 300]), Err(CommandError::NotText));
    }
}
