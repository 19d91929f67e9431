//! The commands of a migration server: [`Command`], and [`VERBS`], the table of their textual form. [`options`] has the
//! options of a move.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use identity::{Name, NameError};
use nomad_protocol::Force;
use nomad_protocol::planner::MoveOptions;
use serde::{Deserialize, Serialize};

pub mod options;

use options::VerbOption;

/// A command of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// List the machines of the fleet.
    Machines,
    /// List domains and transactions.
    List,
    /// List the verdicts on everything that a domain holds.
    Explain(Name),
    /// Move a domain to a machine, with these options.
    Migrate(Name, Destination, MoveOptions),
    /// Cancel a move in progress.
    Cancel(Name),
    /// Start afresh a domain that is at home here. It must be stopped, or absent from every machine.
    Start(Name),
    /// Decide a move in doubt: run this machine's copy of the domain, or destroy it.
    Force(Name, Force),
    /// Report the machine's memory.
    Memory,
    /// Run a new domain from a package. The package follows as the request's data.
    Run(PackageSize),
    /// Stop a domain of the machine and release its memory. A domain at home here stays stopped until an operator
    /// starts it. If its home is elsewhere, the home may start it again, as its manifest says.
    Stop(Name),
    /// Stop a domain that is at home here, and start it afresh.
    Restart(Name),
    /// Forget a stopped domain that came with [`Command::Run`], and its package.
    Remove(Name),
    /// List lines of the machine's log.
    Logs(LogRange),
    /// Move the machine's domains away, to this machine or to all others that admit them, and admit no domain until
    /// [`Command::Undrain`] or a restart.
    Drain(Option<Destination>),
    /// End a drain: a move in progress is cancelled if it is not too late, and domains are admitted again.
    Undrain,
    /// Restart the machine.
    Reboot(RebootIf),
    /// For tests: halt the server when a transaction reports an event whose text begins with this.
    Hold(String),
    /// For tests: let the server go on.
    Go,
    /// For tests: end the server.
    End,
}

/// The size of a package in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSize(pub u32);

/// A part of a machine's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRange {
    /// The domain whose lines are listed, or `None` for the lines of all domains.
    pub domain: Option<Name>,
    /// The number of the first line. Lines are numbered from 0 since the machine started.
    pub from: u64,
}

/// The condition of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RebootIf {
    /// No movable domain is on the machine, and no move that it takes part in is unfinished.
    NothingIsLost,
    /// None: what is on the machine is lost.
    Forced,
}

/// The machine that a domain is to move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// By its name in the fleet.
    Named(Name),
    /// By the address of its migration server.
    At(Ipv4Addr),
}

/// The textual form of a command.
pub struct Verb {
    /// Its first word.
    pub name: &'static str,
    /// Its operands, one word each. If the last one ends in `...`, it takes all words that remain.
    pub operands: &'static str,
    /// Its options, each `--NAME VALUE`, or `--NAME` if it has no value, anywhere after the first word.
    pub options: &'static [VerbOption],
    /// Its help text.
    pub about: &'static str,
    /// Its users.
    pub audience: Audience,
    parse: fn(&[&str]) -> Result<Command, CommandError>,
}

/// The users of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every operator.
    Operators,
    /// Tests: the server executes it only if its manifest has `hooks`.
    Tests,
}

/// The reason a text is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No command has this name.
    #[error("there is no command `{0}`")]
    Unknown(String),
    /// This command takes these operands.
    #[error("`{0}` is used as `{0} {1}`")]
    Operands(&'static str, &'static str),
    /// This command takes no operands.
    #[error("`{0}` takes no operands")]
    NoOperands(&'static str),
    /// This command does not have this option; it has these.
    #[error("`{0}` has no option `{1}`: it has {2}")]
    NoOption(&'static str, String, String),
    /// This option takes no value.
    #[error("`--{0}` takes no value")]
    UnexpectedValue(&'static str),
    /// This option is given without the value that is expected.
    #[error("`--{0}` needs a value: {1}")]
    NoValue(&'static str, &'static str),
    /// This option has this value instead of the expected one.
    #[error("`--{0} {1}`: expected {2}")]
    Value(&'static str, String, &'static str),
    /// This option is given more than once.
    #[error("`--{0}` is given twice")]
    Repeated(&'static str),
    /// This operand is not a name.
    #[error("`{0}`: {1}")]
    Name(String, NameError),
    /// This operand is neither of the two ways to settle a doubt.
    #[error("`{0}`: a doubt is settled by `run` or `drop`")]
    Settlement(String),
}

/// The commands that have a textual form, in the order of a help text. [`Command::Run`] and [`Command::Logs`] have
/// none: the command line creates them.
pub const VERBS: &[Verb] = &[
    verb("machines", "", "List the machines of the fleet", |_| {
        Ok(Command::Machines)
    }),
    verb(
        "list",
        "",
        "List the domains and moves of the machine",
        |_| Ok(Command::List),
    ),
    verb(
        "explain",
        "DOMAIN",
        "List what a move would do with each thing that the domain holds",
        |operands| Ok(Command::Explain(name(operands[0])?)),
    ),
    Verb {
        options: options::MIGRATE,
        ..verb(
            "migrate",
            "DOMAIN DESTINATION",
            "Move the domain to a machine of the fleet, given by name or address",
            |operands| {
                let (domain, destination) = (name(operands[0])?, operands[1].parse()?);
                Ok(Command::Migrate(
                    domain,
                    destination,
                    MoveOptions::default(),
                ))
            },
        )
    },
    verb(
        "cancel",
        "DOMAIN",
        "Cancel a move in progress",
        |operands| Ok(Command::Cancel(name(operands[0])?)),
    ),
    verb(
        "start",
        "DOMAIN",
        "Start afresh a domain that is at home on the machine: a stopped one, or one that no machine has any more",
        |operands| Ok(Command::Start(name(operands[0])?)),
    ),
    verb(
        "force",
        "DOMAIN run|drop",
        "Settle a move in doubt: run the machine's copy of the domain, or destroy it",
        |operands| Ok(Command::Force(name(operands[0])?, settlement(operands[1])?)),
    ),
    verb("mem", "", "Report the memory of the machine", |_| {
        Ok(Command::Memory)
    }),
    verb(
        "stop",
        "DOMAIN",
        "Stop the domain: its memory is lost. A home on another machine starts it again if the domain's manifest says so",
        |operands| Ok(Command::Stop(name(operands[0])?)),
    ),
    verb(
        "restart",
        "DOMAIN",
        "Stop a domain that is at home on the machine, and start it afresh",
        |operands| Ok(Command::Restart(name(operands[0])?)),
    ),
    verb(
        "rm",
        "DOMAIN",
        "Forget a stopped domain that was started by `run`, and its package",
        |operands| Ok(Command::Remove(name(operands[0])?)),
    ),
    Verb {
        options: options::DRAIN,
        ..verb(
            "drain",
            "",
            "Move the machine's domains to the other machines, and admit none until `undrain` or a restart",
            |_| Ok(Command::Drain(None)),
        )
    },
    verb(
        "undrain",
        "",
        "End a drain: the domains that are left stay, and the machine admits domains again",
        |_| Ok(Command::Undrain),
    ),
    Verb {
        options: options::REBOOT,
        ..verb(
            "reboot",
            "",
            "Restart the machine, if no domain or move is lost by that",
            |_| Ok(Command::Reboot(RebootIf::NothingIsLost)),
        )
    },
    for_tests("hold", "EVENT...", |operands| {
        Ok(Command::Hold(operands.join(" ")))
    }),
    for_tests("go", "", |_| Ok(Command::Go)),
    for_tests("end", "", |_| Ok(Command::End)),
];

const fn verb(
    name: &'static str,
    operands: &'static str,
    about: &'static str,
    parse: fn(&[&str]) -> Result<Command, CommandError>,
) -> Verb {
    Verb {
        name,
        operands,
        options: &[],
        about,
        audience: Audience::Operators,
        parse,
    }
}

const fn for_tests(
    name: &'static str,
    operands: &'static str,
    parse: fn(&[&str]) -> Result<Command, CommandError>,
) -> Verb {
    Verb {
        audience: Audience::Tests,
        ..verb(name, operands, "For tests", parse)
    }
}

impl Verb {
    /// The command with these operands and options.
    ///
    /// # Errors
    /// They do not fit the command.
    pub fn command(&self, words: &[&str]) -> Result<Command, CommandError> {
        let (operands, chosen) = options::split(self, words)?;
        let expected = self.operands.split_ascii_whitespace().count();
        let takes_rest = self.operands.ends_with("...");
        if operands.len() == expected || takes_rest && operands.len() > expected {
            return (self.parse)(&operands).map(|command| chosen.apply(command));
        }
        Err(match self.operands {
            "" => CommandError::NoOperands(self.name),
            expected => CommandError::Operands(self.name, expected),
        })
    }
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Command, CommandError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (first, operands) = words.split_first().unwrap_or((&"", &[]));
        let verb = VERBS.iter().find(|verb| verb.name == *first);
        let verb = verb.ok_or_else(|| CommandError::Unknown((*first).to_owned()))?;
        verb.command(operands)
    }
}

impl FromStr for Destination {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Destination, CommandError> {
        match text.parse() {
            Ok(address) => Ok(Destination::At(address)),
            Err(_) => Ok(Destination::Named(name(text)?)),
        }
    }
}

fn name(text: &str) -> Result<Name, CommandError> {
    Name::try_new(text).map_err(|error| CommandError::Name(text.to_owned(), error))
}

fn settlement(text: &str) -> Result<Force, CommandError> {
    match text {
        "run" => Ok(Force::RunHere),
        "drop" => Ok(Force::DropCopy),
        _ => Err(CommandError::Settlement(text.to_owned())),
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Named(name) => name.fmt(formatter),
            Destination::At(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests;
