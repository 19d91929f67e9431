//! The task that a command line selects: [`Task`], and the commands as clap describes them: [`subcommands`].

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches};
use identity::Name;
use nomad_client::Command;
use nomad_client::command::options::VerbOption;
use nomad_client::command::{Audience, CommandError, VERBS, Verb};

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
                let package = matches.get_one::<PathBuf>("package");
                Ok(Task::Run(package.expect("clap requires it").clone()))
            }
            "logs" => Ok(Task::Logs {
                domain: matches.get_one("domain").copied(),
                follow: matches.get_flag("follow"),
            }),
            _ => command(name, matches).map(|command| match command {
                Command::Machines => Task::Machines,
                command => Task::Send(command),
            }),
        }
    }
}

/// All commands, in the order of the help.
pub fn subcommands() -> impl Iterator<Item = clap::Command> {
    own().into_iter().chain(VERBS.iter().map(subcommand))
}

/// The commands that a migration server does not have, or has in another form.
fn own() -> [clap::Command; 4] {
    [
        named("ps", "").about("Print a table of the machine's domains"),
        named("top", "")
            .about("Print that table and the machine's memory; on a terminal every two seconds"),
        named("run", "PACKAGE")
            .about("Send a package to the machine, and start its domain there")
            .arg(
                Arg::new("package")
                    .value_name("PACKAGE")
                    .required(true)
                    .value_parser(ValueParser::path_buf())
                    .help(
                        "A domain and its program in one file, as `cargo caravan build` makes it",
                    ),
            ),
        named("logs", "[-f] [DOMAIN]")
            .about("Print the machine's log")
            .arg(
                Arg::new("follow")
                    .short('f')
                    .long("follow")
                    .action(ArgAction::SetTrue)
                    .help("Continue with lines as they are logged, until interrupted"),
            )
            .arg(
                Arg::new("domain")
                    .value_name("DOMAIN")
                    .value_parser(domain_name)
                    .help("Only this domain's lines"),
            ),
    ]
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
    let last = operands(verb).last();
    let replacement = verb.options.iter().find(|option| option.is_operand());
    let operands = operands(verb).map(|operand| {
        let arg = Arg::new(operand).value_name(operand);
        let arg = arg.help(operand_help(operand));
        match replacement.filter(|_| last == Some(operand)) {
            Some(option) => arg
                .required_unless_present(option.name)
                .conflicts_with(option.name),
            None if verb.operands.ends_with("...") => arg.required(true).num_args(1..),
            None => arg.required(true),
        }
    });
    named(verb.name, verb.operands)
        .about(verb.about)
        .hide(verb.audience == Audience::Tests)
        .args(operands)
        .args(verb.options.iter().map(option))
}

fn option(option: &VerbOption) -> Arg {
    let arg = Arg::new(option.name).long(option.name).help(option.about);
    match option.has_value() {
        true => arg.value_name(option.value),
        false => arg.action(ArgAction::SetTrue),
    }
}

/// The names of a command's operands.
fn operands(verb: &Verb) -> impl Iterator<Item = &'static str> {
    let words = verb.operands.split_ascii_whitespace();
    words.map(|word| word.trim_end_matches('.'))
}

fn operand_help(operand: &str) -> &'static str {
    match operand {
        "DOMAIN" => "The name of a domain",
        "DESTINATION" => "The machine that it moves to: its name in the fleet or its address",
        "run|drop" => "What becomes of the copy on the machine",
        _ => "A text",
    }
}

/// The command for the server.
fn command(name: &str, matches: &ArgMatches) -> Result<Command, CommandError> {
    let verb = VERBS.iter().find(|verb| verb.name == name);
    let verb = verb.expect("clap knows no other");
    let given = operands(verb).flat_map(|operand| matches.get_many::<String>(operand));
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

fn domain_name(text: &str) -> Result<Name, String> {
    Name::try_new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_a_command_names_each_operand() {
        for (verb, mut command) in VERBS.iter().zip(VERBS.iter().map(subcommand)) {
            let help = command.render_help().to_string();
            let usage = format!("MACHINE {} {}", verb.name, verb.operands);
            assert!(help.contains(usage.trim_end()), "{help}");
            for operand in operands(verb) {
                let is_named = [format!("<{operand}>"), format!("[{operand}]")];
                assert!(is_named.iter().any(|form| help.contains(form)), "{help}");
            }
            for option in verb.options {
                let form = match option.has_value() {
                    true => format!("--{} <{}>", option.name, option.value),
                    false => format!("--{}", option.name),
                };
                assert!(help.contains(&form), "{help}");
            }
        }
    }
}
