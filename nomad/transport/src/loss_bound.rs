//! The bytes that a stream may have in flight beside other senders: [`LossBound`].
//!
//! The [pacer](crate::pacer::Pacer) does not slow down when datagrams are lost, so that a wire that loses many of them is still
//! used. Beside senders that slow down, it would soon have a short queue for itself. So losses bound the bytes in flight, which
//! then follow the losses as those of the others do (Reno, RFC 5681), unless the losses are the wire's own:
//!
//! ```text
//!   unbounded --more than 1 % of an epoch's datagrams are lost--> half of what was in flight, and from then on
//!       ^                                                         one datagram more per round trip
//!       |                                                             |
//!       '-- the bound was halved TRIAL_EPOCHS times, and hardly    <--'
//!           fewer are lost: the wire itself loses them
//! ```
//!
//! An *epoch* is a range of at least 128 datagrams that were sent one after the other, and of at least a round trip, since a
//! shorter range may contain only a part of a burst. Its losses are the difference of two reports of the receiver, so that late
//! datagrams do not count as lost. After a cut, the next epoch begins with the datagrams that are sent from then on.

use crate::arrivals::Arrivals;

/// The fewest datagrams of an epoch.
const EPOCH: u32 = 128;
/// The losses that do not count as those of a full queue, per thousand.
const TOLERATED: u64 = 10;
/// How much more may be lost in an epoch than the wire loses in the long run, per thousand: half of that and this many.
const WIRE_NOISE: u64 = 50;
/// How many fewer may be lost in an epoch by chance, per thousand, if the wire loses as many as before.
const TRIAL_NOISE: u64 = 30;
/// The cuts in a row that hardly reduce the losses, after which these count as the wire's own.
const TRIAL_EPOCHS: u32 = 2;
/// The epochs after which the wire's own losses are measured anew.
const WIRE_EPOCHS: u32 = 256;
/// More losses than this are never the wire's own, per thousand. A queue that is far too short loses as many.
const WIRE_MAX: u64 = 400;
/// The least bound, in bytes: twice what arrives before an acknowledgement.
const BYTES_MIN: u64 = 24 * 1024;
/// The least bound, in datagrams: others have to arrive after one that is lost, or it is noticed late.
const DATAGRAMS_MIN: u64 = 4;

/// The state of a sender when it handles a report.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// The number of the next datagram.
    pub next: u32,
    /// The bytes in flight.
    pub in_flight: u64,
    /// The length of its datagrams, in bytes.
    pub datagram_bytes: u64,
}

/// Bounds the bytes in flight.
#[derive(Clone, Debug)]
pub struct LossBound {
    /// The most bytes in flight, if they are bounded.
    bytes: Option<u64>,
    trial: Option<Trial>,
    wire: Option<Wire>,
    epoch: Epoch,
    /// The most bytes in flight since the epoch began, or since the last one ended.
    in_flight: u64,
}

/// Cuts in a row, made to see whether fewer datagrams are lost.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// The bound before the first of them.
    uncut: Option<u64>,
    /// The losses before the first of them, per thousand.
    losses: u64,
    /// The epochs after a cut, and the sum of their losses.
    epochs: u32,
    sum: u64,
}

/// The wire's own losses.
#[derive(Clone, Copy, Debug)]
struct Wire {
    /// Per thousand.
    losses: u64,
    /// For how many epochs they remain valid.
    epochs: u32,
}

/// The datagrams whose losses are being counted.
#[derive(Clone, Copy, Debug)]
enum Epoch {
    /// The epoch begins with the first report about all datagrams before the one with this number.
    Awaited(u32),
    /// It began with this report, and ends with the first about all datagrams before the one with this number.
    Counted(Arrivals, u32),
}

impl Default for LossBound {
    fn default() -> LossBound {
        LossBound {
            bytes: None,
            trial: None,
            wire: None,
            epoch: Epoch::Counted(Arrivals::default(), EPOCH),
            in_flight: 0,
        }
    }
}

impl LossBound {
    /// The most bytes that may be in flight.
    pub fn bytes(&self) -> u64 {
        self.bytes.unwrap_or(u64::MAX)
    }

    /// Whether the bound is lower only to see whether fewer datagrams are lost.
    pub fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Records that a datagram leaves, with this many bytes in flight including it.
    pub fn record_sent(&mut self, in_flight: u64) {
        self.in_flight = self.in_flight.max(in_flight);
    }

    /// Records that this many bytes have arrived, in datagrams of at most `longest` bytes: the bound grows by one of these per
    /// round trip, unless much less was in flight.
    pub fn record_arrived(&mut self, bytes: u64, longest: u64) {
        if let Some(bound) = &mut self.bytes
            && self.in_flight * 2 > *bound
        {
            *bound += longest * bytes.min(*bound) / *bound;
        }
    }

    /// Handles the receiver's report.
    pub fn handle_report(&mut self, arrivals: Arrivals, sending: Sending) {
        match self.epoch {
            Epoch::Awaited(first) if first <= arrivals.end => self.begin_epoch(arrivals, sending),
            Epoch::Counted(began, end) if end <= arrivals.end => {
                self.end_epoch(arrivals.losses_since(began), arrivals, sending);
            }
            _ => {}
        }
    }

    /// Begins an epoch with this report. It contains all that was sent by now, which is at least a round trip.
    fn begin_epoch(&mut self, arrivals: Arrivals, sending: Sending) {
        let end = arrivals.end.saturating_add(EPOCH).max(sending.next);
        self.epoch = Epoch::Counted(arrivals, end);
        self.in_flight = sending.in_flight;
    }

    fn end_epoch(&mut self, losses: u64, arrivals: Arrivals, sending: Sending) {
        let tolerated = self.tolerated();
        self.wire = self.wire.and_then(Wire::aged);
        if losses <= tolerated {
            self.trial = None;
            self.begin_epoch(arrivals, sending);
            return;
        }
        let least = BYTES_MIN.max(DATAGRAMS_MIN * sending.datagram_bytes);
        let trial = match self.trial {
            // Nothing can be cut, so the losses do not show how the wire behaves.
            _ if self.bytes() <= least => None,
            Some(trial) if trial.is_confirmed_by(losses) => Some(trial.with(losses)),
            _ => Some(Trial::new(self.bytes, losses)),
        };
        match trial {
            Some(trial) if trial.epochs == TRIAL_EPOCHS => {
                self.wire = Some(Wire::new(trial.sum / u64::from(TRIAL_EPOCHS)));
                (self.bytes, self.trial) = (trial.uncut, None);
            }
            trial => {
                let in_flight = self.in_flight.min(self.bytes());
                (self.bytes, self.trial) = (Some((in_flight / 2).max(least)), trial);
            }
        }
        self.epoch = Epoch::Awaited(sending.next);
        self.in_flight = sending.in_flight;
    }

    /// The losses that do not count as those of a full queue, per thousand.
    fn tolerated(&self) -> u64 {
        let own = |wire: Wire| (wire.losses * 3 / 2 + WIRE_NOISE).min(WIRE_MAX);
        TOLERATED + self.wire.map_or(0, own)
    }
}

impl Trial {
    fn new(uncut: Option<u64>, losses: u64) -> Trial {
        Trial {
            uncut,
            losses,
            epochs: 0,
            sum: 0,
        }
    }

    /// Whether these losses after a cut are hardly fewer.
    fn is_confirmed_by(self, losses: u64) -> bool {
        losses <= WIRE_MAX && losses + TRIAL_NOISE >= self.losses * 3 / 4
    }

    /// After another epoch with these losses.
    fn with(self, losses: u64) -> Trial {
        Trial {
            epochs: self.epochs + 1,
            sum: self.sum + losses,
            ..self
        }
    }
}

impl Wire {
    fn new(losses: u64) -> Wire {
        Wire {
            losses,
            epochs: WIRE_EPOCHS,
        }
    }

    /// After another epoch.
    fn aged(self) -> Option<Wire> {
        let epochs = self.epochs - 1;
        (epochs > 0).then_some(Wire { epochs, ..self })
    }
}

#[cfg(test)]
mod tests;
