//! A port's domain end as a network device for the embassy-net stack.
//!
//! Frames are copied between the ring and the device's buffers, since a stack borrows them and shared
//! memory cannot be borrowed. On its own copy, the device drops the frames that the stack does not survive, computes and
//! verifies the checksums of TCP, and merges segments of TCP that continue each other.

use alloc::vec;
use alloc::vec::Vec;
use core::task::{Context, Waker};

use embassy_net_driver::{
    Capabilities, Checksum, Driver, HardwareAddress, LinkState, RxToken, TxToken,
};
use embassy_time::Instant;

use super::connections::Connections;
use super::guard::Guard;
use super::merge::{MERGED_BYTES_MAX, Run, Step};
use super::{Doorbell, Frame, Port, RingError, SendError, WakeFlag, doorbell, tcp_checksum};
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
    connections: Connections,
    guard: Guard,
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
        let frame_bytes_max = port.layout().frame_bytes_max();
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
            received: vec![0; frame_bytes_max.max(MERGED_BYTES_MAX)],
            to_send: vec![0; frame_bytes_max],
            connections: Connections::new(),
            guard: Guard::new(),
            udp_checksum: Checksum::Both,
        }
    }

    /// Passes each received frame to this gate first. A frame that the gate does not let pass yet also delays all later ones.
    pub fn with_gate(self, gate: Gate) -> Device {
        Device { gate, ..self }
    }

    /// Makes the stack neither compute nor verify the checksums of UDP datagrams.
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

    /// Takes the frame that waits at the gate, or else the port's next one; `None` if that is damaged, or if the stack would not
    /// survive it.
    fn take_frame(&mut self) -> Option<usize> {
        if let Some(length) = self.waiting.take() {
            return Some(length);
        }
        self.burst += 1;
        let length = self.wire.receive(&mut self.received)?;
        let frame = &self.received[..length];
        let is_valid = self.guard.admits(frame, Instant::now) && tcp_checksum::is_valid(frame);
        is_valid.then(|| self.merge(length))
    }

    /// Merges the frame of this length in `received` with the queued ones that continue its segment, if the stack expects that; returns
    /// the new length.
    fn merge(&mut self, length: usize) -> usize {
        let Some(mut run) = Run::begin(&self.received[..length]) else {
            return length;
        };
        let Some(connection) = self.connections.expecting(&self.received, &run) else {
            return length;
        };
        let mut is_longer = false;
        while connection.owes_acknowledgement()
            && self.burst < BURST
            && let Some(frame) = self.wire.peek()
        {
            match run.add(&mut self.received, &frame) {
                Step::Ended => break,
                Step::Added => is_longer = true,
                Step::Damaged => {}
            }
            self.wire.take();
            self.burst += 1;
        }
        connection.received(&run);
        if is_longer {
            run.finish(&mut self.received)
        } else {
            length
        }
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

    /// Copies and removes the next frame.
    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let frame = self.peek()?;
        let length = frame.length();
        frame.copy_to(&mut into[..length]);
        self.take();
        Some(length)
    }

    /// The next frame, which stays queued.
    fn peek(&mut self) -> Option<Frame<'static>> {
        let frame = self.port.incoming().peek();
        frame.unwrap_or_else(|error| {
            self.disable(error);
            None
        })
    }

    /// Removes the next frame from the queue.
    fn take(&self) {
        self.port.incoming().take();
        if self.port.take_wake_request(WakeFlag::SPACE) {
            self.doorbell.defer();
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
            connections: &mut self.connections,
        };
        Some((received, transmission))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Transmission<'_>> {
        self.wire.has_space(context).then_some(Transmission {
            wire: &mut self.wire,
            buffer: &mut self.to_send,
            connections: &mut self.connections,
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
    connections: &'a mut Connections,
}

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let frame = &mut self.buffer[..length];
        let result = work(frame);
        tcp_checksum::fill(frame);
        self.connections.sent(frame);
        self.wire.send(frame);
        result
    }
}

#[cfg(test)]
mod tests;
