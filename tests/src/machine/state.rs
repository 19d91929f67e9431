//! What a machine is doing, for the report of a test that has failed: [`Machine::state`].

use std::io;

use serde_json::json;

use super::{Machine, TAIL_LINES};

/// The columns of the screen in text mode.
const COLUMNS: usize = 80;
/// QEMU's command for the characters on the screen in text mode, each with its colours.
const SHOW_SCREEN: &str = "xp /2000hx 0xb8000";
/// The lines of QEMU's list of registers up to the one with instruction pointer and halt state.
const REGISTER_LINES: usize = 5;

impl Machine {
    /// The state of QEMU and of the first processor, the screen as far as it is in text mode, and the end of the log. It never fails: an error of
    /// QEMU takes the place of what it would have shown.
    pub fn state(&mut self) -> String {
        let status = self.ask("info status");
        let registers = self.ask("info registers");
        let registers: Vec<&str> = registers.lines().take(REGISTER_LINES).collect();
        let screen = text_on_screen(&self.ask(SHOW_SCREEN));
        let (registers, log) = (registers.join("\n"), self.console.tail(TAIL_LINES));
        format!(
            "{}\n{registers}\n--- its screen ---\n{screen}\n--- the end of its log ---\n{log}",
            status.trim()
        )
    }

    fn ask(&mut self, command: &str) -> String {
        let arguments = json!({ "command-line": command });
        let reply = self
            .connected()
            .and_then(|control| control.execute("human-monitor-command", arguments));
        let reply = reply.and_then(|it| {
            it.as_str()
                .map(str::to_owned)
                .ok_or(io::ErrorKind::InvalidData.into())
        });
        reply.unwrap_or_else(|error| format!("no reply to `{command}`: {error}"))
    }
}

/// The lines with letters among the characters that QEMU shows.
fn text_on_screen(shown: &str) -> String {
    let words = shown
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("0x"));
    let cells = words.filter_map(|word| u16::from_str_radix(word, 16).ok());
    let character = |cell: u16| match (cell & 0xff) as u8 {
        shown @ b' '..=b'~' => char::from(shown),
        _ => ' ',
    };
    let text: Vec<char> = cells.map(character).collect();
    let lines = text
        .chunks(COLUMNS)
        .map(|line| line.iter().collect::<String>());
    let lines = lines.filter(|line| line.contains(char::is_alphabetic));
    lines
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_has_its_lines_without_colours() {
        let cell = |character: char| format!("0x07{:02x}", character as u32);
        let line = |text: &str| {
            format!("{text:80}")
                .chars()
                .map(cell)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let shown = format!(
            "000b8000: {}\n000b80a0: {}\n{}",
            line(" error: timeout"),
            line(""),
            line("grub>")
        );
        assert_eq!(text_on_screen(&shown), " error: timeout\ngrub>");
    }

    #[test]
    fn an_error_is_no_text() {
        assert_eq!(text_on_screen("no reply to `xp`: broken pipe"), "");
    }
}
