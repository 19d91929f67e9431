//! One port of the switch: its two sockets, its wire's faults and its counters.
//!
//! ```text
//!   peer (QEMU)  -- binds peer_socket, sends to switch_socket -->  switch
//!                <-- the outlet sends to peer_socket ------------
//! ```

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::counters::{Counters, Tallies};
use super::faults::{Faults, Wire};
use super::learning::{HEADER_BYTES, MacAddress};
use super::outlet::Outlet;
use super::switch::Switch;

/// More than any frame that QEMU passes on.
const FRAME_BYTES_MAX: usize = 70_000;

/// What is asked of the kernel for each socket; it grants what its administrator allows.
const SOCKET_BYTES: usize = 4 << 20;

/// A place to plug a machine in. Clones are handles to the same port.
#[derive(Clone, Debug)]
pub struct Port {
    pub(super) inner: Arc<PortInner>,
    pub(super) switch: Arc<Switch>,
}

/// What a port is made of.
#[derive(Debug)]
pub struct PortInner {
    pub number: usize,
    pub name: String,
    socket_path: PathBuf,
    socket: UnixDatagram,
    pub outlet: Outlet,
    inbound: Wire,
    outbound: Wire,
    pub tallies: Tallies,
    closed: AtomicBool,
}

impl Port {
    /// The name it was created with.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The socket that the peer sends its frames to.
    pub fn switch_socket(&self) -> &Path {
        &self.inner.socket_path
    }

    /// The socket that the peer binds, to receive frames.
    pub fn peer_socket(&self) -> &Path {
        self.inner.outlet.peer()
    }

    /// QEMU's `-netdev` argument that plugs a backend called `id` into this port.
    pub fn netdev(&self, id: &str) -> String {
        let (local, remote) = (self.peer_socket().display(), self.switch_socket().display());
        format!(
            "dgram,id={id},local.type=unix,local.path={local},remote.type=unix,remote.path={remote}"
        )
    }

    /// Pulls the cable: nothing passes in either direction until [`heal`](Self::heal), and what is delayed is lost.
    pub fn cut(&self) {
        self.inner.outlet.set_cut(true, &self.inner.tallies);
        self.switch.learning.forget(self.inner.number);
    }

    /// Plugs the cable in again.
    pub fn heal(&self) {
        self.inner.outlet.set_cut(false, &self.inner.tallies);
    }

    /// Lets nothing pass between this port and another one, while others still reach both.
    pub fn partition_from(&self, other: &Port) {
        self.drop_to(other);
        other.drop_to(self);
    }

    /// Loses what goes from this port to another one. What comes from there passes, and others still reach both.
    pub fn drop_to(&self, other: &Port) {
        self.switch.part(self.inner.number, other.inner.number);
    }

    /// Loses what the station of this address sends from this port and what is sent to it here. Frames for many reach it.
    pub fn drop_address(&self, address: MacAddress) {
        self.switch.drop_address(self.inner.number, address);
    }

    /// Undoes every parting and shunning on this segment.
    pub fn clear_partitions(&self) {
        self.switch.clear_partitions();
    }

    /// Makes the wire bad, or, with `None`, good again.
    pub fn set_faults(&self, faults: Option<Faults>) {
        let first = 2 * self.inner.number as u64;
        self.inner.inbound.set(faults, first);
        self.inner.outbound.set(faults, first + 1);
    }

    /// Hands a frame to the peer alone, as a switch does that has not learned where the frame's station is now.
    pub fn inject(&self, frame: &[u8]) {
        self.inner.deliver(frame, Duration::ZERO);
    }

    /// What crossed the port so far.
    pub fn counters(&self) -> Counters {
        self.inner.tallies.read()
    }
}

impl PortInner {
    /// Binds the port's socket in `directory`.
    pub fn new(number: usize, name: &str, directory: &Path) -> io::Result<Self> {
        let socket_path = directory.join(format!("{name}.switch"));
        let socket = UnixDatagram::bind(&socket_path)?;
        widen(&socket)?;
        Ok(Self {
            number,
            name: name.to_owned(),
            socket_path,
            socket,
            outlet: Outlet::new(directory.join(format!("{name}.peer")))?,
            inbound: Wire::default(),
            outbound: Wire::default(),
            tallies: Tallies::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Takes frames from the peer and has `switch` forward them, until the port is closed.
    pub fn run(&self, switch: &Switch) {
        let mut buffer = vec![0; FRAME_BYTES_MAX];
        while !self.closed.load(Ordering::Acquire) {
            // An error is a signal or the like: the loop's condition decides.
            if let Ok(length @ HEADER_BYTES..) = self.socket.recv(&mut buffer) {
                self.accept(switch, &buffer[..length]);
            }
        }
    }

    /// Lets a frame through the inbound half of the wire.
    fn accept(&self, switch: &Switch, frame: &[u8]) {
        if self.outlet.is_cut() {
            return self.tallies.cut.add(frame);
        }
        let passage = self.inbound.cross();
        if passage.delays().is_empty() {
            return self.tallies.lost.add(frame);
        }
        for delay in passage.delays() {
            self.tallies.from_peer.add(frame);
            switch.forward(self.number, frame, *delay);
        }
    }

    /// Lets a frame through the outbound half of the wire, `delay` later at the earliest.
    pub fn deliver(&self, frame: &[u8], delay: Duration) {
        let passage = self.outbound.cross();
        if passage.delays().is_empty() {
            return self.tallies.lost.add(frame);
        }
        for more in passage.delays() {
            self.outlet.send(frame, delay + *more, &self.tallies);
        }
    }

    /// Ends both threads of the port.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Wakes the receiving thread; that may fail only if it has happened before.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.outlet.close();
    }
}

/// Asks for large buffers on `socket`.
pub fn widen(socket: &UnixDatagram) -> io::Result<()> {
    rustix::net::sockopt::set_socket_recv_buffer_size(socket, SOCKET_BYTES)?;
    rustix::net::sockopt::set_socket_send_buffer_size(socket, SOCKET_BYTES)?;
    Ok(())
}
