//! The switch proper: learns where a frame came from, and sends it where it belongs.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use super::learning::{Learning, MacAddress};
use super::pcap::Pcap;
use super::port::PortInner;

/// What all ports share.
#[derive(Debug, Default)]
pub struct Switch {
    pub ports: RwLock<Vec<Arc<PortInner>>>,
    pub learning: Learning,
    /// Pairs of ports: nothing passes from the first to the second.
    parted: RwLock<Vec<[usize; 2]>>,
    /// Ports, and the addresses that are not heard of there.
    shunned: RwLock<Vec<(usize, MacAddress)>>,
    /// Whether there is a capture: spares the lock where there is none.
    capturing: AtomicBool,
    capture: Mutex<Option<Pcap<BufWriter<File>>>>,
}

impl Switch {
    /// Forwards a frame that has a whole header and came in at port number `from`.
    pub fn forward(&self, from: usize, frame: &[u8], delay: Duration) {
        self.record(frame);
        let shunned = self.shunned.read().expect("no forwarder panics");
        let source = MacAddress::source(frame);
        if shunned.contains(&(from, source)) {
            return;
        }
        self.learning.learn(source, from);
        let destination = MacAddress::destination(frame);
        let place = if destination.is_group() {
            None
        } else {
            self.learning.find(destination)
        };
        let ports = self.ports.read().expect("no forwarder panics");
        let parted = self.parted.read().expect("no forwarder panics");
        let reaches =
            |to: usize| !parted.contains(&[from, to]) && !shunned.contains(&(to, destination));
        match place {
            Some(to) if to == from || !reaches(to) => {}
            Some(to) => ports[to].deliver(frame, delay),
            None => ports
                .iter()
                .filter(|port| port.number != from && reaches(port.number))
                .for_each(|port| port.deliver(frame, delay)),
        }
    }

    /// Lets nothing pass from one port to another.
    pub fn part(&self, from: usize, to: usize) {
        let mut parted = self.parted.write().expect("no forwarder panics");
        parted.push([from, to]);
    }

    /// Lets nothing of one address into a port or out of it.
    pub fn drop_address(&self, port: usize, address: MacAddress) {
        let mut shunned = self.shunned.write().expect("no forwarder panics");
        shunned.push((port, address));
    }

    /// Lets everything pass between all ports.
    pub fn clear_partitions(&self) {
        self.parted.write().expect("no forwarder panics").clear();
        self.shunned.write().expect("no forwarder panics").clear();
    }

    /// Begins to write every forwarded frame to `path`.
    pub fn start_capture(&self, path: &Path) -> io::Result<()> {
        let pcap = Pcap::new(BufWriter::new(File::create(path)?))?;
        *self.capture.lock().expect("no forwarder panics") = Some(pcap);
        self.capturing.store(true, Ordering::Release);
        Ok(())
    }

    /// Brings all of the capture so far to disk, if there is one.
    pub fn flush_capture(&self) -> io::Result<()> {
        let mut capture = self.capture.lock().expect("no forwarder panics");
        capture.as_mut().map_or(Ok(()), Pcap::flush)
    }

    /// Ends the capture, if there is one, with all of it on disk.
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
