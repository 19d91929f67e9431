//! The commands: one table, which says how each is called and what it does, and how one is executed.

use core::fmt;

use crate::account::Full;
use crate::commands::{connection, introspection, server, strings};
use crate::reply::{REPLY_TOO_LARGE, Replies};
use crate::request::Request;
use crate::service::Service;
use crate::session::Client;

/// Most bytes of a client's word that an error repeats.
const QUOTED_BYTES_MAX: usize = 64;

/// A request to be executed, and everything that it may touch.
pub struct Call<'a> {
    /// The request.
    pub request: &'a Request,
    /// What all connections share.
    pub service: &'a mut Service,
    /// What the client said of itself.
    pub client: &'a mut Client,
    /// Where the reply goes.
    pub replies: &'a mut Replies,
}

/// Why a command was not executed. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError<'a> {
    /// There is no such command.
    Unknown(&'a [u8]),
    /// It has too few or too many arguments.
    Arity(&'static str),
    /// It has no such subcommand.
    Subcommand(&'a [u8]),
    /// An argument is not where it belongs.
    Syntax,
    /// An argument, or the value at hand, is no 64-bit number.
    NoNumber,
    /// The result would be no 64-bit number.
    Overflow,
    /// A string would be longer than any may be.
    TooLong,
    /// The request had no room in the connection's buffer.
    TooLarge,
    /// The reply has no room in the connection's buffer.
    ReplyTooLarge,
    /// The store has no room.
    Full,
    /// There is one database, number 0.
    NoDatabase,
    /// Another protocol than RESP 2.
    NoProtocol,
    /// A client's name is too long or has a space in it.
    ClientName,
}

impl From<Full> for CommandError<'_> {
    fn from(Full: Full) -> Self {
        CommandError::Full
    }
}

impl fmt::Display for CommandError<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            CommandError::Unknown(name) => {
                write!(formatter, "ERR unknown command '{}'", Quoted(name))
            }
            CommandError::Arity(name) => write!(
                formatter,
                "ERR wrong number of arguments for '{name}' command"
            ),
            CommandError::Subcommand(name) => {
                write!(formatter, "ERR unknown subcommand '{}'", Quoted(name))
            }
            other => formatter.write_str(other.text()),
        }
    }
}

impl CommandError<'_> {
    /// The errors that name nothing. Clients know them by these words.
    fn text(&self) -> &'static str {
        match self {
            CommandError::Unknown(_) => "ERR unknown command",
            CommandError::Arity(_) => "ERR wrong number of arguments",
            CommandError::Subcommand(_) => "ERR unknown subcommand",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NoNumber => "ERR value is not an integer or out of range",
            CommandError::Overflow => "ERR increment or decrement would overflow",
            CommandError::TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            CommandError::TooLarge => "ERR the request is too large",
            CommandError::ReplyTooLarge => REPLY_TOO_LARGE,
            CommandError::Full => "OOM command not allowed when used memory > 'maxmemory'.",
            CommandError::NoDatabase => "ERR DB index is out of range",
            CommandError::NoProtocol => "NOPROTO unsupported protocol version",
            CommandError::ClientName => {
                "ERR Client names cannot contain spaces, newlines or special characters."
            }
        }
    }
}

/// A client's word in an error: short and without anything that could end the line.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(QUOTED_BYTES_MAX)];
        write!(formatter, "{}", shown.escape_ascii())
    }
}

/// What a command does: it writes one reply, or nothing and says why not.
pub type Run = for<'a> fn(&mut Call<'a>) -> Result<(), CommandError<'a>>;

/// A command.
pub struct Command {
    /// Its name in small letters.
    pub name: &'static str,
    /// How many words a request has, the name included: just so many, or at least so many if negative.
    pub arity: i64,
    /// Whether it reads or writes keys.
    pub kind: Kind,
    /// Which words are keys.
    pub keys: Keys,
    /// What it does, in a few words.
    pub summary: &'static str,
    run: Run,
}

/// What a command does to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads them.
    Read,
    /// Writes them, without needing memory.
    Write,
    /// Writes them and may be refused by a full store.
    Grow,
    /// Says something of the server.
    Server,
    /// Says something of the connection.
    Connection,
}

/// Which words of a request are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// The first after the command.
    First,
    /// All after the command.
    All,
    /// Every second after the command.
    EverySecond,
}

/// The commands, in the order of the alphabet.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    command("append", 3, Kind::Grow, Keys::First, strings::append, "Adds to the end of a value."),
    command("client", -2, Kind::Connection, Keys::None, connection::client, "Names the client: ID, GETNAME, SETNAME, SETINFO."),
    command("command", -1, Kind::Connection, Keys::None, introspection::command, "Lists the commands: COUNT, DOCS, INFO, LIST."),
    command("config", -2, Kind::Server, Keys::None, server::config, "Says how the server is set up: GET."),
    command("dbsize", 1, Kind::Server, Keys::None, server::database_size, "Counts the keys."),
    command("decr", 2, Kind::Grow, Keys::First, strings::decrement, "Lowers a number by one."),
    command("decrby", 3, Kind::Grow, Keys::First, strings::decrement_by, "Lowers a number."),
    command("del", -2, Kind::Write, Keys::All, strings::delete, "Removes keys."),
    command("echo", 2, Kind::Connection, Keys::None, connection::echo, "Says the same."),
    command("exists", -2, Kind::Read, Keys::All, strings::exists, "Counts which of these keys are there."),
    command("flushall", -1, Kind::Write, Keys::None, server::flush, "Removes every key."),
    command("flushdb", -1, Kind::Write, Keys::None, server::flush, "Removes every key."),
    command("get", 2, Kind::Read, Keys::First, strings::get, "Reads a value."),
    command("hello", -1, Kind::Connection, Keys::None, connection::hello, "Agrees on the protocol."),
    command("incr", 2, Kind::Grow, Keys::First, strings::increment, "Raises a number by one."),
    command("incrby", 3, Kind::Grow, Keys::First, strings::increment_by, "Raises a number."),
    command("info", -1, Kind::Server, Keys::None, server::info, "Says how the server is."),
    command("mget", -2, Kind::Read, Keys::All, strings::get_several, "Reads several values."),
    command("mset", -3, Kind::Grow, Keys::EverySecond, strings::set_several, "Writes several values, all or none."),
    command("ping", -1, Kind::Connection, Keys::None, connection::ping, "Answers."),
    command("quit", -1, Kind::Connection, Keys::None, connection::quit, "Ends the connection."),
    command("select", 2, Kind::Connection, Keys::None, connection::select, "Chooses the database: there is number 0."),
    command("set", -3, Kind::Grow, Keys::First, strings::set, "Writes a value: NX, XX, GET."),
    command("setnx", 3, Kind::Grow, Keys::First, strings::set_if_absent, "Writes a value if there is none."),
    command("strlen", 2, Kind::Read, Keys::First, strings::length, "Measures a value."),
];

const fn command(
    name: &'static str,
    arity: i64,
    kind: Kind,
    keys: Keys,
    run: Run,
    summary: &'static str,
) -> Command {
    Command {
        name,
        arity,
        kind,
        keys,
        summary,
        run,
    }
}

/// The command of this name, however it is written.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| is_word(name, command.name))
}

/// Whether a client's word is this one, however it is written.
pub fn is_word(word: &[u8], expected: &str) -> bool {
    word.eq_ignore_ascii_case(expected.as_bytes())
}

/// Executes a request and writes its reply.
pub fn execute(mut call: Call<'_>) {
    call.service.statistics.commands += 1;
    if let Err(error) = run(&mut call) {
        call.replies.replace_by_error(format_args!("{error}"));
    }
}

fn run<'a>(call: &mut Call<'a>) -> Result<(), CommandError<'a>> {
    if call.request.is_too_large() {
        return Err(CommandError::TooLarge);
    }
    let name = call.request.argument(0);
    let command = find(name).ok_or(CommandError::Unknown(name))?;
    if !command.accepts(call.request.count()) {
        return Err(CommandError::Arity(command.name));
    }
    (command.run)(call)
}

impl Command {
    fn accepts(&self, count: usize) -> bool {
        let count = count as i64;
        count == self.arity || (self.arity < 0 && count >= -self.arity)
    }
}
