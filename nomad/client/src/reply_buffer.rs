//! The lines of a reply that are not acknowledged yet: [`ReplyBuffer`].

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;

use crate::end::End;
use crate::message::{Answer, LINE_BYTES_MAX, LINE_HEAD_BYTES, LINES_HEAD_BYTES, RequestId};

/// Most unacknowledged bytes.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Most messages in answer to one question.
pub const MESSAGES_MAX: usize = 8;

/// The unacknowledged lines of a reply.
#[derive(Clone, Debug, Default)]
pub struct ReplyBuffer {
    /// The number of the first line in `lines`.
    first: u32,
    lines: VecDeque<String>,
    bytes: usize,
    ended: bool,
}

/// The unacknowledged lines exceed [`REPLY_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl ReplyBuffer {
    /// Adds a line, truncated to [`LINE_BYTES_MAX`]. Lines after an answer's last are ignored.
    ///
    /// # Errors
    /// [`Overrun`]: the client does not acknowledge; the buffer is to be dropped.
    pub fn push(&mut self, line: &str) -> Result<(), Overrun> {
        if self.ended {
            return Ok(());
        }
        let line = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
        self.ended = End::of_line(line).is_some();
        self.bytes += line.len() + LINE_HEAD_BYTES;
        self.lines.push_back(line.into());
        match self.bytes > REPLY_BYTES_MAX {
            true => Err(Overrun),
            false => Ok(()),
        }
    }

    /// Drops the acknowledged lines.
    pub fn acknowledge(&mut self, received: u32) {
        while self.first < received {
            let Some(line) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= line.len() + LINE_HEAD_BYTES;
            self.first += 1;
        }
    }

    /// Whether the last line was added and all lines are acknowledged.
    pub fn is_complete(&self) -> bool {
        self.ended && self.lines.is_empty()
    }

    /// The number of lines so far, acknowledged ones included.
    pub fn count(&self) -> u32 {
        self.first + self.lines.len() as u32
    }

    /// The lines from number `from` on, as messages; one empty message if there are none. The client asks for those
    /// beyond [`MESSAGES_MAX`] messages.
    pub fn since(&self, request: RequestId, from: u32) -> Vec<Answer> {
        let mut messages = Vec::new();
        let mut first = from.max(self.first);
        while messages.len() < MESSAGES_MAX {
            let lines = self.batch(first);
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

    /// The lines from number `first` on that fit one message.
    fn batch(&self, first: u32) -> Vec<String> {
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

    /// A buffer with `count` lines of `bytes` bytes each.
    fn buffer(count: usize, bytes: usize) -> ReplyBuffer {
        let mut reply = ReplyBuffer::default();
        for number in 0..count {
            let line = format!("{number:bytes$}");
            reply.push(&line).expect("room");
        }
        reply
    }

    /// The number of a message's first line, and its number of lines.
    fn lines(answer: &Answer) -> (u32, usize) {
        match answer {
            Answer::Lines { first, lines, .. } => (*first, lines.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_message_fits_a_datagram_however_long_the_lines() {
        for bytes in [1, 126, 128, 129, 511, 512] {
            let reply = buffer(60, bytes);
            let mut next = 0;
            while next < 60 {
                for message in reply.since(REQUEST, next) {
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
    fn resends_unacknowledged_lines_and_forgets_acknowledged_ones() {
        let mut reply = buffer(5, 10);
        reply.acknowledge(2);
        assert_eq!(lines(&reply.since(REQUEST, 0)[0]).0, 2);
        assert_eq!(lines(&reply.since(REQUEST, 4)[0]), (4, 1));
        assert_eq!(lines(&reply.since(REQUEST, 5)[0]), (5, 0));
        reply.push("done").expect("room");
        reply.push("never sent").expect("nothing to add");
        assert_eq!(lines(&reply.since(REQUEST, 5)[0]), (5, 1));
        assert!(!reply.is_complete());
        reply.acknowledge(u32::MAX);
        assert!(reply.is_complete());
    }

    #[test]
    fn unacknowledged_lines_are_bounded() {
        let mut reply = ReplyBuffer::default();
        let line = format!("{:1000}", "é");
        let added = (0..1000).take_while(|_| reply.push(&line).is_ok());
        assert!(added.count() <= REPLY_BYTES_MAX / LINE_BYTES_MAX);
    }
}
