//! The line being typed: the effect of each key on it and on the screen. There is no history, so no crate for editing lines
//! is needed.

use alloc::string::String;

/// The maximum length of a line.
pub const LINE_BYTES_MAX: usize = 200;

const BACKSPACE: u8 = 0x08;
const CONTROL_C: u8 = 0x03;
const CONTROL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;
const ESCAPE: u8 = 0x1b;

/// The effect of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEffect {
    /// The line is not finished. The screen changes.
    Change {
        /// The number of characters to erase.
        erase: usize,
        /// The character to add afterwards.
        show: Option<char>,
    },
    /// The line is complete.
    Line(String),
    /// The line was cancelled.
    Cancelled,
}

/// The line so far. It holds printable ASCII only.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: String,
    previous: u8,
    sequence: EscapeState,
}

/// The position of the next byte relative to an escape sequence, such as that of an arrow key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EscapeState {
    #[default]
    Outside,
    Begun,
    Inside,
}

impl Line {
    /// Handles a key.
    pub fn push(&mut self, byte: u8) -> KeyEffect {
        let previous = core::mem::replace(&mut self.previous, byte);
        if self.is_in_sequence(byte) {
            return shown(None);
        }
        match byte {
            // Terminals end a line with one of these, files with the other. Some send both.
            b'\n' if previous == b'\r' => shown(None),
            b'\r' | b'\n' => KeyEffect::Line(core::mem::take(&mut self.text)),
            CONTROL_C => {
                self.text.clear();
                KeyEffect::Cancelled
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

    /// Whether this byte belongs to the escape sequence of a key that is not a character: ESC, `[` or `O`, then all bytes up to
    /// one from `@` to `~`, such as a letter.
    fn is_in_sequence(&mut self, byte: u8) -> bool {
        let (inside, next) = match (self.sequence, byte) {
            (_, ESCAPE) => (true, EscapeState::Begun),
            (EscapeState::Begun, b'[' | b'O') => (true, EscapeState::Inside),
            (EscapeState::Inside, b'@'..=b'~') => (true, EscapeState::Outside),
            (EscapeState::Inside, b' '..) => (true, EscapeState::Inside),
            _ => (false, EscapeState::Outside),
        };
        self.sequence = next;
        inside
    }
}

fn shown(show: Option<char>) -> KeyEffect {
    KeyEffect::Change { erase: 0, show }
}

fn erased(erase: usize) -> KeyEffect {
    KeyEffect::Change { erase, show: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn lines(typed: &[u8]) -> Vec<String> {
        let mut line = Line::default();
        let typed = typed.iter().map(|byte| line.push(*byte));
        let line = |typed| match typed {
            KeyEffect::Line(text) => Some(text),
            KeyEffect::Cancelled => Some("^C".into()),
            KeyEffect::Change { .. } => None,
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
    fn leaves_out_bytes_that_are_not_characters() {
        assert_eq!(lines(b"p\x1b[Ds\x1b[1;5C\x1bOA\xff\x00\r"), ["ps"]);
    }

    #[test]
    fn shows_only_characters_that_are_kept() {
        let mut line = Line::default();
        for _ in 0..LINE_BYTES_MAX {
            assert_eq!(line.push(b'a'), shown(Some('a')));
        }
        assert_eq!(line.push(b'a'), shown(None));
        assert_eq!(line.push(CONTROL_U), erased(LINE_BYTES_MAX));
        assert_eq!(line.push(BACKSPACE), erased(0));
    }
}
