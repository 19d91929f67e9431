//! Moves frames between a card and the switch's ring, both ways, until neither has one that the other has space for.

use runtime::port::{Doorbell, FRAME_BYTES_MAX, Port, RingError, SendError, WakeFlag};

use crate::card::{Card, CardFault, Received};
use crate::counters::Counters;
use crate::pace::Remaining;

/// The number of frames moved one way before the other way's turn.
const BATCH: u32 = 64;
/// The number of frames moved in one run. The driver runs above the switch: a ring that the switch cannot empty meanwhile ends
/// a run far earlier, unless the card reports invalid frames without end.
const BUDGET: u32 = 1024;

/// The card on one side, the port on the other.
#[derive(Debug)]
pub struct Bridge<C> {
    card: C,
    port: Port<'static>,
    doorbell: Doorbell,
    counters: Counters,
}

/// The reason a bridge cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// The card has broken its contract.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// The port has invalid values.
    #[error("the port is corrupt: {0}")]
    Port(RingError),
}

impl From<RingError> for BridgeError {
    fn from(error: RingError) -> BridgeError {
        BridgeError::Port(error)
    }
}

impl<C: Card> Bridge<C> {
    /// Connects a card and a port.
    pub fn new(card: C, port: Port<'static>, doorbell: Doorbell) -> Bridge<C> {
        Bridge {
            card,
            port,
            doorbell,
            counters: Counters::default(),
        }
    }

    /// The card.
    pub fn card(&mut self) -> &mut C {
        &mut self.card
    }

    /// The counts of frames.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Moves frames until there are none, or the budget is used; also returns whether there were any. The switch or the card wakes
    /// this domain for the next ones, unless some remain.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub fn run(&mut self) -> Result<(Remaining, bool), BridgeError> {
        let mut frame = [0; FRAME_BYTES_MAX];
        let mut total = 0;
        while total < BUDGET {
            let moved = self.move_in(&mut frame)? + self.move_out()?;
            total += moved;
            if moved == 0 && !self.request_wake()? {
                return Ok((Remaining::Nothing, total > 0));
            }
        }
        Ok((Remaining::More, true))
    }

    /// Moves frames from the card to the switch, each through `frame`. Frames without space at the switch stay with the card.
    fn move_in(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<u32, BridgeError> {
        let (mut taken, before) = (0, self.counters.received);
        while taken < BATCH && self.port.outgoing().space()? > 0 {
            let Some(received) = self.card.receive(frame)? else {
                break;
            };
            taken += 1;
            match received {
                Received::Invalid => self.counters.invalid += 1,
                Received::Frame(bytes) => match self.port.outgoing().send(&frame[..bytes]) {
                    Err(SendError::Ring(error)) => return Err(error.into()),
                    // There was space just before, and the length is valid; otherwise the frame is dropped.
                    Ok(()) | Err(_) => self.counters.received += 1,
                },
            }
        }
        if taken > 0 {
            self.card.publish();
        }
        self.notify(self.counters.received != before, WakeFlag::FRAMES);
        Ok(taken)
    }

    /// Moves frames from the switch to the card.
    fn move_out(&mut self) -> Result<u32, BridgeError> {
        let mut moved = 0;
        while moved < BATCH && self.card.has_space()? {
            let Some(frame) = self.port.incoming().peek()? else {
                break;
            };
            self.card.send(&frame);
            self.port.incoming().take();
            moved += 1;
        }
        self.counters.sent += u64::from(moved);
        if moved > 0 {
            self.card.publish();
        }
        self.notify(moved > 0, WakeFlag::SPACE);
        Ok(moved)
    }

    /// Rings the switch's doorbell if something has happened for which it waits.
    fn notify(&self, has_happened: bool, event: WakeFlag) {
        if has_happened && self.port.take_wake_request(event) {
            self.doorbell.ring();
        }
    }

    /// Requests wake-ups for what is missing, then checks again; returns whether a frame can be moved after all.
    fn request_wake(&mut self) -> Result<bool, BridgeError> {
        self.port.request_wake(WakeFlag::FRAMES);
        let frames_out = self.port.incoming().queued()? > 0;
        self.card.set_space_interrupt(frames_out);
        let out = frames_out && self.card.has_space()?;
        if self.card.has_frame() {
            self.port.request_wake(WakeFlag::SPACE);
        }
        let inward = self.card.has_frame() && self.port.outgoing().space()? > 0;
        Ok(out || inward)
    }
}
