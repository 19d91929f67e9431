//! The destinations of late frames, which reach a machine for a domain that is leaving or has left: the machines that such
//! domains went to, the domains that arrived here, and this machine's own switch.
//!
//! ```text
//!   tunnel --> [to a domain that leaves]  outlet: held until it is decided, then to the destination, for 10 s
//!          --> [to any other]             back into the switch: its port may be active again
//!   peer   --> [to a domain that came from there]   into the tunnel, or on to where it went in the meantime
//!          --> [to any other]                       dropped, counted
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use identity::{DomainId, Mac};
use nomad_protocol::{Late, MachineId, TransactionId};

use crate::late::inlet::Inlet;
use crate::late::outlet::Outlet;

/// How long frames are forwarded after the destination has activated the domain. The switch keeps its address for the
/// same time.
pub const FORWARD_US: u64 = 10_000_000;
/// The most domains that are leaving or have left. The frames held for this many fit this server's heap.
pub const LEAVING_MAX: usize = 8;
/// The most domains that arrived. If a limit is exceeded, the oldest entry is forgotten.
pub const CAME_MAX: usize = 64;
/// While this many frames wait for the switch, pieces from other machines are dropped. Those machines retransmit them.
pub const INWARD_MAX: usize = 256;

/// The domains with late frames, and the frames for the switch.
#[derive(Debug, Default)]
pub struct Table {
    leaving: Vec<Entry<Outlet>>,
    came: Vec<Entry<Inlet>>,
    inward: VecDeque<Vec<u8>>,
    /// Frames, or pieces of frames, that another machine sent although they are not for a domain that came from there.
    pub misdirected_count: u64,
}

/// A move of a domain that has a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMove {
    /// Its transaction.
    pub transaction: TransactionId,
    /// The other machine.
    pub peer: MachineId,
    /// The domain. A domain that a guest returns states its own address, which may be another domain's: so the frames of a domain are
    /// found by its id, not by its address.
    pub domain: DomainId,
    /// The address of its port.
    pub mac: Mac,
}

/// A domain that moves or has moved, and its frames.
#[derive(Debug)]
struct Entry<T> {
    of: PortMove,
    frames: T,
    until_us: Option<u64>,
}

impl<T> Entry<T> {
    fn new(of: PortMove, frames: T) -> Entry<T> {
        Entry {
            of,
            frames,
            until_us: None,
        }
    }

    fn is_over(&self, now_us: u64) -> bool {
        self.until_us.is_some_and(|until_us| until_us <= now_us)
    }
}

impl Table {
    /// Holds the frames for a domain that is being moved away. `stream` is random.
    pub fn hold(&mut self, of: PortMove, stream: u32) {
        // The entry may exist already: a frozen domain that changed is exported again.
        if self.leaving(of.transaction).is_none() {
            let mut frames = Outlet::new(stream);
            // A domain leaves for one machine at a time. So another entry of this domain belongs to an earlier move that was
            // given up. Its frames are held until the switch serves the domain again, which has not happened yet.
            let is_same = |known: &mut Entry<Outlet>| known.of.domain == of.domain;
            for earlier in self.leaving.extract_if(.., is_same) {
                frames.take_held(earlier.frames);
            }
            if self.leaving.len() == LEAVING_MAX {
                self.forget_one();
            }
            self.leaving.push(Entry::new(of, frames));
        }
    }

    /// Makes room for another domain that leaves. The frames for a domain that runs elsewhere are needed least.
    fn forget_one(&mut self) {
        let has_left = |entry: &Entry<Outlet>| entry.until_us.is_some();
        let index = self.leaving.iter().position(has_left).unwrap_or(0);
        let entry = self.leaving.remove(index);
        let (mac, frames) = (entry.of.mac, entry.frames.close().count());
        log::warn!("{frames} frames for {mac} are dropped, because too many domains leave");
    }

    /// Puts the held frames back into the switch, since the domain stays.
    pub fn revert(&mut self, transaction: TransactionId) {
        self.reclaim(|entry| entry.of.transaction == transaction);
    }

    /// Forwards held and later frames, since the domain runs on the other machine.
    pub fn forward(&mut self, transaction: TransactionId, now_us: u64) {
        if let Some(entry) = self.leaving(transaction) {
            entry.frames.open();
            entry.until_us = Some(now_us.saturating_add(FORWARD_US));
        }
    }

    /// Accepts late frames from the other machine for a domain that came from there and runs here.
    pub fn accept(&mut self, of: PortMove) {
        // The domain may have come back. Then frames that were not forwarded yet are for the copy here.
        self.reclaim(|entry| entry.of.domain == of.domain);
        let mut came = self.came.iter();
        if came.all(|entry| entry.of.transaction != of.transaction) {
            let entry = Entry::new(of, Inlet::default());
            // The domain may have come from another machine before, whose frames for it still arrive.
            if self.came.len() == CAME_MAX {
                self.came.remove(0);
            }
            self.came.push(entry);
        }
    }

    /// Ends the transaction in which a domain arrived or left: the source has released it.
    pub fn end(&mut self, transaction: TransactionId, now_us: u64) {
        let until_us = now_us.saturating_add(FORWARD_US);
        let mut came = self.came.iter_mut();
        if let Some(entry) = came.find(|entry| entry.of.transaction == transaction) {
            entry.until_us = Some(until_us);
        }
        if let Some(entry) = self.leaving(transaction) {
            // An operator may have dropped the copy here and ended the transaction before the other machine has replied. If the domain runs
            // there, it gets the frames.
            entry.frames.open();
            entry.until_us.get_or_insert(until_us);
        }
    }

    /// Handles a frame from the switch.
    pub fn handle_frame(&mut self, frame: &[u8]) {
        let mac = destination(frame);
        match self
            .leaving
            .iter_mut()
            .find(|entry| Some(entry.of.mac) == mac)
        {
            Some(entry) => entry.frames.push(frame),
            None => self.inward.push_back(frame.to_vec()),
        }
    }

    /// Handles a message of machine `from`; returns the reply.
    pub fn handle_late(
        &mut self,
        now_us: u64,
        from: MachineId,
        transaction: TransactionId,
        late: Late,
    ) -> Option<Late> {
        match late {
            Late::Piece {
                stream,
                number,
                bytes,
            } => {
                let next = self.handle_piece((from, transaction), stream, number, &bytes)?;
                Some(Late::Ack { stream, next })
            }
            Late::Ack { stream, next } => {
                let leaving = self.leaving(transaction);
                if let Some(entry) = leaving.filter(|entry| entry.of.peer == from) {
                    entry.frames.handle_ack(now_us, stream, next);
                }
                None
            }
        }
    }

    /// Handles a piece of machine `from`; returns the number of the piece that is expected next.
    fn handle_piece(
        &mut self,
        (from, transaction): (MachineId, TransactionId),
        stream: u32,
        number: u64,
        bytes: &[u8],
    ) -> Option<u64> {
        if self.inward.len() >= INWARD_MAX {
            return None;
        }
        let is_its = |of: &PortMove| of.transaction == transaction && of.peer == from;
        let Some(entry) = self.came.iter_mut().find(|entry| is_its(&entry.of)) else {
            self.misdirected_count += 1;
            return None;
        };
        let mac = entry.of.mac;
        let assembled = entry.frames.handle_piece(stream, number, bytes)?;
        for frame in &assembled.frames {
            self.handle_forwarded(mac, frame);
        }
        Some(assembled.next)
    }

    /// Handles a frame that was forwarded for the domain with this address.
    fn handle_forwarded(&mut self, mac: Mac, frame: &[u8]) {
        if destination(frame) == Some(mac) {
            self.handle_frame(frame)
        } else {
            self.misdirected_count += 1
        }
    }

    /// The next message to another machine.
    pub fn poll(&mut self, now_us: u64) -> Option<(MachineId, TransactionId, Late)> {
        self.leaving.iter_mut().find_map(|entry| {
            let late = entry.frames.poll(now_us)?;
            Some((entry.of.peer, entry.of.transaction, late))
        })
    }

    /// The next frame for this machine's switch, until [`Table::put`] removes it.
    pub fn inward(&self) -> Option<&[u8]> {
        self.inward.front().map(Vec::as_slice)
    }

    /// The number of frames for this machine's switch.
    pub fn inward_count(&self) -> usize {
        self.inward.len()
    }

    /// The moves whose frames are held, forwarded or accepted.
    pub fn transactions(&self) -> impl Iterator<Item = TransactionId> {
        let leaving = self.leaving.iter().map(|entry| entry.of.transaction);
        leaving.chain(self.came.iter().map(|entry| entry.of.transaction))
    }

    /// Removes the frame that [`Table::inward`] returned, because the switch has it.
    pub fn put(&mut self) {
        self.inward.pop_front();
    }

    /// Forgets the domains whose time is over.
    pub fn expire(&mut self, now_us: u64) {
        let over = |entry: &mut Entry<Outlet>| entry.is_over(now_us);
        for entry in self.leaving.extract_if(.., over) {
            let (mac, dropped) = (entry.of.mac, entry.frames.dropped_count);
            if dropped > 0 {
                log::warn!("{dropped} frames for {mac} were dropped, because too many waited");
            }
        }
        self.came.retain(|entry| !entry.is_over(now_us));
    }

    /// When a piece is to be retransmitted, or an entry expires.
    pub fn poll_timeout_us(&self) -> Option<u64> {
        let repeats = self.leaving.iter();
        let repeats = repeats.filter_map(|entry| entry.frames.poll_timeout_us());
        let left = self.leaving.iter().filter_map(|entry| entry.until_us);
        let came = self.came.iter().filter_map(|entry| entry.until_us);
        repeats.chain(left).chain(came).min()
    }

    fn leaving(&mut self, transaction: TransactionId) -> Option<&mut Entry<Outlet>> {
        let mut leaving = self.leaving.iter_mut();
        leaving.find(|entry| entry.of.transaction == transaction)
    }

    fn reclaim(&mut self, is_here: impl Fn(&Entry<Outlet>) -> bool) {
        for entry in self.leaving.extract_if(.., |entry| is_here(entry)) {
            self.inward.extend(entry.frames.close());
        }
    }
}

/// A frame's destination address; `None` if its header is incomplete.
fn destination(frame: &[u8]) -> Option<Mac> {
    frame.first_chunk().map(|bytes| Mac(*bytes))
}

#[cfg(test)]
mod tests;
