//! The migration server's end of its second port: it receives frames for a domain that is leaving or has left, and
//! sends frames that another machine forwarded.
//!
//! Unlike a [`super::Device`], it drops nothing for lack of space: the caller keeps a frame that does not fit.

use super::{Doorbell, FRAME_BYTES_MAX, Port, RingError, SendError, WakeFlag};
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

    /// Receives the next frame from the switch, if there is one; returns its length.
    pub fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        if self.is_disabled {
            return None;
        }
        match self.port.incoming().receive(into) {
            Ok(length) => {
                if length.is_some() && self.port.take_wake_request(WakeFlag::SPACE) {
                    self.doorbell.defer();
                }
                length
            }
            Err(error) => {
                self.disable(error);
                None
            }
        }
    }

    /// Sends a frame to the switch; `false` if there is no space for it now. A frame of invalid length is dropped, and so is every
    /// frame once the ring is corrupt.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        if self.is_disabled {
            return true;
        }
        match self.port.outgoing().send(frame) {
            Ok(()) => {
                if self.port.take_wake_request(WakeFlag::FRAMES) {
                    self.doorbell.defer();
                }
                true
            }
            Err(SendError::Full) => false,
            Err(SendError::Length(_)) => true,
            Err(SendError::Ring(error)) => {
                self.disable(error);
                true
            }
        }
    }

    /// Waits until the switch has sent frames or, with `waits_for_space`, has taken some.
    pub async fn wait(&mut self, waits_for_space: bool) {
        let flag = if waits_for_space {
            WakeFlag::FRAMES.or(WakeFlag::SPACE)
        } else {
            WakeFlag::FRAMES
        };
        self.port.request_wake(flag);
        if !self.is_ready(waits_for_space) {
            events::wait(events::TUNNEL).await;
        }
    }

    /// Whether [`Tunnel::wait`] is over. An error counts as ready, so that the next call finds it.
    fn is_ready(&self, waits_for_space: bool) -> bool {
        let (incoming, outgoing) = (self.port.incoming(), self.port.outgoing());
        let is_some = |count: Result<u32, RingError>| count.map_or(true, |count| count > 0);
        !self.is_disabled
            && (is_some(incoming.queued()) || waits_for_space && is_some(outgoing.space()))
    }

    fn disable(&mut self, error: RingError) {
        self.is_disabled = true;
        log::error!("the tunnel is disabled: {error}");
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

    fn is_woken(tunnel: &mut Tunnel, waits_for_space: bool) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        pin!(tunnel.wait(waits_for_space)).poll(context) == Poll::Ready(())
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
    fn waits_for_frames_and_on_request_for_space() {
        let (mut tunnel, switch) = tunnel();
        assert!(!is_woken(&mut tunnel, false));
        assert!(is_woken(&mut tunnel, true), "there is space");
        for _ in 0..SLOT_COUNT {
            assert!(tunnel.send(&[1; 60]));
        }
        assert!(!tunnel.send(&[1; 60]), "a frame that does not fit is kept");
        assert!(!is_woken(&mut tunnel, true));
        assert!(switch.take_wake_request(WakeFlag::SPACE));
        switch.outgoing().send(&[5; 60]).unwrap();
        assert!(is_woken(&mut tunnel, false));
    }

    #[test]
    fn a_corrupt_ring_is_left_alone() {
        let (mut tunnel, switch) = tunnel();
        switch.outgoing().send(&[5; 60]).unwrap();
        let memory = shared_memory(layout::PORT_BYTES);
        memory
            .word32(layout::TO_DOMAIN.produced)
            .store(SLOT_COUNT + 1, Ordering::Relaxed);
        tunnel.port = Port::try_new(memory, Side::Domain).unwrap();
        let mut frame = [0; FRAME_BYTES_MAX];
        assert!(is_woken(&mut tunnel, false), "to find the error");
        assert_eq!(tunnel.receive(&mut frame), None);
        assert!(!is_woken(&mut tunnel, false));
        assert!(tunnel.send(&[5; 60]), "nothing waits for a corrupt ring");
    }
}
