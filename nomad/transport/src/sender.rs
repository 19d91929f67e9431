//! The sending end of a stream: [`Sender`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use nomad_protocol::{Instant, TransactionId};
use rangemap::RangeSet;

use crate::WINDOW_BYTES;
use crate::datagram::{Ack, Data, HEAD_BYTES, RANGES_MAX};
use crate::in_flight::{InFlight, Sent};
use crate::loss_bound::{LossBound, Sending};
use crate::pacer::{Arrival, Pacer};
use crate::path_mtu::PathMtu;
use crate::round_trip::RoundTrip;
use crate::statistics::Statistics;

/// A datagram that others have overtaken counts as lost after a round trip and a margin. The margin is the least round-trip
/// time divided by this.
const REORDER_PARTS: u64 = 4;
/// The least margin, in microseconds. A busy machine handles datagrams in bursts.
const REORDER_MIN_US: u64 = 2_000;
/// The longest interval between probes, in microseconds.
const PROBE_INTERVAL_MAX_US: u64 = 250_000;
/// The receiver counts as gone if it replies to none of this many probes, which are sent over about ten seconds. The
/// number is so high that no receiver counts as gone on a wire that loses two datagrams of five. Probes are counted
/// instead of time, because this machine may have stood still.
const PROBES_MAX: u32 = 45;

/// An acknowledgement of bytes or datagrams that were never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implausible;

/// Sends the bytes of a stream.
#[derive(Clone, Debug)]
pub struct Sender {
    transaction: TransactionId,
    /// The bytes from `base` on.
    buffer: VecDeque<u8>,
    /// Every byte before this one has arrived.
    base: u64,
    /// The first byte that was never sent.
    next: u64,
    /// The bytes beyond `base` that have arrived.
    arrived: RangeSet<u64>,
    /// Bytes to be sent again.
    lost: RangeSet<u64>,
    in_flight: InFlight,
    /// The number of the next datagram.
    number: u32,
    round_trip: RoundTrip,
    pacer: Pacer,
    loss_bound: LossBound,
    path_mtu: PathMtu,
    /// When the last datagram was sent or acknowledged.
    active_at: Instant,
    /// Probes without a reply.
    probes: u32,
    statistics: Statistics,
}

impl Sender {
    /// A stream without bytes. It sends as many bytes per second as the path carries beside others, but at most `rate_max`.
    pub fn new(now: Instant, transaction: TransactionId, rate_max: Option<u64>) -> Sender {
        Sender {
            transaction,
            buffer: VecDeque::with_capacity(WINDOW_BYTES),
            base: 0,
            next: 0,
            arrived: RangeSet::new(),
            lost: RangeSet::new(),
            in_flight: InFlight::default(),
            number: 0,
            round_trip: RoundTrip::default(),
            pacer: Pacer::new(now, rate_max),
            loss_bound: LossBound::default(),
            path_mtu: PathMtu::default(),
            active_at: now,
            probes: 0,
            statistics: Statistics::default(),
        }
    }

    /// How many bytes [`Sender::write`] takes now.
    pub fn room(&self) -> usize {
        WINDOW_BYTES - self.buffer.len()
    }

    /// Appends as many of these bytes to the stream as there is room for. Returns their number.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.buffer.extend(&bytes[..count]);
        count
    }

    /// Whether all bytes have been sent, at least once.
    pub fn is_sent(&self) -> bool {
        self.next == self.end()
    }

    /// Whether all bytes have arrived.
    pub fn is_delivered(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether the receiver is gone.
    pub fn is_abandoned(&self) -> bool {
        self.probes >= PROBES_MAX
    }

    /// The cost of the stream so far, and the measurements of its path.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            rate: self.pacer.rate(),
            round_trip_us: self.round_trip.least_us().unwrap_or(0),
            datagram_bytes: self.path_mtu.size(usize::MAX),
            ..self.statistics
        }
    }

    /// Appends the next datagram, of at most `bytes_max` bytes, if one is to be sent now; returns whether one is. Its
    /// size is either known to arrive or a trial.
    pub fn transmit(&mut self, now: Instant, bytes_max: usize, out: &mut Vec<u8>) -> bool {
        self.find_lost(now);
        let most = content(self.path_mtu.size(bytes_max));
        let is_probe = self.probe_due().is_some_and(|due| due <= now);
        let range = if is_probe {
            Some(self.base..self.end().min(self.base + most))
        } else {
            self.next_range(now, most, bytes_max)
        };
        let Some(range) = range else { return false };
        if is_probe {
            self.probes += 1;
            self.statistics.probes += 1;
            self.path_mtu.record_silence(self.probes);
            self.in_flight.forget(&range, &mut self.lost);
        }
        self.send(now, range, is_probe, out);
        true
    }

    /// Handles an acknowledgement.
    ///
    /// # Errors
    /// [`Implausible`]: the acknowledgement is ignored.
    pub fn handle_ack(&mut self, now: Instant, ack: &Ack) -> Result<(), Implausible> {
        let end = ack.received.last().map_or(ack.next, |range| range.end);
        let is_sent = end <= self.next && ack.arrivals.end <= self.number;
        if !is_sent || ack.arrivals.count > ack.arrivals.end {
            return Err(Implausible);
        }
        // An older acknowledgement may come from a receiver that was restarted and has lost the stream.
        if ack.next >= self.base {
            (self.probes, self.active_at) = (0, now);
        }
        if ack.next > self.base {
            self.buffer.drain(..(ack.next - self.base) as usize);
            self.base = ack.next;
            self.arrived.remove(0..self.base);
            self.lost.remove(0..self.base);
        }
        for range in &ack.received {
            let range = range.start.max(self.base)..range.end;
            // A correct receiver never sends more ranges than that.
            if !range.is_empty() && self.arrived.len() <= RANGES_MAX {
                self.lost.remove(range.clone());
                self.arrived.insert(range);
            }
        }
        self.measure(now);
        let sending = Sending {
            next: self.number,
            in_flight: self.in_flight.bytes(),
            datagram_bytes: self.path_mtu.size(usize::MAX) as u64,
        };
        self.loss_bound.handle_report(ack.arrivals, sending);
        Ok(())
    }

    /// When to call [`Sender::transmit`] again, if it has nothing to send now.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let has_more = !self.lost.is_empty() || self.next < self.end();
        let has_window = self.in_flight.bytes() < self.window();
        let next_send = (has_more && has_window).then(|| self.pacer.next_send());
        let next_loss = self.in_flight.next_loss(self.patience_us());
        [next_send, next_loss, self.probe_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The end of the written bytes. The receiver has room for all of them.
    fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// When to ask for an acknowledgement, if one is awaited.
    fn probe_due(&self) -> Option<Instant> {
        let awaited = self.base < self.next;
        let interval_us = self.round_trip.timeout_us() << self.probes.min(16);
        awaited.then(|| {
            self.active_at
                .after_us(interval_us.min(PROBE_INTERVAL_MAX_US))
        })
    }

    /// How many bytes may be in flight.
    fn window(&self) -> u64 {
        self.pacer.window().min(self.loss_bound.bytes())
    }

    fn patience_us(&self) -> u64 {
        let least_us = self.round_trip.least_us().unwrap_or(0);
        self.round_trip.latest_us().max(least_us) + (least_us / REORDER_PARTS).max(REORDER_MIN_US)
    }

    fn find_lost(&mut self, now: Instant) {
        let patience_us = self.patience_us();
        let longest = self.in_flight.take_lost(now, patience_us, &mut self.lost);
        if longest == 0 {
            return;
        }
        self.path_mtu.record_lost(HEAD_BYTES + longest as usize);
        let known = (self.base > 0).then_some(0..self.base);
        for range in known.iter().chain(self.arrived.iter()) {
            self.lost.remove(range.clone());
        }
    }

    /// The bytes to send next, lost ones first, unless the pacer has the sender wait.
    fn next_range(&mut self, now: Instant, most: u64, bytes_max: usize) -> Option<Range<u64>> {
        let may_send = self.pacer.next_send() <= now && self.in_flight.bytes() < self.window();
        if !may_send {
            return None;
        }
        let clip = |range: &Range<u64>, most: u64| range.start..range.end.min(range.start + most);
        let range = match self.lost.first() {
            Some(lost) => clip(lost, most),
            None => {
                let unsent = self.next..self.end();
                let available = HEAD_BYTES + (unsent.end - unsent.start) as usize;
                let trial = self.path_mtu.next_trial(bytes_max, available);
                clip(&unsent, trial.map_or(most, content))
            }
        };
        (!range.is_empty()).then_some(range)
    }

    fn send(&mut self, now: Instant, range: Range<u64>, is_probe: bool, out: &mut Vec<u8>) {
        let is_repeat = range.start < self.next;
        self.statistics.datagrams += 1;
        self.statistics.repeats += u64::from(is_repeat);
        self.lost.remove(range.clone());
        self.next = self.next.max(range.end);
        let is_last = self.next == self.end() && self.lost.is_empty();
        let data = Data {
            transaction: self.transaction,
            offset: range.start,
            number: self.number,
            is_urgent: is_probe || is_last,
            bytes: &[],
        };
        data.append_head(out);
        let [first, last] = [range.start, range.end].map(|offset| (offset - self.base) as usize);
        let (front, back) = self.buffer.as_slices();
        let cut = |offset: usize| offset.min(front.len());
        out.extend_from_slice(&front[cut(first)..cut(last)]);
        let rest = |offset: usize| offset.saturating_sub(front.len());
        out.extend_from_slice(&back[rest(first)..rest(last)]);
        let in_flight = self.in_flight.bytes();
        let bytes = range.end - range.start;
        // A trial that is lost was too long. Its number is used again, so that the bound of losses does not see that.
        if !self.path_mtu.is_trial(HEAD_BYTES + bytes as usize) {
            self.number = self.number.saturating_add(1);
        }
        let snapshot = self.pacer.record_sent(now, bytes, in_flight);
        self.active_at = now;
        self.in_flight.push(Sent {
            range,
            at: now,
            is_repeat,
            snapshot,
        });
        self.loss_bound.record_sent(self.in_flight.bytes());
        if is_last || self.loss_bound.is_on_trial() {
            self.pacer.record_limited(self.in_flight.bytes());
        }
    }

    /// Measures the path by the datagrams that have just arrived.
    fn measure(&mut self, now: Instant) {
        let (bytes, longest, newest) = self.in_flight.take_arrived(self.base, &self.arrived);
        self.path_mtu.record_arrived(HEAD_BYTES + longest as usize);
        self.loss_bound.record_arrived(bytes, longest);
        let Some(newest) = newest else { return };
        if !newest.is_repeat {
            self.round_trip.measure(now, now.us_since(newest.at));
        }
        let Some(round_trip_us) = self.round_trip.least_us() else {
            return;
        };
        self.pacer.handle_arrival(
            now,
            Arrival {
                bytes,
                newest: (newest.at, newest.snapshot),
                in_flight: self.in_flight.bytes(),
                round_trip_us,
            },
        );
    }
}

/// The bytes of the stream in a datagram of this many bytes.
fn content(datagram: usize) -> u64 {
    datagram.saturating_sub(HEAD_BYTES).max(1) as u64
}

#[cfg(test)]
mod tests;
