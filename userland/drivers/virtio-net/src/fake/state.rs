//! What a NIC is, what the driver has set, and what has happened: [`State`]; and the ways to break the contract: [`Fault`].

extern crate std;

use std::vec::Vec;

use nic::host::contract::MAC;

use super::queue::FakeQueue;
use super::{FEATURES, NO_VECTOR, QUEUES};
use crate::registers::*;

/// The way in which a NIC violates its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A reset never completes.
    NoReset,
    /// The accepted features are refused.
    NoFeatures,
    /// No vector for changes of the configuration.
    NoConfigurationVector,
    /// No vectors for the queues.
    NoQueueVector,
    /// The index of each queue's notify register.
    Notify(u16),
    /// The address changes this many times while it is read. This is permitted.
    Torn(u32),
    /// The configuration changes all the time.
    Unsettled,
    /// The link is lost at the start, before the NIC reports changes. This is permitted.
    LinkFallsAtStart,
    /// The link changes each time that it is read.
    LinkFlaps,
    /// Each used buffer has this number.
    Id(u32),
    /// Each received frame has this length, with its header.
    Length(u32),
    /// The used index advances by this much with each buffer.
    Step(u16),
}

/// A queue of the NIC.
#[derive(Clone, Debug, Default)]
pub struct QueueState {
    /// The size that the NIC offers.
    pub size_max: u16,
    pub vector: u16,
    pub ring: FakeQueue,
}

#[derive(Debug)]
pub struct State {
    // What the NIC is.
    pub features: u64,
    pub specific_bytes: usize,
    pub mac: [u8; MAC_BYTES],
    pub mtu: u16,
    /// The number of its interrupt vectors.
    pub vectors: u16,
    pub fault: Option<Fault>,
    // What the driver has set.
    pub status: u8,
    pub device_select: u32,
    pub driver_select: u32,
    pub accepted: u64,
    pub vector: u16,
    pub selected: usize,
    pub queues: [QueueState; QUEUES],
    // What has happened.
    pub generation: u8,
    pub is_up: bool,
    /// It is in the state that an earlier driver left.
    pub is_foreign: bool,
    pub masters: bool,
    pub is_resetting: bool,
    /// The reads of the status until the reset is complete.
    pub reset_reads: u32,
    pub waited_us: u64,
    pub has_interrupt: bool,
    pub notifications: u32,
    pub holds_sending: bool,
    pub sent: Vec<Vec<u8>>,
}

impl State {
    /// A NIC with an address, a link and an MTU of 9000, which has not been reset.
    pub fn new() -> State {
        let queue = QueueState {
            size_max: 256,
            ..QueueState::default()
        };
        State {
            features: FEATURES,
            specific_bytes: MTU + 2,
            mac: MAC.0,
            mtu: 9000,
            vectors: 1,
            fault: None,
            status: 0,
            device_select: 0,
            driver_select: 0,
            accepted: 0,
            vector: NO_VECTOR,
            selected: 0,
            queues: [queue.clone(), queue],
            generation: 0,
            is_up: true,
            is_foreign: true,
            masters: false,
            is_resetting: false,
            reset_reads: 0,
            waited_us: 0,
            has_interrupt: false,
            notifications: 0,
            holds_sending: false,
            sent: Vec::new(),
        }
    }

    /// Ends a reset (2.4).
    pub fn complete_reset(&mut self) {
        self.status = 0;
        (self.is_resetting, self.is_foreign) = (false, false);
        (self.accepted, self.vector, self.selected) = (0, NO_VECTOR, 0);
        self.has_interrupt = false;
        for queue in &mut self.queues {
            queue.vector = NO_VECTOR;
            queue.ring = FakeQueue::default();
        }
    }

    pub fn is_running(&self) -> bool {
        let status = self.status & (STATUS_RUNNING | STATUS_NEEDS_RESET);
        status == STATUS_RUNNING && !self.is_resetting
    }

    /// Sends the message of a vector (4.1.5.3 and 4.1.5.4). The interrupt of the test has one message, which may stand for several events.
    pub fn interrupt(&mut self, vector: u16) {
        self.has_interrupt |= vector != NO_VECTOR;
    }

    pub fn change_configuration(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        if self.status & STATUS_RUNNING != 0 {
            self.interrupt(self.vector);
        }
    }
}
