//! A port's domain end as a network device for the embassy-net stack.
//!
//! Frames are copied between the ring and the device's buffers, since a stack borrows them and shared
//! memory cannot be borrowed. The device computes and verifies the checksums of TCP on its own copy.

use alloc::vec;
use alloc::vec::Vec;
use core::task::{Context, Waker};

use embassy_net_driver::{
    Capabilities, Checksum, Driver, HardwareAddress, LinkState, RxToken, TxToken,
};

use super::{Doorbell, Port, RingError, SendError, WakeFlag, doorbell, tcp_checksum};
use crate::events;

/// The number of sent frames after which the doorbell rings before the round ends, so that the switch runs during a long round.
const FRAMES_PER_RING: u32 = 32;

/// The maximum number of frames received in one poll. The stack takes every frame it can get before any socket sees the first
/// one: if frames arrived as fast as they are taken, no socket would ever see one (Mogul and Ramakrishnan, "Eliminating
/// receive livelock in an interrupt-driven kernel", 1997).
const BURST: u32 = 16;

/// Decides whether the stack takes a frame.
pub type Gate = fn(&[u8], &Waker) -> Passage;

/// The gate's decision on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// The stack takes it now.
    Open,
    /// It waits, and all frames behind it. The gate wakes the stack's task when it may pass.
    Closed,
    /// The stack never gets it.
    Dropped,
}

/// The network device.
pub struct Device {
    wire: Wire,
    gate: Gate,
    /// The length of the frame in `received` that waits at the gate.
    waiting: Option<usize>,
    /// Frames taken from the port in this poll.
    burst: u32,
    received: Vec<u8>,
    to_send: Vec<u8>,
    /// Whether the stack computes and verifies the checksums of UDP datagrams.
    udp_checksum: Checksum,
}

/// The port with its doorbell.
struct Wire {
    port: Port<'static>,
    doorbell: Doorbell,
    mac: [u8; 6],
    is_disabled: bool,
    /// Frames sent since the doorbell was last rung or its ring deferred.
    unsignalled: u32,
}

impl Device {
    /// Creates a device on this port, with this MAC address.
    pub fn new(port: Port<'static>, doorbell: Doorbell, mac: [u8; 6]) -> Device {
        let buffer = || vec![0; port.layout().frame_bytes_max()];
        Device {
            wire: Wire {
                port,
                doorbell,
                mac,
                is_disabled: false,
                unsignalled: 0,
            },
            gate: |_, _| Passage::Open,
            waiting: None,
            burst: 0,
            received: buffer(),
            to_send: buffer(),
            udp_checksum: Checksum::Both,
        }
    }

    /// Has each received frame, and all behind it, wait until this gate lets it pass.
    pub fn with_gate(self, gate: Gate) -> Device {
        Device { gate, ..self }
    }

    /// Has the stack neither compute nor verify the checksums of UDP datagrams.
    pub fn without_udp_checksums(self) -> Device {
        Device {
            udp_checksum: Checksum::None,
            ..self
        }
    }
}

impl Device {
    /// The length of the next frame in `received`; `None` if there is none, or it has to wait, or this poll has received enough.
    fn next_frame(&mut self, context: &Context<'_>) -> Option<usize> {
        while self.burst < BURST {
            let is_next = self.waiting.is_some() || self.wire.has_frame(context);
            if !is_next || !self.wire.has_space(context) {
                return None;
            }
            let Some(length) = self.take_frame() else {
                continue;
            };
            match (self.gate)(&self.received[..length], context.waker()) {
                Passage::Open => return Some(length),
                Passage::Closed => {
                    self.waiting = Some(length);
                    return None;
                }
                Passage::Dropped => {}
            }
        }
        context.waker().wake_by_ref();
        None
    }

    /// Takes the frame that waits at the gate, or else the port's next one; `None` if that is damaged. The stack would drop it, too.
    fn take_frame(&mut self) -> Option<usize> {
        if let Some(length) = self.waiting.take() {
            return Some(length);
        }
        self.burst += 1;
        let length = self.wire.receive(&mut self.received)?;
        tcp_checksum::is_valid(&self.received[..length]).then_some(length)
    }
}

impl Wire {
    /// Whether a frame can be sent. If not, the task wakes when there is space.
    fn has_space(&mut self, context: &Context<'_>) -> bool {
        self.poll_count(context, WakeFlag::SPACE, |port| port.outgoing().space())
    }

    /// Whether a frame is queued. If not, the task wakes when one arrives.
    fn has_frame(&mut self, context: &Context<'_>) -> bool {
        self.poll_count(context, WakeFlag::FRAMES, |port| port.incoming().queued())
    }

    /// Whether `count` is not zero; checks again after requesting a wake-up.
    fn poll_count(
        &mut self,
        context: &Context<'_>,
        flag: WakeFlag,
        count: impl Fn(&Port<'_>) -> Result<u32, RingError>,
    ) -> bool {
        if self.check(count(&self.port)) {
            return true;
        }
        events::register(events::PORT, context.waker());
        self.port.request_wake(flag);
        self.check(count(&self.port))
    }

    fn check(&mut self, count: Result<u32, RingError>) -> bool {
        count.inspect_err(|error| self.disable(*error)).unwrap_or(0) > 0 && !self.is_disabled
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        match self.port.incoming().receive(into) {
            Ok(length) => {
                if self.port.take_wake_request(WakeFlag::SPACE) {
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

    fn send(&mut self, frame: &[u8]) {
        match self.port.outgoing().send(frame) {
            Ok(()) => self.signal_frame(),
            Err(SendError::Ring(error)) => self.disable(error),
            // A frame that does not fit is dropped, as on any wire.
            Err(SendError::Full | SendError::Length(_)) => {}
        }
    }

    fn signal_frame(&mut self) {
        if self.port.take_wake_request(WakeFlag::FRAMES) {
            self.doorbell.defer();
            self.unsignalled = 0;
        }
        self.unsignalled += 1;
        if self.unsignalled == FRAMES_PER_RING {
            doorbell::ring_deferred();
            self.unsignalled = 0;
        }
    }

    fn disable(&mut self, error: RingError) {
        if !self.is_disabled {
            self.is_disabled = true;
            log::error!("the port is disabled: {error}");
        }
    }
}

impl Driver for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmission<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Transmission<'_>)> {
        let Some(length) = self.next_frame(context) else {
            self.burst = 0;
            return None;
        };
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
        capabilities.max_transmission_unit = self.to_send.len();
        capabilities.checksum.udp = self.udp_checksum;
        capabilities.checksum.tcp = Checksum::None;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.wire.mac)
    }
}

/// A received frame.
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
    buffer: &'a mut [u8],
}

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let frame = &mut self.buffer[..length];
        let result = work(frame);
        tcp_checksum::fill(frame);
        self.wire.send(frame);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FRAME_BYTES_MAX, Layout, Side, layout};
    use super::*;
    use crate::capability::Cap;
    use crate::host::shared_memory;
    use crate::shared::SharedMemory;
    use abi::register::Slot;
    use core::sync::atomic::AtomicBool;
    use core::sync::atomic::Ordering::{self, Relaxed};

    fn device() -> (Device, Port<'static>, SharedMemory<'static>) {
        let memory = shared_memory(layout::PORT_BYTES);
        let (device, switch) = device_at(memory);
        (device, switch, memory)
    }

    fn device_at(memory: SharedMemory<'static>) -> (Device, Port<'static>) {
        let doorbell = Doorbell {
            notification: Cap::from_slot(Slot(9)),
            flags: 1,
        };
        let domain = Port::try_new(memory, Side::Domain).unwrap();
        let switch = Port::try_new(memory, Side::Switch).unwrap();
        (Device::new(domain, doorbell, [2; 6]), switch)
    }

    #[test]
    fn frames_go_through_the_device_both_ways() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        assert!(device.receive(context).is_none());
        assert!(
            switch.take_wake_request(WakeFlag::FRAMES),
            "an empty device requests a wake-up"
        );

        switch.outgoing().send(&[5; 60]).unwrap();
        let (received, transmission) = device.receive(context).unwrap();
        assert_eq!(received.consume(|frame| frame.to_vec()), [5; 60]);
        transmission.consume(70, |frame| frame.fill(6));

        let mut frame = [0; FRAME_BYTES_MAX];
        assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(70)));
        assert_eq!(frame[..70], [6; 70]);
    }

    #[test]
    fn frames_are_as_long_as_the_ports_mtu_allows() {
        for mtu in [1500, 9000, 65_000] {
            let layout = Layout::of(crate::protocol::Mtu::try_from(mtu).unwrap());
            let memory = shared_memory(layout.bytes());
            layout.write(memory);
            let (mut device, switch) = device_at(memory);
            let length = device.capabilities().max_transmission_unit;
            assert_eq!(length, 14 + mtu as usize);
            let context = &mut Context::from_waker(Waker::noop());
            let frame = vec![7; length];
            switch.outgoing().send(&frame).unwrap();
            let (received, transmission) = device.receive(context).unwrap();
            assert_eq!(received.consume(|frame| frame.to_vec()), frame);
            transmission.consume(length, |buffer| buffer.fill(8));
            let mut sent = vec![0; length];
            assert_eq!(switch.incoming().receive(&mut sent), Ok(Some(length)));
            assert_eq!(sent, vec![8; length]);
        }
    }

    #[test]
    fn a_damaged_segment_of_tcp_is_dropped_and_a_sent_one_gets_its_checksum() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        let mut segment = [0; 60];
        segment[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6]);
        switch.outgoing().send(&segment).unwrap();
        switch.outgoing().send(&[5; 60]).unwrap();
        let (received, transmission) = device.receive(context).unwrap();
        assert_eq!(received.consume(|frame| frame.to_vec()), [5; 60]);
        transmission.consume(60, |frame| frame.copy_from_slice(&segment));

        let mut sent = [0; 60];
        assert_eq!(switch.incoming().receive(&mut sent), Ok(Some(60)));
        assert_ne!(sent, segment);
        switch.outgoing().send(&sent).unwrap();
        let (received, _) = device.receive(context).unwrap();
        assert_eq!(received.consume(|frame| frame.to_vec()), sent);
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
    fn a_flood_of_damaged_frames_is_received_in_bursts() {
        let (mut device, switch, _) = device();
        let context = &mut Context::from_waker(Waker::noop());
        let mut damaged = [0; 60];
        damaged[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6]);
        for _ in 0..BURST + 1 {
            switch.outgoing().send(&damaged).unwrap();
        }
        for queued in [1, 0] {
            assert!(device.receive(context).is_none());
            assert_eq!(switch.outgoing().queued(), Ok(queued));
        }
    }

    #[test]
    fn a_frame_waits_at_the_gate_and_those_behind_it_with_it() {
        static IS_OPEN: AtomicBool = AtomicBool::new(false);
        let (device, switch, _) = device();
        let mut device = device.with_gate(|frame, _| match frame[0] {
            0 => Passage::Dropped,
            2 if !IS_OPEN.load(Relaxed) => Passage::Closed,
            _ => Passage::Open,
        });
        let context = &mut Context::from_waker(Waker::noop());
        for first in [0, 1, 0, 0, 2, 1, 0] {
            switch.outgoing().send(&[first; 60]).unwrap();
        }
        let mut next = || {
            let (received, _) = device.receive(context)?;
            Some(received.consume(|frame| frame[0]))
        };
        assert_eq!([next(), next(), next()], [Some(1), None, None]);
        IS_OPEN.store(true, Relaxed);
        assert_eq!([next(), next(), next()], [Some(2), Some(1), None]);
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
        assert!(switch.take_wake_request(WakeFlag::SPACE));
        assert!(device.transmit(context).is_some());
    }

    #[test]
    fn a_corrupt_port_goes_down() {
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
