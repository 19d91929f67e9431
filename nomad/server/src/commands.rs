//! What an operator says to the server: a line of text, in a session with the operator's key.
//!
//! ```text
//! migrate DOMAIN MACHINE     moves a domain; progress comes back as lines
//! explain DOMAIN             what would become of each thing that the domain holds
//! cancel DOMAIN              before the commit point
//! list                       domains and transactions
//! machines                   the fleet as this machine knows it, itself first
//! ```
//!
//! MACHINE is a name of the fleet or an address. Every answer is lines, of which the last begins with `done` or
//! `failed`. For tests, where the manifest says `hooks`, some commands come as plain text: [`is_for_tests`].

use nomad_image::Name;

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
    /// Say which machines there are.
    Machines,
    /// For tests: end at this line of a transaction's progress.
    Stop(&'a str),
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
                "I know: migrate DOMAIN MACHINE, explain DOMAIN, cancel DOMAIN, list, machines"
            }
            NoCommand::BadName => "that is no name",
        }
    }
}

/// The verbs of commands for tests.
const VERBS_FOR_TESTS: [&[u8]; 3] = [b"stop", b"hold", b"go"];

/// Whether a datagram is plain text: the channel's begin with what is no letter.
pub fn is_text(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(u8::is_ascii_lowercase)
}

/// Whether plain text is a command that tests send.
pub fn is_for_tests(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace);
    words
        .next()
        .is_some_and(|verb| VERBS_FOR_TESTS.contains(&verb))
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
        if let Some(line) = text.strip_prefix("stop ") {
            return Ok(Command::Stop(line.trim()));
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
        let stop = Command::parse(b"stop phase Freeze\n");
        assert_eq!(stop, Ok(Command::Stop("phase Freeze")));
    }

    #[test]
    fn refuses_everything_else() {
        assert_eq!(Command::parse(b"migrate counter"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"migrate a b c"), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b""), Err(NoCommand::Unknown));
        assert_eq!(Command::parse(b"explain \x1b[2J"), Err(NoCommand::BadName));
        assert_eq!(Command::parse(b"explain \xff"), Err(NoCommand::NoText));
        assert_eq!(Command::parse(&[b'a'; 300]), Err(NoCommand::NoText));
    }

    #[test]
    fn tells_text_from_the_channels_datagrams() {
        assert!(is_text(b"stop phase Freeze"));
        assert!(!is_text(&[nomad_channel::packet::Kind::Data as u8]));
        assert!(!is_text(b""));
    }

    #[test]
    fn no_command_of_an_operator_may_come_as_text() {
        for text in [
            &b"migrate kv b"[..],
            b"list",
            b"explain kv",
            b"cancel kv",
            b"machines",
        ] {
            assert!(!is_for_tests(text), "{text:?}");
        }
        assert!(is_for_tests(b"stop phase Freeze"));
    }
}
