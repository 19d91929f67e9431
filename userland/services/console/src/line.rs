//! The line that is being typed: what each key does to it, and what of that is shown.

use alloc::string::String;

/// The longest line.
pub const LINE_BYTES_MAX: usize = 200;

const BACKSPACE: u8 = 0x08;
const CONTROL_C: u8 = 0x03;
const CONTROL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;
const ESCAPE: u8 = 0x1b;

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Only what is shown changes: so many characters go, then these come.
    Change {
        /// How many characters are taken from the screen.
        erase: usize,
        /// What is added.
        show: Option<char>,
    },
    /// The line is done.
    Line(String),
    /// The line was given up.
    Cancelled,
}

/// The line so far. It holds visible ASCII only.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: String,
    previous: u8,
    sequence: Sequence,
}

/// Where in an escape sequence, such as an arrow key sends, the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sequence {
    #[default]
    Outside,
    Begun,
    Inside,
}

impl Line {
    /// A key was pressed.
    pub fn push(&mut self, byte: u8) -> Typed {
        let previous = core::mem::replace(&mut self.previous, byte);
        if self.is_in_sequence(byte) {
            return shown(None);
        }
        match byte {
            // Terminals end a line with one of these, files with the other, some with both.
            b'\n' if previous == b'\r' => shown(None),
            b'\r' | b'\n' => Typed::Line(core::mem::take(&mut self.text)),
            CONTROL_C => {
                self.text.clear();
                Typed::Cancelled
            }
            CONTROL_U => erased(core::mem::take(&mut self.text).len()),
            BACKSPACE | DELETE => erased(self.text.pop().map_or(0, |_| 1)),
            b' '..=b'~' if self.text.len() < LINE_BYTES_MAX => {
                self.text.push(byte.into());
                shown(Some(byte.into()))
            }
            _ => shown(None),
        }
    }

    /// What is typed so far, to be shown again.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Keys that are no characters are left out whole: ESC, `[`, and up to a letter or `~`.
    fn is_in_sequence(&mut self, byte: u8) -> bool {
        let (inside, next) = match (self.sequence, byte) {
            (_, ESCAPE) => (true, Sequence::Begun),
            (Sequence::Begun, b'[' | b'O') => (true, Sequence::Inside),
            (Sequence::Inside, b'@'..=b'~') => (true, Sequence::Outside),
            (Sequence::Inside, b' '..) => (true, Sequence::Inside),
            _ => (false, Sequence::Outside),
        };
        self.sequence = next;
        inside
    }
}

fn shown(show: Option<char>) -> Typed {
    Typed::Change { erase: 0, show }
}

fn erased(erase: usize) -> Typed {
    Typed::Change { erase, show: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn lines(typed: &[u8]) -> Vec<String> {
        let mut line = Line::default();
        let typed = typed.iter().map(|byte| line.push(*byte));
        let line = |typed| match typed {
            Typed::Line(text) => Some(text),
            Typed::Cancelled => Some("^C".into()),
            Typed::Change { .. } => None,
        };
        typed.filter_map(line).collect()
    }

    #[test]
    fn edits_lines() {
        assert_eq!(lines(b"ps\r"), ["ps"]);
        assert_eq!(lines(b"pt\x7fs\nhelx\x08p\r\n"), ["ps", "help"]);
        assert_eq!(lines(b"nonsense\x15mem\r"), ["mem"]);
        assert_eq!(lines(b"migrate\x03ps\r"), ["^C", "ps"]);
        assert_eq!(lines(b"\x7f\x7f\x15\r"), [""]);
    }

    #[test]
    fn leaves_out_what_is_no_character() {
        assert_eq!(lines(b"p\x1b[Ds\x1b[1;5C\x1bOA\xff\x00\r"), ["ps"]);
    }

    #[test]
    fn shows_what_is_kept_and_no_more() {
        let mut line = Line::default();
        for _ in 0..LINE_BYTES_MAX {
            assert_eq!(line.push(b'a'), shown(Some('a')));
        }
        assert_eq!(line.push(b'a'), shown(None));
        assert_eq!(line.push(CONTROL_U), erased(LINE_BYTES_MAX));
        assert_eq!(line.push(BACKSPACE), erased(0));
    }
}
