//! The receiving end of a stream: [`Receiver`].

use alloc::vec;
use alloc::vec::Vec;

use nomad_protocol::{Instant, TransactionId};
use rangemap::RangeSet;

use crate::WINDOW_BYTES;
use crate::arrivals::ArrivalCounter;
use crate::datagram::{Ack, Data, RANGES_MAX};

/// The most bytes that arrive before an acknowledgement.
const BYTES_PER_ACK: usize = 12 * 1024;
/// The longest delay of an acknowledgement.
const ACK_DELAY_US: u64 = 2_000;

/// Puts the bytes of a stream in order.
#[derive(Clone, Debug)]
pub struct Receiver {
    transaction: TransactionId,
    /// The offset of the first byte that is missing.
    next: u64,
    /// The bytes beyond `next` that have arrived, each at its offset modulo the window. Allocated when first needed.
    window: Vec<u8>,
    early: RangeSet<u64>,
    arrivals: ArrivalCounter,
    unacknowledged: usize,
    ack_due: Option<Instant>,
}

impl Receiver {
    /// The receiver of a stream of which nothing has arrived.
    pub fn new(transaction: TransactionId) -> Receiver {
        Receiver {
            transaction,
            next: 0,
            window: Vec::new(),
            early: RangeSet::new(),
            arrivals: ArrivalCounter::default(),
            unacknowledged: 0,
            ack_due: None,
        }
    }

    /// Handles a datagram, and passes on the bytes that are next in the stream. Drops a datagram that is outside of the
    /// window or would leave too many gaps.
    ///
    /// # Errors
    /// The error of `pass_on`, which ends the stream.
    pub fn handle<E>(
        &mut self,
        now: Instant,
        data: &Data<'_>,
        mut pass_on: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.arrivals.record(data.number);
        self.unacknowledged += data.bytes.len();
        let is_known = data.offset.saturating_add(data.bytes.len() as u64) <= self.next;
        let is_due = data.is_urgent || is_known || self.unacknowledged >= BYTES_PER_ACK;
        let delay_us = if is_due { 0 } else { ACK_DELAY_US };
        let due = now.after_us(delay_us);
        self.ack_due = Some(self.ack_due.map_or(due, |earlier| earlier.min(due)));
        match self.next.checked_sub(data.offset) {
            Some(known) => match data.bytes.get(known as usize..) {
                Some(bytes) if !bytes.is_empty() => self.advance(bytes, &mut pass_on),
                _ => Ok(()),
            },
            None => {
                self.keep(data);
                Ok(())
            }
        }
    }

    /// The acknowledgement to send now, if one is due.
    pub fn poll_ack(&mut self, now: Instant) -> Option<Ack> {
        self.ack_due.filter(|due| *due <= now)?;
        (self.ack_due, self.unacknowledged) = (None, 0);
        Some(Ack {
            transaction: self.transaction,
            next: self.next,
            arrivals: self.arrivals.arrivals(),
            received: self.early.iter().cloned().collect(),
        })
    }

    /// When to call [`Receiver::poll_ack`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ack_due
    }

    /// Passes on the next bytes, and the bytes after them that arrived earlier.
    fn advance<E>(
        &mut self,
        bytes: &[u8],
        pass_on: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.next += bytes.len() as u64;
        pass_on(bytes)?;
        while let Some(range) = self.early.first().cloned()
            && range.start <= self.next
        {
            while self.next < range.end {
                let at = self.next as usize % WINDOW_BYTES;
                let count = (WINDOW_BYTES - at).min((range.end - self.next) as usize);
                self.next += count as u64;
                pass_on(&self.window[at..at + count])?;
            }
            self.early.remove(range);
        }
        Ok(())
    }

    /// Keeps bytes that arrive before their predecessors, if they are in the window.
    fn keep(&mut self, data: &Data<'_>) {
        let count = data.bytes.len();
        let most = WINDOW_BYTES as u64 - (data.offset - self.next).min(WINDOW_BYTES as u64);
        if count == 0 || count as u64 > most {
            return;
        }
        let range = data.offset..data.offset + count as u64;
        let is_new_gap = !self.early.overlaps(&(range.start - 1..range.end + 1));
        if is_new_gap && self.early.len() >= RANGES_MAX {
            return;
        }
        if self.window.is_empty() {
            self.window = vec![0; WINDOW_BYTES];
        }
        let at = data.offset as usize % WINDOW_BYTES;
        let (first, second) = data.bytes.split_at(count.min(WINDOW_BYTES - at));
        self.window[at..at + first.len()].copy_from_slice(first);
        self.window[..second.len()].copy_from_slice(second);
        self.early.insert(range);
    }
}

#[cfg(test)]
mod tests;
