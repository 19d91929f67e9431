//! The transport under the page streams: datagrams of `nomad-transport` on the faulty network.
//!
//! Bytes of a fixed pattern stand for the items of a [`Stream`](crate::stream::Stream). An item arrives when the
//! transport has delivered the last of its bytes. The bytes are checked.

use std::collections::{BTreeMap, VecDeque};

use nomad_protocol::{Instant, TransactionId};
use nomad_transport::{Datagram as PageDatagram, Receiver, Sender};

use super::Simulation;
use super::event_queue::Scheduled;
use crate::network::Datagram;

/// Bytes of an item.
const ITEM_BYTES: u64 = 2_000;
/// How long a sender probes a receiver that is gone.
const ABANDONED_US: u64 = 10_000_000;
/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 900;

/// Both ends of a page stream's transport.
pub(super) struct PageLink {
    /// The numbers of the machines: the sender's and the receiver's.
    ends: [usize; 2],
    sender: Sender,
    receiver: Receiver,
    /// Bytes for which the sender has no room yet.
    waiting: Vec<u8>,
    written: u64,
    arrived: u64,
    /// The offsets at which the items in flight end.
    item_ends: VecDeque<u64>,
}

/// The links of all transactions.
pub(super) type PageLinks = BTreeMap<TransactionId, PageLink>;

impl PageLink {
    fn new(now: Instant, transaction: TransactionId, ends: [usize; 2]) -> PageLink {
        PageLink {
            ends,
            sender: Sender::new(now, transaction, None),
            receiver: Receiver::new(transaction),
            waiting: Vec::new(),
            written: 0,
            arrived: 0,
            item_ends: VecDeque::new(),
        }
    }

    /// The least round trip that the sender has measured, or 0 if there is none.
    pub(super) fn round_trip_us(&self) -> u64 {
        self.sender.statistics().round_trip_us
    }

    fn write_item(&mut self) {
        let item = self.written..self.written + ITEM_BYTES;
        self.waiting.extend(item.map(byte_at));
        self.write();
        self.written += ITEM_BYTES;
        self.item_ends.push_back(self.written);
    }

    fn write(&mut self) {
        let taken = self.sender.write(&self.waiting);
        self.waiting.drain(..taken);
    }

    /// Handles a datagram at one of the ends; returns how many items it completes.
    fn handle(&mut self, now: Instant, to: usize, datagram: &PageDatagram<'_>) -> usize {
        match datagram {
            PageDatagram::Ack(ack) if to == self.ends[0] => {
                let handled = self.sender.handle_ack(now, ack);
                handled.expect("an acknowledgement of what was sent");
            }
            PageDatagram::Data(data) if to == self.ends[1] => {
                let arrived = &mut self.arrived;
                let passed_on: Result<(), ()> = self.receiver.handle(now, data, |bytes| {
                    for byte in bytes {
                        assert_eq!(*byte, byte_at(*arrived), "the byte at {arrived}");
                        *arrived += 1;
                    }
                    Ok(())
                });
                passed_on.expect("nothing refuses it");
            }
            _ => {}
        }
        let is_complete = |end: &&u64| **end <= self.arrived;
        let count = self.item_ends.iter().take_while(is_complete).count();
        self.item_ends.drain(..count);
        count
    }
}

fn byte_at(offset: u64) -> u8 {
    (offset % 251) as u8
}

impl Simulation {
    /// Sends items that have entered a stream.
    pub(super) fn send_items(&mut self, transaction: TransactionId, items: usize) {
        let Some(stream) = self.world.streams.get(&transaction) else {
            return;
        };
        let ends = stream.ends;
        let local = self.local(ends[0]);
        let link = self.page_links.entry(transaction);
        let link = link.or_insert_with(|| PageLink::new(local, transaction, ends));
        (0..items).for_each(|_| link.write_item());
    }

    /// Handles a datagram about pages that arrives at a machine.
    pub(super) fn deliver_pages(&mut self, to: usize, bytes: &[u8]) {
        let local = self.local(to);
        let datagram = PageDatagram::decode(bytes).expect("a machine wrote it");
        let transaction = match &datagram {
            PageDatagram::Data(data) => data.transaction,
            PageDatagram::Ack(ack) => ack.transaction,
        };
        let link = self.page_links.get_mut(&transaction);
        let items = link.map_or(0, |link| link.handle(local, to, &datagram));
        for _ in 0..items {
            if self.world.announce(local, transaction) {
                self.perform_actions();
            }
            self.world.arrive(local, transaction);
        }
    }

    /// Sends all datagrams about pages that are due. A sender whose receiver replies to nothing breaks its stream off.
    pub(super) fn transmit_pages(&mut self) {
        let streams = &self.world.streams;
        let is_whole = |transaction: &TransactionId| {
            let stream = streams.get(transaction);
            stream.is_some_and(|stream| stream.broken.is_none())
        };
        self.page_links
            .retain(|transaction, _| is_whole(transaction));
        let mut links = std::mem::take(&mut self.page_links);
        for (transaction, link) in &mut links {
            let [from, to] = link.ends;
            if self.nodes[from].is_active(self.now) {
                let local = self.local(from);
                let mut bytes = Vec::new();
                link.write();
                while link.sender.transmit(local, DATAGRAM_BYTES_MAX, &mut bytes) {
                    self.send(Datagram::new(
                        from,
                        to,
                        self.now,
                        std::mem::take(&mut bytes),
                    ));
                }
                if link.sender.is_abandoned() {
                    let stream = self.world.streams.get_mut(transaction);
                    stream.expect("whole").abandon();
                }
            }
            if self.nodes[to].is_active(self.now)
                && let Some(ack) = link.receiver.poll_ack(self.local(to))
            {
                self.send(Datagram::new(to, from, self.now, ack.encode()));
            }
        }
        self.page_links = links;
    }

    /// Lets the senders to a crashed machine notice the crash only after their probes have had no reply for long
    /// enough. A receiver never notices.
    pub(super) fn notify_slowly(&mut self, crashed: usize) {
        let mut senders = Vec::new();
        for (transaction, stream) in &mut self.world.streams {
            let [from, to] = stream.ends;
            if stream.broken.is_some() && stream.ends.contains(&crashed) {
                stream.silence();
                senders.extend((to == crashed).then_some((from, *transaction)));
            }
        }
        for (machine, transaction) in senders {
            let notify = Scheduled::NotifyBroken {
                machine,
                transaction,
            };
            self.after(ABANDONED_US, notify);
        }
    }

    /// The next time at which an end of some stream acts by itself.
    pub(super) fn next_pages_at(&self) -> Option<Instant> {
        let due = |link: &PageLink| {
            let timers = [link.sender.poll_timeout(), link.receiver.poll_timeout()];
            let acts_at =
                |(end, due): (usize, Option<Instant>)| due.map(|due| self.nodes[end].acts_at(due));
            link.ends.into_iter().zip(timers).filter_map(acts_at).min()
        };
        self.page_links.values().filter_map(due).min()
    }
}
