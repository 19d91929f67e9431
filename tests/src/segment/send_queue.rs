//! The sending half of a port: [`SendQueue`] sends frames to the peer, and queues them only if it has to.
//!
//! A ready peer costs one system call per frame, made by the forwarding thread. Frames wait in the [`Backlog`] in two cases:
//! they are delayed on purpose, or the peer's socket is full (Linux queues few datagrams on a socket, by default ten). One
//! thread per port sends them in order when they are due, and is the only thread that waits for the peer. A frame is sent
//! directly only while the backlog is empty, so that frames are not reordered by accident.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use super::counters::Tallies;

/// The limit of frames that wait for a slow peer, as in a switch's buffer; further ones are dropped.
const BACKLOG_FRAMES_MAX: usize = 8192;

/// How long the sending thread waits for a full peer before it checks whether the port is closed or cut.
const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// The sending half of a port.
#[derive(Debug)]
pub struct SendQueue {
    /// The path of the peer's socket. The socket may not exist yet, vanish, and be bound again by a later process.
    peer: PathBuf,
    /// Not bound to a path, but connected to the peer, which avoids a path look-up per frame. The port receives on another socket: a
    /// connected socket would reject the frames of a later process.
    socket: UnixDatagram,
    backlog: Mutex<Backlog>,
    changed: Condvar,
}

/// The waiting frames.
#[derive(Debug, Default)]
struct Backlog {
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// The next frame's number, which keeps frames due at the same time in order.
    next_order: u64,
    /// Whether the sending thread has removed a frame and not yet sent it.
    sending: bool,
    cut: bool,
    closed: bool,
}

/// A waiting frame, ordered by due time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    order: u64,
    frame: Vec<u8>,
}

/// The outcome of sending a frame on the socket.
enum Sent {
    Delivered,
    /// The peer's socket is full.
    Full,
    /// There is no peer.
    Gone,
}

impl SendQueue {
    /// A queue to the socket that is bound at `peer`, now or later.
    pub fn new(peer: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        super::port::widen(&socket)?;
        socket.set_write_timeout(Some(SEND_PATIENCE))?;
        Ok(Self {
            peer,
            socket,
            backlog: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The path of the peer's socket.
    pub fn peer(&self) -> &PathBuf {
        &self.peer
    }

    /// Sends `frame` after `delay`, without blocking.
    pub fn send(&self, frame: &[u8], delay: Duration, tallies: &Tallies) {
        let mut backlog = self.lock();
        if backlog.cut {
            return tallies.cut.add(frame);
        }
        if delay.is_zero() && backlog.is_empty() {
            match self.transmit(frame, SendFlags::DONTWAIT) {
                Sent::Delivered => return tallies.to_peer.add(frame),
                Sent::Gone => return tallies.gone.add(frame),
                Sent::Full => {}
            }
        }
        if backlog.waiting.len() >= BACKLOG_FRAMES_MAX {
            return tallies.overflowed.add(frame);
        }
        backlog.push(frame, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// Cuts the connection to the peer, dropping all waiting frames, or heals it.
    pub fn set_cut(&self, cut: bool, tallies: &Tallies) {
        let mut backlog = self.lock();
        backlog.cut = cut;
        if cut {
            backlog
                .waiting
                .drain()
                .for_each(|Reverse(waiting)| tallies.cut.add(&waiting.frame));
        }
    }

    /// Whether the connection is cut.
    pub fn is_cut(&self) -> bool {
        self.lock().cut
    }

    /// Ends [`run`](Self::run).
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Sends waiting frames when they are due, until the queue is closed.
    pub fn run(&self, tallies: &Tallies) {
        while let Some(frame) = self.take_due() {
            let sent = self.transmit_blocking(&frame);
            let mut backlog = self.lock();
            backlog.sending = false;
            match sent {
                Sent::Delivered => tallies.to_peer.add(&frame),
                Sent::Gone => tallies.gone.add(&frame),
                Sent::Full => tallies.cut.add(&frame),
            }
        }
    }

    /// Waits for a due frame and removes it, or returns `None` once the queue is closed.
    fn take_due(&self) -> Option<Vec<u8>> {
        let mut backlog = self.lock();
        while !backlog.closed {
            let now = Instant::now();
            backlog = match backlog.waiting.peek().map(|Reverse(first)| first.due) {
                None => self.changed.wait(backlog).expect("no sender panics"),
                Some(due) if due > now => {
                    self.changed
                        .wait_timeout(backlog, due - now)
                        .expect("no sender panics")
                        .0
                }
                Some(_) => {
                    backlog.sending = true;
                    return backlog.waiting.pop().map(|Reverse(first)| first.frame);
                }
            };
        }
        None
    }

    /// Sends `frame`, waiting for a busy peer. Returns `Full` only if the queue is cut or closed meanwhile.
    fn transmit_blocking(&self, frame: &[u8]) -> Sent {
        loop {
            let sent = self.transmit(frame, SendFlags::empty());
            if !matches!(sent, Sent::Full) {
                return sent;
            }
            let backlog = self.lock();
            if backlog.cut || backlog.closed {
                return sent;
            }
        }
    }

    /// Sends `frame` on the socket; if its peer is gone, reconnects to the current one.
    fn transmit(&self, frame: &[u8], flags: SendFlags) -> Sent {
        let flags = flags | SendFlags::NOSIGNAL;
        match rustix::net::send(&self.socket, frame, flags) {
            Ok(_) => Sent::Delivered,
            Err(error) if is_full(error.kind()) => Sent::Full,
            Err(_) if self.socket.connect(&self.peer).is_err() => Sent::Gone,
            Err(_) => match rustix::net::send(&self.socket, frame, flags) {
                Ok(_) => Sent::Delivered,
                Err(error) if is_full(error.kind()) => Sent::Full,
                Err(_) => Sent::Gone,
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().expect("no sender panics")
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.sending
    }

    fn push(&mut self, frame: &[u8], due: Instant) {
        let order = self.next_order;
        self.next_order += 1;
        self.waiting.push(Reverse(Waiting {
            due,
            order,
            frame: frame.to_vec(),
        }));
    }
}
