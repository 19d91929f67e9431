//! A PC under another emulator: one Bochs process, which boots from a CD, under the test's control.
//!
//! Bochs shares no code with QEMU and models real processors, including features that QEMU's emulation lacks: PCID, a TSC
//! deadline, CET, AVX-512. It interprets every instruction, so it takes several times as long as QEMU.
//!
//! ```no_run
//! use std::time::Duration;
//! use harness::bochs::Processor;
//! use harness::{Artefacts, Bochs};
//!
//! let limit = Duration::from_secs(240);
//! let archive = Artefacts::archive_named("guest-conformance");
//! let mut pc = Bochs::start("tigerlake", Processor::TigerLake, &Artefacts::kernel(), &archive);
//! pc.expect("passed", limit);
//! ```
//!
//! The machine has no exit device: a guest prints its verdict as a line, and the machine is killed when its handle is dropped. A
//! triple fault ends Bochs, and so does a panic of Bochs itself.

mod configuration;
mod disc;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use configuration::Processor;

use crate::child::{self, Child};
use crate::machine::Console;
use crate::output::{Pattern, WaitError};
use crate::scratch;
use configuration::Configuration;

/// The number of lines of each log that a failure shows.
const TAIL_LINES: usize = 60;

/// How long Bochs may take to connect its serial line. Only a hang reaches this limit.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// The interval between checks for that connection.
const CONNECT_INTERVAL: Duration = Duration::from_millis(5);

/// A running PC. It is killed when this is dropped.
#[derive(Debug)]
pub struct Bochs {
    name: String,
    process: Child,
    console: Console<TcpStream>,
    directory: TempDir,
}

impl Bochs {
    /// Starts a PC with this processor from a CD with this kernel and boot archive.
    ///
    /// # Panics
    ///
    /// If the CD cannot be made, or Bochs cannot be started.
    pub fn start(name: &str, processor: Processor, kernel: &Path, archive: &Path) -> Self {
        child::require("setpriv", "util-linux");
        child::require("bochs", "bochs");
        let directory = scratch::directory();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of this host");
        let configuration = Configuration {
            processor,
            disc: &disc::make(directory.path(), kernel, archive),
            serial_port: listener.local_addr().expect("it is bound").port(),
        };
        let mut command = child::command("bochs");
        command
            .args(configuration.write(directory.path()))
            // Its screen is drawn for a terminal, and discarded.
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process =
            child::spawn(command).unwrap_or_else(|error| panic!("Bochs does not start: {error}"));
        let serial = connect(&listener, &mut process).unwrap_or_else(|reason| {
            let log = configuration::log(directory.path());
            panic!("Bochs {name}: {reason}\n{log}")
        });
        let keyboard = serial.try_clone().expect("a second handle of the line");
        Self {
            name: name.to_owned(),
            process,
            console: Console::new(keyboard, serial),
            directory,
        }
    }

    /// Everything that the machine has printed on its serial line, GRUB's lines included.
    pub fn log(&self) -> String {
        self.console.text()
    }

    /// Waits for a line that contains `text`, after the last expected one, and returns the complete line.
    ///
    /// # Panics
    ///
    /// If the line does not come within `limit`, or the machine ends first.
    pub fn expect(&mut self, text: &str, limit: Duration) -> String {
        match self.console.wait_for(Pattern::Line(text), limit) {
            Ok(line) => line,
            Err(WaitError::TimedOut) => {
                self.fail(&format!("{text:?} does not come within {limit:?}"))
            }
            Err(WaitError::Ended) => self.fail(&format!("it ended before {text:?}")),
        }
    }

    /// Types a line on the machine's serial line.
    ///
    /// # Panics
    ///
    /// If the machine has ended.
    pub fn type_line(&mut self, line: &str) {
        if let Err(error) = self.console.type_line(line) {
            self.fail(&format!("`{line}` cannot be typed: {error}"));
        }
    }

    /// Kills the machine, as pulling its plug does, and returns when it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends the test with `reason` and the end of both logs.
    fn fail(&self, reason: &str) -> ! {
        let tail = self.console.tail(TAIL_LINES);
        let log = configuration::log(self.directory.path());
        let lines: Vec<_> = log.lines().collect();
        let log = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        panic!(
            "Bochs {}: {reason}\n--- the end of its serial log ---\n{tail}\n--- the end of Bochs' own ---\n{log}\n---",
            self.name
        )
    }
}

/// Waits until Bochs has connected its serial line.
fn connect(listener: &TcpListener, process: &mut Child) -> Result<TcpStream, String> {
    listener
        .set_nonblocking(true)
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + CONNECT_LIMIT;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream
                    .set_nonblocking(false)
                    .map_err(|error| error.to_string())?;
                return Ok(stream);
            }
            Err(_) if Instant::now() < deadline => {}
            Err(error) => return Err(format!("it does not connect its serial line: {error}")),
        }
        if let Some(status) = process.status() {
            return Err(format!("it ended at once: {status}"));
        }
        thread::sleep(CONNECT_INTERVAL);
    }
}
