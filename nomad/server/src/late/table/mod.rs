//! Which frames are late for whom: the domains that leave or have left, those that came, and the frames that go into
//! this machine's own switch.
//!
//! ```text
//!   tunnel --> [to a domain that leaves]  outlet: held until it is decided, then to the target, until 10 s after Released
//!          --> [to any other]             back: it may be active again since
//!   peer   --> [to a domain that came from there]   into the tunnel, or on to where it went in the meantime
//!          --> [to any other]                       dropped, counted
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use nomad_protocol::{Late, MachineId, TransactionId};
use runtime::protocol::Mac;

use crate::late::inlet::Inlet;
use crate::late::outlet::Outlet;

/// How long frames are passed on after a domain was released: as long as the switch keeps its address.
pub const PASSED_ON_US: u64 = 10_000_000;
/// Most domains that leave or have left. What is held for so many fits this server's heap.
pub const LEAVING_MAX: usize = 8;
/// Most domains that came. When there are more of a kind, the one known longest is forgotten.
pub const CAME_MAX: usize = 64;
/// Frames for the switch beyond which no more are heard of other machines: they repeat them.
pub const INWARD_MAX: usize = 256;

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    leaving: Vec<Entry<Outlet>>,
    came: Vec<Entry<Inlet>>,
    inward: VecDeque<Vec<u8>>,
    /// Frames, or pieces of them, from other machines that are for no domain that came from there.
    pub misdirected_count: u64,
}

/// A domain that is moved.
#[derive(Debug)]
struct Entry<T> {
    transaction: TransactionId,
    peer: MachineId,
    mac: Mac,
    frames: T,
    until_us: Option<u64>,
}

impl<T> Entry<T> {
    fn new(transaction: TransactionId, peer: MachineId, mac: Mac, frames: T) -> Entry<T> {
        Entry {
            transaction,
            peer,
            mac,
            frames,
            until_us: None,
        }
    }

    fn is_over(&self, now_us: u64) -> bool {
        self.until_us.is_some_and(|until_us| until_us <= now_us)
    }
}

impl Table {
    /// A domain is being moved to `peer`: what comes for it is held. `stream` is drawn at random.
    pub fn hold(&mut self, transaction: TransactionId, peer: MachineId, mac: Mac, stream: u32) {
        // A frozen domain that was changed is exported again.
        if self.leaving(transaction).is_none() {
            let frames = Outlet::new(stream);
            let entry = Entry::new(transaction, peer, mac, frames);
            insert(&mut self.leaving, entry, LEAVING_MAX);
        }
    }

    /// The domain stays: what was held goes back into the switch.
    pub fn revert(&mut self, transaction: TransactionId) {
        self.take_back(|entry| entry.transaction == transaction);
    }

    /// The domain runs on the other machine and is released here: what was held goes there, and what still comes.
    pub fn pass_on(&mut self, transaction: TransactionId, now_us: u64) {
        if let Some(entry) = self.leaving(transaction) {
            entry.frames.open();
            entry.until_us = Some(now_us.saturating_add(PASSED_ON_US));
        }
    }

    /// A domain came from `peer` and runs here.
    pub fn welcome(&mut self, transaction: TransactionId, peer: MachineId, mac: Mac) {
        // It may be back: what has not been passed on is for it here.
        self.take_back(|entry| entry.mac == mac);
        let mut came = self.came.iter();
        if came.all(|entry| entry.transaction != transaction) {
            let entry = Entry::new(transaction, peer, mac, Inlet::default());
            insert(&mut self.came, entry, CAME_MAX);
        }
    }

    /// The transaction in which a domain came or left is over: the source has released it.
    pub fn settle(&mut self, transaction: TransactionId, now_us: u64) {
        let until_us = now_us.saturating_add(PASSED_ON_US);
        let mut came = self.came.iter_mut();
        if let Some(entry) = came.find(|entry| entry.transaction == transaction) {
            entry.until_us = Some(until_us);
        }
        if let Some(entry) = self.leaving(transaction) {
            entry.until_us.get_or_insert(until_us);
        }
    }

    /// Takes a frame that the switch brought.
    pub fn take(&mut self, frame: &[u8]) {
        let mac = destination(frame);
        match self.leaving.iter_mut().find(|entry| Some(entry.mac) == mac) {
            Some(entry) => entry.frames.push(frame),
            None => self.inward.push_back(frame.to_vec()),
        }
    }

    /// Machine `from` says something about a transaction; what is to be answered.
    pub fn hear(
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
                if self.inward.len() >= INWARD_MAX {
                    return None;
                }
                let is_meant = |entry: &&mut Entry<Inlet>| {
                    entry.transaction == transaction && entry.peer == from
                };
                let Some(entry) = self.came.iter_mut().find(is_meant) else {
                    self.misdirected_count += 1;
                    return None;
                };
                let mac = entry.mac;
                let taken = entry.frames.take(stream, number, &bytes)?;
                taken.frames.iter().for_each(|frame| self.admit(mac, frame));
                let next = taken.next;
                Some(Late::Ack { stream, next })
            }
            Late::Ack { stream, next } => {
                let leaving = self.leaving(transaction);
                if let Some(entry) = leaving.filter(|entry| entry.peer == from) {
                    entry.frames.heard(now_us, stream, next);
                }
                None
            }
        }
    }

    /// Takes a frame that was passed on for the domain with this address.
    fn admit(&mut self, mac: Mac, frame: &[u8]) {
        match destination(frame) == Some(mac) {
            true => self.take(frame),
            false => self.misdirected_count += 1,
        }
    }

    /// The next thing to say to another machine.
    pub fn poll(&mut self, now_us: u64) -> Option<(MachineId, TransactionId, Late)> {
        self.leaving.iter_mut().find_map(|entry| {
            let late = entry.frames.poll(now_us)?;
            Some((entry.peer, entry.transaction, late))
        })
    }

    /// The next frame for this machine's switch; [`Table::put`] says that it is there.
    pub fn inward(&self) -> Option<&[u8]> {
        self.inward.front().map(Vec::as_slice)
    }

    /// How many frames are for this machine's switch.
    pub fn inward_count(&self) -> usize {
        self.inward.len()
    }

    /// The frame that [`Table::inward`] answered is in the switch's hands.
    pub fn put(&mut self) {
        self.inward.pop_front();
    }

    /// Forgets the domains whose time is over.
    pub fn expire(&mut self, now_us: u64) {
        let over = |entry: &mut Entry<Outlet>| entry.is_over(now_us);
        for entry in self.leaving.extract_if(.., over) {
            let (mac, dropped) = (entry.mac, entry.frames.dropped_count);
            if dropped > 0 {
                log::warn!("{dropped} frames for {mac} were too many to pass on");
            }
        }
        self.came.retain(|entry| !entry.is_over(now_us));
    }

    /// When something is to be said again, or is over.
    pub fn poll_timeout_us(&self) -> Option<u64> {
        let repeats = self.leaving.iter();
        let repeats = repeats.filter_map(|entry| entry.frames.poll_timeout_us());
        let left = self.leaving.iter().filter_map(|entry| entry.until_us);
        let came = self.came.iter().filter_map(|entry| entry.until_us);
        repeats.chain(left).chain(came).min()
    }

    fn leaving(&mut self, transaction: TransactionId) -> Option<&mut Entry<Outlet>> {
        let mut leaving = self.leaving.iter_mut();
        leaving.find(|entry| entry.transaction == transaction)
    }

    fn take_back(&mut self, is_here: impl Fn(&Entry<Outlet>) -> bool) {
        for entry in self.leaving.extract_if(.., |entry| is_here(entry)) {
            self.inward.extend(entry.frames.close());
        }
    }
}

/// Adds a domain, in place of what was known of its address before.
fn insert<T>(entries: &mut Vec<Entry<T>>, entry: Entry<T>, most: usize) {
    entries.retain(|known| known.mac != entry.mac);
    if entries.len() == most {
        entries.remove(0);
    }
    entries.push(entry);
}

/// Whom a frame is for; nobody if it has no whole header.
fn destination(frame: &[u8]) -> Option<Mac> {
    frame.first_chunk().map(|bytes| Mac(*bytes))
}

#[cfg(test)]
mod tests;
