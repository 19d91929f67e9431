//! The program's arguments: [`Invocation`].

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use crate::run::Mode;

/// The task for which the program was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Make a crate.
    New {
        /// The name of the crate and its domain.
        name: String,
        /// The directory of the crate, which must not exist yet.
        directory: PathBuf,
    },
    /// Build the crate in the working directory.
    Build,
    /// Run the domain on two machines.
    Run(Mode),
    /// Send the domain to a running machine.
    Push {
        /// The machine's address.
        machine: String,
        /// The file that contains the fleet's secret, if one was given.
        secret: Option<PathBuf>,
    },
    /// Print the completions for this shell.
    Complete(Shell),
}

impl Invocation {
    /// Parses the arguments. The first one is the program's name. Cargo inserts the subcommand's name after it.
    ///
    /// # Errors
    /// clap's error to print, or the requested help, with its exit code.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Invocation, clap::Error> {
        let mut arguments: Vec<String> = arguments.into_iter().collect();
        if arguments.get(1).is_some_and(|word| word == "caravan") {
            arguments.remove(1);
        }
        let mut matches = program().try_get_matches_from(arguments)?;
        if let Some(shell) = matches.remove_one("completions") {
            return Ok(Invocation::Complete(shell));
        }
        match matches.remove_subcommand() {
            Some((name, operands)) => Ok(Invocation::of(&name, operands)),
            None => Err(program().error(ErrorKind::MissingSubcommand, "a command is missing")),
        }
    }

    fn of(name: &str, mut operands: ArgMatches) -> Invocation {
        let text = |operands: &mut ArgMatches, id| {
            let text = operands.remove_one::<String>(id);
            text.unwrap_or_default()
        };
        match name {
            "new" => {
                let name = text(&mut operands, "name");
                let directory = operands.remove_one("path");
                Invocation::New {
                    directory: directory.unwrap_or_else(|| PathBuf::from(&name)),
                    name,
                }
            }
            "build" => Invocation::Build,
            "run" if operands.get_flag("once") => Invocation::Run(Mode::Once),
            "run" => Invocation::Run(Mode::Interactive),
            _ => Invocation::Push {
                machine: text(&mut operands, "on"),
                secret: operands.remove_one("secret"),
            },
        }
    }
}

/// The program as clap describes it in `--help` and in completions.
pub fn program() -> Command {
    Command::new("cargo-caravan")
        .bin_name("cargo caravan")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Make, build, run and send a Caravan domain that is a crate outside of the tree.")
        .after_help(
            "Domains are built with the Caravan tree from which this program was installed, or the one that CARAVAN_HOME names.",
        )
        .arg(
            Arg::new("completions")
                .long("completions")
                .value_name("SHELL")
                .exclusive(true)
                .value_parser(clap::value_parser!(Shell))
                .help("Print the completions for a shell"),
        )
        .subcommands([new(), build(), run(), push()])
}

fn new() -> Command {
    Command::new("new")
        .about("Make a crate with a domain in it")
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .help("The name of the crate and of its domain"),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("DIR")
                .value_parser(ValueParser::path_buf())
                .help("Its directory, which must not exist; by default ./NAME"),
        )
}

fn build() -> Command {
    Command::new("build")
        .about("Compile the domain of the crate in this directory, and make its package")
        .after_help(
            "Prints the path of the program, and of the package, target/caravan/NAME.caravan: the program and its entry in a \
             manifest, in one file.",
        )
}

fn run() -> Command {
    Command::new("run")
        .about("Build the domain, and start it on the first of two machines in QEMU; commands move it")
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help(
                    "Move it there and back while a client keeps one TCP connection to it, and print the verdict; the domain must \
                     send each line back unchanged",
                ),
        )
}

fn push() -> Command {
    Command::new("push")
        .about("Build the domain, and start it on a running machine, as `caravan run PACKAGE` does")
        .arg(
            Arg::new("on")
                .long("on")
                .value_name("MACHINE")
                .required(true)
                .help("The address of the machine's migration server"),
        )
        .arg(
            Arg::new("secret")
                .long("secret")
                .value_name("FILE")
                .value_parser(ValueParser::path_buf())
                .help("The file that contains the fleet's secret; by default the variable CARAVAN_SECRET has the secret"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, clap::Error> {
        let words = line.split_ascii_whitespace();
        Invocation::parse(
            ["cargo-caravan"]
                .into_iter()
                .chain(words)
                .map(str::to_owned),
        )
    }

    #[test]
    fn a_command_is_understood_with_and_without_cargo() {
        let echo = |directory: &str| Invocation::New {
            name: "echo".into(),
            directory: directory.into(),
        };
        let push = |secret: Option<&str>| Invocation::Push {
            machine: "10.77.0.1".into(),
            secret: secret.map(PathBuf::from),
        };
        for (line, expected) in [
            ("new echo", echo("echo")),
            ("new --path there echo", echo("there")),
            ("new echo --path there", echo("there")),
            ("build", Invocation::Build),
            ("run", Invocation::Run(Mode::Interactive)),
            ("run --once", Invocation::Run(Mode::Once)),
            ("push --on 10.77.0.1", push(None)),
            ("push --secret file --on 10.77.0.1", push(Some("file"))),
            ("--completions bash", Invocation::Complete(Shell::Bash)),
        ] {
            assert_eq!(parse(line).expect(line), expected);
            assert_eq!(parse(&format!("caravan {line}")).expect(line), expected);
        }
    }

    #[test]
    fn every_command_has_help_of_its_own() {
        program().debug_assert();
        for (line, part) in [
            ("help new", "--path <DIR>"),
            ("push --help", "--on <MACHINE>"),
        ] {
            let help = parse(line).expect_err("help");
            assert_eq!(help.exit_code(), 0);
            assert!(help.to_string().contains(part), "{help}");
        }
    }
}
