//! A machine's serial line as a test uses it: what was printed, and a keyboard.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::transcript::{Awaited, Transcript, Unmet};

/// A serial line whose far end writes to `W`.
#[derive(Debug)]
pub(crate) struct Console<W> {
    keyboard: W,
    output: Transcript,
    /// How much of the output earlier expectations have consumed.
    consumed: usize,
}

impl<W: Write> Console<W> {
    /// The line whose output is read from `output` until that ends.
    pub(crate) fn new(keyboard: W, output: impl Read + Send + 'static) -> Self {
        Self {
            keyboard,
            output: Transcript::follow(output),
            consumed: 0,
        }
    }

    /// The whole output.
    pub(crate) fn text(&self) -> String {
        self.output.text()
    }

    /// A handle to the output.
    pub(crate) fn transcript(&self) -> Transcript {
        self.output.clone()
    }

    /// The last `count` lines.
    pub(crate) fn tail(&self, count: usize) -> String {
        self.output.tail(count)
    }

    /// Waits for output after what was found before, and returns the whole line (or the text).
    pub(crate) fn wait_for(
        &mut self,
        awaited: Awaited<'_>,
        limit: Duration,
    ) -> Result<String, Unmet> {
        let found = self.output.wait_for(awaited, self.consumed, limit)?;
        self.consumed = found.end;
        Ok(found.text)
    }

    /// Waits for a line wherever it is in the output. What later expectations look at stays as it was.
    pub(crate) fn wait_anywhere(&self, text: &str, limit: Duration) -> Result<(), Unmet> {
        self.output
            .wait_for(Awaited::Line(text), 0, limit)
            .map(drop)
    }

    /// Lets later expectations look only at what comes from now on.
    pub(crate) fn skip(&mut self) {
        self.consumed = self.output.length();
    }

    /// Waits until the output has ended.
    pub(crate) fn wait_for_end(&self, limit: Duration) {
        self.output.wait_for_end(limit);
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) -> io::Result<()> {
        self.keyboard.write_all(format!("{line}\n").as_bytes())?;
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
            let found = console.wait_for(Awaited::Line("ready"), LIMIT);
            assert_eq!(found.as_deref(), Ok(expected));
        }
        let found = console.wait_for(Awaited::Line("ready"), LIMIT);
        assert_eq!(found, Err(Unmet::Ended));
    }

    #[test]
    fn a_line_anywhere_is_found_before_and_after_what_was_consumed() {
        let mut console = Console::new(Vec::new(), &b"first\nready 1\nready 2\n"[..]);
        assert!(console.wait_for(Awaited::Line("ready 1"), LIMIT).is_ok());
        for text in ["first", "ready 2"] {
            assert_eq!(console.wait_anywhere(text, LIMIT), Ok(()));
        }
        assert_eq!(console.wait_anywhere("last", LIMIT), Err(Unmet::Ended));
        assert!(console.wait_for(Awaited::Line("ready 2"), LIMIT).is_ok());
    }

    #[test]
    fn what_was_skipped_is_not_found() {
        let mut console = Console::new(Vec::new(), &b"ready 1\nready 2\n"[..]);
        console.wait_for_end(LIMIT);
        console.skip();
        let found = console.wait_for(Awaited::Line("ready"), LIMIT);
        assert_eq!(found, Err(Unmet::Ended));
    }

    #[test]
    fn a_typed_line_is_ended() {
        let mut console = Console::new(Vec::new(), io::empty());
        console.type_line("help").expect("a list takes everything");
        assert_eq!(console.keyboard, b"help\n");
    }
}
