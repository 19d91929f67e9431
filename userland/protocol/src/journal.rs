//! The `journal` endpoint: what was said on this machine, line by line, from root, who keeps the last of it, to the console,
//! who writes it to the serial port and shows it again to those who ask.
//!
//! ```text
//! call:   word 0: the operation    1: a line's number
//! answer: word 0: 0    1: the line's number    2: how many lines before it were dropped    3: the next line's number, yet
//!         to come    4..7: who said it    7..: the text, as in the `log` protocol
//! ```
//!
//! Lines are numbered from 0 since the machine started. Root raises [`JOURNAL`](crate::events::JOURNAL) in the console's `wake`
//! when there is a line more, and never waits for the console: the oldest lines make room.

use abi::message::WORDS_MAX;

use super::log::{self, Text};
use super::name::{NAME_WORDS, Name};
use super::root::done;
use super::words::{Malformed, Reader, Words};

/// Most bytes of a line: what the answer has room for, and what one call of the `log` protocol brings.
pub const LINE_BYTES_MAX: usize = (WORDS_MAX - 5 - NAME_WORDS) * 8;

const _: () = assert!(LINE_BYTES_MAX == log::TEXT_BYTES_MAX);

/// What root is asked. Answer: a [`Line`], or [`Refusal::NoSuchObject`](super::root::Refusal::NoSuchObject) if there is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The line of this number, or the oldest after it that is kept.
    Read {
        /// The number.
        from: u64,
    },
    /// The first line that is not written to the serial port yet. Root remembers how far that is, for a console that is
    /// started again and asks from 0.
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
    /// [`Malformed`] says what is wrong with them.
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

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// How many lines between the one asked for and this one are not kept any more.
    pub dropped: u64,
    /// The number that the next line to come will have.
    pub end: u64,
    /// Who said it.
    pub name: Name,
    /// What was said: up to [`LINE_BYTES_MAX`] bytes.
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
    /// [`Malformed`] says what is wrong with it.
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
    fn an_answer_cut_short_is_refused() {
        let words = line(b"counter: ready").pack();
        for count in 1..words.as_slice().len() {
            let mut reader = answer(&words.as_slice()[..count]).unwrap();
            assert!(Line::read(&mut reader).is_err(), "{count}");
        }
    }

    #[test]
    fn requests_survive_a_message_and_nothing_else_is_one() {
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
