//! The `journal` endpoint: the machine's log, line by line, from root, which keeps the last lines, to the console, which writes
//! them to the serial port and shows them on request.
//!
//! ```text
//! call:   word 0: the operation    1: a line's number
//! answer: word 0: 0    1: the line's number    2: the number of dropped lines before it    3: the number of the next line
//!         to be logged    4..7: the sender's name    7..: the text, as in the `log` protocol
//! ```
//!
//! Lines are numbered from 0 since the machine started. Root raises the flag `runtime::events::JOURNAL` in the console's `wake`
//! when a line is added, and never waits for the console: the oldest lines are dropped to make room.

use abi::message::WORDS_MAX;

use super::log::{self, Text};
use super::name::{NAME_WORDS, Name};
use super::root::done;
use super::words::{Malformed, Reader, Words};

/// The maximum length of a line in bytes: the room in an answer, and the text of one call of the `log` protocol.
pub const LINE_BYTES_MAX: usize = (WORDS_MAX - 5 - NAME_WORDS) * 8;

const _: () = assert!(LINE_BYTES_MAX == log::TEXT_BYTES_MAX);

/// A request to root. Answer: a [`Line`], or [`Refusal::NoSuchObject`](super::root::Refusal::NoSuchObject) if there is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The line with this number, or the oldest kept line after it.
    Read {
        /// The number.
        from: u64,
    },
    /// The first line that is not yet written to the serial port. Root remembers that position for a console that was
    /// restarted and requests from 0.
    Next {
        /// All lines before this number are written.
        written: u64,
    },
}

mod operation {
    pub const READ: u64 = 1;
    pub const NEXT: u64 = 2;
}

impl Request {
    /// The call's words.
    pub fn pack(&self) -> Words {
        match *self {
            Request::Read { from } => Words::new(operation::READ).with(from),
            Request::Next { written } => Words::new(operation::NEXT).with(written),
        }
    }

    /// Reads a call's words.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn unpack(words: &[u64]) -> Result<Request, Malformed> {
        let mut reader = Reader::new(words);
        let operation = reader.word()?;
        let number = reader.word()?;
        match operation {
            operation::READ => Ok(Request::Read { from: number }),
            operation::NEXT => Ok(Request::Next { written: number }),
            other => Err(Malformed::Operation(other)),
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// The number of dropped lines between the requested one and this one.
    pub dropped: u64,
    /// The number of the next line to be logged.
    pub end: u64,
    /// The name of the domain that logged it.
    pub name: Name,
    /// Up to [`LINE_BYTES_MAX`] bytes.
    pub text: Text,
}

impl Line {
    /// The answer's words.
    pub fn pack(&self) -> Words {
        let (words, count, _) = log::pack(self.text.as_bytes());
        let head = done()
            .with_all([self.number, self.dropped, self.end])
            .with_all(self.name.to_words());
        words[..count].iter().copied().fold(head, Words::with)
    }

    /// Reads the answer after [`answer`](super::root::answer) has read its status.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn read(reader: &mut Reader) -> Result<Line, Malformed> {
        Ok(Line {
            number: reader.word()?,
            dropped: reader.word()?,
            end: reader.word()?,
            name: Name::read(reader)?,
            text: log::unpack(reader.rest())?,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::root::answer;

    fn line(text: &[u8]) -> Line {
        Line {
            number: 7,
            dropped: 2,
            end: 9,
            name: Name::try_new("counter").unwrap(),
            text: Text::of(text),
        }
    }

    #[test]
    fn a_line_survives_a_message() {
        for bytes in [0, 1, 8, 100, LINE_BYTES_MAX] {
            let line = line(&std::vec![b'x'; bytes]);
            let words = line.pack();
            assert_eq!(Line::read(&mut answer(words.as_slice()).unwrap()), Ok(line));
        }
    }

    #[test]
    fn rejects_truncated_answers() {
        let words = line(b"counter: ready").pack();
        for count in 1..words.as_slice().len() {
            let mut reader = answer(&words.as_slice()[..count]).unwrap();
            assert!(Line::read(&mut reader).is_err(), "{count}");
        }
    }

    #[test]
    fn requests_survive_a_message_and_others_are_rejected() {
        for request in [Request::Read { from: 4 }, Request::Next { written: 5 }] {
            let words = request.pack();
            assert_eq!(Request::unpack(words.as_slice()), Ok(request));
            assert_eq!(
                Request::unpack(&words.as_slice()[..1]),
                Err(Malformed::Short)
            );
        }
        assert_eq!(Request::unpack(&[3, 4]), Err(Malformed::Operation(3)));
    }
}
