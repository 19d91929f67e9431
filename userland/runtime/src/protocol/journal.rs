//! A line of root's journal, as it answers [`Request::Log`](super::root::Request::Log).
//!
//! ```text
//! answer: word 0: 0    1: the line's number    2: the next line's, yet to come    3..6: who said it
//!         6..: the text, as in the `log` protocol
//! ```
//!
//! Lines are numbered from 0 since the machine started. The answer to a number is that line or, if it was dropped, the
//! oldest one that is kept: the difference is how many lines a reader missed.

use abi::message::WORDS_MAX;

use super::log::{self, Text};
use super::name::{NAME_WORDS, Name};
use super::root::done;
use super::words::{Malformed, Reader, Words};

/// Most bytes of a line: what the answer has room for.
pub const LINE_BYTES_MAX: usize = (WORDS_MAX - 4 - NAME_WORDS) * 8;

const _: () = assert!(LINE_BYTES_MAX <= log::TEXT_BYTES_MAX);

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// The number that the next line to come will have.
    pub end: u64,
    /// Who said it.
    pub name: Name,
    /// What was said: up to [`LINE_BYTES_MAX`] bytes.
    pub text: Text,
}

impl Line {
    /// The answer's words. What is beyond [`LINE_BYTES_MAX`] is left out.
    pub fn pack(&self) -> Words {
        let text = self.text.as_bytes();
        let (words, count, _) = log::pack(&text[..text.len().min(LINE_BYTES_MAX)]);
        let head = done()
            .with_all([self.number, self.end])
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
    use crate::protocol::root::answer;

    fn line(text: &[u8]) -> Line {
        Line {
            number: 7,
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
    fn a_line_that_is_too_long_is_cut() {
        let words = line(&[b'x'; log::TEXT_BYTES_MAX]).pack();
        let read = Line::read(&mut answer(words.as_slice()).unwrap()).unwrap();
        assert_eq!(read.text.as_bytes().len(), LINE_BYTES_MAX);
    }

    #[test]
    fn an_answer_cut_short_is_refused() {
        let words = line(b"counter: ready").pack();
        for count in 1..words.as_slice().len() {
            let mut reader = answer(&words.as_slice()[..count]).unwrap();
            assert!(Line::read(&mut reader).is_err(), "{count}");
        }
    }
}
