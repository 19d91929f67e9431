//! A machine: one QEMU process, always emulated (TCG), under the test's control.
//!
//! ```no_run
//! use std::time::Duration;
//! use harness::machine::{Boot, Options};
//! use harness::{Artefacts, MacAddress, Segment};
//!
//! let limit = Duration::from_secs(60);
//! let mut segment = Segment::new();
//! let boot = Boot::Kernel { kernel: Artefacts::kernel(), archive: Some(Artefacts::archive()) };
//! let mut one = Options::new("one", boot).nic(&segment.port("one"), MacAddress::local(1)).start();
//! one.type_line("help");
//! one.expect("migrate", limit);
//! one.kill();
//! ```
//!
//! An unmet expectation fails the test with the end of the serial log in the message.

mod console;
mod debugger;
mod monitor;
mod nic;
mod nic_bus;
mod options;
mod program;
mod qmp;
mod state;
mod verdict;
mod wire;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use console::Console;
pub use debugger::Debugger;
pub use monitor::{MappedPage, Registers};
pub use options::{Board, Boot, NicModel, Options};
pub use qmp::Qmp;
pub use verdict::Verdict;

use crate::child::{self, Child};
use crate::output::{Output, Pattern, WaitError};
use crate::scratch;
use crate::screenshot::Screenshot;

/// The number of lines of the serial log that a failure shows.
const TAIL_LINES: usize = 60;

/// The interval between two screenshots.
const SCREEN_INTERVAL: Duration = Duration::from_millis(200);

/// The counter of the HPET, which the kernel starts, and the length of its ticks in QEMU.
const HPET_COUNTER: u64 = 0xfed0_00f0;
const HPET_TICK_NS: u64 = 10;

/// How long reading the output of an ended QEMU may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A running machine. It is killed when this is dropped.
#[derive(Debug)]
pub struct Machine {
    name: String,
    process: Child,
    console: Console<ChildStdin>,
    /// QEMU's own messages.
    stderr: Output,
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
        let mut command = child::command("qemu-system-x86_64");
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
            stderr: Output::follow(process.take_stderr().expect("a piped stderr")),
            process,
            directory,
            control: None,
        }
    }

    /// The test's name for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// QEMU's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything the machine has printed.
    pub fn log(&self) -> String {
        self.console.text()
    }

    /// A handle to the log, which another thread may follow.
    pub fn output(&self) -> Output {
        self.console.output()
    }

    /// Waits for a line that contains `text`, after the last expected one, and returns the complete line.
    ///
    /// # Panics
    ///
    /// If the line does not come within `limit`, or the machine ends first.
    pub fn expect(&mut self, text: &str, limit: Duration) -> String {
        self.expect_either(Pattern::Line(text), limit)
    }

    /// Waits for a text that no end of line follows, such as a prompt.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect).
    pub fn expect_text(&mut self, text: &str, limit: Duration) {
        self.expect_either(Pattern::Text(text), limit);
    }

    /// Waits for a line that contains `text` anywhere in the log, since concurrent domains log in any order. Consumes
    /// nothing.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect).
    pub fn expect_anywhere(&mut self, text: &str, limit: Duration) {
        if let Err(error) = self.console.wait_anywhere(text, limit) {
            self.fail_wait(error, Pattern::Line(text), limit);
        }
    }

    /// Restricts later expectations to output from now on.
    pub fn skip_log(&mut self) {
        self.console.skip();
    }

    /// As [`expect`](Self::expect), but returns a failure instead of panicking.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<String, WaitError> {
        self.console.wait_for(Pattern::Line(text), limit)
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

    /// Types a key on the machine's serial line.
    ///
    /// # Panics
    ///
    /// If the machine has ended.
    pub fn press(&mut self, key: char) {
        if let Err(error) = self.console.type_text(&key.to_string()) {
            self.fail(&format!("`{key}` cannot be typed: {error}"));
        }
    }

    /// Types on its PS/2 keyboard: letters, digits, spaces and line ends.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the text has another character.
    pub fn type_keys(&mut self, text: &str) {
        for character in text.chars() {
            let key = match character {
                ' ' => "spc".to_owned(),
                '\n' => "ret".to_owned(),
                'a'..='z' | '0'..='9' => character.to_string(),
                other => panic!("there is no key for {other:?}"),
            };
            let key = json!({ "type": "qcode", "data": key });
            self.control("send-key", json!({ "keys": [key] }));
        }
    }

    /// The lines of text on its screen.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the machine has no screen.
    pub fn screen_lines(&mut self) -> Vec<String> {
        let path = self.directory.path().join("screen.ppm");
        self.control("screendump", json!({ "filename": path }));
        let picture = std::fs::read(&path).ok();
        let picture = picture.and_then(|picture| Screenshot::parse(&picture));
        let picture = picture.unwrap_or_else(|| self.fail("no picture of its screen"));
        picture.lines()
    }

    /// Waits until a line of its screen contains this text.
    ///
    /// # Panics
    ///
    /// If it does not within `limit`, or the machine ends first.
    pub fn expect_on_screen(&mut self, text: &str, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let lines = self.screen_lines();
            if lines.iter().any(|line| line.contains(text)) {
                return;
            }
            if Instant::now() >= deadline {
                let shown = lines.join("\n");
                self.fail(&format!("`{text}` is not on its screen:\n{shown}"));
            }
            sleep(SCREEN_INTERVAL);
        }
    }

    /// Stops its processors, but not its devices.
    pub fn stop(&mut self) {
        self.control("stop", json!({}));
    }

    /// Lets its processors run again.
    pub fn resume(&mut self) {
        self.control("cont", json!({}));
    }

    /// Executes a command of QEMU's machine protocol, and returns its result.
    ///
    /// # Panics
    ///
    /// If QEMU refuses or has ended.
    pub fn control(&mut self, command: &str, arguments: Value) -> Value {
        let reply = self
            .connected()
            .and_then(|control| control.execute(command, arguments));
        reply.unwrap_or_else(|error| self.fail(&format!("no reply to `{command}`: {error}")))
    }

    /// Executes a command of QEMU's human monitor, and returns its output.
    ///
    /// # Panics
    ///
    /// If QEMU has ended.
    pub fn monitor(&mut self, command: &str) -> String {
        let arguments = json!({ "command-line": command });
        let reply = self.control("human-monitor-command", arguments);
        reply.as_str().map(str::to_owned).unwrap_or_default()
    }

    /// The registers of its first processor. The machine is stopped while they are read.
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

    /// `count` words of its memory, from a virtual address.
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

    /// All pages that its page tables currently map.
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

    /// Attaches a debugger, which stops the machine. The machine must be [`Options::debuggable`].
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or does not let it attach.
    pub fn debugger(&mut self) -> Debugger {
        let path = self.directory.path().join(options::DEBUGGER_SOCKET);
        Debugger::attach(&path).unwrap_or_else(|error| self.fail(&format!("no debugger: {error}")))
    }

    /// The number of instructions that it has executed. It must have been started with [`Options::counting_with`].
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or does not count.
    pub fn instructions(&self) -> u64 {
        let path = self.directory.path().join(options::INSTRUCTIONS_SOCKET);
        let count = UnixStream::connect(path).and_then(std::io::read_to_string);
        let count = count.map(|text| text.trim().parse());
        let Ok(Ok(count)) = count else {
            self.fail(&format!("no count of instructions: {count:?}"));
        };
        count
    }

    /// The machine's own time since the kernel has started the HPET.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or the machine has no HPET.
    pub fn time(&mut self) -> Duration {
        let shown = self.monitor(&format!("xp /1gx {HPET_COUNTER:#x}"));
        let ticks = monitor::words(&shown).first().copied();
        let ticks = ticks.unwrap_or_else(|| self.fail(&format!("no HPET in {shown}")));
        Duration::from_nanos(ticks * HPET_TICK_NS)
    }

    /// The addresses of the pages of its memory that begin with these bytes.
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or does not write the memory to a file.
    pub fn pages_that_begin_with(&mut self, bytes: &[u8]) -> Vec<u64> {
        let memory = self.memory();
        let pages = memory.chunks(4096).enumerate();
        let found = pages.filter(|(_, page)| page.starts_with(bytes));
        found.map(|(index, _)| 4096 * index as u64).collect()
    }

    /// Overwrites the code of a running program, whose ELF file this is, so that its domain faults with an invalid opcode. The machine
    /// must be [`Options::debuggable`].
    ///
    /// # Panics
    ///
    /// If QEMU has ended, or no domain runs the program.
    pub fn break_program(&mut self, file: &Path) {
        /// A byte that is an invalid opcode by itself (`push es`), so that code faults wherever it continues.
        const INVALID: [u8; 4096] = [0x06; 4096];
        let program = std::fs::read(file);
        let program = program.unwrap_or_else(|error| self.fail(&format!("{error}")));
        let mut debugger = self.debugger();
        let pages = program::pages_of(&self.memory(), &program);
        if pages.is_empty() {
            self.fail(&format!("no domain runs {}", file.display()));
        }
        for page in pages {
            debugger.write(page, &INVALID).expect("QEMU writes");
        }
        debugger.detach().expect("QEMU resumes");
    }

    fn memory(&mut self) -> Vec<u8> {
        let size = self.control("query-memory-size-summary", json!({}));
        let size = size["base-memory"].as_u64().unwrap_or_default();
        let path = self.directory.path().join("memory");
        let shown = self.monitor(&format!("pmemsave 0 {size} \"{}\"", path.display()));
        let memory = std::fs::read(&path);
        memory.unwrap_or_else(|error| self.fail(&format!("{error}: {shown}")))
    }

    /// Kills the machine, as pulling its plug does, and returns when it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends QEMU by its `quit` command.
    pub fn quit(&mut self) {
        self.control("quit", json!({}));
        self.wait_exit(DRAIN_LIMIT);
    }

    /// Waits until the machine has ended, and its log is complete. Returns the way in which it ended.
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

    /// The directory of the machine's files; it is removed with the machine.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    fn connected(&mut self) -> std::io::Result<&mut Qmp> {
        if self.control.is_none() {
            self.control = Some(Qmp::connect(&self.directory.path().join("qmp"))?);
        }
        Ok(self.control.as_mut().expect("it was just set"))
    }

    fn expect_either(&mut self, pattern: Pattern<'_>, limit: Duration) -> String {
        match self.console.wait_for(pattern, limit) {
            Ok(text) => text,
            Err(error) => self.fail_wait(error, pattern, limit),
        }
    }

    fn fail_wait(&mut self, error: WaitError, pattern: Pattern<'_>, limit: Duration) -> ! {
        match error {
            WaitError::TimedOut => {
                self.fail(&format!("{pattern:?} does not come within {limit:?}"))
            }
            WaitError::Ended => {
                let end = self.process.wait(DRAIN_LIMIT).map(Verdict::from);
                self.fail(&format!("it ended ({end:?}) before {pattern:?}"))
            }
        }
    }

    /// Ends the test with `reason` and the end of the log.
    fn fail(&self, reason: &str) -> ! {
        let (name, tail) = (&self.name, self.console.tail(TAIL_LINES));
        let stderr = self.stderr.tail(TAIL_LINES);
        panic!(
            "machine {name}: {reason}\n--- the end of its log ---\n{tail}\n--- QEMU's messages ---\n{stderr}\n---"
        )
    }
}
