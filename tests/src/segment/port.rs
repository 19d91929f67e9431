//! One port of the switch: its two sockets, its wire's faults and its counters.
//!
//! ```text
//!   peer (QEMU)  -- binds peer_socket, sends to switch_socket -->  switch
//!                <-- the send queue sends to peer_socket ------------
//! ```

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::counters::{Counters, Tallies, Traffic};
use super::faults::{Faults, Wire};
use super::flows::Flows;
use super::learning::{HEADER_BYTES, MacAddress};
use super::send_queue::SendQueue;
use super::switch::Switch;

/// An upper bound of the size of a frame from QEMU.
const FRAME_BYTES_MAX: usize = 70_000;

/// The buffer size requested for each socket; the kernel may grant less.
const SOCKET_BYTES: usize = 4 << 20;

/// A place to plug a machine in. Clones are handles to the same port.
#[derive(Clone, Debug)]
pub struct Port {
    pub(super) inner: Arc<PortInner>,
    pub(super) switch: Arc<Switch>,
}

/// The shared state of a port.
#[derive(Debug)]
pub struct PortInner {
    pub number: usize,
    pub name: String,
    socket_path: PathBuf,
    socket: UnixDatagram,
    pub send_queue: SendQueue,
    inbound: Wire,
    outbound: Wire,
    pub tallies: Tallies,
    flows: Flows,
    closed: AtomicBool,
}

impl Port {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The socket to which the peer sends its frames.
    pub fn switch_socket(&self) -> &Path {
        &self.inner.socket_path
    }

    /// The socket that the peer binds, to receive frames.
    pub fn peer_socket(&self) -> &Path {
        self.inner.send_queue.peer()
    }

    /// QEMU's `-netdev` argument that plugs a backend called `id` into this port.
    pub fn netdev(&self, id: &str) -> String {
        let (local, remote) = (self.peer_socket().display(), self.switch_socket().display());
        format!(
            "dgram,id={id},local.type=unix,local.path={local},remote.type=unix,remote.path={remote}"
        )
    }

    /// Pulls the cable: nothing passes in either direction until [`heal`](Self::heal), and delayed frames are lost.
    pub fn cut(&self) {
        self.inner.send_queue.set_cut(true, &self.inner.tallies);
        self.switch.learning.forget(self.inner.number);
    }

    /// Plugs the cable in again.
    pub fn heal(&self) {
        self.inner.send_queue.set_cut(false, &self.inner.tallies);
    }

    /// Drops all frames between this port and another one; others still reach both.
    pub fn partition_from(&self, other: &Port) {
        self.drop_to(other);
        other.drop_to(self);
    }

    /// Drops frames from this port to another one, but not in the other direction; others still reach both.
    pub fn drop_to(&self, other: &Port) {
        self.switch
            .drop_between(self.inner.number, other.inner.number);
    }

    /// Drops frames from and to this address at this port. Broadcasts and multicasts from elsewhere still reach the port.
    pub fn drop_address(&self, address: MacAddress) {
        self.switch.drop_address(self.inner.number, address);
    }

    /// Undoes [`partition_from`](Self::partition_from), [`drop_to`](Self::drop_to) and [`drop_address`](Self::drop_address)
    /// on the whole segment.
    pub fn clear_partitions(&self) {
        self.switch.clear_partitions();
    }

    /// Sets the wire's faults, or removes them with `None`.
    pub fn set_faults(&self, faults: Option<Faults>) {
        let first = 2 * self.inner.number as u64;
        self.inner.inbound.set(faults, first);
        self.inner.outbound.set(faults, first + 1);
    }

    /// Delivers a frame to this port's peer alone, as a switch with an outdated forwarding table does.
    pub fn inject(&self, frame: &[u8]) {
        self.inner.deliver(frame, Duration::ZERO);
    }

    /// The port's counters.
    pub fn counters(&self) -> Counters {
        self.inner.tallies.read()
    }

    /// The frames received from the port's peer that one address has sent to another.
    pub fn traffic_between(&self, from: MacAddress, to: MacAddress) -> Traffic {
        self.inner.flows.read(from, to)
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
            send_queue: SendQueue::new(directory.join(format!("{name}.peer")))?,
            inbound: Wire::default(),
            outbound: Wire::default(),
            tallies: Tallies::default(),
            flows: Flows::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Receives frames from the peer, and passes them to `switch` until the port is closed.
    pub fn run(&self, switch: &Switch) {
        let mut buffer = vec![0; FRAME_BYTES_MAX];
        while !self.closed.load(Ordering::Acquire) {
            // After an error, such as a signal, the loop's condition is checked again.
            if let Ok(length @ HEADER_BYTES..) = self.socket.recv(&mut buffer) {
                self.accept(switch, &buffer[..length]);
            }
        }
    }

    /// Passes a frame through the inbound half of the wire.
    fn accept(&self, switch: &Switch, frame: &[u8]) {
        if self.send_queue.is_cut() {
            return self.tallies.cut.add(frame);
        }
        let passage = self.inbound.cross(frame.len());
        if passage.delays().is_empty() {
            return self.tallies.lost.add(frame);
        }
        for delay in passage.delays() {
            self.tallies.from_peer.add(frame);
            self.flows.add(frame);
            switch.forward(self.number, frame, *delay);
        }
    }

    /// Passes a frame through the outbound half of the wire, after at least `delay`.
    pub fn deliver(&self, frame: &[u8], delay: Duration) {
        let passage = self.outbound.cross(frame.len());
        if passage.delays().is_empty() {
            return self.tallies.lost.add(frame);
        }
        for more in passage.delays() {
            self.send_queue.send(frame, delay + *more, &self.tallies);
        }
    }

    /// Ends both threads of the port.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Wakes the receiving thread. It fails only if the port was closed before.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.send_queue.close();
    }
}

/// Requests large buffers for `socket`.
pub fn widen(socket: &UnixDatagram) -> io::Result<()> {
    rustix::net::sockopt::set_socket_recv_buffer_size(socket, SOCKET_BYTES)?;
    rustix::net::sockopt::set_socket_send_buffer_size(socket, SOCKET_BYTES)?;
    Ok(())
}
