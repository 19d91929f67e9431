//! The datagrams that were sent and are neither acknowledged nor lost yet: [`InFlight`].
//!
//! A datagram counts as lost if a later one has arrived and the datagram itself is late by more than a margin (RACK,
//! RFC 8985). The margin leaves time for reordered datagrams.

use alloc::collections::VecDeque;
use core::ops::Range;

use nomad_protocol::Instant;
use rangemap::RangeSet;

use crate::pacer::Snapshot;

/// A datagram that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its bytes of the stream.
    pub range: Range<u64>,
    /// When it was sent.
    pub at: Instant,
    /// Whether these bytes were sent before. If so, an acknowledgement could be for the earlier datagram.
    pub is_repeat: bool,
    /// The pacer's counts when it was sent.
    pub snapshot: Snapshot,
}

/// The datagrams in flight, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    datagrams: VecDeque<Sent>,
    bytes: u64,
    /// The send time of the newest datagram that has arrived.
    newest_arrived: Option<Instant>,
}

impl InFlight {
    /// The bytes in flight.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a datagram that is being sent.
    pub fn push(&mut self, sent: Sent) {
        self.bytes += length(&sent);
        self.datagrams.push_back(sent);
    }

    /// Removes the datagrams that contain any of the bytes `range`. These bytes are being sent again, so an acknowledgement
    /// could be for the old or the new datagram, and measures nothing. In a removed datagram, the bytes from the start of
    /// `range` on are added to `lost`; the caller takes those that it sends out of `lost` again.
    pub fn forget(&mut self, range: &Range<u64>, lost: &mut RangeSet<u64>) {
        self.datagrams.retain(|sent| {
            let overlaps = sent.range.start < range.end && range.start < sent.range.end;
            if overlaps {
                lost.insert(sent.range.start.max(range.start)..sent.range.end);
            }
            !overlaps
        });
        self.bytes = self.datagrams.iter().map(length).sum();
    }

    /// Removes the datagrams that have arrived: all before `base`, and those within `arrived`. Returns their bytes, the
    /// length of the longest, and the one that was sent last.
    pub fn take_arrived(&mut self, base: u64, arrived: &RangeSet<u64>) -> (u64, u64, Option<Sent>) {
        let (mut bytes, mut longest, mut newest) = (0, 0, None);
        self.datagrams.retain(|sent| {
            if !covers(base, arrived, &sent.range) {
                return true;
            }
            bytes += length(sent);
            longest = length(sent).max(longest);
            newest = Some(sent.clone());
            false
        });
        self.bytes -= bytes;
        let at = newest.as_ref().map(|newest: &Sent| newest.at);
        self.newest_arrived = self.newest_arrived.max(at);
        (bytes, longest, newest)
    }

    /// Moves the bytes of lost datagrams to `lost`; returns the length of the longest such datagram. A datagram is lost
    /// if it was sent `patience_us` ago or earlier and a later one has arrived.
    pub fn take_lost(&mut self, now: Instant, patience_us: u64, lost: &mut RangeSet<u64>) -> u64 {
        let due = self.next_loss(patience_us);
        let Some(newest) = self
            .newest_arrived
            .filter(|_| due.is_some_and(|due| due <= now))
        else {
            return 0;
        };
        let (mut bytes, mut longest) = (0, 0);
        self.datagrams.retain(|sent| {
            let is_lost = sent.at < newest && now.us_since(sent.at) >= patience_us;
            if is_lost {
                bytes += length(sent);
                longest = length(sent).max(longest);
                lost.insert(sent.range.clone());
            }
            !is_lost
        });
        self.bytes -= bytes;
        longest
    }

    /// When [`InFlight::take_lost`] may find another lost datagram.
    pub fn next_loss(&self, patience_us: u64) -> Option<Instant> {
        let oldest = self.datagrams.front()?;
        let is_overtaken = self.newest_arrived.is_some_and(|newest| oldest.at < newest);
        is_overtaken.then(|| oldest.at.after_us(patience_us))
    }
}

fn length(sent: &Sent) -> u64 {
    sent.range.end - sent.range.start
}

fn covers(base: u64, arrived: &RangeSet<u64>, range: &Range<u64>) -> bool {
    let start = range.start.max(base);
    let around = || arrived.get(&start);
    range.end <= base || around().is_some_and(|around| around.end >= range.end)
}
