//! The last lines of the machine's log.
//!
//! ```text
//! lines:  0 ... (dropped) ... first | first + 1 | ... | last      each: its sender's name and the extent of its text
//! text:   a ring of bytes, the lines' texts one after another
//! ```
//!
//! Lines are numbered from the machine's start, so a reader that fell behind sees how many lines it missed. Both limits always
//! hold: the oldest lines, each as a whole, make room for a new one, even if they were not written to the serial port yet.

use alloc::collections::VecDeque;

use runtime::protocol::Name;
use runtime::protocol::journal::{LINE_BYTES_MAX, Line};
use runtime::protocol::log::Text;

/// The maximum size of the text.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// The maximum number of lines, however short.
pub const LINES_MAX: usize = 2048;

/// A bounded log.
#[derive(Debug, Default)]
pub struct Journal {
    lines: VecDeque<Entry>,
    text: VecDeque<u8>,
    /// The number of dropped lines, which is the first line's number.
    dropped: u64,
    /// The number of dropped bytes, which is the offset of the first line's text.
    dropped_bytes: u64,
    /// All lines before this number were written.
    written: u64,
    /// All lines before this number were announced to the console.
    announced: u64,
}

/// The sender and the extent of a line's text, with its offset in bytes since the machine started.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    start: u64,
    bytes: usize,
}

impl Journal {
    /// An empty journal.
    pub const fn new() -> Journal {
        Journal {
            lines: VecDeque::new(),
            text: VecDeque::new(),
            dropped: 0,
            dropped_bytes: 0,
            written: 0,
            announced: 0,
        }
    }

    /// Allocates all the memory that it will ever need.
    pub fn reserve(&mut self) {
        self.lines.reserve_exact(LINES_MAX - self.lines.len());
        self.text.reserve_exact(TEXT_BYTES_MAX - self.text.len());
    }

    /// Appends a line; one that is too long for a message becomes several.
    pub fn append(&mut self, name: Name, text: impl Iterator<Item = char>) {
        let mut text = text.peekable();
        loop {
            let mut piece = heapless::String::<LINE_BYTES_MAX>::new();
            while text.next_if(|next| piece.push(*next).is_ok()).is_some() {}
            self.append_piece(name, piece.as_bytes());
            if text.peek().is_none() {
                return;
            }
        }
    }

    fn append_piece(&mut self, name: Name, text: &[u8]) {
        while self.lines.len() == LINES_MAX || self.text.len() + text.len() > TEXT_BYTES_MAX {
            self.drop_oldest();
        }
        self.lines.push_back(Entry {
            name,
            start: self.dropped_bytes + self.text.len() as u64,
            bytes: text.len(),
        });
        self.text.extend(text);
    }

    fn drop_oldest(&mut self) {
        if let Some(Entry { bytes, .. }) = self.lines.pop_front() {
            self.text.drain(..bytes);
            self.dropped += 1;
            self.dropped_bytes += bytes as u64;
        }
    }

    /// The number of the next line to be appended.
    fn end(&self) -> u64 {
        self.dropped + self.lines.len() as u64
    }

    /// The first unwritten line, after a report that all before this number were written. A report never moves that position
    /// back.
    pub fn next_unwritten(&mut self, written: u64) -> Option<Line> {
        self.written = self.written.max(written.min(self.end()));
        self.line(self.written)
    }

    /// Marks all lines as announced; returns whether any is new since the last call.
    pub fn mark_announced(&mut self) -> bool {
        let end = self.end();
        core::mem::replace(&mut self.announced, end) < end
    }

    /// The line of this number, or the oldest one if it was dropped; `None` if it does not exist yet.
    pub fn line(&self, wanted: u64) -> Option<Line> {
        let number = wanted.max(self.dropped);
        let index = usize::try_from(number - self.dropped).ok()?;
        let entry = self.lines.get(index)?;
        let start = (entry.start - self.dropped_bytes) as usize;
        let mut text = [0; LINE_BYTES_MAX];
        let bytes = self.text.range(start..start + entry.bytes);
        text.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Some(Line {
            number,
            dropped: number - wanted,
            end: self.end(),
            name: entry.name,
            text: Text::of(&text[..entry.bytes]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn name(text: &str) -> Name {
        Name::try_new(text).expect("a name")
    }

    fn append(journal: &mut Journal, text: &str) {
        journal.append(name("kv"), text.chars());
    }

    /// All lines from a number on.
    fn read(journal: &Journal, mut number: u64) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        while let Some(line) = journal.line(number) {
            let text = String::from_utf8(line.text.as_bytes().to_vec()).expect("whole characters");
            lines.push((line.number, text));
            number = line.number + 1;
        }
        lines
    }

    #[test]
    fn returns_lines_with_their_senders_in_order() {
        let mut journal = Journal::new();
        assert_eq!(journal.line(0), None);
        journal.append(name("root"), "started kv".chars());
        journal.append(name("kv"), "".chars());
        journal.append(name("kv"), "ready".chars());
        let names: Vec<_> = (0..3)
            .filter_map(|n| journal.line(n))
            .map(|line| line.name)
            .collect();
        assert_eq!(names, [name("root"), name("kv"), name("kv")]);
        let texts = [(0, "started kv"), (1, ""), (2, "ready")];
        assert_eq!(read(&journal, 0), texts.map(|(n, text)| (n, text.into())));
        assert_eq!(read(&journal, 2), [(2, "ready".into())]);
        assert_eq!(journal.line(1).map(|line| line.end), Some(3));
        assert_eq!(journal.line(u64::MAX), None);
    }

    #[test]
    fn the_oldest_whole_lines_make_room() {
        let mut journal = Journal::new();
        journal.reserve();
        let capacity = (journal.text.capacity(), journal.lines.capacity());
        // Lengths that do not divide the ring's, so that lines lie across its end.
        for number in 0..5000 {
            append(
                &mut journal,
                &std::format!("{number} {}", "x".repeat(number % 300)),
            );
        }
        let lines = read(&journal, 0);
        let bytes: usize = lines.iter().map(|(_, text)| text.len()).sum();
        assert!(
            (TEXT_BYTES_MAX - 310..=TEXT_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
        for (number, text) in &lines {
            let expected = std::format!("{number} {}", "x".repeat(*number as usize % 300));
            assert_eq!(*text, expected);
        }
        assert_eq!(lines.last().map(|(number, _)| *number), Some(4999));
        assert_eq!(
            capacity,
            (journal.text.capacity(), journal.lines.capacity())
        );
    }

    #[test]
    fn a_reader_that_fell_behind_learns_how_many_lines_it_missed() {
        let mut journal = Journal::new();
        (0..LINES_MAX + 10).for_each(|_| append(&mut journal, "x"));
        let line = |number| journal.line(number).map(|line| (line.number, line.dropped));
        assert_eq!(line(3), Some((10, 7)));
        assert_eq!(line(10), Some((10, 0)));
    }

    #[test]
    fn a_writer_continues_where_the_last_one_ended() {
        let mut journal = Journal::new();
        assert_eq!(journal.next_unwritten(0), None);
        (0..5).for_each(|_| append(&mut journal, "x"));
        let mut next = |written| journal.next_unwritten(written).map(|line| line.number);
        assert_eq!(next(0), Some(0));
        assert_eq!(next(3), Some(3));
        // A restarted console does not know how many were written.
        assert_eq!(next(0), Some(3));
        assert_eq!(next(5), None);
        assert_eq!(next(u64::MAX), None);
        (0..LINES_MAX + 1).for_each(|_| append(&mut journal, "y"));
        let line = journal.next_unwritten(0).expect("a line");
        assert_eq!((line.number, line.dropped), (6, 1), "that one was lost");
    }

    #[test]
    fn a_line_is_announced_once() {
        let mut journal = Journal::new();
        assert!(!journal.mark_announced());
        append(&mut journal, "x");
        append(&mut journal, "x");
        assert!(journal.mark_announced());
        assert!(!journal.mark_announced());
        // Also when the journal is full.
        (0..LINES_MAX).for_each(|_| append(&mut journal, "x"));
        assert!(journal.mark_announced());
        append(&mut journal, "x");
        assert!(journal.mark_announced());
        assert!(!journal.mark_announced());
    }

    #[test]
    fn empty_lines_are_bounded_too() {
        let mut journal = Journal::new();
        (0..3 * LINES_MAX).for_each(|_| append(&mut journal, ""));
        assert_eq!(journal.lines.len(), LINES_MAX);
    }

    #[test]
    fn a_long_line_becomes_several_between_characters() {
        let mut journal = Journal::new();
        let long = std::format!("x{}", "ä".repeat(LINE_BYTES_MAX));
        append(&mut journal, &long);
        let lines = read(&journal, 0);
        assert_eq!(lines.len(), 3);
        let joined: String = lines.into_iter().map(|(_, text)| text).collect();
        assert_eq!(joined, long);
    }
}
