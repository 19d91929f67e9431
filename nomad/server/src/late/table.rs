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
                Some(Late::Heard { stream, next })
            }
            Late::Heard { stream, next } => {
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
mod tests {
    use super::*;

    const A: MachineId = MachineId([1; 32]);
    const B: MachineId = MachineId([2; 32]);
    const C: MachineId = MachineId([3; 32]);
    const MOVE: TransactionId = TransactionId(7);
    const ANOTHER: TransactionId = TransactionId(8);
    const COUNTER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

    fn frame(to: Mac, length: usize) -> Vec<u8> {
        let mut frame = alloc::vec![9; length];
        frame[..6].copy_from_slice(&to.0);
        frame
    }

    /// What goes into the switch, by length.
    fn inward(table: &mut Table) -> Vec<usize> {
        let mut lengths = Vec::new();
        while let Some(frame) = table.inward() {
            lengths.push(frame.len());
            table.put();
        }
        lengths
    }

    /// Carries what `from` has to say to `to`, and the answers back.
    fn carry(now_us: u64, from: &mut Table, from_is: MachineId, to: &mut Table, to_is: MachineId) {
        while let Some((peer, transaction, late)) = from.poll(now_us) {
            assert_eq!(peer, to_is);
            if let Some(answer) = to.hear(now_us, from_is, transaction, late) {
                from.hear(now_us, to_is, transaction, answer);
            }
        }
    }

    #[test]
    fn what_is_held_is_put_back_when_the_domain_stays() {
        let mut table = Table::default();
        table.hold(MOVE, B, COUNTER, 1);
        table.take(&frame(COUNTER, 60));
        table.hold(MOVE, B, COUNTER, 2);
        table.take(&frame(COUNTER, 61));
        assert_eq!((table.poll(0), table.inward()), (None, None));
        table.revert(MOVE);
        assert_eq!(inward(&mut table), [60, 61]);
        // One that was on its way through the tunnel then: the port is active again.
        table.take(&frame(COUNTER, 62));
        assert_eq!(inward(&mut table), [62]);
    }

    #[test]
    fn what_is_held_and_what_still_comes_goes_to_the_target() {
        let (mut a, mut b) = (Table::default(), Table::default());
        a.hold(MOVE, B, COUNTER, 1);
        a.take(&frame(COUNTER, 1514));
        b.welcome(MOVE, A, COUNTER);
        a.pass_on(MOVE, 100);
        a.take(&frame(COUNTER, 61));
        carry(100, &mut a, A, &mut b, B);
        assert_eq!(inward(&mut b), [1514, 61]);
        assert!(inward(&mut a).is_empty());
        a.expire(100 + PASSED_ON_US - 1);
        a.take(&frame(COUNTER, 62));
        carry(101, &mut a, A, &mut b, B);
        assert_eq!(inward(&mut b), [62]);
        assert_eq!(a.poll_timeout_us(), Some(100 + PASSED_ON_US));
        a.expire(100 + PASSED_ON_US);
        a.take(&frame(COUNTER, 63));
        assert_eq!(a.poll(PASSED_ON_US), None);
    }

    #[test]
    fn only_what_is_for_a_domain_that_came_from_there_is_admitted() {
        let (mut a, mut b) = (Table::default(), Table::default());
        a.hold(MOVE, B, COUNTER, 1);
        a.pass_on(MOVE, 0);
        a.take(&frame(COUNTER, 60));
        let (_, _, piece) = a.poll(0).expect("a piece");
        assert_eq!(b.hear(0, A, MOVE, piece.clone()), None, "nothing came");
        b.welcome(MOVE, A, OTHER);
        assert_eq!(b.hear(0, C, MOVE, piece.clone()), None, "from elsewhere");
        assert_eq!(b.hear(0, A, ANOTHER, piece.clone()), None);
        let heard = Late::Heard { stream: 1, next: 1 };
        let answer = b.hear(0, A, MOVE, piece);
        assert_eq!(answer, Some(heard), "for somebody else");
        assert_eq!((b.misdirected_count, b.inward()), (4, None));
    }

    #[test]
    fn a_target_hears_no_more_when_the_transaction_is_long_over() {
        let (mut a, mut b) = (Table::default(), Table::default());
        b.welcome(MOVE, A, COUNTER);
        b.settle(MOVE, 5);
        a.hold(MOVE, B, COUNTER, 1);
        a.pass_on(MOVE, 0);
        a.take(&frame(COUNTER, 60));
        b.expire(5 + PASSED_ON_US - 1);
        carry(1, &mut a, A, &mut b, B);
        assert_eq!(inward(&mut b), [60]);
        b.expire(5 + PASSED_ON_US);
        a.take(&frame(COUNTER, 61));
        carry(1, &mut a, A, &mut b, B);
        assert!(b.inward().is_none() && b.poll_timeout_us().is_none());
    }

    #[test]
    fn a_domain_that_moves_on_takes_its_late_frames_along() {
        let (mut a, mut b, mut c) = (Table::default(), Table::default(), Table::default());
        a.hold(MOVE, B, COUNTER, 1);
        b.welcome(MOVE, A, COUNTER);
        a.pass_on(MOVE, 0);
        b.hold(ANOTHER, C, COUNTER, 2);
        a.take(&frame(COUNTER, 60));
        carry(0, &mut a, A, &mut b, B);
        assert_eq!(b.inward(), None);
        c.welcome(ANOTHER, B, COUNTER);
        b.pass_on(ANOTHER, 0);
        carry(0, &mut b, B, &mut c, C);
        assert_eq!(inward(&mut c), [60]);
    }

    #[test]
    fn a_domain_that_comes_back_gets_what_was_not_passed_on() {
        let mut a = Table::default();
        a.hold(MOVE, B, COUNTER, 1);
        a.pass_on(MOVE, 0);
        a.take(&frame(COUNTER, 60));
        a.welcome(ANOTHER, B, COUNTER);
        a.take(&frame(COUNTER, 61));
        assert_eq!(a.poll(0), None);
        assert_eq!(inward(&mut a), [60, 61]);
    }

    #[test]
    fn hears_nothing_that_it_has_no_room_for() {
        let (mut a, mut b) = (Table::default(), Table::default());
        b.welcome(MOVE, A, COUNTER);
        a.hold(MOVE, B, COUNTER, 1);
        a.pass_on(MOVE, 0);
        for _ in 0..INWARD_MAX {
            b.take(&frame(OTHER, 60));
        }
        a.take(&frame(COUNTER, 61));
        carry(0, &mut a, A, &mut b, B);
        assert_eq!(b.inward.len(), INWARD_MAX);
        inward(&mut b);
        let again_us = a.poll_timeout_us().expect("unheard");
        carry(again_us, &mut a, A, &mut b, B);
        assert_eq!(inward(&mut b), [61]);
    }

    #[test]
    fn knows_a_limited_number_of_domains() {
        let mut table = Table::default();
        for number in 0..=LEAVING_MAX as u8 {
            let mac = Mac([2, 0, 0, 0, 1, number]);
            table.hold(TransactionId(number.into()), B, mac, 1);
        }
        assert_eq!(table.leaving.len(), LEAVING_MAX);
        assert!(table.leaving(TransactionId(0)).is_none());
    }
}
