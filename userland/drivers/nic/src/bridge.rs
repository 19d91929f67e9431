//! Moves frames between a card and the switch's ring, both ways, until neither has a frame for which the other has space.

use runtime::port::{Doorbell, Port, RingError, WakeFlag};

use crate::counters::Counters;
use crate::nic::{Nic, NicFault, Received};
use crate::pace::Remaining;

/// The number of frames moved in one direction before the other's turn.
const BATCH: u32 = 64;
/// The maximum number of frames moved in one run. Few runs reach it: the switch has a lower priority, so during a run it
/// neither takes frames from the port nor adds any. But invalid frames occupy no slot, and could keep a run going for ever.
pub(crate) const BUDGET: u32 = 1024;

/// The card on one side, the port on the other.
#[derive(Debug)]
pub struct Bridge<C> {
    nic: C,
    port: Port<'static>,
    doorbell: Doorbell,
    counters: Counters,
}

/// The reason a bridge cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// The card has broken its contract.
    #[error(transparent)]
    Nic(#[from] NicFault),
    /// The port has invalid values.
    #[error("the port is corrupt: {0}")]
    Port(RingError),
}

impl From<RingError> for BridgeError {
    fn from(error: RingError) -> BridgeError {
        BridgeError::Port(error)
    }
}

impl<C: Nic> Bridge<C> {
    /// Connects a card and a port.
    ///
    /// # Panics
    /// If the card's longest frame is longer than the port's: a mistake in the driver.
    pub fn new(nic: C, port: Port<'static>, doorbell: Doorbell) -> Bridge<C> {
        assert!(nic.frame_bytes_max() <= port.layout().frame_bytes_max());
        Bridge {
            nic,
            port,
            doorbell,
            counters: Counters::default(),
        }
    }

    /// The card.
    pub fn nic(&mut self) -> &mut C {
        &mut self.nic
    }

    /// The counts of frames.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Moves frames until there are none, or the budget is used. Also returns whether there were any. Unless some remain, the
    /// switch or the card wakes this domain for the next ones.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub fn run(&mut self) -> Result<(Remaining, bool), BridgeError> {
        let mut total = 0;
        while total < BUDGET {
            let moved = self.move_in()? + self.move_out()?;
            total += moved;
            if moved == 0 && !self.request_wake()? {
                return Ok((Remaining::Nothing, total > 0));
            }
        }
        Ok((Remaining::More, true))
    }

    /// Moves frames from the card to the switch. Frames without space at the switch stay with the card.
    fn move_in(&mut self) -> Result<u32, BridgeError> {
        let (mut taken, before) = (0, self.counters.received);
        let ring = self.port.outgoing();
        while taken < BATCH
            && let Some(vacancy) = ring.vacancy()?
            && let Some(received) = self.nic.receive(vacancy.frame())?
        {
            taken += 1;
            match received {
                Received::Invalid => self.counters.invalid += 1,
                Received::Frame(bytes) => {
                    self.counters.received += 1;
                    // The length is valid: the card's longest frame is not longer than the port's.
                    let _ = ring.fill(vacancy, bytes);
                }
            }
        }
        if taken > 0 {
            self.nic.publish();
        }
        self.notify(self.counters.received != before, WakeFlag::FRAMES);
        Ok(taken)
    }

    /// Moves frames from the switch to the card, except for those that the card cannot send.
    fn move_out(&mut self) -> Result<u32, BridgeError> {
        let (mut moved, mut sent) = (0, 0);
        let frame_bytes_max = self.nic.frame_bytes_max();
        while moved < BATCH && self.nic.has_space()? {
            let Some(frame) = self.port.incoming().peek()? else {
                break;
            };
            if frame.length() <= frame_bytes_max {
                self.nic.send(&frame);
                sent += 1;
            }
            self.port.incoming().take();
            moved += 1;
        }
        self.counters.sent += u64::from(sent);
        self.counters.too_long += u64::from(moved - sent);
        if sent > 0 {
            self.nic.publish();
        }
        self.notify(moved > 0, WakeFlag::SPACE);
        Ok(moved)
    }

    /// Rings the switch's doorbell if the event has happened and the switch waits for it.
    fn notify(&self, has_happened: bool, event: WakeFlag) {
        if has_happened && self.port.take_wake_request(event) {
            self.doorbell.ring();
        }
    }

    /// Requests wake-ups for the frames and the space that are missing, then checks again; returns whether a frame can be
    /// moved after all.
    fn request_wake(&mut self) -> Result<bool, BridgeError> {
        self.port.request_wake(WakeFlag::FRAMES);
        let frames_out = self.port.incoming().queued()? > 0;
        self.nic.set_space_interrupt(frames_out);
        let out = frames_out && self.nic.has_space()?;
        if self.nic.has_frame() {
            self.port.request_wake(WakeFlag::SPACE);
        }
        let inward = self.nic.has_frame() && self.port.outgoing().space()? > 0;
        Ok(out || inward)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec;
    use std::vec::Vec;

    use abi::register::Slot;
    use runtime::capability::Cap;
    use runtime::host::shared_memory;
    use runtime::port::{Frame, Layout, Side};
    use runtime::protocol::{Mac, Mtu};
    use runtime::shared::SharedMemory;

    use super::*;
    use crate::nic::{Events, Link};

    /// A card that always has space.
    struct FakeNic {
        frame_bytes_max: usize,
        received: VecDeque<Vec<u8>>,
        sent: Vec<Vec<u8>>,
    }

    impl Nic for FakeNic {
        fn mac(&self) -> Option<Mac> {
            None
        }

        fn frame_bytes_max(&self) -> usize {
            self.frame_bytes_max
        }

        fn link(&mut self) -> Option<Link> {
            None
        }

        fn acknowledge(&mut self) -> Events {
            Events::default()
        }

        fn has_frame(&self) -> bool {
            !self.received.is_empty()
        }

        fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
            let frame = self.received.pop_front();
            Ok(frame.map(|frame| {
                let received = Received::of_length(frame.len(), self.frame_bytes_max);
                if let Received::Frame(_) = received {
                    into.write(0, &frame);
                }
                received
            }))
        }

        fn has_space(&mut self) -> Result<bool, NicFault> {
            Ok(true)
        }

        fn send(&mut self, frame: &Frame<'_>) {
            let mut bytes = vec![0; frame.length()];
            frame.copy_to(&mut bytes);
            self.sent.push(bytes);
        }

        fn set_space_interrupt(&mut self, _: bool) {}

        fn publish(&mut self) {}
    }

    /// A bridge between such a card and a port with this MTU, and the switch's end of the port.
    fn bridge(frame_bytes_max: usize, mtu: Mtu) -> (Bridge<FakeNic>, Port<'static>) {
        let layout = Layout::of(mtu);
        let memory = shared_memory(layout.bytes());
        layout.write(memory);
        let nic = FakeNic {
            frame_bytes_max,
            received: VecDeque::new(),
            sent: Vec::new(),
        };
        let doorbell = Doorbell {
            notification: Cap::from_slot(Slot(5)),
            flags: 1,
        };
        let port = Port::try_new(memory, Side::Domain).expect("a port");
        let switch = Port::try_new(memory, Side::Switch).expect("a port");
        (Bridge::new(nic, port, doorbell), switch)
    }

    #[test]
    fn the_longest_frames_pass_both_ways() {
        let longest = Layout::of(Mtu::MAX).frame_bytes_max();
        let (mut bridge, switch) = bridge(longest, Mtu::MAX);
        let frames = [vec![1; longest], vec![2; 60], vec![3; longest]];
        bridge.nic.received.extend(frames.clone());
        for frame in &frames {
            switch.outgoing().send(frame).expect("there is space");
        }
        bridge.run().expect("sound values");
        assert_eq!(bridge.nic.sent, frames);
        let mut received = vec![0; longest];
        for frame in &frames {
            let length = switch.incoming().receive(&mut received);
            assert_eq!(length, Ok(Some(frame.len())));
            assert_eq!(received[..frame.len()], frame[..]);
        }
        assert_eq!((bridge.counters.received, bridge.counters.sent), (3, 3));
    }

    #[test]
    fn a_frame_that_the_card_cannot_send_is_dropped_and_counted() {
        let mtu = Mtu::try_from(9000).expect("an MTU");
        let (mut bridge, switch) = bridge(1514, mtu);
        for length in [9014, 1515, 1514] {
            let sent = switch.outgoing().send(&vec![length as u8; length]);
            sent.expect("there is space");
        }
        bridge.run().expect("sound values");
        assert_eq!(bridge.nic.sent, [vec![1514_usize as u8; 1514]]);
        let Counters { sent, too_long, .. } = bridge.counters;
        assert_eq!((sent, too_long), (1, 2));
        assert_eq!(switch.outgoing().queued(), Ok(0), "their slots are free");
    }
}
