//! The words of commands: [`VERBS`], the one table from which the command line's help and completions and the console's help
//! and parser are made.
//!
//! The command line's `netboot` is not in the table: it is a command for no machine.

use alloc::borrow::ToOwned;
use core::fmt;

use nomad_protocol::Force;
use nomad_protocol::planner::MoveOptions;

use super::options::{self, VerbOption};
use super::{Command, CommandError, RebootIf, name};

/// A command, as an operator gives it to a program.
pub struct Verb {
    /// Its first word.
    pub name: &'static str,
    /// Its operands as a usage text; [`Verb::operands`] parses them.
    pub operands: &'static str,
    /// Its options, each `--NAME VALUE`, or `--NAME` if it has no value, anywhere after the first word.
    pub options: &'static [VerbOption],
    /// Its help text.
    pub about: &'static str,
    /// Its users.
    pub audience: Audience,
    action: Action,
}

/// The way in which a command is performed.
enum Action {
    /// The migration server executes the command that these operands describe.
    Server(fn(&[&str]) -> Result<Command, CommandError>),
    /// The program to which the operator gives the words performs it, with commands of the migration server or without any.
    Program,
}

/// An operand of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Its name in a help text.
    pub name: &'static str,
    /// Whether it may be omitted.
    pub is_optional: bool,
    /// Whether it takes all words that remain.
    pub takes_rest: bool,
}

/// The users of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every operator, at the command line `caravan` and at a machine's console.
    Operators,
    /// Operators at the command line.
    CommandLine,
    /// Operators at a console.
    Console,
    /// Tests: the server executes it only if its manifest has `hooks`.
    Tests,
}

/// All commands for a machine, in the order of a help text.
pub const VERBS: &[Verb] = &[
    performed_by(Audience::Console, "help", "", "List the commands"),
    performed_by(
        Audience::Operators,
        "ps",
        "",
        "Print a table of the machine's domains",
    ),
    performed_by(
        Audience::CommandLine,
        "top",
        "",
        "Print that table and the machine's memory; on a terminal every two seconds",
    ),
    performed_by(
        Audience::CommandLine,
        "run",
        "PACKAGE",
        "Send a package to the machine, and start its domain there",
    ),
    Verb {
        options: options::LOGS,
        ..performed_by(
            Audience::CommandLine,
            "logs",
            "[DOMAIN]",
            "Print the machine's log, of all domains or of one",
        )
    },
    performed_by(
        Audience::Console,
        "log",
        "[DOMAIN]",
        "Print the last lines of the machine's log, of all domains or of one",
    ),
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
    verb(
        "mem",
        "",
        "Report the memory: of the machine, and at its own shell also of each domain",
        |_| Ok(Command::Memory),
    ),
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
            "Restart the machine, unless a movable domain is on it or a move is not over; domains that are not movable lose their state",
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
        action: Action::Server(parse),
    }
}

const fn performed_by(
    audience: Audience,
    name: &'static str,
    operands: &'static str,
    about: &'static str,
) -> Verb {
    Verb {
        name,
        operands,
        options: &[],
        about,
        audience,
        action: Action::Program,
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
    /// The command of this name.
    ///
    /// # Errors
    /// [`CommandError::Unknown`].
    pub fn named(name: &str) -> Result<&'static Verb, CommandError> {
        let verb = VERBS.iter().find(|verb| verb.name == name);
        verb.ok_or_else(|| CommandError::Unknown(name.to_owned()))
    }

    /// Its operands, one word each; only the last one may be optional or take all words that remain.
    pub fn operands(&self) -> impl Iterator<Item = Operand> + use<> {
        self.operands.split_ascii_whitespace().map(|word| {
            let optional = word.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let rest = word.strip_suffix("...");
            Operand {
                name: optional.or(rest).unwrap_or(word),
                is_optional: optional.is_some(),
                takes_rest: rest.is_some(),
            }
        })
    }

    /// The command for the migration server, with these operands and options.
    ///
    /// # Errors
    /// The operands or options do not fit the command, or this is not a command that the migration server executes.
    pub fn command(&self, words: &[&str]) -> Result<Command, CommandError> {
        let Action::Server(parse) = self.action else {
            return Err(CommandError::Elsewhere(self.name, self.audience));
        };
        let (operands, chosen) = options::split(self, words)?;
        self.check_count(operands.len())?;
        parse(&operands).map(|command| chosen.apply(command))
    }

    /// Checks the number of operands.
    ///
    /// # Errors
    /// [`CommandError::Operands`] or [`CommandError::NoOperands`].
    pub fn check_count(&self, count: usize) -> Result<(), CommandError> {
        let most = self.operands().count();
        let least = self.operands().filter(|it| !it.is_optional).count();
        let takes_rest = self.operands().any(|it| it.takes_rest);
        if count >= least && (count <= most || takes_rest) {
            return Ok(());
        }
        Err(match self.operands {
            "" => CommandError::NoOperands(self.name),
            expected => CommandError::Operands(self.name, expected),
        })
    }
}

fn settlement(text: &str) -> Result<Force, CommandError> {
    match text {
        "run" => Ok(Force::RunHere),
        "drop" => Ok(Force::DropCopy),
        _ => Err(CommandError::Settlement(text.to_owned())),
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Audience::Operators => "the programs for operators",
            Audience::CommandLine => "the program `caravan`",
            Audience::Console => "a machine's console",
            Audience::Tests => "tests",
        })
    }
}
