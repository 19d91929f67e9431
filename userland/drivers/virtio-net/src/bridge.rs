//! Moves frames between the NIC and the switch's ring, both ways, until neither has one that the other has space for.

use runtime::port::{Doorbell, FRAME_BYTES_MAX, Port, RingError, SendError, WakeFlag};

use crate::nic::Nic;

/// The number of frames moved one way before the other way's turn.
const BATCH: usize = 64;

/// The NIC on one side, the port on the other.
#[derive(Debug)]
pub struct Bridge {
    nic: Nic,
    port: Port<'static>,
    doorbell: Doorbell,
}

impl Bridge {
    pub fn new(nic: Nic, port: Port<'static>, doorbell: Doorbell) -> Bridge {
        Bridge {
            nic,
            port,
            doorbell,
        }
    }

    /// Moves frames until there are none. The switch or the NIC wakes this domain for the next ones.
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

    /// Moves frames from the NIC to the switch, each through `frame`. Frames without space at the switch stay with the NIC.
    fn move_in(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<usize, RingError> {
        let mut moved = 0;
        while moved < BATCH && self.port.outgoing().space()? > 0 {
            let Some(bytes) = self.nic.receive(frame) else {
                break;
            };
            match self.port.outgoing().send(&frame[..bytes]) {
                Err(SendError::Ring(error)) => return Err(error),
                // There was space just before, and the length is valid; otherwise the frame is dropped.
                Ok(()) | Err(_) => moved += 1,
            }
        }
        self.finish(moved, WakeFlag::FRAMES);
        Ok(moved)
    }

    /// Moves frames from the switch to the NIC.
    fn move_out(&mut self) -> Result<usize, RingError> {
        let mut moved = 0;
        while moved < BATCH && self.nic.has_space() {
            let Some(frame) = self.port.incoming().peek()? else {
                break;
            };
            self.nic.send(&frame);
            self.port.incoming().take();
            moved += 1;
        }
        self.finish(moved, WakeFlag::SPACE);
        Ok(moved)
    }

    /// Notifies both sides of a batch.
    fn finish(&mut self, moved: usize, event: WakeFlag) {
        if moved > 0 {
            self.nic.publish();
            if self.port.take_wake_request(event) {
                self.doorbell.ring();
            }
        }
    }

    /// Requests wake-ups for what is missing, then checks again; returns whether a frame can be moved after all.
    fn request_wake(&mut self) -> Result<bool, RingError> {
        self.port.request_wake(WakeFlag::FRAMES);
        let frames_out = self.port.incoming().queued()? > 0;
        self.nic.set_space_interrupt(frames_out);
        let out = frames_out && self.nic.has_space();
        if self.nic.has_frame() {
            self.port.request_wake(WakeFlag::SPACE);
        }
        let inward = self.nic.has_frame() && self.port.outgoing().space()? > 0;
        Ok(out || inward)
    }
}
