//! The textual form of commands, and the errors of words that are not a command.

use alloc::string::ToString;

use nomad_protocol::planner::NotConverging;

use super::*;

fn parse(text: &str) -> Result<Command, CommandError> {
    text.parse()
}

#[test]
fn parses_commands() {
    let counter = Name::try_new("counter").expect("a name");
    let at = Destination::At(Ipv4Addr::new(10, 77, 0, 12));
    let named = Destination::Named(Name::try_new("b").expect("a name"));
    for (text, command) in [
        ("machines", Command::Machines),
        (" list ", Command::List),
        ("explain counter", Command::Explain(counter)),
        (
            "migrate counter 10.77.0.12\n",
            Command::Migrate(counter, at, MoveOptions::default()),
        ),
        (
            "migrate  counter b",
            Command::Migrate(counter, named, MoveOptions::default()),
        ),
        ("cancel counter\r\n", Command::Cancel(counter)),
        ("start counter", Command::Start(counter)),
        ("force counter run", Command::Force(counter, Force::RunHere)),
        (
            "force counter drop",
            Command::Force(counter, Force::DropCopy),
        ),
        ("mem", Command::Memory),
        ("hold phase Freeze", Command::Hold("phase Freeze".into())),
        ("go", Command::Go),
        ("end", Command::End),
        ("stop counter", Command::Stop(counter)),
        ("restart counter", Command::Restart(counter)),
        ("rm counter", Command::Remove(counter)),
        ("drain", Command::Drain(None)),
        ("drain --to b", Command::Drain(Some(named))),
        ("drain --to=10.77.0.12", Command::Drain(Some(at))),
        ("undrain", Command::Undrain),
        ("reboot", Command::Reboot(RebootIf::NothingIsLost)),
        ("reboot --force", Command::Reboot(RebootIf::Forced)),
    ] {
        assert_eq!(parse(text), Ok(command), "{text}");
    }
}

#[test]
fn parses_the_options_of_a_move_in_any_order() {
    let kv = Name::try_new("kv").expect("a name");
    let to = Destination::Named(Name::try_new("b").expect("a name"));
    let options = MoveOptions {
        downtime_us: Some(300_000),
        rate_max: Some(5_000_000),
        timeout_us: Some(60_000_000),
        not_converging: NotConverging::GiveUp,
    };
    for text in [
        "migrate kv --to b --downtime-goal 300 --bandwidth 5 --timeout 60 --not-converging give-up",
        "migrate --not-converging=give-up --timeout=60 kv --bandwidth=5 b --downtime-goal=300",
    ] {
        assert_eq!(parse(text), Ok(Command::Migrate(kv, to, options)), "{text}");
    }
    let slow = MoveOptions {
        not_converging: NotConverging::Slow,
        ..MoveOptions::default()
    };
    let parsed = parse("migrate kv b --not-converging slow");
    assert_eq!(parsed, Ok(Command::Migrate(kv, to, slow)));
    let default = parse("migrate kv b --not-converging stop");
    assert_eq!(default, parse("migrate kv --to=b"));
    let held = parse("hold --timeout");
    assert_eq!(held, Ok(Command::Hold("--timeout".into())));
}

#[test]
fn an_error_names_the_word_and_the_reason() {
    for (text, reason) in [
        ("", "no command ``"),
        ("fly kv", "no command `fly`"),
        ("migrate kv", "migrate DOMAIN DESTINATION"),
        ("migrate kv b c", "migrate DOMAIN DESTINATION"),
        (
            "migrate kv b --bandwith 5",
            "no option `--bandwith`: it has --to MACHINE, --downtime-goal MS, --bandwidth MB_PER_S, --timeout S, --not-converging slow|stop|give-up",
        ),
        (
            "migrate kv b --timeout",
            "`--timeout` needs a value: a whole number of seconds",
        ),
        ("migrate kv b --timeout 0", "`--timeout 0`: expected"),
        ("migrate kv b --timeout soon", "`--timeout soon`: expected"),
        (
            "migrate kv b --bandwidth 18446744073709551615",
            "expected a whole number of megabytes",
        ),
        (
            "migrate kv b --not-converging never",
            "`slow`, `stop` or `give-up`",
        ),
        (
            "migrate kv b --timeout 1 --timeout=2",
            "`--timeout` is given twice",
        ),
        ("migrate kv b --to c", "migrate DOMAIN DESTINATION"),
        ("list --timeout 1", "no operands"),
        ("list kv", "no operands"),
        ("hold", "hold EVENT..."),
        (
            "run kv.caravan",
            "`run` is a command of the program `caravan` only",
        ),
        ("log kv", "`log` is a command of a machine's console only"),
        ("force kv up", "`up`"),
        ("drain b", "`drain` takes no operands"),
        ("drain --to", "`--to` needs a value"),
        ("drain --to a/b", "`a/b`"),
        ("drain --force", "no option `--force`: it has --to MACHINE"),
        ("reboot --force=yes", "`--force` takes no value"),
        ("reboot --force --force", "`--force` is given twice"),
        ("reboot --now", "no option `--now`: it has --force"),
        ("explain \u{1b}[2J", "the name contains"),
        ("migrate kv a/b", "`a/b`"),
        (
            "migrate kv --to 10.77.0.2:7411",
            "`10.77.0.2:7411`: a destination is an address without a port, or a name: give `10.77.0.2`",
        ),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_name_is_in_the_table_once() {
    for (index, verb) in VERBS.iter().enumerate() {
        assert!(VERBS[..index].iter().all(|other| other.name != verb.name));
    }
}

#[test]
fn operands_are_needed_optional_or_the_rest() {
    let operands = |name| -> Vec<Operand> {
        let verb = Verb::named(name).expect("a command");
        verb.operands().collect()
    };
    let operand = |name, is_optional, takes_rest| Operand {
        name,
        is_optional,
        takes_rest,
    };
    assert_eq!(operands("hold"), [operand("EVENT", false, true)]);
    assert_eq!(operands("logs"), [operand("DOMAIN", true, false)]);
    assert_eq!(operands("rm"), [operand("DOMAIN", false, false)]);
    let logs = Verb::named("logs").expect("a command");
    assert_eq!(
        [0, 1, 2].map(|count| logs.check_count(count).is_ok()),
        [true, true, false]
    );
}
