//! The textual form of commands, and the errors of words that are not a command.

use alloc::string::ToString;

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
            Command::Migrate(counter, at),
        ),
        ("migrate  counter b", Command::Migrate(counter, named)),
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
    ] {
        assert_eq!(parse(text), Ok(command), "{text}");
    }
}

#[test]
fn an_error_names_the_word_and_the_reason() {
    for (text, reason) in [
        ("", "no command ``"),
        ("fly kv", "no command `fly`"),
        ("migrate kv", "migrate DOMAIN DESTINATION"),
        ("migrate kv b c", "migrate DOMAIN DESTINATION"),
        ("list kv", "no operands"),
        ("hold", "hold EVENT..."),
        ("force kv up", "`up`"),
        ("explain \u{1b}[2J", "the name contains"),
        ("migrate kv a/b", "`a/b`"),
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
