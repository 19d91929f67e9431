//! The table of commands, and their execution.

use core::fmt;

use crate::account::Full;
use crate::commands::{connection, introspection, server, strings};
use crate::reply::{REPLY_TOO_LARGE, Replies};
use crate::request::Request;
use crate::service::Service;
use crate::session::Client;

/// The maximum number of bytes of a client's word quoted in an error.
const QUOTED_BYTES_MAX: usize = 64;

/// A request to execute, and the state it may access.
pub struct Call<'a> {
    /// The parsed request.
    pub request: &'a Request,
    /// The state shared by all connections.
    pub service: &'a mut Service,
    /// The state of the client's connection.
    pub client: &'a mut Client,
    /// The buffer for the reply.
    pub replies: &'a mut Replies,
}

/// The reason a command was rejected. A rejected command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError<'a> {
    /// No command has this name.
    Unknown(&'a [u8]),
    /// The number of arguments is wrong.
    Arity(&'static str),
    /// The command has no such subcommand.
    Subcommand(&'a [u8]),
    /// An argument is misplaced.
    Syntax,
    /// An argument, or the stored value, is not a 64-bit number.
    NotANumber,
    /// The result would not be a 64-bit number.
    Overflow,
    /// A string would exceed the maximum length.
    TooLong,
    /// The request did not fit the connection's buffer.
    TooLarge,
    /// The reply does not fit the connection's buffer.
    ReplyTooLarge,
    /// The store is full.
    Full,
    /// A database other than number 0.
    DatabaseIndex,
    /// A protocol other than RESP 2.
    UnsupportedProtocol,
    /// A client's name is too long or contains a space.
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
    /// The text of an error without the name in it. Clients match these texts.
    fn text(&self) -> &'static str {
        match self {
            CommandError::Unknown(_) => "ERR unknown command",
            CommandError::Arity(_) => "ERR wrong number of arguments",
            CommandError::Subcommand(_) => "ERR unknown subcommand",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NotANumber => "ERR value is not an integer or out of range",
            CommandError::Overflow => "ERR increment or decrement would overflow",
            CommandError::TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            CommandError::TooLarge => "ERR the request is too large",
            CommandError::ReplyTooLarge => REPLY_TOO_LARGE,
            CommandError::Full => "OOM command not allowed when used memory > 'maxmemory'.",
            CommandError::DatabaseIndex => "ERR DB index is out of range",
            CommandError::UnsupportedProtocol => "NOPROTO unsupported protocol version",
            CommandError::ClientName => {
                "ERR Client names cannot contain spaces, newlines or special characters."
            }
        }
    }
}

/// A client's word in an error: shortened, and escaped so that it cannot end the line.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(QUOTED_BYTES_MAX)];
        write!(formatter, "{}", shown.escape_ascii())
    }
}

/// The implementation of a command: writes one reply, or returns an error, which replaces everything written.
pub type Run = for<'a> fn(&mut Call<'a>) -> Result<(), CommandError<'a>>;

/// A command's entry in the table.
pub struct Command {
    /// The name in lower case.
    pub name: &'static str,
    /// The number of words in a request, the name included: exact, or the minimum if negative.
    pub arity: i64,
    /// The effect on keys.
    pub kind: Kind,
    /// The words that are keys.
    pub keys: Keys,
    /// A short description.
    pub summary: &'static str,
    run: Run,
}

/// The kind of a command, by its effect on keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads keys.
    Read,
    /// Writes keys, without needing memory.
    Write,
    /// Writes keys, and may need memory.
    Grow,
    /// Concerns the server.
    Server,
    /// Concerns the connection.
    Connection,
}

/// The words of a request that are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// No word is a key.
    None,
    /// The first word after the command.
    First,
    /// All words after the command.
    All,
    /// Every second word after the command, beginning with the first.
    EverySecond,
}

/// The commands, in alphabetical order.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    command("append", 3, Kind::Grow, Keys::First, strings::append, "Adds to the end of a value."),
    command("client", -2, Kind::Connection, Keys::None, connection::client, "Names the client: ID, GETNAME, SETNAME, SETINFO."),
    command("command", -1, Kind::Connection, Keys::None, introspection::command, "Lists the commands: COUNT, DOCS, INFO, LIST."),
    command("config", -2, Kind::Server, Keys::None, server::config, "Reads the server's configuration: GET."),
    command("dbsize", 1, Kind::Server, Keys::None, server::database_size, "Counts the keys."),
    command("decr", 2, Kind::Grow, Keys::First, strings::decrement, "Lowers a number by one."),
    command("decrby", 3, Kind::Grow, Keys::First, strings::decrement_by, "Lowers a number."),
    command("del", -2, Kind::Write, Keys::All, strings::delete, "Removes keys."),
    command("echo", 2, Kind::Connection, Keys::None, connection::echo, "Returns its argument."),
    command("exists", -2, Kind::Read, Keys::All, strings::exists, "Counts the keys that exist."),
    command("flushall", -1, Kind::Write, Keys::None, server::flush, "Removes every key."),
    command("flushdb", -1, Kind::Write, Keys::None, server::flush, "Removes every key."),
    command("get", 2, Kind::Read, Keys::First, strings::get, "Reads a value."),
    command("hello", -1, Kind::Connection, Keys::None, connection::hello, "Negotiates the protocol."),
    command("incr", 2, Kind::Grow, Keys::First, strings::increment, "Raises a number by one."),
    command("incrby", 3, Kind::Grow, Keys::First, strings::increment_by, "Raises a number."),
    command("info", -1, Kind::Server, Keys::None, server::info, "Reports the server's state."),
    command("mget", -2, Kind::Read, Keys::All, strings::get_several, "Reads several values."),
    command("mset", -3, Kind::Grow, Keys::EverySecond, strings::set_several, "Writes several values, all or none."),
    command("ping", -1, Kind::Connection, Keys::None, connection::ping, "Replies."),
    command("quit", -1, Kind::Connection, Keys::None, connection::quit, "Ends the connection."),
    command("select", 2, Kind::Connection, Keys::None, connection::select, "Selects the database: only number 0 exists."),
    command("set", -3, Kind::Grow, Keys::First, strings::set, "Writes a value: NX, XX, GET."),
    command("setnx", 3, Kind::Grow, Keys::First, strings::set_if_absent, "Writes a value if the key is absent."),
    command("strlen", 2, Kind::Read, Keys::First, strings::length, "Reads the length of a value."),
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

/// The command of this name, ignoring case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    // Most names differ in length already.
    let mut candidates = COMMANDS
        .iter()
        .filter(|command| command.name.len() == name.len());
    candidates.find(|command| is_word(name, command.name))
}

/// Whether a client's word equals this one, ignoring case.
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
