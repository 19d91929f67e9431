//! Parsing requests: the client's half of RESP 2, and inline commands.
//!
//! ```text
//! *2\r\n $3\r\nGET\r\n $3\r\nkey\r\n       an array of bulk strings
//! GET key\r\n                              an inline command
//!
//!            '*'            LF            LF         all bytes       LF
//! Start ----------> Count ----> Length ------> Body ---------> End ----> Length, or Start with a request
//!   \--other--> Inline --LF--> Start with a request
//! ```
//!
//! The input may be split at any byte, and consumed bytes are not needed again. The parser does not trust lengths: it allocates
//! memory only for bytes that have arrived. A request that does not fit is skipped to its end, so that the connection stays in
//! sync and the client receives an error. A protocol error ends the connection.
//!
//! It is written by hand, since the crate `redis-protocol` parses a frame from its start after every read: see
//! `docs/decisions/0008-where-crates-did-not-fit.md`.

use core::fmt;

use crate::account::Account;
use crate::request::Request;

/// The longest inline command.
pub const INLINE_BYTES_MAX: usize = 2048;
/// The maximum number of arguments that a header may announce. A request has room for fewer.
const COUNT_MAX: i64 = 1 << 20;
/// The maximum length of an argument that a header may announce. A request has room for less.
const LENGTH_MAX: i64 = 512 << 20;
/// The longest line with a number, its line end included.
const NUMBER_BYTES_MAX: usize = 24;

/// The reason the input was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An array's count is not a number within bounds.
    Count,
    /// A string's length is not a number within bounds.
    Length,
    /// A string in an array does not begin with `$`.
    ExpectedString(u8),
    /// An inline command is too long.
    Line,
    /// A string does not end after its length.
    End,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Protocol error: ")?;
        match self {
            ProtocolError::Count => formatter.write_str("invalid multibulk length"),
            ProtocolError::Length => formatter.write_str("invalid bulk length"),
            ProtocolError::ExpectedString(byte) => {
                write!(formatter, "expected '$', got '{}'", byte.escape_ascii())
            }
            ProtocolError::Line => formatter.write_str("too big inline request"),
            ProtocolError::End => formatter.write_str("a string does not end with CRLF"),
        }
    }
}

/// The result of parsing some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The number of bytes consumed.
    pub consumed: usize,
    /// Whether a request is complete. Then the rest of the input belongs to the next request.
    pub is_complete: bool,
}

/// The parser, with the request that it is filling.
#[derive(Debug)]
pub struct Parser {
    state: State,
    line: Line,
    /// The number of the array's strings that have not arrived yet.
    awaited: usize,
    request: Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Count,
    Length,
    Body(usize),
    End,
    Inline,
}

impl Parser {
    /// Creates a parser, whose request is charged to this account beyond a small base.
    pub fn new(account: Account) -> Parser {
        Parser {
            state: State::Start,
            line: Line::default(),
            awaited: 0,
            request: Request::new(account),
        }
    }

    /// The request, from its completion until it is cleared.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Clears the request after its execution and frees its memory.
    pub fn clear(&mut self) {
        self.request.clear();
    }

    /// Consumes input up to the end of the next request.
    ///
    /// # Errors
    /// [`ProtocolError`]; then the connection is out of sync.
    pub fn feed(&mut self, input: &[u8]) -> Result<Parsed, ProtocolError> {
        let mut consumed = 0;
        while let Some(rest) = input.get(consumed..).filter(|rest| !rest.is_empty()) {
            let (count, is_complete) = self.step(rest)?;
            consumed += count;
            if is_complete {
                return Ok(Parsed {
                    consumed,
                    is_complete,
                });
            }
        }
        Ok(Parsed {
            consumed,
            is_complete: false,
        })
    }

    /// Consumes a part of the non-empty input.
    fn step(&mut self, input: &[u8]) -> Result<(usize, bool), ProtocolError> {
        match self.state {
            State::Start => Ok((self.start(input[0]), false)),
            State::Count => self.count(input[0]),
            State::Length => self.length(input[0]),
            State::Body(left) => Ok((self.body(left, input), false)),
            State::End => self.end(input[0]),
            State::Inline => self.inline(input),
        }
    }

    fn start(&mut self, first: u8) -> usize {
        // A blank line may have left white space in the request.
        self.request.clear();
        let is_array = first == b'*';
        self.state = if is_array {
            State::Count
        } else {
            State::Inline
        };
        is_array.into()
    }

    fn count(&mut self, byte: u8) -> Result<(usize, bool), ProtocolError> {
        let line = match self.line.push(byte) {
            LineState::Complete(line) => line,
            LineState::Incomplete => return Ok((1, false)),
            LineState::Malformed => return Err(ProtocolError::Count),
        };
        let count = number(line).filter(|count| *count <= COUNT_MAX);
        let count = count.ok_or(ProtocolError::Count)?;
        self.line = Line::default();
        // An empty or null array gets no reply.
        self.awaited = usize::try_from(count).unwrap_or(0);
        self.state = self.after_string();
        Ok((1, false))
    }

    fn length(&mut self, byte: u8) -> Result<(usize, bool), ProtocolError> {
        if self.line.is_empty() && byte != b'$' {
            return Err(ProtocolError::ExpectedString(byte));
        }
        let line = match self.line.push(byte) {
            LineState::Complete(line) => line,
            LineState::Incomplete => return Ok((1, false)),
            LineState::Malformed => return Err(ProtocolError::Length),
        };
        let length = number(&line[1..]).filter(|length| (0..=LENGTH_MAX).contains(length));
        let length = length.ok_or(ProtocolError::Length)?;
        self.line = Line::default();
        let length = length as usize;
        self.request.begin_argument(length);
        self.state = State::Body(length);
        Ok((1, false))
    }

    fn body(&mut self, left: usize, input: &[u8]) -> usize {
        let count = left.min(input.len());
        self.request.extend_argument(&input[..count]);
        self.state = match left - count {
            0 => State::End,
            left => State::Body(left),
        };
        count
    }

    fn end(&mut self, byte: u8) -> Result<(usize, bool), ProtocolError> {
        match self.line.push(byte) {
            LineState::Incomplete => Ok((1, false)),
            LineState::Complete([]) => {
                self.line = Line::default();
                self.awaited -= 1;
                self.state = self.after_string();
                Ok((1, self.awaited == 0))
            }
            LineState::Complete(_) | LineState::Malformed => Err(ProtocolError::End),
        }
    }

    fn after_string(&self) -> State {
        match self.awaited {
            0 => State::Start,
            _ => State::Length,
        }
    }

    fn inline(&mut self, input: &[u8]) -> Result<(usize, bool), ProtocolError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(input.len(), |end| end + 1);
        if self.request.len() + count > INLINE_BYTES_MAX {
            return Err(ProtocolError::Line);
        }
        self.request
            .extend_line(&input[..count])
            .map_err(|_| ProtocolError::Line)?;
        if end.is_none() {
            return Ok((count, false));
        }
        self.request.split_line();
        self.state = State::Start;
        // A blank line gets no reply.
        Ok((count, self.request.count() > 0))
    }
}

/// A short line that arrives byte by byte.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    bytes: [u8; NUMBER_BYTES_MAX],
    count: usize,
}

/// The state of a [`Line`] after a byte.
enum LineState<'a> {
    Incomplete,
    /// The line without its end.
    Complete(&'a [u8]),
    /// It is too long, or its end is not CR LF.
    Malformed,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a byte.
    fn push(&mut self, byte: u8) -> LineState<'_> {
        let Some(place) = self.bytes.get_mut(self.count) else {
            return LineState::Malformed;
        };
        *place = byte;
        self.count += 1;
        if byte != b'\n' {
            return LineState::Incomplete;
        }
        match self.bytes[..self.count].strip_suffix(b"\r\n") {
            Some(line) => LineState::Complete(line),
            None => LineState::Malformed,
        }
    }
}

/// Parses a number in its canonical form.
pub fn number(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_plain = match digits {
        [b'0'] => digits.len() == bytes.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let text = core::str::from_utf8(bytes).ok().filter(|_| is_plain)?;
    text.parse().ok()
}
