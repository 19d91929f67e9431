//! Captured output of a process, such as a machine's serial line, and the patterns for which a test waits.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Everything a process has printed so far. Clones are handles to the same log, which a thread fills.
#[derive(Clone, Debug, Default)]
pub struct Output {
    log: Arc<(Mutex<Log>, Condvar)>,
}

#[derive(Debug, Default)]
struct Log {
    bytes: Vec<u8>,
    ended: bool,
}

/// A pattern that a test waits for.
#[derive(Clone, Copy, Debug)]
pub enum Pattern<'a> {
    /// A complete line that contains the text.
    Line(&'a str),
    /// The text alone, such as a prompt, which no end of line follows.
    Text(&'a str),
}

/// The reason a wait failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The time limit passed.
    TimedOut,
    /// The output ended, since the process has ended.
    Ended,
}

/// A match in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The line without its terminator, or the text.
    pub text: String,
    /// The offset in the log just after the match.
    pub end: usize,
}

impl Output {
    /// Captures `source` until it ends.
    pub fn follow(mut source: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let filled = output.clone();
        let body = move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = source.read(&mut buffer) {
                filled.append(&buffer[..length]);
            }
            filled.end();
        };
        thread::Builder::new()
            .name("output".into())
            .spawn(body)
            .expect("a thread for the output");
        output
    }

    /// The whole log as text.
    pub fn text(&self) -> String {
        let (log, _) = &*self.log;
        String::from_utf8_lossy(&log.lock().expect("no reader panics").bytes).into_owned()
    }

    /// The length of the log in bytes.
    pub fn length(&self) -> usize {
        let (log, _) = &*self.log;
        log.lock().expect("no reader panics").bytes.len()
    }

    /// The last `count` lines.
    pub fn tail(&self, count: usize) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Waits for a match after the offset `from`.
    pub fn wait_for(
        &self,
        pattern: Pattern<'_>,
        from: usize,
        limit: Duration,
    ) -> Result<Found, WaitError> {
        let deadline = Instant::now() + limit;
        let (log, changed) = &*self.log;
        let mut log = log.lock().expect("no reader panics");
        loop {
            if let Some(found) = pattern.find(&log.bytes, from) {
                return Ok(found);
            }
            if log.ended {
                return Err(WaitError::Ended);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(WaitError::TimedOut);
            }
            log = changed.wait_timeout(log, left).expect("no reader panics").0;
        }
    }

    /// Waits until the output has ended, so that the log is complete.
    pub fn wait_for_end(&self, limit: Duration) {
        let (log, changed) = &*self.log;
        let log = log.lock().expect("no reader panics");
        let waited = changed.wait_timeout_while(log, limit, |log| !log.ended);
        drop(waited.expect("no reader panics"));
    }

    fn append(&self, bytes: &[u8]) {
        let (log, changed) = &*self.log;
        log.lock()
            .expect("no reader panics")
            .bytes
            .extend_from_slice(bytes);
        changed.notify_all();
    }

    fn end(&self) {
        let (log, changed) = &*self.log;
        log.lock().expect("no reader panics").ended = true;
        changed.notify_all();
    }
}

impl Pattern<'_> {
    fn find(self, bytes: &[u8], from: usize) -> Option<Found> {
        match self {
            Self::Line(text) => find_line(bytes, from, text),
            Self::Text(text) => {
                let start = from + position(&bytes[from..], text.as_bytes())?;
                Some(Found {
                    text: text.to_owned(),
                    end: start + text.len(),
                })
            }
        }
    }
}

fn find_line(bytes: &[u8], from: usize, text: &str) -> Option<Found> {
    let mut end = from;
    for line in bytes[from..].split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if line.ends_with(b"\n") && position(line, text.as_bytes()).is_some() {
            return Some(Found {
                text: String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
                end,
            });
        }
    }
    None
}

fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn printed(text: &str) -> Output {
        let output = Output::default();
        output.append(text.as_bytes());
        output
    }

    fn line(text: &str, end: usize) -> Result<Found, WaitError> {
        Ok(Found {
            text: text.to_owned(),
            end,
        })
    }

    #[test]
    fn finds_a_complete_line_and_continues_after_it() {
        let output = printed("one 1\r\ntwo\r\none 2\r\n");
        assert_eq!(
            output.wait_for(Pattern::Line("one"), 0, LIMIT),
            line("one 1", 7)
        );
        assert_eq!(
            output.wait_for(Pattern::Line("one"), 7, LIMIT),
            line("one 2", 19)
        );
    }

    #[test]
    fn waits_for_the_end_of_a_line() {
        let output = printed("took 12");
        assert_eq!(
            output.wait_for(Pattern::Line("took"), 0, Duration::from_millis(10)),
            Err(WaitError::TimedOut)
        );
        let other = output.clone();
        let writer = thread::spawn(move || other.append(b"3 ms\n"));
        assert_eq!(
            output.wait_for(Pattern::Line("took"), 0, LIMIT),
            line("took 123 ms", 12)
        );
        writer.join().expect("no panic");
    }

    #[test]
    fn finds_a_prompt_without_an_end_of_line() {
        let output = printed("welcome\n> ");
        assert_eq!(
            output.wait_for(Pattern::Text("> "), 0, LIMIT),
            line("> ", 10)
        );
    }

    #[test]
    fn stops_waiting_when_the_process_has_ended() {
        let output = Output::follow(&b"last words"[..]);
        assert_eq!(
            output.wait_for(Pattern::Line("more"), 0, LIMIT),
            Err(WaitError::Ended)
        );
        assert_eq!(output.text(), "last words");
    }

    #[test]
    fn keeps_the_last_lines() {
        assert_eq!(printed("a\nb\nc\n").tail(2), "b\nc");
        assert_eq!(printed("a\n").tail(2), "a");
    }
}
