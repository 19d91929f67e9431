//! The migration server's end of the port that late frames go through: those for a domain that is leaving or has left
//! come out, those that another machine has passed on go in.
//!
//! Unlike a [`super::Device`] nothing is lost here for want of space: a frame that does not fit stays with its owner.

use super::{Doorbell, FRAME_BYTES_MAX, Lie, Port, SendError, Wish};
use crate::events;

/// The tunnel.
#[derive(Debug)]
pub struct Tunnel {
    port: Port<'static>,
    doorbell: Doorbell,
    is_disabled: bool,
}

impl Tunnel {
    /// The tunnel at this port.
    pub fn new(port: Port<'static>, doorbell: Doorbell) -> Tunnel {
        Tunnel {
            port,
            doorbell,
            is_disabled: false,
        }
    }

    /// Takes the next frame that the switch brought, if there is one; returns its length.
    pub fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        if self.is_disabled {
            return None;
        }
        match self.port.incoming().receive(into) {
            Ok(length) => {
                if length.is_some() && self.port.owes_bell(Wish::SPACE) {
                    self.doorbell.owe();
                }
                length
            }
            Err(lie) => {
                self.disable(lie);
                None
            }
        }
    }

    /// Gives the switch a frame; `false` if there is no space for it now. What no ring can hold is dropped.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        if self.is_disabled {
            return true;
        }
        match self.port.outgoing().send(frame) {
            Ok(()) => {
                if self.port.owes_bell(Wish::FRAMES) {
                    self.doorbell.owe();
                }
                true
            }
            Err(SendError::Full) => false,
            Err(SendError::Length(_)) => true,
            Err(SendError::Lie(lie)) => {
                self.disable(lie);
                true
            }
        }
    }

    /// Waits until the switch has brought frames, or, if one did not fit, has taken some.
    pub async fn turn(&mut self, waits_for_space: bool) {
        let wish = match waits_for_space {
            true => Wish::FRAMES.or(Wish::SPACE),
            false => Wish::FRAMES,
        };
        self.port.wish(wish);
        if !self.has_turned(waits_for_space) {
            events::wait(events::TUNNEL).await;
        }
    }

    /// A lie waits to be found out, so that it counts as a turn.
    fn has_turned(&self, waits_for_space: bool) -> bool {
        let (incoming, outgoing) = (self.port.incoming(), self.port.outgoing());
        let is_there = |count: Result<u32, Lie>| count.map_or(true, |count| count > 0);
        !self.is_disabled
            && (is_there(incoming.queued()) || waits_for_space && is_there(outgoing.space()))
    }

    fn disable(&mut self, lie: Lie) {
        self.is_disabled = true;
        log::error!("the tunnel is out of order: {lie}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SLOT_COUNT, Side, layout};
    use super::*;
    use crate::capability::Cap;
    use crate::host::shared_memory;
    use abi::register::Slot;
    use core::future::Future;
    use core::pin::pin;
    use core::sync::atomic::Ordering;
    use core::task::{Context, Poll, Waker};

    fn tunnel() -> (Tunnel, Port<'static>) {
        let memory = shared_memory(layout::PORT_BYTES);
        let doorbell = Doorbell {
            notification: Cap::from_slot(Slot(9)),
            flags: 1,
        };
        let port = Port::try_new(memory, Side::Domain).unwrap();
        let switch = Port::try_new(memory, Side::Switch).unwrap();
        (Tunnel::new(port, doorbell), switch)
    }

    fn turns(tunnel: &mut Tunnel, waits_for_space: bool) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        pin!(tunnel.turn(waits_for_space)).poll(context) == Poll::Ready(())
    }

    #[test]
    fn frames_go_both_ways() {
        let (mut tunnel, switch) = tunnel();
        let mut frame = [0; FRAME_BYTES_MAX];
        assert_eq!(tunnel.receive(&mut frame), None);
        switch.outgoing().send(&[5; 60]).unwrap();
        assert_eq!(tunnel.receive(&mut frame), Some(60));
        assert!(tunnel.send(&[6; 70]));
        assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(70)));
    }

    #[test]
    fn waits_for_frames_and_only_if_asked_for_space() {
        let (mut tunnel, switch) = tunnel();
        assert!(!turns(&mut tunnel, false));
        assert!(turns(&mut tunnel, true), "there is space");
        for _ in 0..SLOT_COUNT {
            assert!(tunnel.send(&[1; 60]));
        }
        assert!(!tunnel.send(&[1; 60]), "a frame that does not fit is kept");
        assert!(!turns(&mut tunnel, true));
        assert!(switch.owes_bell(Wish::SPACE));
        switch.outgoing().send(&[5; 60]).unwrap();
        assert!(turns(&mut tunnel, false));
    }

    #[test]
    fn a_ring_that_lies_is_left_alone() {
        let (mut tunnel, switch) = tunnel();
        switch.outgoing().send(&[5; 60]).unwrap();
        let memory = shared_memory(layout::PORT_BYTES);
        memory
            .word32(layout::TO_DOMAIN.produced)
            .store(SLOT_COUNT + 1, Ordering::Relaxed);
        tunnel.port = Port::try_new(memory, Side::Domain).unwrap();
        let mut frame = [0; FRAME_BYTES_MAX];
        assert!(turns(&mut tunnel, false), "to find the lie out");
        assert_eq!(tunnel.receive(&mut frame), None);
        assert!(!turns(&mut tunnel, false));
        assert!(tunnel.send(&[5; 60]), "nothing waits for a ring that lies");
    }
}
