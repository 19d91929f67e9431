//! The lines that answer a request, until they were heard: [`Transcript`].

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;

use crate::end::End;
use crate::message::{Answer, LINE_BYTES_MAX, LINE_HEAD_BYTES, LINES_HEAD_BYTES, RequestId};

/// Most bytes that wait to be heard.
pub const TRANSCRIPT_BYTES_MAX: usize = 64 * 1024;
/// Most messages that one question is answered with.
pub const MESSAGES_MAX: usize = 8;

/// The lines that were said and not confirmed.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The number of the first line that is kept.
    first: u32,
    lines: VecDeque<String>,
    bytes: usize,
    ended: bool,
}

/// More lines wait than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl Transcript {
    /// Adds a line, cut if it is too long. After an answer's last there are no others.
    ///
    /// # Errors
    /// Nobody has listened for too long: the transcript is of no use any more.
    pub fn say(&mut self, line: &str) -> Result<(), Overrun> {
        if self.ended {
            return Ok(());
        }
        let line = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
        self.ended = End::of_line(line).is_some();
        self.bytes += line.len() + LINE_HEAD_BYTES;
        self.lines.push_back(line.into());
        match self.bytes > TRANSCRIPT_BYTES_MAX {
            true => Err(Overrun),
            false => Ok(()),
        }
    }

    /// Forgets what was heard.
    pub fn confirm(&mut self, heard: u32) {
        while self.first < heard {
            let Some(line) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= line.len() + LINE_HEAD_BYTES;
            self.first += 1;
        }
    }

    /// Whether all was said and heard.
    pub fn is_over(&self) -> bool {
        self.ended && self.lines.is_empty()
    }

    /// How many lines there were so far.
    pub fn count(&self) -> u32 {
        self.first + self.lines.len() as u32
    }

    /// The lines from one on, in messages; one without lines if there are none. Those after [`MESSAGES_MAX`] messages
    /// are to be asked for.
    pub fn since(&self, request: RequestId, from: u32) -> Vec<Answer> {
        let mut messages = Vec::new();
        let mut first = from.max(self.first);
        while messages.len() < MESSAGES_MAX {
            let lines = self.piece(first);
            let next = first + lines.len() as u32;
            messages.push(Answer::Lines {
                request,
                first,
                count: self.count(),
                lines,
            });
            if next >= self.count() {
                break;
            }
            first = next;
        }
        messages
    }

    /// As many lines from one on as fit a message.
    fn piece(&self, first: u32) -> Vec<String> {
        let mut bytes = LINES_HEAD_BYTES;
        let skipped = first.saturating_sub(self.first) as usize;
        let fits = |line: &&String| {
            bytes += LINE_HEAD_BYTES + line.len();
            bytes <= DATAGRAM_BYTES_MAX
        };
        let lines = self.lines.iter().skip(skipped);
        lines.take_while(fits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const REQUEST: RequestId = RequestId(7);

    /// A transcript with so many lines of so many bytes.
    fn transcript(count: usize, bytes: usize) -> Transcript {
        let mut transcript = Transcript::default();
        for number in 0..count {
            let line = format!("{number:bytes$}");
            transcript.say(&line).expect("room");
        }
        transcript
    }

    /// The number of a message's first line, and how many it has.
    fn lines(answer: &Answer) -> (u32, usize) {
        match answer {
            Answer::Lines { first, lines, .. } => (*first, lines.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_message_fits_a_datagram_however_long_the_lines() {
        for bytes in [1, 126, 128, 129, 511, 512] {
            let transcript = transcript(60, bytes);
            let mut next = 0;
            while next < 60 {
                for message in transcript.since(REQUEST, next) {
                    assert!(message.encode().len() <= DATAGRAM_BYTES_MAX);
                    let (first, count) = lines(&message);
                    assert_eq!(first, next);
                    assert!(count > 0);
                    next += count as u32;
                }
            }
        }
    }

    #[test]
    fn says_again_what_was_not_heard_and_forgets_what_was() {
        let mut transcript = transcript(5, 10);
        transcript.confirm(2);
        assert_eq!(lines(&transcript.since(REQUEST, 0)[0]).0, 2);
        assert_eq!(lines(&transcript.since(REQUEST, 4)[0]), (4, 1));
        assert_eq!(lines(&transcript.since(REQUEST, 5)[0]), (5, 0));
        transcript.say("done").expect("room");
        transcript.say("never said").expect("nothing to add");
        assert_eq!(lines(&transcript.since(REQUEST, 5)[0]), (5, 1));
        assert!(!transcript.is_over());
        transcript.confirm(u32::MAX);
        assert!(transcript.is_over());
    }

    #[test]
    fn what_nobody_hears_is_bounded() {
        let mut transcript = Transcript::default();
        let line = format!("{:1000}", "é");
        let said = (0..1000).take_while(|_| transcript.say(&line).is_ok());
        assert!(said.count() <= TRANSCRIPT_BYTES_MAX / LINE_BYTES_MAX);
    }
}
