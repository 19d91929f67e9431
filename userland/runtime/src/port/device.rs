//! A port's domain end as a network device for the embassy-net stack.
//!
//! Frames are copied between the ring and buffers of the device, since a stack wants to borrow them and shared
//! memory cannot be borrowed.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};

use super::{Doorbell, FRAME_BYTES_MAX, Lie, Port, SendError, Wish, bell};
use crate::events;

/// Frames after which the bell is rung before the round ends, so that the switch works alongside a long one.
const FRAMES_PER_BELL: u32 = 32;

/// Frames that are received in one go. The stack takes all that it can get before anybody hears of the first one: where frames
/// come as fast as they are taken, nothing would ever be answered (Mogul and Ramakrishnan, "Eliminating receive livelock",
/// 1997).
const BURST: u32 = 16;

/// The device.
pub struct Device {
    wire: Wire,
    /// Frames received in this go.
    burst: u32,
    received: [u8; FRAME_BYTES_MAX],
    to_send: [u8; FRAME_BYTES_MAX],
}

/// The port with its bell.
struct Wire {
    port: Port<'static>,
    doorbell: Doorbell,
    mac: [u8; 6],
    is_disabled: bool,
    /// Frames sent since the bell was rung.
    unannounced: u32,
}

impl Device {
    /// A device at this port, with this MAC address.
    pub fn new(port: Port<'static>, doorbell: Doorbell, mac: [u8; 6]) -> Device {
        Device {
            wire: Wire {
                port,
                doorbell,
                mac,
                is_disabled: false,
                unannounced: 0,
            },
            burst: 0,
            received: [0; FRAME_BYTES_MAX],
            to_send: [0; FRAME_BYTES_MAX],
        }
    }
}

impl Wire {
    /// Whether a frame can be sent. If not, the task is woken when one can.
    fn has_space(&mut self, context: &Context<'_>) -> bool {
        self.await_or(context, Wish::SPACE, |port| port.outgoing().space())
    }

    /// Whether a frame waits. If not, the task is woken when one does.
    fn has_frame(&mut self, context: &Context<'_>) -> bool {
        self.await_or(context, Wish::FRAMES, |port| port.incoming().queued())
    }

    /// Whether `count` is not zero; looks once more after wishing to be woken.
    fn await_or(
        &mut self,
        context: &Context<'_>,
        wish: Wish,
        count: impl Fn(&Port<'_>) -> Result<u32, Lie>,
    ) -> bool {
        if self.believe(count(&self.port)) {
            return true;
        }
        events::register(events::PORT, context.waker());
        self.port.wish(wish);
        self.believe(count(&self.port))
    }

    fn believe(&mut self, count: Result<u32, Lie>) -> bool {
        count.inspect_err(|lie| self.disable(*lie)).unwrap_or(0) > 0 && !self.is_disabled
    }

    fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        match self.port.incoming().receive(into) {
            Ok(length) => {
                if self.port.owes_bell(Wish::SPACE) {
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

    fn send(&mut self, frame: &[u8]) {
        match self.port.outgoing().send(frame) {
            Ok(()) => self.announce(),
            Err(SendError::Lie(lie)) => self.disable(lie),
            // A frame that does not fit is lost, as on any wire.
            Err(SendError::Full | SendError::Length(_)) => {}
        }
    }

    fn announce(&mut self) {
        if self.port.owes_bell(Wish::FRAMES) {
            self.doorbell.owe();
            self.unannounced = 0;
        }
        self.unannounced += 1;
        if self.unannounced == FRAMES_PER_BELL {
            bell::ring_owed();
            self.unannounced = 0;
        }
    }

    fn disable(&mut self, lie: Lie) {
        if !self.is_disabled {
            self.is_disabled = true;
            log::error!("the port is out of order: {lie}");
        }
    }
}

impl Driver for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmission<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Transmission<'_>)> {
        if self.burst == BURST {
            self.burst = 0;
            context.waker().wake_by_ref();
            return None;
        }
        if !self.wire.has_frame(context) || !self.wire.has_space(context) {
            self.burst = 0;
            return None;
        }
        self.burst += 1;
        let length = self.wire.receive(&mut self.received)?;
        let received = Received {
            frame: &mut self.received[..length],
        };
        let transmission = Transmission {
            wire: &mut self.wire,
            buffer: &mut self.to_send,
        };
        Some((received, transmission))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Transmission<'_>> {
        self.wire.has_space(context).then_some(Transmission {
            wire: &mut self.wire,
            buffer: &mut self.to_send,
        })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        if self.wire.is_disabled {
            LinkState::Down
        } else {
            LinkState::Up
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.wire.mac)
    }
}

/// A frame that was received.
pub struct Received<'a> {
    frame: &'a mut [u8],
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, work: F) -> R {
        work(self.frame)
    }
}

/// The right to send a frame.
pub struct Transmission<'a> {
    wire: &'a mut Wire,
    buffer: &'a mut [u8; FRAME_BYTES_MAX],
}

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let frame = &mut self.buffer[..length];
        let result = work(frame);
        self.wire.send(frame);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Side, layout};
    use super::*;
    use crate::capability::Cap;
    use crate::host::shared_memory;
    use crate::shared::SharedMemory;
    use abi::register::Slot;
    use core::sync::atomic::Ordering;
    use core::task::Waker;

    fn device() -> (Device, Port<'static>, SharedMemory<'static>) {
        let memory = shared_memory(layout::PORT_BYTES);
        let doorbell = Doorbell {
            notification: Cap::from_slot(Slot(9)),
            flags: 1,
        };
        let domain = Port::try_new(memory, Side::Domain).unwrap();
        let switch = Port::try_new(memory, Side::Switch).unwrap();
        (Device::new(domain, doorbell, [2; 6]), switch, memory)
    }

    #[test]
    fn frames_go_through_the_device_both_ways() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        assert!(device.receive(context).is_none());
        assert!(switch.owes_bell(Wish::FRAMES), "an empty device waits");

        switch.outgoing().send(&[5; 60]).unwrap();
        let (received, transmission) = device.receive(context).unwrap();
        assert_eq!(received.consume(|frame| frame.to_vec()), [5; 60]);
        transmission.consume(70, |frame| frame.fill(6));

        let mut frame = [0; FRAME_BYTES_MAX];
        assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(70)));
        assert_eq!(frame[..70], [6; 70]);
    }

    #[test]
    fn a_flood_is_received_in_bursts() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        for _ in 0..2 * BURST + 1 {
            switch.outgoing().send(&[5; 60]).unwrap();
        }
        let mut burst = || {
            let received = core::iter::from_fn(|| device.receive(context).map(drop));
            received.count()
        };
        assert_eq!([burst(), burst(), burst(), burst()], [16, 16, 1, 0]);
    }

    #[test]
    fn a_full_ring_stops_sending_until_there_is_space() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        while let Some(transmission) = device.transmit(context) {
            transmission.consume(60, |frame| frame.fill(1));
        }
        assert_eq!(switch.incoming().space(), Ok(0));
        switch.incoming().take();
        assert!(switch.owes_bell(Wish::SPACE));
        assert!(device.transmit(context).is_some());
    }

    #[test]
    fn a_port_that_lies_goes_down() {
        let (mut device, switch, memory) = device();
        let context = &mut Context::from_waker(Waker::noop());
        switch.outgoing().send(&[5; 60]).unwrap();
        memory
            .word32(layout::TO_DOMAIN.slots)
            .store(9999, Ordering::Relaxed);
        assert!(device.receive(context).is_none());
        assert!(matches!(device.link_state(context), LinkState::Down));
        assert!(device.transmit(context).is_none());
    }
}
