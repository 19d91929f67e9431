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
    fn a_typed_line_is_ended() {
        let mut console = Console::new(Vec::new(), io::empty());
        console.type_line("help").expect("a list takes everything");
        assert_eq!(console.keyboard, b"help\n");
    }
}
