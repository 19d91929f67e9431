//! The operator's terminal: [`Terminal`], text waiting for the serial port and the screen.
//!
//! The machine's log and the shell's output share it. A partial line of the shell, such as its prompt, makes room for a
//! line of the log and is repeated below it.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;

use runtime::events;

/// The maximum number of waiting bytes, enough for the whole log. Output beyond it is dropped.
const WAITING_BYTES_MAX: usize = 192 << 10;

/// The flag that is raised in this domain after output of the shell.
pub const SHOWN: u64 = 1 << events::FIRST_FREE_BIT;

const BACKSPACE: char = '\u{8}';

/// Text on its way to the serial port and the screen.
#[derive(Debug, Default)]
pub struct Terminal {
    waiting: RefCell<VecDeque<u8>>,
    /// The shell's last line while it is not complete.
    partial: RefCell<String>,
}

impl Terminal {
    /// Shows text of the shell: `\n` begins a new line, and a backspace erases a character of the current one.
    pub fn show(&self, text: &str) {
        for character in text.chars() {
            self.track(character);
            match character {
                '\n' => self.put("\r\n"),
                BACKSPACE => self.put("\u{8} \u{8}"),
                other => self.put(other.encode_utf8(&mut [0; 4])),
            }
        }
        events::raise(SHOWN);
    }

    /// Shows a line of the log, which must not contain control characters.
    pub fn show_line(&self, line: &str) {
        let partial = self.partial.borrow();
        if partial.is_empty() {
            self.put(line);
            self.put("\r\n");
            return;
        }
        self.put("\r");
        self.put(line);
        // Overwrites the rest of a longer partial line.
        for _ in line.chars().count()..partial.chars().count() {
            self.put(" ");
        }
        self.put("\r\n");
        self.put(&partial);
    }

    /// The number of waiting bytes.
    pub fn waiting(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Takes the next byte to be written.
    pub fn next_byte(&self) -> Option<u8> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Updates the partial line.
    fn track(&self, character: char) {
        let mut partial = self.partial.borrow_mut();
        match character {
            '\n' => partial.clear(),
            BACKSPACE => {
                partial.pop();
            }
            other => partial.push(other),
        }
    }

    fn put(&self, text: &str) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() + text.len() <= WAITING_BYTES_MAX {
            waiting.extend(text.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: &Terminal) -> String {
        let bytes = core::iter::from_fn(|| terminal.next_byte()).collect();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_line_of_the_log_follows_a_complete_line_unchanged() {
        let terminal = Terminal::default();
        terminal.show_line("[kv] ready");
        terminal.show("shown\n");
        terminal.show_line("[kv] \u{e4}");
        let expected = "[kv] ready\r\nshown\r\n[kv] \u{e4}\r\n";
        assert_eq!(written(&terminal), expected);
        assert_eq!(terminal.waiting(), 0);
    }

    #[test]
    fn a_partial_line_is_repeated_below_one_of_the_log() {
        let terminal = Terminal::default();
        terminal.show("> migrate kvx\u{8} b");
        assert_eq!(written(&terminal), "> migrate kvx\u{8} \u{8} b");
        terminal.show_line("[kv] a");
        assert_eq!(written(&terminal), "\r[kv] a        \r\n> migrate kv b");
        terminal.show_line("[kv] longer than that");
        let expected = "\r[kv] longer than that\r\n> migrate kv b";
        assert_eq!(written(&terminal), expected);
    }

    #[test]
    fn waiting_output_is_bounded() {
        let terminal = Terminal::default();
        for _ in 0..WAITING_BYTES_MAX {
            terminal.show("aaa\n");
        }
        assert!(terminal.waiting() <= WAITING_BYTES_MAX);
        terminal.show_line("[kv] a");
        while terminal.next_byte().is_some() {}
        terminal.show("b");
        assert_eq!(written(&terminal), "b");
    }
}
