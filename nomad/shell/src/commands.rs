//! What an operator says to the server: a line of text, in a session with the operator's key.
//!
//! ```text
//! migrate DOMAIN MACHINE     moves a domain; progress comes back as lines
//! explain DOMAIN             what would become of each thing that the domain holds
//! cancel DOMAIN              before the commit point
//! list                       domains and transactions
//! start DOMAIN               a domain that is at home here and that no machine has runs here, anew
//! force DOMAIN run           settles what is in doubt: the copy here runs, whatever the other machine does
//! force DOMAIN drop          settles what is in doubt: the copy here is destroyed
//! mem                        the machine's memory
//! machines                   the fleet as this machine knows it, itself first
//! ```
//!
//! MACHINE is a name of the fleet or an address. Every answer is lines, of which the last begins with `done` or
//! `failed`. Some more are for tests, where the manifest says `hooks`.

use nomad_image::Name;
use nomad_protocol::Force;

pub use nomad_client::COMMAND_BYTES_MAX;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Move a domain to a machine.
    Migrate(Name, &'a str),
    /// Say what would become of what it holds.
    Explain(Name),
    /// Let it stay.
    Cancel(Name),
    /// Say what is here.
    List,
    /// Start a domain that is lost.
    Start(Name),
    /// Settle what is in doubt.
    Force(Name, Force),
    /// Say what memory the machine has.
    Memory,
    /// Say which machines there are.
    Machines,
    /// For tests: stand still when this line of a transaction's progress is told.
    Hold(&'a str),
    /// For tests: go on.
    Go,
    /// For tests: end.
    Stop,
}

/// Why a text is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCommand {
    /// It is not a line of text of bounded length.
    NoText,
    /// It has another verb, or the wrong number of words.
    Unknown,
    /// A name is not one.
    BadName,
}

impl NoCommand {
    /// The reason as a sentence for the operator.
    pub fn text(self) -> &'static str {
        match self {
            NoCommand::NoText => "that is no line of text",
            NoCommand::Unknown => {
                "I know: migrate DOMAIN MACHINE, explain DOMAIN, cancel DOMAIN, list, start DOMAIN, force DOMAIN run|drop, mem, machines"
            }
            NoCommand::BadName => "that is no name",
        }
    }
}

impl<'a> Command<'a> {
    /// Reads a command.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(datagram: &'a [u8]) -> Result<Command<'a>, NoCommand> {
        if datagram.len() > COMMAND_BYTES_MAX {
            return Err(NoCommand::NoText);
        }
        let text = core::str::from_utf8(datagram).map_err(|_| NoCommand::NoText)?;
        if let Some(line) = text.strip_prefix("hold ") {
            return Ok(Command::Hold(line.trim()));
        }
        let mut words = text.split_ascii_whitespace();
        let name = |word: &str| Name::try_new(word).ok_or(NoCommand::BadName);
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
            _ => Err(NoCommand::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands() {
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
        assert_eq!(Command::parse(b"migrate counter"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"migrate a b c"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"force a"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"force a b"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b""), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"explain \x1b[2J"), Err(NoCommand::BadName));
        assert_eq!(Command::parse(b"explain \xff"), Err(NoCommand::NoText));
        assert_eq!(Command::parse(&[b'a'; 300]), Err(NoCommand::NoText));
    }
}
