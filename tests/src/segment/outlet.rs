//! The way out of a port: frames to its peer, at once where that is possible.
//!
//! A good, ready peer costs one system call a frame, made by whoever forwards it. Frames wait in the [`Backlog`] in two
//! cases: they are delayed on purpose, or the peer's socket is full (Linux queues few datagrams on a socket, by default
//! ten). One thread a port sends them when they are due, in order, and waits for the peer where it must; nobody else
//! ever waits. A frame goes directly only while the backlog is empty, so that none overtakes another by accident.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use super::counters::Tallies;

/// How many frames wait for a slow peer, as in a switch's buffer; further ones are dropped.
const BACKLOG_FRAMES_MAX: usize = 8192;

/// How long the sending thread waits for a full peer before it looks whether the port was closed or cut.
const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// The sending half of a port.
#[derive(Debug)]
pub struct Outlet {
    /// Where the peer binds its socket. It may not exist yet, vanish, and be bound again by a later process.
    peer: PathBuf,
    /// Unbound and connected to the peer, so that each frame is spared the path's look-up. The port receives on another
    /// socket: a connected one would refuse the frames of a later process.
    socket: UnixDatagram,
    backlog: Mutex<Backlog>,
    changed: Condvar,
}

/// The frames that wait.
#[derive(Debug, Default)]
struct Backlog {
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Numbers the frames, so that those due at the same time keep their order.
    next_order: u64,
    /// The sending thread has taken a frame off and not yet sent it.
    in_hand: bool,
    cut: bool,
    closed: bool,
}

/// A frame that waits, ordered by when it is due.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    order: u64,
    frame: Vec<u8>,
}

/// What became of a frame that was given to the socket.
enum Sent {
    Delivered,
    /// The peer's socket is full.
    Full,
    /// There is no such peer now.
    Gone,
}

impl Outlet {
    /// An outlet to whoever binds a socket at `peer`, now or later.
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

    /// Where the peer binds its socket.
    pub fn peer(&self) -> &PathBuf {
        &self.peer
    }

    /// Sends `frame` after `delay`, without waiting for anybody.
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

    /// Cuts the way, with all that is on it, or heals it.
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

    /// Whether the way is cut.
    pub fn is_cut(&self) -> bool {
        self.lock().cut
    }

    /// Ends [`run`](Self::run).
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Sends what waits, when it is due, until the outlet is closed.
    pub fn run(&self, tallies: &Tallies) {
        while let Some(frame) = self.take_due() {
            let sent = self.transmit_patiently(&frame);
            let mut backlog = self.lock();
            backlog.in_hand = false;
            match sent {
                Sent::Delivered => tallies.to_peer.add(&frame),
                Sent::Gone => tallies.gone.add(&frame),
                Sent::Full => tallies.cut.add(&frame),
            }
        }
    }

    /// Waits for a frame to be due and takes it in hand, or returns `None` once the outlet is closed.
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
                    backlog.in_hand = true;
                    return backlog.waiting.pop().map(|Reverse(first)| first.frame);
                }
            };
        }
        None
    }

    /// Sends `frame` even to a peer that is busy. `Full` is the answer only if the outlet is cut or closed meanwhile.
    fn transmit_patiently(&self, frame: &[u8]) -> Sent {
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

    /// Gives `frame` to the socket; if the peer it was connected to is no more, to the peer that is there now.
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
        self.waiting.is_empty() && !self.in_hand
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
