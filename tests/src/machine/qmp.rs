//! QEMU's machine protocol: JSON lines over a Unix socket, one reply per command, with events in between.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long QEMU may take to reply. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection to a running QEMU.
#[derive(Debug)]
pub struct Qmp {
    lines: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects to the socket of a QEMU that may still be starting.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let deadline = Instant::now() + LIMIT;
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        stream.set_read_timeout(Some(LIMIT))?;
        let mut qmp = Self {
            lines: BufReader::new(stream),
        };
        qmp.read()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes `command`, and returns its result or QEMU's error.
    pub fn execute(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.lines
            .get_mut()
            .write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut reply = self.read()?;
            if let Some(error) = reply.get("error") {
                return Err(io::Error::other(format!("{command}: {error}")));
            }
            if let Some(value) = reply.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
