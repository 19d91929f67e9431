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
            State::Count => Ok((self.count(input)?, false)),
            State::Length => Ok((self.length(input)?, false)),
            State::Body(left) => Ok((self.body(left, input), false)),
            State::End => self.end(input),
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

    fn count(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let (taken, line) = match self.line.add(input) {
            LineState::Complete(taken, line) => (taken, line),
            LineState::Incomplete => return Ok(input.len()),
            LineState::Malformed => return Err(ProtocolError::Count),
        };
        let count = number(line).filter(|count| *count <= COUNT_MAX);
        let count = count.ok_or(ProtocolError::Count)?;
        self.line.clear();
        // An empty or null array gets no reply.
        self.awaited = usize::try_from(count).unwrap_or(0);
        self.state = self.after_string();
        Ok(taken)
    }

    fn length(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        if self.line.is_empty() && input[0] != b'$' {
            return Err(ProtocolError::ExpectedString(input[0]));
        }
        let (taken, line) = match self.line.add(input) {
            LineState::Complete(taken, line) => (taken, line),
            LineState::Incomplete => return Ok(input.len()),
            LineState::Malformed => return Err(ProtocolError::Length),
        };
        let length = number(&line[1..]).filter(|length| (0..=LENGTH_MAX).contains(length));
        let length = length.ok_or(ProtocolError::Length)?;
        self.line.clear();
        let length = length as usize;
        self.request.begin_argument(length);
        self.state = State::Body(length);
        Ok(taken)
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

    fn end(&mut self, input: &[u8]) -> Result<(usize, bool), ProtocolError> {
        let taken = match input {
            [b'\r', b'\n', ..] if self.line.is_empty() => 2,
            _ => match self.line.add(input) {
                LineState::Incomplete => return Ok((input.len(), false)),
                LineState::Complete(taken, []) => taken,
                LineState::Complete(..) | LineState::Malformed => return Err(ProtocolError::End),
            },
        };
        self.line.clear();
        self.awaited -= 1;
        self.state = self.after_string();
        Ok((taken, self.awaited == 0))
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

/// A short line that may arrive in parts.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    bytes: [u8; NUMBER_BYTES_MAX],
    count: usize,
}

/// The state of a [`Line`] after some input.
enum LineState<'a> {
    /// All input belongs to the line.
    Incomplete,
    /// The number of bytes of the input that belong to the line, and the line without its end.
    Complete(usize, &'a [u8]),
    /// It is too long, or its end is not CR LF.
    Malformed,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds input, up to the end of the line. A line that arrives whole is not copied.
    fn add<'a>(&'a mut self, input: &'a [u8]) -> LineState<'a> {
        let room = NUMBER_BYTES_MAX - self.count;
        let end = input.iter().take(room).position(|byte| *byte == b'\n');
        let taken = match end {
            Some(end) => end + 1,
            None if input.len() <= room => input.len(),
            None => return LineState::Malformed,
        };
        let line = if self.count == 0 && end.is_some() {
            &input[..taken]
        } else {
            self.bytes[self.count..self.count + taken].copy_from_slice(&input[..taken]);
            self.count += taken;
            &self.bytes[..self.count]
        };
        match line {
            [line @ .., b'\r', b'\n'] => LineState::Complete(taken, line),
            [.., b'\n'] => LineState::Malformed,
            _ => LineState::Incomplete,
        }
    }
}

/// Parses a number in its canonical form.
pub fn number(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_negative = digits.len() < bytes.len();
    if digits == b"0" && !is_negative {
        return Some(0);
    }
    if !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        let number = number.checked_mul(10).filter(|_| digit < 10)?;
        if is_negative {
            number.checked_sub(digit)
        } else {
            number.checked_add(digit)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn numbers_are_parsed_in_their_canonical_form_only() {
        for value in [0, 1, 9, 10, 16, 65_536, i64::MAX, -1, -10, i64::MIN] {
            assert_eq!(number(value.to_string().as_bytes()), Some(value));
        }
        for text in [
            "", "-", "-0", "00", "01", "+1", " 1", "1 ", "1a", "a", "--1", "1-",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    /// The arguments of the requests in an input that arrives in parts of this many bytes, or its error.
    fn parse(input: &[u8], part: usize) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut parser = Parser::new(Account::new(1 << 20));
        let mut requests = Vec::new();
        for mut part in input.chunks(part) {
            while !part.is_empty() {
                let parsed = parser.feed(part)?;
                part = &part[parsed.consumed..];
                if parsed.is_complete {
                    let arguments = parser.request().arguments_from(0);
                    requests.push(arguments.map(<[u8]>::to_vec).collect());
                    parser.clear();
                }
            }
        }
        Ok(requests)
    }

    #[test]
    fn input_may_be_split_anywhere() {
        let input = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\n\r\n*\r\n*0\r\nGET a\r\n*1\r\n$0\r\n\r\n";
        let expected: [&[&[u8]]; 3] = [
            &[b"SET", b"key:000000000001", b"\r\n*"],
            &[b"GET", b"a"],
            &[b""],
        ];
        for part in 1..=input.len() {
            assert_eq!(parse(input, part).unwrap(), expected, "parts of {part}");
        }
    }

    #[test]
    fn malformed_lines_are_errors_wherever_they_are_split() {
        use ProtocolError::{Count, End, ExpectedString, Length};
        let long = b"*100000000000000000000000\r\n";
        let cases: [(&[u8], ProtocolError); 8] = [
            (b"*x\r\n", Count),
            (b"*1\n", Count),
            (long, Count),
            (&long[..NUMBER_BYTES_MAX + 2], Count),
            (b"*1\r\n+3\r\n", ExpectedString(b'+')),
            (b"*1\r\n$-1\r\n", Length),
            (b"*1\r\n$3\n", Length),
            (b"*1\r\n$1\r\nabc\r\n", End),
        ];
        for (input, error) in cases {
            for part in 1..=input.len() {
                assert_eq!(parse(input, part), Err(error), "parts of {part}");
            }
        }
        assert_eq!(parse(&long[..NUMBER_BYTES_MAX + 1], 5), Ok(Vec::new()));
    }
}
