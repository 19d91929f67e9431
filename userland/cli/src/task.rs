//! The task that a command line selects: [`Task`], and the commands as clap describes them: [`subcommands`].

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches};
use identity::Name;
use nomad_client::Command;
use nomad_client::command::options::VerbOption;
use nomad_client::command::{Audience, CommandError, Operand, VERBS, Verb};

/// The operands of commands that this program performs itself.
const PACKAGE: &str = "PACKAGE";
const DOMAIN: &str = "DOMAIN";

/// A task at a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send a command, and show the events of its reply as they come.
    Send(Command),
    /// Send the package in this file, and show the events of the reply as they come.
    Run(PathBuf),
    /// Print a table of the machine's domains.
    Domains,
    /// Print that table and the machine's memory; on a terminal, repeatedly.
    Top,
    /// Print a table of the machines and their domains' totals.
    Machines,
    /// Print the machine's log.
    Logs {
        /// The domain whose lines are printed; without one, the lines of all domains.
        domain: Option<Name>,
        /// Whether to continue with lines as they are logged.
        follow: bool,
    },
}

impl Task {
    /// The task of the command `name`, one of [`subcommands`], with these operands.
    ///
    /// # Errors
    /// The reason the operands are not acceptable.
    pub fn of(name: &str, matches: &ArgMatches) -> Result<Task, CommandError> {
        match name {
            "ps" => Ok(Task::Domains),
            "top" => Ok(Task::Top),
            "run" => {
                let package = matches.get_one::<PathBuf>(PACKAGE);
                Ok(Task::Run(package.expect("clap requires it").clone()))
            }
            "logs" => Ok(Task::Logs {
                domain: matches
                    .get_one::<String>(DOMAIN)
                    .map(|name| domain_name(name))
                    .transpose()?,
                follow: matches.get_flag("follow"),
            }),
            _ => command(Verb::named(name)?, matches).map(|command| match command {
                Command::Machines => Task::Machines,
                command => Task::Send(command),
            }),
        }
    }
}

/// All commands for a machine, in the order of the help.
pub fn subcommands() -> impl Iterator<Item = clap::Command> {
    let is_here = |verb: &&Verb| verb.audience != Audience::Console;
    VERBS.iter().filter(is_here).map(subcommand)
}

/// A command whose usage shows both places for the machine.
fn named(name: &'static str, operands: &str) -> clap::Command {
    let words = format!("{name} {operands}");
    let words = words.trim_end();
    clap::Command::new(name).override_usage(format!(
        "caravan [OPTIONS] MACHINE {words}\n       caravan [OPTIONS] {words} --on MACHINE"
    ))
}

fn subcommand(verb: &Verb) -> clap::Command {
    let last = verb.operands().last();
    let replacement = verb.options.iter().find(|option| option.is_operand());
    let operands = verb.operands().map(|operand| {
        let arg = operand_argument(operand);
        match replacement.filter(|_| last == Some(operand)) {
            Some(option) => arg
                .required_unless_present(option.name)
                .conflicts_with(option.name),
            None => arg.required(!operand.is_optional),
        }
    });
    named(verb.name, verb.operands)
        .about(verb.about)
        .hide(verb.audience == Audience::Tests)
        .args(operands)
        .args(verb.options.iter().map(option))
}

fn operand_argument(operand: Operand) -> Arg {
    let arg = Arg::new(operand.name).value_name(operand.name);
    let arg = arg.help(operand_help(operand.name));
    match operand.name {
        PACKAGE => arg.value_parser(ValueParser::path_buf()),
        _ if operand.takes_rest => arg.num_args(1..),
        _ => arg,
    }
}

fn option(option: &VerbOption) -> Arg {
    let arg = Arg::new(option.name).long(option.name).short(option.short);
    let arg = arg.help(option.about);
    match option.value {
        Some(value) => arg.value_name(value.name),
        None => arg.action(ArgAction::SetTrue),
    }
}

fn operand_help(operand: &str) -> &'static str {
    match operand {
        DOMAIN => "The name of a domain",
        PACKAGE => "A domain and its program in one file, as `cargo caravan build` makes it",
        "DESTINATION" => "The machine that it moves to: its name in the fleet or its address",
        "run|drop" => "What becomes of the copy on the machine",
        _ => "A text",
    }
}

/// The command for the server.
fn command(verb: &Verb, matches: &ArgMatches) -> Result<Command, CommandError> {
    let given = verb
        .operands()
        .flat_map(|operand| matches.get_many::<String>(operand.name));
    let mut words: Vec<String> = given.flatten().cloned().collect();
    words.extend(
        verb.options
            .iter()
            .filter_map(|it| given_option(it, matches)),
    );
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    verb.command(&words)
}

/// An option as one word, if it is given.
fn given_option(option: &VerbOption, matches: &ArgMatches) -> Option<String> {
    let name = option.name;
    if option.has_value() {
        let value = matches.get_one::<String>(name);
        return value.map(|value| format!("--{name}={value}"));
    }
    matches.get_flag(name).then(|| format!("--{name}"))
}

fn domain_name(text: &str) -> Result<Name, CommandError> {
    Name::try_new(text).map_err(|error| CommandError::Name(text.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_a_command_names_each_operand() {
        for verb in VERBS {
            let mut command = subcommand(verb);
            let help = command.render_help().to_string();
            let usage = format!("MACHINE {} {}", verb.name, verb.operands);
            assert!(help.contains(usage.trim_end()), "{help}");
            for operand in verb.operands().map(|operand| operand.name) {
                let is_named = [format!("<{operand}>"), format!("[{operand}]")];
                assert!(is_named.iter().any(|form| help.contains(form)), "{help}");
            }
            for option in verb.options {
                let form = match option.value {
                    Some(value) => format!("--{} <{}>", option.name, value.name),
                    None => format!("--{}", option.name),
                };
                assert!(help.contains(&form), "{help}");
            }
        }
    }
}
