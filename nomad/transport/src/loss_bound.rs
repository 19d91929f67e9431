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
//!       '-- the bound was halved TRIAL_EPOCHS times, and still more  <-'
//!           than half as many are lost: the wire itself loses them
//! ```
//!
//! An epoch is a range of at least 128 datagrams that were sent one after the other. Its losses are the difference of two
//! reports of the receiver, so that late datagrams do not count as lost. After a cut, the next epoch begins with the datagrams
//! that are sent from then on.

use crate::arrivals::Arrivals;

/// The fewest datagrams of an epoch.
const EPOCH: u32 = 128;
/// The losses that are no sign of a full queue, per thousand.
const TOLERATED: u64 = 10;
/// How much more may be lost in an epoch than the wire loses in the long run, per thousand: half of that and this many.
const WIRE_NOISE: u64 = 50;
/// The cuts in a row that do not halve the losses, after which these count as the wire's own.
const TRIAL_EPOCHS: u32 = 2;
/// The epochs after which the wire's own losses are measured anew.
const WIRE_EPOCHS: u32 = 256;
/// The least bound, in bytes: twice what arrives before an acknowledgement.
const BYTES_MIN: u64 = 24 * 1024;

/// Bounds the bytes in flight.
#[derive(Clone, Debug)]
pub struct LossBound {
    /// The most bytes in flight, if they are bounded.
    bytes: Option<u64>,
    trial: Option<Trial>,
    wire: Option<Wire>,
    epoch: Epoch,
    /// The most bytes in flight since the epoch began, or the last one ended.
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
    /// The epoch begins when the datagram with this number has arrived, or a later one.
    Awaited(u32),
    /// It began with this report, and ends with the first in which all datagrams before the one with this number are overtaken.
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

    /// Handles the receiver's report. `next` is the number of the datagram that will be sent next.
    pub fn handle_report(&mut self, arrivals: Arrivals, next: u32) {
        match self.epoch {
            Epoch::Awaited(first) if first <= arrivals.end => self.begin_epoch(arrivals, next),
            Epoch::Counted(began, end) if end <= arrivals.end => {
                self.end_epoch(arrivals.losses_since(began), arrivals, next);
            }
            _ => {}
        }
    }

    /// Begins an epoch with what was sent since this report, so that it covers a round trip: bursts lose their last datagrams.
    fn begin_epoch(&mut self, arrivals: Arrivals, next: u32) {
        let end = arrivals.end.saturating_add(EPOCH).max(next);
        (self.epoch, self.in_flight) = (Epoch::Counted(arrivals, end), 0);
    }

    fn end_epoch(&mut self, losses: u64, arrivals: Arrivals, next: u32) {
        let tolerated = self.tolerated();
        self.wire = self.wire.and_then(Wire::aged);
        if losses <= tolerated {
            self.trial = None;
            self.begin_epoch(arrivals, next);
            return;
        }
        let trial = match self.trial {
            Some(trial) if losses * 2 >= trial.losses => trial.with(losses),
            _ => Trial::new(self.bytes, losses),
        };
        if trial.epochs == TRIAL_EPOCHS {
            self.wire = Some(Wire::new(trial.sum / u64::from(TRIAL_EPOCHS)));
            (self.bytes, self.trial) = (trial.uncut, None);
        } else {
            let in_flight = self.in_flight.min(self.bytes());
            self.bytes = Some((in_flight / 2).max(BYTES_MIN));
            self.trial = Some(trial);
        }
        (self.epoch, self.in_flight) = (Epoch::Awaited(next), 0);
    }

    /// The losses that are no sign of a full queue, per thousand.
    fn tolerated(&self) -> u64 {
        let own = |wire: Wire| wire.losses * 3 / 2 + WIRE_NOISE;
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
