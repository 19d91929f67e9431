//! Transcripts: everything a process says, a machine on its transcript line for one, and what a test waits for in it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a process has said so far. Clones are handles to the same log, which a thread fills.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    log: Arc<(Mutex<Log>, Condvar)>,
}

#[derive(Debug, Default)]
struct Log {
    bytes: Vec<u8>,
    ended: bool,
}

/// What a test waits for.
#[derive(Clone, Copy, Debug)]
pub enum Awaited<'a> {
    /// A whole line that contains the text.
    Line(&'a str),
    /// The text, which need not be followed by a line's end, as a prompt is not.
    Text(&'a str),
}

/// Why it did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// The limit passed.
    Late,
    /// The output ended: the process is no more.
    Ended,
}

/// What was found: the line (or text), and the offset in the log just after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The line without its end, or the text.
    pub text: String,
    /// Where to look for what comes next.
    pub end: usize,
}

impl Transcript {
    /// Keeps what comes out of `source`, until it ends.
    pub fn follow(mut source: impl Read + Send + 'static) -> Self {
        let transcript = Self::default();
        let filled = transcript.clone();
        let body = move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = source.read(&mut buffer) {
                filled.append(&buffer[..length]);
            }
            filled.end();
        };
        thread::Builder::new()
            .name("transcript".into())
            .spawn(body)
            .expect("a thread for a transcript");
        transcript
    }

    /// All of it, as text.
    pub fn text(&self) -> String {
        let (log, _) = &*self.log;
        String::from_utf8_lossy(&log.lock().expect("no reader panics").bytes).into_owned()
    }

    /// How many bytes it is.
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

    /// Waits for something said after the offset `from`.
    pub fn wait_for(
        &self,
        awaited: Awaited<'_>,
        from: usize,
        limit: Duration,
    ) -> Result<Found, Unmet> {
        let deadline = Instant::now() + limit;
        let (log, changed) = &*self.log;
        let mut log = log.lock().expect("no reader panics");
        loop {
            if let Some(found) = awaited.find(&log.bytes, from) {
                return Ok(found);
            }
            if log.ended {
                return Err(Unmet::Ended);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unmet::Late);
            }
            log = changed.wait_timeout(log, left).expect("no reader panics").0;
        }
    }

    /// Waits until the process has said its last, so that the transcript is whole.
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

impl Awaited<'_> {
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

    fn said(text: &str) -> Transcript {
        let transcript = Transcript::default();
        transcript.append(text.as_bytes());
        transcript
    }

    fn line(text: &str, end: usize) -> Result<Found, Unmet> {
        Ok(Found {
            text: text.to_owned(),
            end,
        })
    }

    #[test]
    fn finds_a_whole_line_and_goes_on_after_it() {
        let transcript = said("one 1\r\ntwo\r\none 2\r\n");
        assert_eq!(
            transcript.wait_for(Awaited::Line("one"), 0, LIMIT),
            line("one 1", 7)
        );
        assert_eq!(
            transcript.wait_for(Awaited::Line("one"), 7, LIMIT),
            line("one 2", 19)
        );
    }

    #[test]
    fn waits_for_the_end_of_a_line() {
        let transcript = said("took 12");
        assert_eq!(
            transcript.wait_for(Awaited::Line("took"), 0, Duration::from_millis(10)),
            Err(Unmet::Late)
        );
        let other = transcript.clone();
        let speaker = thread::spawn(move || other.append(b"3 ms\n"));
        assert_eq!(
            transcript.wait_for(Awaited::Line("took"), 0, LIMIT),
            line("took 123 ms", 12)
        );
        speaker.join().expect("it speaks");
    }

    #[test]
    fn finds_a_prompt_that_ends_no_line() {
        let transcript = said("welcome\n> ");
        assert_eq!(
            transcript.wait_for(Awaited::Text("> "), 0, LIMIT),
            line("> ", 10)
        );
    }

    #[test]
    fn stops_waiting_when_the_process_has_ended() {
        let transcript = Transcript::follow(&b"last words"[..]);
        assert_eq!(
            transcript.wait_for(Awaited::Line("more"), 0, LIMIT),
            Err(Unmet::Ended)
        );
        assert_eq!(transcript.text(), "last words");
    }

    #[test]
    fn keeps_the_last_lines() {
        assert_eq!(said("a\nb\nc\n").tail(2), "b\nc");
        assert_eq!(said("a\n").tail(2), "a");
    }
}
