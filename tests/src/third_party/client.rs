//! A program that runs at the third party.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{self, Child};
use crate::transcript::{Awaited, Transcript, Unmet};

/// How much of what a failed program said is shown.
const TAIL_LINES: usize = 40;

/// How long the output of a program that has ended may take to be read.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Client {
    program: String,
    process: Child,
    output: Transcript,
    complaints: Transcript,
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
            output: Transcript::follow(process.take_stdout().expect("a piped stdout")),
            complaints: Transcript::follow(process.take_stderr().expect("a piped stderr")),
            process,
        }
    }

    /// What it wrote to its standard output so far.
    pub fn output(&self) -> &Transcript {
        &self.output
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.status().is_none()
    }

    /// Waits until it has written a text to its standard output.
    ///
    /// # Panics
    ///
    /// If it does not within `limit`, or ends before; what it wrote is in the message.
    pub fn await_output(&self, text: &str, limit: Duration) {
        let Err(unmet) = self.output.wait_for(Awaited::Text(text), 0, limit) else {
            return;
        };
        if unmet == Unmet::Ended {
            self.complaints.wait_for_end(DRAIN_LIMIT);
        }
        panic!(
            "no {text:?} from {} ({unmet:?}):\n{}\n{}",
            self.program,
            self.output.text(),
            self.complaints.tail(TAIL_LINES)
        );
    }

    /// Ends its standard input, waits for its end, and returns what it wrote to its standard output.
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
        self.complaints.wait_for_end(ended);
        let (program, output, complaints) = (&self.program, &self.output, &self.complaints);
        match status {
            Some(status) if status.success() => output.text(),
            Some(status) => panic!(
                "{program}: {status}\n{}\n{}",
                output.tail(TAIL_LINES),
                complaints.tail(TAIL_LINES)
            ),
            None => panic!(
                "{program} does not end within {limit:?}\n{}",
                output.tail(TAIL_LINES)
            ),
        }
    }
}
