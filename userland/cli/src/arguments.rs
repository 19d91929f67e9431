//! The program's arguments: [`Invocation`].

use std::net::{SocketAddr, SocketAddrV4, ToSocketAddrs};
use std::path::PathBuf;

use clap::builder::PathBufValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};
use clap_complete::Shell;
use nomad_client::Command;
use nomad_client::command::{Audience, VERBS, Verb};
use nomad_protocol::PORT;

/// The command that is not a server's: a table of domains.
const PS: &str = "ps";

/// What the program was started for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// A command for a machine.
    Send(Request),
    /// Print the completions for this shell.
    Complete(Shell),
}

/// A command for a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address of the machine's migration server.
    pub server: SocketAddrV4,
    /// The command.
    pub command: Command,
    /// How its reply is shown.
    pub view: View,
    /// Whether to print JSON, one object per line.
    pub json: bool,
    /// The file that contains the fleet's secret, if one was given.
    pub secret: Option<PathBuf>,
}

/// How a reply is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As the events come.
    Events,
    /// A table of the domains in it.
    Domains,
    /// A table of the machines in it, each of which is asked for its domains.
    Machines,
}

impl Invocation {
    /// Parses the arguments, of which the first is the program's name.
    ///
    /// # Errors
    /// The error to print, or the help that was asked for; clap's, with its exit code.
    pub fn parse<I, T>(arguments: I) -> Result<Invocation, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let matches = program().try_get_matches_from(arguments)?;
        if let Some(shell) = matches.get_one::<Shell>("completions") {
            return Ok(Invocation::Complete(*shell));
        }
        let (name, operands) = matches.subcommand().ok_or_else(|| {
            program().error(
                ErrorKind::MissingSubcommand,
                "a command is needed after MACHINE",
            )
        })?;
        let (command, view) = command(name, operands)?;
        Ok(Invocation::Send(Request {
            server: *matches.get_one("machine").expect("clap requires it"),
            command,
            view,
            json: matches.get_flag("json"),
            secret: matches.get_one::<PathBuf>("secret").cloned(),
        }))
    }
}

/// The program as clap describes it in `--help` and in completions.
pub fn program() -> clap::Command {
    let verbs = VERBS.iter().map(subcommand);
    clap::Command::new("caravan")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Send a command to a machine's migration server and show the reply.")
        .override_usage("caravan [OPTIONS] MACHINE COMMAND [OPERANDS]")
        .disable_help_subcommand(true)
        .after_help(
            "The fleet's secret is read from the file given by --secret, or from the variable CARAVAN_SECRET.\n\
             Interrupting a command does not cancel it: a move goes on.\n\
             Exit codes: 0 done, 1 refused or failed, 2 not understood.",
        )
        .arg_required_else_help(true)
        .arg(
            Arg::new("machine")
                .value_name("MACHINE")
                .help("The IPv4 address of a machine's migration server, with or without a port (7411)")
                .required_unless_present("completions")
                .value_parser(address),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .global(true)
                .action(ArgAction::SetTrue)
                .help("Print one JSON object per line"),
        )
        .arg(
            Arg::new("secret")
                .long("secret")
                .global(true)
                .value_name("FILE")
                .value_parser(PathBufValueParser::new())
                .help("The file that contains the fleet's secret"),
        )
        .arg(
            Arg::new("completions")
                .long("completions")
                .value_name("SHELL")
                .exclusive(true)
                .value_parser(clap::value_parser!(Shell))
                .help("Print the completions for a shell"),
        )
        .subcommand(clap::Command::new(PS).about("Print a table of the machine's domains"))
        .subcommands(verbs)
}

fn subcommand(verb: &Verb) -> clap::Command {
    let names = verb.operands.split_ascii_whitespace();
    let names: Vec<&str> = names.map(|name| name.trim_end_matches('.')).collect();
    let command = clap::Command::new(verb.name)
        .about(verb.about)
        .hide(verb.audience == Audience::Tests);
    match (names.len(), verb.operands.ends_with("...")) {
        (0, _) => command,
        (count, false) => command.arg(operands(&names).num_args(count)),
        (_, true) => command.arg(operands(&names).num_args(1..)),
    }
}

fn operands(names: &[&'static str]) -> Arg {
    Arg::new("operands")
        .value_names(names.to_vec())
        .required(true)
}

/// The command for the server, and how its reply is shown.
fn command(name: &str, matches: &ArgMatches) -> Result<(Command, View), clap::Error> {
    if name == PS {
        return Ok((Command::List, View::Domains));
    }
    let operands = matches.try_get_many::<String>("operands").ok().flatten();
    let operands: Vec<&str> = operands.into_iter().flatten().map(String::as_str).collect();
    let verb = VERBS.iter().find(|verb| verb.name == name);
    let command = verb.expect("clap knows no other").command(&operands);
    let command = command.map_err(|error| program().error(ErrorKind::InvalidValue, error))?;
    let view = match command {
        Command::Machines => View::Machines,
        _ => View::Events,
    };
    Ok((command, view))
}

fn address(text: &str) -> Result<SocketAddrV4, String> {
    let with_port = text
        .to_socket_addrs()
        .or_else(|_| (text, PORT).to_socket_addrs());
    let mut addresses = with_port.into_iter().flatten();
    let first = addresses.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    first.ok_or_else(|| "not an IPv4 address".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, clap::Error> {
        Invocation::parse(["caravan"].into_iter().chain(line.split(' ')))
    }

    fn request(line: &str) -> Request {
        match parse(line) {
            Ok(Invocation::Send(request)) => request,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn parses_a_machine_and_a_command() {
        let expected = Request {
            server: "10.77.0.1:7411".parse().expect("an address"),
            command: "migrate counter b".parse().expect("a command"),
            view: View::Events,
            json: false,
            secret: None,
        };
        assert_eq!(request("10.77.0.1 migrate counter b"), expected);
        assert_eq!(request("10.77.0.1 ps").view, View::Domains);
        assert_eq!(request("10.77.0.1 machines").view, View::Machines);
        let hold = Command::Hold("phase Freeze".into());
        assert_eq!(request("10.77.0.1 hold phase Freeze").command, hold);
    }

    #[test]
    fn options_stand_anywhere() {
        for line in [
            "--json --secret file 127.0.0.1:99 list",
            "--secret file 127.0.0.1:99 --json list",
            "127.0.0.1:99 list --json --secret file",
        ] {
            let request = request(line);
            assert!(request.json, "{line}");
            assert_eq!(request.secret, Some("file".into()));
            assert_eq!(request.server.port(), 99);
        }
    }

    #[test]
    fn an_error_names_the_word() {
        for (line, word) in [
            ("10.77.0.1 fly", "fly"),
            ("10.77.0.1 migrate counter", "MACHINE"),
            ("10.77.0.1 force counter up", "up"),
            ("10.77.0.1 explain two/words", "two/words"),
            ("10.77.0.1", "a command is needed"),
            ("--jason 10.77.0.1 list", "--jason"),
            ("--secret", "FILE"),
            ("::1 list", "::1"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            let text = error.to_string();
            assert!(text.contains(word), "{line}: {text}");
        }
    }

    #[test]
    fn help_lists_every_command_but_those_of_tests() {
        let help = program().render_help().to_string();
        for verb in VERBS {
            let line = format!("\n  {} ", verb.name);
            let is_listed = help.contains(&line);
            assert_eq!(
                is_listed,
                verb.audience == Audience::Operators,
                "{}",
                verb.name
            );
        }
        program().debug_assert();
    }
}
