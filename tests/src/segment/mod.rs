//! An Ethernet segment: a learning switch in this process, over QEMU's Unix datagram sockets.
//!
//! Each [`Port`] is a pair of socket paths in a temporary directory; QEMU plugs in with [`Port::netdev`]. A port has two
//! threads: one receives and forwards (`port.rs`, `switch.rs`), one sends frames that had to wait (`send_queue.rs`).
//! On good wires a frame costs one receive, one look-up and one send, and is not copied.
//!
//! Any port can be cut and healed, and given seeded [`Faults`]; its [`Counters`] count frames and bytes on the wire. A peer that
//! is absent, gone or stopped does not affect the others: its frames are dropped and counted.

mod counters;
mod faults;
mod flows;
mod learning;
mod pcap;
mod port;
mod send_queue;
mod switch;

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use counters::{Counters, Traffic};
pub use faults::Faults;
pub use learning::MacAddress;
pub use port::Port;

use crate::scratch;
use port::PortInner;
use switch::Switch;

/// The interval between reads of a capture.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A wire into which machines are plugged. It ends when it is dropped.
#[derive(Debug)]
pub struct Segment {
    switch: Arc<Switch>,
    directory: TempDir,
    threads: Vec<JoinHandle<()>>,
}

impl Segment {
    /// A segment without ports.
    ///
    /// # Panics
    ///
    /// If no temporary directory can be created.
    #[expect(
        clippy::new_without_default,
        reason = "a default value is not expected to make a directory"
    )]
    pub fn new() -> Self {
        Self {
            switch: Arc::default(),
            directory: scratch::directory(),
            threads: Vec::new(),
        }
    }

    /// Adds a port. Its `name` appears in its socket's paths, and must be new here.
    ///
    /// # Panics
    ///
    /// If the socket cannot be bound.
    pub fn port(&mut self, name: &str) -> Port {
        let mut ports = self.switch.ports.write().expect("no forwarder panics");
        let port = PortInner::new(ports.len(), name, self.directory.path());
        let inner = Arc::new(port.unwrap_or_else(|error| panic!("no port {name}: {error}")));
        ports.push(inner.clone());
        drop(ports);

        let (receiver, switch) = (inner.clone(), self.switch.clone());
        self.start_thread(format!("{name}-in"), move || receiver.run(&switch));
        let sender = inner.clone();
        self.start_thread(format!("{name}-out"), move || {
            sender.send_queue.run(&sender.tallies)
        });
        Port {
            inner,
            switch: self.switch.clone(),
        }
    }

    /// The directory of the sockets, which other files of this segment may use.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Begins to capture every frame that enters the switch into the pcap file `path`.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn start_capture(&self, path: &Path) {
        self.switch
            .start_capture(path)
            .unwrap_or_else(|error| panic!("no capture in {}: {error}", path.display()));
    }

    /// Ends the capture; the file is complete afterwards.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn stop_capture(&self) {
        self.switch
            .stop_capture()
            .expect("the capture's last bytes");
    }

    /// Captures frames from the start of `work` until `is_enough` holds or `limit` has passed, and then for `tail`.
    ///
    /// # Panics
    ///
    /// If the capture cannot be written or read.
    pub fn captured_until(
        &self,
        work: impl FnOnce(),
        is_enough: impl Fn(&[Vec<u8>]) -> bool,
        tail: Duration,
        limit: Duration,
    ) -> Vec<Vec<u8>> {
        let path = self.directory().join("until.pcap");
        let frames = || pcap::frames(&std::fs::read(&path).expect("the capture"));
        self.start_capture(&path);
        work();
        let deadline = Instant::now() + limit;
        while !is_enough(&frames()) && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
            let flushed = self.switch.flush_capture();
            flushed.expect("the capture is written");
        }
        thread::sleep(tail);
        self.stop_capture();
        frames()
    }

    fn start_thread(&mut self, name: String, body: impl FnOnce() + Send + 'static) {
        let thread = thread::Builder::new()
            .name(name)
            .spawn(body)
            .expect("a thread for a port");
        self.threads.push(thread);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.switch
            .ports
            .read()
            .expect("no forwarder panics")
            .iter()
            .for_each(|port| port.close());
        for thread in self.threads.drain(..) {
            // A thread's panic was reported already. A second one here would hide the test's own.
            let _ = thread.join();
        }
        // A failed flush only truncates a capture that the test did not stop.
        let _ = self.switch.stop_capture();
    }
}

#[cfg(test)]
mod tests;
