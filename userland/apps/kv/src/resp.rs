//! Requests as bytes: the client's half of RESP 2, and plain lines.
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
//! The parser takes bytes as they come, however they are cut, and never looks at one twice. Lengths are
//! allegations: memory is taken for bytes that have arrived, and what has no room is skipped to its end, so that
//! the connection stays in step and can be told. What breaks the protocol ends the connection.

use core::fmt;

use crate::account::Account;
use crate::request::Request;

/// The longest inline command.
pub const INLINE_BYTES_MAX: usize = 2048;
/// The most arguments that a client may announce; fewer are kept.
const COUNT_MAX: i64 = 1 << 20;
/// The longest argument that a client may announce; less is kept.
const LENGTH_MAX: i64 = 512 << 20;
/// The longest line with a number.
const NUMBER_BYTES_MAX: usize = 24;

/// Why the bytes are no requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An array's count is no number within bounds.
    Count,
    /// A string's length is no number within bounds.
    Length,
    /// A string in an array begins with something else than `$`.
    NoString(u8),
    /// An inline command is too long.
    Line,
    /// A string does not end where it should.
    End,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Protocol error: ")?;
        match self {
            ProtocolError::Count => formatter.write_str("invalid multibulk length"),
            ProtocolError::Length => formatter.write_str("invalid bulk length"),
            ProtocolError::NoString(byte) => {
                write!(formatter, "expected '$', got '{}'", byte.escape_ascii())
            }
            ProtocolError::Line => formatter.write_str("too big inline request"),
            ProtocolError::End => formatter.write_str("a string does not end with CRLF"),
        }
    }
}

/// What became of some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// How many bytes were taken.
    pub consumed: usize,
    /// Whether a request is complete; the rest of the input belongs to the next.
    pub is_complete: bool,
}

/// The parser, with the request that it is filling.
#[derive(Debug)]
pub struct Parser {
    state: State,
    line: Line,
    /// Strings of the array that are still to come.
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
    /// A parser that puts what is beyond a small base on this account.
    pub fn new(account: Account) -> Parser {
        Parser {
            state: State::Start,
            line: Line::default(),
            awaited: 0,
            request: Request::new(account),
        }
    }

    /// The request, once it is complete and until it is forgotten.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The request was executed: what it held is given back.
    pub fn forget(&mut self) {
        self.request.clear();
    }

    /// Takes input up to the end of the next request.
    ///
    /// # Errors
    /// [`ProtocolError`]; the connection makes no sense any more.
    pub fn feed(&mut self, input: &[u8]) -> Result<Fed, ProtocolError> {
        let mut consumed = 0;
        while let Some(rest) = input.get(consumed..).filter(|rest| !rest.is_empty()) {
            let (count, is_complete) = self.step(rest)?;
            consumed += count;
            if is_complete {
                return Ok(Fed {
                    consumed,
                    is_complete,
                });
            }
        }
        Ok(Fed {
            consumed,
            is_complete: false,
        })
    }

    /// Takes a part of the input, which is not empty.
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
        // An empty line leaves its white space.
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
        let Some(line) = self.line.push(byte).ok_or(ProtocolError::Count)? else {
            return Ok((1, false));
        };
        let count = number(line).filter(|count| *count <= COUNT_MAX);
        let count = count.ok_or(ProtocolError::Count)?;
        self.line = Line::default();
        // A client may send an empty array or none: there is nothing to answer.
        self.awaited = usize::try_from(count).unwrap_or(0);
        self.state = self.after_string();
        Ok((1, false))
    }

    fn length(&mut self, byte: u8) -> Result<(usize, bool), ProtocolError> {
        if self.line.is_empty() && byte != b'$' {
            return Err(ProtocolError::NoString(byte));
        }
        let Some(line) = self.line.push(byte).ok_or(ProtocolError::Length)? else {
            return Ok((1, false));
        };
        let length = number(&line[1..]).filter(|length| (0..=LENGTH_MAX).contains(length));
        let length = length.ok_or(ProtocolError::Length)?;
        self.line = Line::default();
        self.request.begin_argument();
        self.state = State::Body(length as usize);
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
        match self.line.push(byte).ok_or(ProtocolError::End)? {
            None => Ok((1, false)),
            Some([]) => {
                self.line = Line::default();
                self.awaited -= 1;
                self.state = self.after_string();
                Ok((1, self.awaited == 0))
            }
            Some(_) => Err(ProtocolError::End),
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
        // An empty line is not answered.
        Ok((count, self.request.count() > 0))
    }
}

/// A short line that arrives byte by byte.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    bytes: [u8; NUMBER_BYTES_MAX],
    count: usize,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a byte: `None` if there is no room, else the line without its end once that has come.
    fn push(&mut self, byte: u8) -> Option<Option<&[u8]>> {
        *self.bytes.get_mut(self.count)? = byte;
        self.count += 1;
        if byte != b'\n' {
            return Some(None);
        }
        self.bytes[..self.count].strip_suffix(b"\r\n").map(Some)
    }
}

/// The number in these bytes, in its one way to be written.
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
