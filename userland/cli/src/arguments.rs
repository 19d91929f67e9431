//! The program's arguments: [`Invocation`].

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};
use clap_complete::Shell;

use crate::netboot;
use crate::server::Server;
use crate::task::{self, Task};

/// The next step of a user whose machine was not found.
pub const MACHINE_NEXT: &str =
    "give the address of a machine, as in 10.77.0.1, 10.77.0.1:7411 or NAME@10.77.0.1";

/// The text of `--version`: the program's version, and those of what it has in common with machines.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\nprotocol {}, image format {}, system calls {}",
        env!("CARGO_PKG_VERSION"),
        nomad_protocol::PROTOCOL_VERSION,
        nomad_image::FORMAT_VERSION,
        nomad_image::ABI_VERSION
    )
});

/// The task for which the program was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// A command for a machine.
    Send(Request),
    /// Start machines from the network.
    Netboot(netboot::Options),
    /// Print the completions for this shell.
    Complete(Shell),
}

/// A command for a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The machine's migration server.
    pub server: Server,
    /// The task to perform there.
    pub task: Task,
    /// Whether to print JSON, one object per line.
    pub json: bool,
    /// The file that contains the fleet's secret, if one was given.
    pub secret: Option<PathBuf>,
}

impl Invocation {
    /// Parses the arguments. The first one is the program's name.
    ///
    /// # Errors
    /// clap's error to print, or the requested help, with its exit code.
    pub fn parse<I, T>(arguments: I) -> Result<Invocation, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let matches = program().try_get_matches_from(arguments)?;
        if let Some(shell) = matches.get_one::<Shell>("completions") {
            return Ok(Invocation::Complete(*shell));
        }
        if let Some((netboot::NAME, operands)) = matches.subcommand() {
            refuse_options(&matches)?;
            return Ok(Invocation::Netboot(netboot::Options::of(operands)));
        }
        let server = machine(&matches)?;
        let (name, operands) = matches.subcommand().ok_or_else(|| {
            let reason = "a command is needed: `caravan --help` lists them";
            program().error(ErrorKind::MissingSubcommand, reason)
        })?;
        Ok(Invocation::Send(Request {
            server,
            task: Task::of(name, operands)
                .map_err(|error| program().error(ErrorKind::InvalidValue, error))?,
            json: matches.get_flag("json"),
            secret: matches.get_one::<PathBuf>("secret").cloned(),
        }))
    }
}

/// The machine, given as MACHINE before the command or with `--on`.
fn machine(matches: &ArgMatches) -> Result<Server, clap::Error> {
    let [first, option] = ["machine", "on"].map(|id| matches.get_one::<Server>(id));
    match (first, option) {
        (Some(machine), None) | (None, Some(machine)) => Ok(*machine),
        (Some(first), Some(option)) => Err(program().error(
            ErrorKind::ArgumentConflict,
            format!("MACHINE is given twice, as {first} and as `--on {option}`: omit one of them"),
        )),
        (None, None) => Err(program().error(
            ErrorKind::MissingRequiredArgument,
            "a machine is needed: MACHINE before the command, or `--on MACHINE` anywhere",
        )),
    }
}

/// Refuses the options of commands for a machine.
fn refuse_options(matches: &ArgMatches) -> Result<(), clap::Error> {
    if ["machine", "on"].iter().any(|id| matches.contains_id(id)) {
        let reason =
            "`netboot` serves from this host to machines that do not run yet: omit MACHINE";
        return Err(program().error(ErrorKind::ArgumentConflict, reason));
    }
    if matches.get_flag("json") || matches.contains_id("secret") {
        let reason = "`netboot` prints no JSON and sends no command: omit `--json` and `--secret`";
        return Err(program().error(ErrorKind::ArgumentConflict, reason));
    }
    Ok(())
}

/// The program as clap describes it in `--help` and in completions.
pub fn program() -> clap::Command {
    clap::Command::new("caravan")
        .version(VERSION.as_str())
        .about("Send a command to a machine's migration server and show the reply.")
        .override_usage(
            "caravan [OPTIONS] MACHINE COMMAND [OPERANDS]\n       caravan [OPTIONS] COMMAND [OPERANDS] --on MACHINE\n       \
             caravan netboot --interface INTERFACE [--dhcp FIRST-LAST] [DIR]",
        )
        .disable_help_subcommand(true)
        .after_help(
            "The fleet's secret is read from the file given by --secret, or from the variable CARAVAN_SECRET.\n\
             Interrupting a command does not cancel a move; a package that is not sent completely is dropped.\n\
             Exit codes: 0 done; 1 refused, failed or no reply; 2 not understood, or no secret.",
        )
        .arg_required_else_help(true)
        .args(options())
        .subcommands(task::subcommands())
        .subcommand(netboot::subcommand())
}

/// The arguments that every command has.
fn options() -> [Arg; 5] {
    [
        Arg::new("machine")
            .value_name("MACHINE")
            .help("The address or host name of a machine's migration server, with or without a port (7411), and NAME@ before it behind address translation")
            .value_parser(machine_or_command),
        Arg::new("on")
            .long("on")
            .global(true)
            .value_name("MACHINE")
            .value_parser(machine_option)
            .help("The machine, if it is not given before the command"),
        Arg::new("json")
            .long("json")
            .global(true)
            .action(ArgAction::SetTrue)
            .help("Print one JSON object per line"),
        Arg::new("secret")
            .long("secret")
            .global(true)
            .value_name("FILE")
            .value_parser(ValueParser::path_buf())
            .help("The file that contains the fleet's secret"),
        Arg::new("completions")
            .long("completions")
            .value_name("SHELL")
            .exclusive(true)
            .value_parser(clap::value_parser!(Shell))
            .help("Print the completions for a shell"),
    ]
}

/// Parses the word before the command. It is the machine, or a misspelt command if `--on` gives the machine.
fn machine_or_command(text: &str) -> Result<Server, String> {
    text.parse().map_err(|reason: String| {
        format!(
            "{reason}; it is not a command either\n  next: {MACHINE_NEXT}, or see `caravan --help`"
        )
    })
}

/// Parses the argument of `--on`.
fn machine_option(text: &str) -> Result<Server, String> {
    text.parse()
        .map_err(|reason: String| format!("{reason}\n  next: {MACHINE_NEXT}"))
}

#[cfg(test)]
mod tests {
    use identity::Name;
    use nomad_client::Command;
    use nomad_client::command::{Audience, VERBS};

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
            server: "10.77.0.1:7411".parse().expect("a server"),
            task: Task::Send("migrate counter b".parse().expect("a command")),
            json: false,
            secret: None,
        };
        assert_eq!(request("10.77.0.1 migrate counter b"), expected);
        let hold = Command::Hold("phase Freeze".into());
        let kv = Name::try_new("kv").expect("a name");
        let logs = |domain, follow| Task::Logs { domain, follow };
        for (line, task) in [
            ("ps", Task::Domains),
            ("top", Task::Top),
            ("machines", Task::Machines),
            ("run echo.caravan", Task::Run("echo.caravan".into())),
            ("logs", logs(None, false)),
            ("logs --follow", logs(None, true)),
            ("logs -f kv", logs(Some(kv), true)),
            ("rm kv", Task::Send(Command::Remove(kv))),
            ("hold phase Freeze", Task::Send(hold)),
        ] {
            assert_eq!(request(&format!("10.77.0.1 {line}")).task, task, "{line}");
            assert_eq!(request(&format!("{line} --on 10.77.0.1")).task, task);
        }
    }

    #[test]
    fn netboot_needs_an_interface_and_no_machine() {
        let expected = netboot::Options {
            interface: "eth0".into(),
            range: Some("10.0.0.8-10.0.0.9".parse().expect("a range")),
            directory: "image".into(),
        };
        match parse("netboot -i eth0 --dhcp 10.0.0.8-10.0.0.9 image") {
            Ok(Invocation::Netboot(options)) => assert_eq!(options, expected),
            other => panic!("{other:?}"),
        }
        for (line, word) in [
            ("netboot", "--interface <INTERFACE>"),
            ("netboot -i eth0 --dhcp 10.0.0.8", "as in 10.77.0.150"),
            ("netboot -i eth0 --on 10.77.0.1", "omit MACHINE"),
            ("10.77.0.1 netboot -i eth0", "omit MACHINE"),
            ("netboot -i eth0 --json", "omit `--json`"),
            ("--json netboot -i eth0", "omit `--json`"),
            (
                "netboot -i eth0 --secret file",
                "omit `--json` and `--secret`",
            ),
            (
                "--secret file netboot -i eth0",
                "omit `--json` and `--secret`",
            ),
        ] {
            let text = parse(line).expect_err(line).to_string();
            assert!(text.contains(word), "{line}: {text}");
        }
    }

    #[test]
    fn the_help_of_netboot_lists_its_own_options() {
        let help = parse("netboot --help").expect_err("the help").to_string();
        assert!(help.contains("--dhcp"), "{help}");
        for option in ["--on", "--json", "--secret"] {
            assert!(!help.contains(option), "{help}");
        }
    }

    #[test]
    fn the_options_of_a_move_stand_anywhere_in_its_command() {
        let expected =
            "migrate kv b --bandwidth 5 --downtime-goal 50 --timeout 9 --not-converging give-up";
        let expected = Task::Send(expected.parse().expect("a command"));
        for line in [
            "migrate kv --to b --bandwidth 5 --downtime-goal 50 --timeout 9 --not-converging give-up",
            "migrate --timeout=9 kv b --not-converging=give-up --bandwidth=5 --downtime-goal=50",
        ] {
            assert_eq!(request(&format!("10.77.0.1 {line}")).task, expected);
            assert_eq!(request(&format!("{line} --on 10.77.0.1")).task, expected);
        }
    }

    #[test]
    fn options_stand_anywhere() {
        for line in [
            "--json --secret file 127.0.0.1:99 list",
            "--secret file 127.0.0.1:99 --json list",
            "127.0.0.1:99 list --json --secret file",
            "list --json --secret file --on 127.0.0.1:99",
            "--on 127.0.0.1:99 --json --secret file list",
        ] {
            let request = request(line);
            assert!(request.json, "{line}");
            assert_eq!(request.secret, Some("file".into()));
            assert_eq!(request.server.address.port(), 99);
        }
    }

    #[test]
    fn an_error_names_the_word() {
        for (line, word) in [
            ("10.77.0.1 fly", "fly"),
            ("10.77.0.1 log", "log"),
            ("10.77.0.1 migrate counter", "DESTINATION"),
            ("10.77.0.1 migrate kv b --bandwith 5", "'--bandwidth'"),
            ("10.77.0.1 migrate kv b --bandwidth 0", "--bandwidth 0"),
            ("10.77.0.1 migrate kv b --timeout", "--timeout <S>"),
            ("10.77.0.1 migrate kv b --to c", "--to <MACHINE>"),
            (
                "10.77.0.1 migrate kv b --not-converging never",
                "`slow`, `stop` or `give-up`",
            ),
            ("10.77.0.1 list --timeout 3", "--timeout"),
            ("10.77.0.1 force counter up", "up"),
            ("10.77.0.1 explain two/words", "two/words"),
            ("10.77.0.1", "a command is needed"),
            ("--jason 10.77.0.1 list", "--jason"),
            ("--secret", "FILE"),
            (
                "::1 list",
                "'::1' for '[MACHINE]': expected an IPv4 address",
            ),
            ("a/b list", "next: give the address of a machine"),
            ("a/b --on 10.77.0.1", "it is not a command either"),
            (
                "list --on a/b",
                "'a/b' for '--on <MACHINE>': expected an IPv4",
            ),
            ("list --on a/b", "next: give the address of a machine"),
            ("list", "--on MACHINE"),
            ("10.77.0.1 list --on 10.77.0.2", "--on 10.77.0.2"),
            ("10.77.0.1 run", "PACKAGE"),
            ("10.77.0.1 logs two/words", "two/words"),
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
                matches!(verb.audience, Audience::Operators | Audience::CommandLine),
                "{}",
                verb.name
            );
        }
        program().debug_assert();
    }

    #[test]
    fn the_version_has_those_that_machines_must_have_in_common() {
        let text = parse("--version").expect_err("a text").to_string();
        let protocol = nomad_protocol::PROTOCOL_VERSION;
        let [format, calls] = [nomad_image::FORMAT_VERSION, nomad_image::ABI_VERSION];
        let line = format!("\nprotocol {protocol}, image format {format}, system calls {calls}\n");
        assert!(text.ends_with(&line), "{text}");
    }

    #[test]
    fn completions_name_every_command() {
        let mut script = Vec::new();
        clap_complete::generate(Shell::Bash, &mut program(), "caravan", &mut script);
        let script = String::from_utf8(script).expect("text");
        for verb in VERBS {
            let is_named = script.contains(&format!("caravan,{})", verb.name));
            assert_eq!(
                is_named,
                verb.audience != Audience::Console,
                "{}",
                verb.name
            );
        }
    }
}
