//! The options of a command, each `--NAME VALUE` or `--NAME=VALUE`, or `--NAME` alone: [`VerbOption`], and those of
//! each command.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_protocol::planner::{MoveOptions, NotConverging};

use super::{Command, CommandError, Destination, RebootIf, Verb};

/// An option of a command.
pub struct VerbOption {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Its letter, also written `-LETTER` at the command line.
    pub short: Option<char>,
    /// Its value, if it takes one.
    pub value: Option<OptionValue>,
    /// Its help text.
    pub about: &'static str,
    effect: Effect,
}

/// The value of an option.
#[derive(Clone, Copy)]
pub struct OptionValue {
    /// Its name in a usage line.
    pub name: &'static str,
    /// What is expected, for an error.
    expected: &'static str,
}

/// The effect of an option.
enum Effect {
    /// Its value is the last operand.
    Operand,
    /// It sets a part of the options of a move, unless the value is not acceptable.
    Set(fn(&mut MoveOptions, &str) -> Option<()>),
    /// Its value is the machine to drain to.
    DrainTo,
    /// It takes no value: the machine restarts whatever is lost.
    Force,
    /// The program that performs the command reads it.
    Program,
}

/// The options that are given with a command.
#[derive(Default)]
pub(super) struct Chosen {
    moves: MoveOptions,
    to: Option<Destination>,
    is_forced: bool,
}

impl Chosen {
    /// The command with its options.
    pub(super) fn apply(self, command: Command) -> Command {
        match command {
            Command::Migrate(domain, to, _) => Command::Migrate(domain, to, self.moves),
            Command::Drain(_) => Command::Drain(self.to),
            Command::Reboot(_) if self.is_forced => Command::Reboot(RebootIf::Forced),
            command => command,
        }
    }
}

/// The value of an option that takes one.
const fn takes(name: &'static str, expected: &'static str) -> Option<OptionValue> {
    Some(OptionValue { name, expected })
}

/// The options of `migrate`.
pub const MIGRATE: &[VerbOption] = &[
    VerbOption {
        name: "to",
        short: None,
        value: takes("MACHINE", "the name or address of a machine"),
        about: "The destination, if it is not given after the domain",
        effect: Effect::Operand,
    },
    VerbOption {
        name: "downtime-goal",
        short: None,
        value: takes("MS", "a whole number of milliseconds, at least 1"),
        about: "Copy until the downtime is estimated at this many milliseconds or fewer",
        effect: Effect::Set(|options, text| {
            options.downtime_us = Some(positive(text, 1_000)?);
            Some(())
        }),
    },
    VerbOption {
        name: "bandwidth",
        short: None,
        value: takes(
            "MB_PER_S",
            "a whole number of megabytes per second, at least 1",
        ),
        about: "Send at most this many megabytes of pages and state per second",
        effect: Effect::Set(|options, text| {
            options.rate_max = Some(positive(text, 1_000_000)?);
            Some(())
        }),
    },
    VerbOption {
        name: "timeout",
        short: None,
        value: takes("S", "a whole number of seconds, at least 1"),
        about: "Abort the move if it is not committed within this many seconds; the domain runs on",
        effect: Effect::Set(|options, text| {
            options.timeout_us = Some(positive(text, 1_000_000)?);
            Some(())
        }),
    },
    VerbOption {
        name: "not-converging",
        short: None,
        value: takes("slow|stop|give-up", "`slow`, `stop` or `give-up`"),
        about: "If copying does not reach the downtime goal: slow the domain down until it does, stop copying and freeze the domain for longer (the default), or give the move up",
        effect: Effect::Set(|options, text| {
            options.not_converging = match text {
                "slow" => NotConverging::Slow,
                "stop" => NotConverging::Stop,
                "give-up" => NotConverging::GiveUp,
                _ => return None,
            };
            Some(())
        }),
    },
];

/// The options of `drain`.
pub const DRAIN: &[VerbOption] = &[VerbOption {
    name: "to",
    short: None,
    value: takes("MACHINE", "the name or address of a machine"),
    about: "The one machine that the domains move to, instead of all others that admit them",
    effect: Effect::DrainTo,
}];

/// The options of `reboot`.
pub const REBOOT: &[VerbOption] = &[VerbOption {
    name: "force",
    short: None,
    value: None,
    about: "Restart even if movable domains or moves are lost; the reply lists these",
    effect: Effect::Force,
}];

/// The options of `logs`.
pub const LOGS: &[VerbOption] = &[VerbOption {
    name: "follow",
    short: Some('f'),
    value: None,
    about: "Continue with lines as they are logged, until interrupted",
    effect: Effect::Program,
}];

impl VerbOption {
    /// Whether it takes a value.
    pub fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// The option as it is written, with its value if it takes one.
    pub fn usage(&self) -> String {
        match self.value {
            Some(value) => format!("--{} {}", self.name, value.name),
            None => format!("--{}", self.name),
        }
    }

    /// Whether the value takes the place of the command's last operand.
    pub fn is_operand(&self) -> bool {
        matches!(self.effect, Effect::Operand)
    }
}

/// Splits the words after a command's name into its operands and its options.
pub(super) fn split<'a>(
    verb: &Verb,
    words: &[&'a str],
) -> Result<(Vec<&'a str>, Chosen), CommandError> {
    let (mut operands, mut chosen) = (Vec::new(), Chosen::default());
    let (mut last_operand, mut given) = (None, Vec::new());
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let Some(text) = word.strip_prefix("--").filter(|_| !verb.options.is_empty()) else {
            operands.push(word);
            continue;
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let option = verb.options.iter().find(|option| option.name == name);
        let option = option.ok_or_else(|| no_option(verb, word))?;
        if given.contains(&option.name) {
            return Err(CommandError::Repeated(option.name));
        }
        given.push(option.name);
        let Some(OptionValue { expected, .. }) = option.value else {
            if value.is_some() {
                return Err(CommandError::UnexpectedValue(option.name));
            }
            chosen.is_forced |= matches!(option.effect, Effect::Force);
            continue;
        };
        let value = value.or_else(|| words.next());
        let value = value.ok_or(CommandError::NoValue(option.name, expected))?;
        let refused = || CommandError::Value(option.name, value.to_owned(), expected);
        match option.effect {
            Effect::Operand => last_operand = Some(value),
            Effect::Set(set) => set(&mut chosen.moves, value).ok_or_else(refused)?,
            Effect::DrainTo => chosen.to = Some(value.parse()?),
            Effect::Force | Effect::Program => {}
        }
    }
    operands.extend(last_operand);
    Ok((operands, chosen))
}

fn no_option(verb: &Verb, word: &str) -> CommandError {
    let known = verb.options.iter();
    let known: Vec<String> = known.map(VerbOption::usage).collect();
    CommandError::NoOption(verb.name, word.to_owned(), known.join(", "))
}

/// Parses a whole number of units, at least 1, and converts it to smaller units: `parts` per unit.
fn positive(text: &str, parts: u64) -> Option<u64> {
    let count = text.parse::<u64>().ok()?;
    count.checked_mul(parts).filter(|count| *count > 0)
}
