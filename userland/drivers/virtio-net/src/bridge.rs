//! Frames between the card and the switch's ring, both ways, until neither has any that the other has space for.

use runtime::port::{Doorbell, FRAME_BYTES_MAX, Port, RingError, SendError, WakeFlag};

use crate::card::Card;

/// How many frames go one way before the other way's turn.
const BATCH: usize = 64;

/// The card at one side, the port at the other.
#[derive(Debug)]
pub struct Bridge {
    card: Card,
    port: Port<'static>,
    doorbell: Doorbell,
}

impl Bridge {
    /// A bridge between these.
    pub fn new(card: Card, port: Port<'static>, doorbell: Doorbell) -> Bridge {
        Bridge {
            card,
            port,
            doorbell,
        }
    }

    /// Moves frames until there is nothing to move. The switch or the card will wake us when there is again.
    ///
    /// # Errors
    /// The port's [`RingError`].
    pub fn move_all(&mut self) -> Result<(), RingError> {
        let mut frame = [0; FRAME_BYTES_MAX];
        loop {
            let moved = self.move_in(&mut frame)? + self.move_out()?;
            if moved == 0 && !self.request_wake()? {
                return Ok(());
            }
        }
    }

    /// From the card to the switch, each frame through `frame`. What the switch has no space for stays with the card.
    fn move_in(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<usize, RingError> {
        let mut moved = 0;
        while moved < BATCH && self.port.outgoing().space()? > 0 {
            let Some(bytes) = self.card.receive(frame) else {
                break;
            };
            match self.port.outgoing().send(&frame[..bytes]) {
                Err(SendError::Ring(error)) => return Err(error),
                // There was space a moment ago, and the length is sound; if not, the frame is lost.
                Ok(()) | Err(_) => moved += 1,
            }
        }
        self.finish(moved, WakeFlag::FRAMES);
        Ok(moved)
    }

    /// From the switch to the card.
    fn move_out(&mut self) -> Result<usize, RingError> {
        let mut moved = 0;
        while moved < BATCH && self.card.has_space() {
            let Some(frame) = self.port.incoming().peek()? else {
                break;
            };
            self.card.send(&frame);
            self.port.incoming().take();
            moved += 1;
        }
        self.finish(moved, WakeFlag::SPACE);
        Ok(moved)
    }

    /// Tells both sides of a batch.
    fn finish(&mut self, moved: usize, done: WakeFlag) {
        if moved > 0 {
            self.card.publish();
            if self.port.take_wake_request(done) {
                self.doorbell.ring();
            }
        }
    }

    /// Requests wake-ups for what is missing, then checks again; returns whether a frame can be moved after all.
    fn request_wake(&mut self) -> Result<bool, RingError> {
        self.port.request_wake(WakeFlag::FRAMES);
        let frames_out = self.port.incoming().queued()? > 0;
        self.card.want_space(frames_out);
        let out = frames_out && self.card.has_space();
        if self.card.has_frame() {
            self.port.request_wake(WakeFlag::SPACE);
        }
        let inward = self.card.has_frame() && self.port.outgoing().space()? > 0;
        Ok(out || inward)
    }
}
