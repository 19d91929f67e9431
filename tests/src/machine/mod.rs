//! A machine: one QEMU process, always emulated (TCG), and the test's hold on it.
//!
//! ```no_run
//! use std::time::Duration;
//! use harness::machine::{Boot, Options};
//! use harness::{Artefacts, MacAddress, Segment};
//!
//! let limit = Duration::from_secs(60);
//! let mut segment = Segment::new();
//! let boot = Boot::Kernel { kernel: Artefacts::kernel(), archive: Some(Artefacts::archive()) };
//! let mut one = Options::new("one", boot).card(&segment.port("one"), MacAddress::local(1)).start();
//! one.type_line("help");
//! one.expect("migrate", limit);
//! one.kill();
//! ```
//!
//! A machine that disappoints ends the test with the end of its serial log in the message.

mod console;
mod debugger;
mod monitor;
mod options;
mod qmp;
mod verdict;

use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use console::Console;
pub use debugger::Debugger;
pub use monitor::{MappedPage, Registers};
pub use options::{Board, Boot, Options};
pub use qmp::Qmp;
pub use verdict::Verdict;

use crate::child::{self, Child};
use crate::scratch;
use crate::transcript::{Awaited, Transcript, Unmet};

/// How much of the serial log a failure shows.
const TAIL_LINES: usize = 60;

/// How long the output of a QEMU that has ended may take to be read.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A running machine. It is killed when this is dropped.
#[derive(Debug)]
pub struct Machine {
    name: String,
    process: Child,
    console: Console<ChildStdin>,
    /// What QEMU itself complains about.
    complaints: Transcript,
    directory: TempDir,
    control: Option<Qmp>,
}

impl Machine {
    /// Starts a machine.
    ///
    /// # Panics
    ///
    /// If QEMU cannot be started.
    pub fn start(options: Options) -> Self {
        child::require("setpriv", "util-linux");
        child::require("qemu-system-x86_64", "qemu-system-x86");
        let directory = scratch::directory();
        let mut command = child::mortal("qemu-system-x86_64");
        command.args(options.arguments(directory.path()));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process =
            child::spawn(command).unwrap_or_else(|error| panic!("QEMU does not start: {error}"));
        Self {
            name: options.name,
            console: Console::new(
                process.take_stdin().expect("a piped stdin"),
                process.take_stdout().expect("a piped stdout"),
            ),
            complaints: Transcript::follow(process.take_stderr().expect("a piped stderr")),
            process,
            directory,
            control: None,
        }
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// QEMU's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// All that the machine has said.
    pub fn log(&self) -> String {
        self.console.text()
    }

    /// A handle to the log, which another thread may follow.
    pub fn transcript(&self) -> Transcript {
        self.console.transcript()
    }

    /// Waits for a line that contains `text`, after those that were expected before, and returns the whole line.
    ///
    /// # Panics
    ///
    /// If it does not come within `limit`, or the machine ends before.
    pub fn expect(&mut self, text: &str, limit: Duration) -> String {
        self.expect_either(Awaited::Line(text), limit)
    }

    /// As [`expect`](Self::expect), but does not ask for the line's end: for prompts.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect).
    pub fn expect_text(&mut self, text: &str, limit: Duration) {
        self.expect_either(Awaited::Text(text), limit);
    }

    /// Waits for a line that contains `text` wherever it is in the log: what runs side by side speaks in any order. Later
    /// expectations look where they would have looked.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect).
    pub fn expect_anywhere(&mut self, text: &str, limit: Duration) {
        if let Err(unmet) = self.console.wait_anywhere(text, limit) {
            self.fail_unmet(unmet, Awaited::Line(text), limit);
        }
    }

    /// Lets later expectations look only at what the machine says from now on.
    pub fn skip_log(&mut self) {
        self.console.skip();
    }

    /// As [`expect`](Self::expect), for those who have an answer to its failing.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<String, Unmet> {
        self.console.wait_for(Awaited::Line(text), limit)
    }

    /// Types a line on the machine's console.
    ///
    /// # Panics
    ///
    /// If the machine has ended.
    pub fn type_line(&mut self, line: &str) {
        if let Err(error) = self.console.type_line(line) {
            self.fail(&format!("`{line}` cannot be typed: {error}"));
        }
    }

    /// Stops its processors; everything else stays as it is.
    pub fn stop(&mut self) {
        self.control("stop", json!({}));
    }

    /// Lets its processors run again.
    pub fn resume(&mut self) {
        self.control("cont", json!({}));
    }

    /// Has QEMU execute a command of its machine protocol, and returns its answer.
    ///
    /// # Panics
    ///
    /// If QEMU refuses or has ended.
    pub fn control(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self
            .connected()
            .and_then(|control| control.execute(command, arguments));
        answer.unwrap_or_else(|error| self.fail(&format!("no answer to `{command}`: {error}")))
    }

    /// Has QEMU's monitor for humans execute a command, and returns its answer.
    ///
    /// # Panics
    ///
    /// If QEMU has ended.
    pub fn monitor(&mut self, command: &str) -> String {
        let arguments = json!({ "command-line": command });
        let answer = self.control("human-monitor-command", arguments);
        answer.as_str().map(str::to_owned).unwrap_or_default()
    }

    /// The registers of its first processor, which stands still while they are read.
    ///
    /// # Panics
    ///
    /// If QEMU has ended.
    pub fn registers(&mut self) -> Registers {
        self.stop();
        let shown = self.monitor("info registers");
        self.resume();
        Registers::parse(shown)
    }

    /// So many words of its memory, from an address as its processor sees it.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or there is no such memory.
    pub fn words(&mut self, address: u64, count: usize) -> Vec<u64> {
        let shown = self.monitor(&format!("x /{count}gx {address:#x}"));
        let words = monitor::words(&shown);
        assert_eq!(words.len(), count, "{shown}");
        words
    }

    /// All pages that its page tables map at this moment.
    ///
    /// # Panics
    ///
    /// If QEMU has ended.
    pub fn mapped_pages(&mut self) -> Vec<MappedPage> {
        self.stop();
        let shown = self.monitor("info tlb");
        self.resume();
        shown.lines().filter_map(MappedPage::parse).collect()
    }

    /// Attaches a debugger, before which the machine stands still. It must be [`Options::debuggable`].
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or does not let it attach.
    pub fn debugger(&mut self) -> Debugger {
        let path = self.directory.path().join(options::DEBUGGER_SOCKET);
        Debugger::attach(&path).unwrap_or_else(|error| self.fail(&format!("no debugger: {error}")))
    }

    /// Where the used ring of a queue of its first network card is in its memory, and how many buffers the card has used.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the card has no such queue in use.
    pub fn used_ring(&mut self, queue: u16) -> (u64, u16) {
        let card = "/machine/peripheral/card0/virtio-backend";
        let arguments = json!({ "path": card, "queue": queue });
        let status = self.control("x-query-virtio-queue-status", arguments);
        let number = |field: &str| {
            let number = status[field].as_u64();
            number.unwrap_or_else(|| self.fail(&format!("no {field} in {status}")))
        };
        (number("vring-used"), number("used-idx") as u16)
    }

    /// Ends it as pulling the plug does, and returns when it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends QEMU in good order.
    pub fn quit(&mut self) {
        self.control("quit", json!({}));
        self.wait_exit(DRAIN_LIMIT);
    }

    /// Waits for the machine's end, and returns how it ended; its log is whole then.
    ///
    /// # Panics
    ///
    /// If it does not end within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> Verdict {
        let Some(status) = self.process.wait(limit) else {
            self.fail(&format!("it does not end within {limit:?}"));
        };
        self.console.wait_for_end(DRAIN_LIMIT);
        status.into()
    }

    /// Where the machine's own files are; it goes with the machine.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    fn connected(&mut self) -> std::io::Result<&mut Qmp> {
        if self.control.is_none() {
            self.control = Some(Qmp::connect(&self.directory.path().join("qmp"))?);
        }
        Ok(self.control.as_mut().expect("it was just set"))
    }

    fn expect_either(&mut self, awaited: Awaited<'_>, limit: Duration) -> String {
        match self.console.wait_for(awaited, limit) {
            Ok(text) => text,
            Err(unmet) => self.fail_unmet(unmet, awaited, limit),
        }
    }

    fn fail_unmet(&mut self, unmet: Unmet, awaited: Awaited<'_>, limit: Duration) -> ! {
        match unmet {
            Unmet::Late => self.fail(&format!("{awaited:?} does not come within {limit:?}")),
            Unmet::Ended => {
                let end = self.process.wait(DRAIN_LIMIT).map(Verdict::from);
                self.fail(&format!("it ended ({end:?}) before {awaited:?}"))
            }
        }
    }

    /// Ends the test with `reason` and the end of the log.
    fn fail(&self, reason: &str) -> ! {
        let (name, tail) = (&self.name, self.console.tail(TAIL_LINES));
        let complaints = self.complaints.tail(TAIL_LINES);
        panic!(
            "machine {name}: {reason}\n--- the end of its log ---\n{tail}\n--- what QEMU says ---\n{complaints}\n---"
        )
    }
}
