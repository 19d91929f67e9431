//! The `journal` endpoint, through which the console reads the machine's log line by line. Root keeps the last lines; the console
//! writes them to the serial port and shows them on request.
//!
//! ```text
//! call:  Request
//! reply: a Line or a refusal, as in root's other replies
//! ```
//!
//! Lines are numbered from 0 since the machine started. Root raises the flag `runtime::events::JOURNAL` in the console's `wake`
//! when a line is added, and never waits for the console: the oldest lines are dropped to make room.

use identity::Name;
use serde::{Deserialize, Serialize};

use super::log::{self, Text};

/// The maximum length of a line in bytes: the text of one call of the `log` protocol.
pub const LINE_BYTES_MAX: usize = log::TEXT_BYTES_MAX;

/// A request to root. Reply: a [`Line`], or [`Refusal::NoSuchObject`](super::root::Refusal::NoSuchObject) if there is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The line with this number, or the oldest kept line after it.
    Read {
        /// The number of the line.
        from: u64,
    },
    /// The first line not yet written to the serial port. Root remembers that position, so a restarted console sends 0.
    Next {
        /// All lines before this number have been written.
        written: u64,
    },
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::root::{Refusal, decode_reply, granted};
    use crate::{Malformed, decode, encode};

    /// The longest line with this text.
    fn line(text: &[u8]) -> Line {
        Line {
            number: u64::MAX,
            dropped: u64::MAX,
            end: u64::MAX,
            name: Name::try_new("exactly-twenty-four-byte").unwrap(),
            text: Text::of(text),
        }
    }

    #[test]
    fn a_line_survives_a_message() {
        for bytes in [0, 1, 8, 100, LINE_BYTES_MAX] {
            let line = line(&std::vec![b'x'; bytes]);
            assert_eq!(decode_reply(granted(&line).as_slice()), Ok(line));
        }
    }

    #[test]
    fn rejects_truncated_replies() {
        let words = granted(&line(b"counter: ready"));
        let words = words.as_slice();
        for count in 0..words.len() {
            let read = decode_reply::<Line>(&words[..count]);
            assert_eq!(read, Err(Refusal::Malformed), "{count}");
        }
    }

    #[test]
    fn requests_survive_a_message_and_malformed_ones_are_rejected() {
        for request in [Request::Read { from: 4 }, Request::Next { written: 5 }] {
            let words = encode(&request);
            assert_eq!(decode(words.as_slice()), Ok(request));
        }
        assert_eq!(decode::<Request>(&[]), Err(Malformed));
        assert_eq!(decode::<Request>(&[3]), Err(Malformed));
    }
}
