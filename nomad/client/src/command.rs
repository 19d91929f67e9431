//! The commands of a migration server: [`Command`]. [`verbs`] has the table of the words that an operator gives to a program,
//! [`options`] the options of those words.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::str::FromStr;

use identity::{Name, NameError};
use nomad_protocol::Force;
use nomad_protocol::planner::MoveOptions;
use serde::{Deserialize, Serialize};

pub mod options;
pub mod verbs;

pub use verbs::{Audience, Operand, VERBS, Verb};

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

/// The reason a text is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No command has this name.
    #[error("there is no command `{0}`")]
    Unknown(String),
    /// Another program has the command, described here.
    #[error("`{0}` is a command of {1} only")]
    Elsewhere(&'static str, Audience),
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
    /// This destination is an address with a port.
    #[error("`{0}`: a destination is an address without a port, or a name: give `{address}`", address = .0.ip())]
    Port(SocketAddrV4),
    /// This operand is not a name.
    #[error("`{0}`: {1}")]
    Name(String, NameError),
    /// This operand is neither of the two ways to settle a doubt.
    #[error("`{0}`: a doubt is settled by `run` or `drop`")]
    Settlement(String),
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Command, CommandError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (first, operands) = words.split_first().unwrap_or((&"", &[]));
        Verb::named(first)?.command(operands)
    }
}

impl FromStr for Destination {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Destination, CommandError> {
        match text.parse() {
            Ok(address) => Ok(Destination::At(address)),
            Err(_) => match text.parse() {
                Ok(with_port) => Err(CommandError::Port(with_port)),
                Err(_) => Ok(Destination::Named(name(text)?)),
            },
        }
    }
}

fn name(text: &str) -> Result<Name, CommandError> {
    Name::try_new(text).map_err(|error| CommandError::Name(text.to_owned(), error))
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
