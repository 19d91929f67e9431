//! A machine's serial line, for a test: its output, and a keyboard.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::output::{Output, Pattern, WaitError};

/// A serial line whose input is written to `W`.
#[derive(Debug)]
pub(crate) struct Console<W> {
    keyboard: W,
    output: Output,
    /// The length of the output that earlier expectations have consumed.
    consumed: usize,
}

impl<W: Write> Console<W> {
    /// A line whose output is read from `output` until it ends.
    pub(crate) fn new(keyboard: W, output: impl Read + Send + 'static) -> Self {
        Self {
            keyboard,
            output: Output::follow(output),
            consumed: 0,
        }
    }

    /// The output as text.
    pub(crate) fn text(&self) -> String {
        self.output.text()
    }

    /// A handle to the output.
    pub(crate) fn output(&self) -> Output {
        self.output.clone()
    }

    /// The last `count` lines.
    pub(crate) fn tail(&self, count: usize) -> String {
        self.output.tail(count)
    }

    /// Waits for a match after the last one, and returns its complete line, or its text.
    pub(crate) fn wait_for(
        &mut self,
        pattern: Pattern<'_>,
        limit: Duration,
    ) -> Result<String, WaitError> {
        let found = self.output.wait_for(pattern, self.consumed, limit)?;
        self.consumed = found.end;
        Ok(found.text)
    }

    /// Waits for a line anywhere in the output, without consuming anything.
    pub(crate) fn wait_anywhere(&self, text: &str, limit: Duration) -> Result<(), WaitError> {
        self.output
            .wait_for(Pattern::Line(text), 0, limit)
            .map(drop)
    }

    /// Restricts later expectations to output from now on.
    pub(crate) fn skip(&mut self) {
        self.consumed = self.output.length();
    }

    /// Waits until the output has ended.
    pub(crate) fn wait_for_end(&self, limit: Duration) {
        self.output.wait_for_end(limit);
    }

    pub(crate) fn type_line(&mut self, line: &str) -> io::Result<()> {
        self.type_text(&format!("{line}\n"))
    }

    /// Types a text that need not end a line.
    pub(crate) fn type_text(&mut self, text: &str) -> io::Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        self.keyboard.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn each_expectation_starts_where_the_last_one_ended() {
        let mut console = Console::new(Vec::new(), &b"ready 1\nready 2\n"[..]);
        for expected in ["ready 1", "ready 2"] {
            let found = console.wait_for(Pattern::Line("ready"), LIMIT);
            assert_eq!(found.as_deref(), Ok(expected));
        }
        let found = console.wait_for(Pattern::Line("ready"), LIMIT);
        assert_eq!(found, Err(WaitError::Ended));
    }

    #[test]
    fn a_line_anywhere_is_found_before_and_after_the_consumed_output() {
        let mut console = Console::new(Vec::new(), &b"first\nready 1\nready 2\n"[..]);
        assert!(console.wait_for(Pattern::Line("ready 1"), LIMIT).is_ok());
        for text in ["first", "ready 2"] {
            assert_eq!(console.wait_anywhere(text, LIMIT), Ok(()));
        }
        assert_eq!(console.wait_anywhere("last", LIMIT), Err(WaitError::Ended));
        assert!(console.wait_for(Pattern::Line("ready 2"), LIMIT).is_ok());
    }

    #[test]
    fn skipped_output_is_not_found() {
        let mut console = Console::new(Vec::new(), &b"ready 1\nready 2\n"[..]);
        console.wait_for_end(LIMIT);
        console.skip();
        let found = console.wait_for(Pattern::Line("ready"), LIMIT);
        assert_eq!(found, Err(WaitError::Ended));
    }

    #[test]
    fn a_typed_line_is_terminated() {
        let mut console = Console::new(Vec::new(), io::empty());
        console.type_line("help").expect("a Vec accepts everything");
        assert_eq!(console.keyboard, b"help\n");
    }
}
