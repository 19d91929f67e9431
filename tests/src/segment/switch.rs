//! The switch itself: learns each frame's source, and forwards the frame to its destination.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use super::learning::{Learning, MacAddress};
use super::pcap::Pcap;
use super::port::PortInner;

/// The state shared by all ports.
#[derive(Debug, Default)]
pub struct Switch {
    pub ports: RwLock<Vec<Arc<PortInner>>>,
    pub learning: Learning,
    /// Pairs of ports: frames from the first to the second are dropped.
    partitions: RwLock<Vec<[usize; 2]>>,
    /// Ports, and addresses whose frames are dropped there.
    dropped_addresses: RwLock<Vec<(usize, MacAddress)>>,
    /// Whether there is a capture. Without one, forwarding takes no lock for it.
    capturing: AtomicBool,
    capture: Mutex<Option<Pcap<BufWriter<File>>>>,
}

impl Switch {
    /// Forwards a frame with a complete header from port number `from`.
    pub fn forward(&self, from: usize, frame: &[u8], delay: Duration) {
        self.record(frame);
        let dropped_addresses = self.dropped_addresses.read().expect("no forwarder panics");
        let source = MacAddress::source(frame);
        if dropped_addresses.contains(&(from, source)) {
            return;
        }
        self.learning.learn(source, from);
        let destination = MacAddress::destination(frame);
        let learnt = if destination.is_group() {
            None
        } else {
            self.learning.find(destination)
        };
        let ports = self.ports.read().expect("no forwarder panics");
        let partitions = self.partitions.read().expect("no forwarder panics");
        let reaches = |to: usize| {
            !partitions.contains(&[from, to]) && !dropped_addresses.contains(&(to, destination))
        };
        match learnt {
            Some(to) if to == from || !reaches(to) => {}
            Some(to) => ports[to].deliver(frame, delay),
            None => ports
                .iter()
                .filter(|port| port.number != from && reaches(port.number))
                .for_each(|port| port.deliver(frame, delay)),
        }
    }

    /// Drops frames from one port to another.
    pub fn drop_between(&self, from: usize, to: usize) {
        let mut partitions = self.partitions.write().expect("no forwarder panics");
        partitions.push([from, to]);
    }

    /// Drops frames from and to one address at a port.
    pub fn drop_address(&self, port: usize, address: MacAddress) {
        let mut dropped_addresses = self.dropped_addresses.write().expect("no forwarder panics");
        dropped_addresses.push((port, address));
    }

    /// Lets all frames pass between all ports again.
    pub fn clear_partitions(&self) {
        self.partitions
            .write()
            .expect("no forwarder panics")
            .clear();
        self.dropped_addresses
            .write()
            .expect("no forwarder panics")
            .clear();
    }

    /// Begins to write every forwarded frame to `path`.
    pub fn start_capture(&self, path: &Path) -> io::Result<()> {
        let pcap = Pcap::new(BufWriter::new(File::create(path)?))?;
        *self.capture.lock().expect("no forwarder panics") = Some(pcap);
        self.capturing.store(true, Ordering::Release);
        Ok(())
    }

    /// Flushes the capture to its file, if there is one.
    pub fn flush_capture(&self) -> io::Result<()> {
        let mut capture = self.capture.lock().expect("no forwarder panics");
        capture.as_mut().map_or(Ok(()), Pcap::flush)
    }

    /// Ends the capture, if there is one, and flushes it to its file.
    pub fn stop_capture(&self) -> io::Result<()> {
        self.capturing.store(false, Ordering::Release);
        let capture = self.capture.lock().expect("no forwarder panics").take();
        capture.map_or(Ok(()), |pcap| pcap.finish().map(drop))
    }

    fn record(&self, frame: &[u8]) {
        if !self.capturing.load(Ordering::Acquire) {
            return;
        }
        let mut capture = self.capture.lock().expect("no forwarder panics");
        // A full disk ends the capture, not the traffic.
        if capture
            .as_mut()
            .is_some_and(|pcap| pcap.write(SystemTime::now(), frame).is_err())
        {
            eprintln!("the capture could not be written and ends here");
            *capture = None;
        }
    }
}
