//! The commands that describe the commands, for clients that look them up.

use crate::command::{COMMANDS, Call, Command, CommandError, Keys, Kind, find, is_word};
use crate::info::REDIS_VERSION;
use crate::reply::Replies;

/// `COMMAND`, `COMMAND COUNT`, `COMMAND LIST`, `COMMAND INFO [name ...]`, `COMMAND DOCS [name ...]`
pub fn command<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    let word = call.request.argument(1);
    let names = call.request.arguments_from(2);
    let replies = &mut *call.replies;
    match call.request.count() {
        1 => describe_all(replies),
        2 if is_word(word, "info") => describe_all(replies),
        2 if is_word(word, "count") => replies.integer(COMMANDS.len() as i64),
        2 if is_word(word, "list") => list(replies),
        2 if is_word(word, "docs") => document(replies, COMMANDS.iter()),
        _ if is_word(word, "docs") => document(replies, names.filter_map(find)),
        _ if is_word(word, "info") => {
            replies.array(call.request.count() - 2);
            for name in names {
                match find(name) {
                    Some(command) => describe(replies, command),
                    None => replies.null_array(),
                }
            }
        }
        _ => return Err(CommandError::Subcommand(word)),
    }
    Ok(())
}

fn list(replies: &mut Replies) {
    replies.array(COMMANDS.len());
    for command in COMMANDS {
        replies.bulk(command.name.as_bytes());
    }
}

fn describe_all(replies: &mut Replies) {
    replies.array(COMMANDS.len());
    for command in COMMANDS {
        describe(replies, command);
    }
}

/// Name, arity, flags, and the first, last and step of the keys.
fn describe(replies: &mut Replies, command: &Command) {
    replies.array(6);
    replies.bulk(command.name.as_bytes());
    replies.integer(command.arity);
    let flags = flags(command.kind);
    replies.array(flags.len());
    for flag in flags {
        replies.simple(flag);
    }
    for number in keys(command.keys) {
        replies.integer(number);
    }
}

fn flags(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Read => &["readonly", "fast"],
        Kind::Write => &["write"],
        Kind::Grow => &["write", "denyoom"],
        Kind::Server => &["loading", "stale"],
        Kind::Connection => &["fast", "loading", "stale"],
    }
}

fn keys(keys: Keys) -> [i64; 3] {
    match keys {
        Keys::None => [0, 0, 0],
        Keys::First => [1, 1, 1],
        Keys::All => [1, -1, 1],
        Keys::EverySecond => [1, -1, 2],
    }
}

/// The name and the documentation of each command.
fn document<'c>(replies: &mut Replies, commands: impl Iterator<Item = &'c Command> + Clone) {
    replies.array(2 * commands.clone().count());
    for command in commands {
        let fields = [
            ("summary", command.summary),
            ("since", REDIS_VERSION),
            ("group", group(command.kind)),
        ];
        replies.bulk(command.name.as_bytes());
        replies.array(2 * fields.len());
        for (name, value) in fields {
            replies.bulk(name.as_bytes());
            replies.bulk(value.as_bytes());
        }
    }
}

fn group(kind: Kind) -> &'static str {
    match kind {
        Kind::Read | Kind::Write | Kind::Grow => "string",
        Kind::Server => "server",
        Kind::Connection => "connection",
    }
}
