//! A program that runs on the third party, the host beside the machines.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{self, Child};
use crate::output::{Output, Pattern, WaitError};

/// The number of lines of a failed program's output that are shown.
const TAIL_LINES: usize = 40;

/// How long reading the output of an ended program may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Client {
    program: String,
    process: Child,
    output: Output,
    stderr: Output,
}

impl Client {
    /// Starts `command`, which runs `program`.
    pub(super) fn start(program: &str, mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = child::spawn(command)
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        Self {
            program: program.to_owned(),
            output: Output::follow(process.take_stdout().expect("a piped stdout")),
            stderr: Output::follow(process.take_stderr().expect("a piped stderr")),
            process,
        }
    }

    /// Its standard output so far.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The end of what it wrote to both outputs, if it is no longer running.
    pub fn last_words(&mut self) -> Option<String> {
        self.process.status()?;
        self.output.wait_for_end(DRAIN_LIMIT);
        self.stderr.wait_for_end(DRAIN_LIMIT);
        let outputs = [&self.output, &self.stderr];
        Some(outputs.map(|output| output.tail(TAIL_LINES)).join("\n"))
    }

    /// Waits until it has written a text to its standard output.
    ///
    /// # Panics
    ///
    /// If it does not write it within `limit`, or ends first; its output is in the message.
    pub fn await_output(&self, text: &str, limit: Duration) {
        let Err(error) = self.output.wait_for(Pattern::Text(text), 0, limit) else {
            return;
        };
        if error == WaitError::Ended {
            self.stderr.wait_for_end(DRAIN_LIMIT);
        }
        panic!(
            "no {text:?} from {} ({error:?}):\n{}\n{}",
            self.program,
            self.output.text(),
            self.stderr.tail(TAIL_LINES)
        );
    }

    /// Waits until it has written a text to its standard output, or has ended. Returns whether it has written the text.
    pub fn writes(&self, text: &str, limit: Duration) -> bool {
        self.output.wait_for(Pattern::Text(text), 0, limit).is_ok()
    }

    /// Closes its standard input, waits for it to end, and returns its standard output.
    ///
    /// # Panics
    ///
    /// If it fails, or does not end within `limit`.
    pub fn finish(mut self, limit: Duration) -> String {
        drop(self.process.take_stdin());
        let status = self.process.wait(limit);
        let ended = if status.is_some() {
            DRAIN_LIMIT
        } else {
            Duration::ZERO
        };
        self.output.wait_for_end(ended);
        self.stderr.wait_for_end(ended);
        let (program, output, stderr) = (&self.program, &self.output, &self.stderr);
        match status {
            Some(status) if status.success() => output.text(),
            Some(status) => panic!(
                "{program}: {status}\n{}\n{}",
                output.tail(TAIL_LINES),
                stderr.tail(TAIL_LINES)
            ),
            None => panic!(
                "{program} does not end within {limit:?}\n{}",
                output.tail(TAIL_LINES)
            ),
        }
    }
}
