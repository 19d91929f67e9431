//! A NIC for tests: a modern virtio network device over PCI, which finds the driver's queues as a real one does (virtio 1.2).
//!
//! | part | sections | file |
//! | --- | --- | --- |
//! | status, features, reset, generation, vectors | 2.1 to 2.5, 3.1, 4.1.4.3 to 4.1.5 | `registers.rs` |
//! | split queues, suppression of interrupts and notifications | 2.7, 2.7.5 to 2.7.10 | `queue.rs` |
//! | the link, interrupts | 4.1.5.3, 4.1.5.4, 5.1.4 | `state.rs` |
//! | frames | 5.1.6 | here |
//!
//! It fails a test whose driver breaks a rule of these sections, with two limits: it has the offsets and bits of the registers from the driver, and
//! both run in one thread, so that the order of their accesses to memory is not tested. It also breaks the rules itself on request: [`Fault`]. It offers the event index
//! (`VIRTIO_F_EVENT_IDX`, 2.7.7 and 2.7.10) as most NICs do; the driver does not accept it, so only the flags count. There is no register of
//! causes (4.1.4.5): with message-signalled interrupts a driver does not read it, and without any it polls.

extern crate std;

mod queue;
mod registers;
mod state;

use core::cell::RefCell;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use nic::DmaMemory;
use nic::host::contract::NicModel;
use runtime::protocol::Mac;

use crate::configuration::Kind;
use crate::features::*;
use crate::registers::*;
pub use queue::{FakeQueue, at};
pub use state::Fault;
use state::{QueueState, State};

/// The queues for receiving and for sending. The NIC has no others.
const QUEUES: usize = 2;
const RECEIVE: usize = 0;
const SEND: usize = 1;

/// The value of a vector's register without a vector.
const NO_VECTOR: u16 = 0xffff;

/// The indices of the queues' notify registers, and their distance.
const NOTIFY_PLACES: [u16; QUEUES] = [2, 1];
pub const NOTIFY_MULTIPLIER: usize = 4;
pub const NOTIFY_BYTES: usize = 10;

/// The header before a frame (5.1.6).
const HEADER_BYTES: usize = 12;

/// `VIRTIO_F_EVENT_IDX`, a filter for addresses, and other features that the driver does not know.
const FEATURES_UNKNOWN: u64 = 1 << 29 | 1 << 15 | 1 << 17 | 1 << 18 | 1;

/// The features of a NIC without defects.
pub const FEATURES: u64 =
    FEATURE_VERSION_1 | FEATURE_MAC | FEATURE_LINK | FEATURE_MTU | FEATURES_UNKNOWN;

/// A handle to a NIC's block of registers, for the test. The driver has one handle per block.
#[derive(Clone, Debug)]
pub struct FakeNic {
    block: Kind,
    memory: DmaMemory,
    state: Rc<RefCell<State>>,
}

impl FakeNic {
    /// A NIC with an address, a link and an MTU of 9000, which has not been reset and can access only this memory.
    pub fn new(memory: DmaMemory) -> FakeNic {
        FakeNic {
            block: Kind::Common,
            memory,
            state: Rc::new(RefCell::new(State::new())),
        }
    }

    /// The registers of this kind, for the driver.
    pub fn block(&self, block: Kind) -> Block<FakeNic> {
        let bytes = match block {
            Kind::Common => COMMON_BYTES,
            Kind::Notify => NOTIFY_BYTES,
            Kind::Device => self.state.borrow().specific_bytes,
        };
        let registers = FakeNic {
            block,
            ..self.clone()
        };
        Block { registers, bytes }
    }

    /// Gives it further memory for a driver that is started again.
    pub fn with_memory(&self, memory: DmaMemory) -> FakeNic {
        FakeNic {
            memory,
            ..self.clone()
        }
    }

    pub fn fault(&self, fault: Fault) {
        self.state.borrow_mut().fault = Some(fault);
    }

    pub fn set_features(&self, features: u64) {
        self.state.borrow_mut().features = features;
    }

    pub fn set_mtu(&self, mtu: u16) {
        self.state.borrow_mut().mtu = mtu;
    }

    /// Its address, which may have changed.
    pub fn mac(&self) -> Mac {
        Mac(self.state.borrow().mac)
    }

    /// Interrupts for no reason.
    pub fn interrupt(&self) {
        self.state.borrow_mut().has_interrupt = true;
    }

    pub fn set_specific_bytes(&self, bytes: usize) {
        self.state.borrow_mut().specific_bytes = bytes;
    }

    pub fn set_queue_size(&self, queue: usize, size: u16) {
        self.state.borrow_mut().queues[queue].size_max = size;
    }

    /// Takes away its interrupts: it has no MSI-X.
    pub fn remove_vectors(&self) {
        self.state.borrow_mut().vectors = 0;
    }

    /// Puts it into a state in which an earlier driver may have left it: any status, features and vectors, queues elsewhere, and
    /// a reset that takes a while.
    pub fn leave(&self, status: u8, random: u64) {
        let mut state = self.state.borrow_mut();
        (state.status, state.accepted, state.is_foreign) = (status, random, true);
        state.masters = false;
        state.vector = random as u16;
        (state.device_select, state.driver_select) = (random as u32 & 1, random as u32 >> 1 & 1);
        state.selected = (random >> 8) as u16 as usize;
        state.reset_reads = random as u32 >> 24;
        state.has_interrupt = random & 1 != 0;
        for queue in &mut state.queues {
            queue.vector = random as u16;
            let places = [0, 16, 32].map(|by| random.rotate_left(by));
            queue.ring = FakeQueue::new(random as u16, places);
            queue.ring.is_enabled = random & 4 != 0;
        }
    }

    /// It has met an error, and works no longer (2.1.2).
    pub fn demand_reset(&self) {
        let mut state = self.state.borrow_mut();
        state.status |= STATUS_NEEDS_RESET;
        state.change_configuration();
    }

    /// The time that the driver has waited.
    pub fn waited_us(&self) -> u64 {
        self.state.borrow().waited_us
    }

    /// The number of notifications of buffers for sending since the last call.
    pub fn take_notifications(&self) -> u32 {
        std::mem::take(&mut self.state.borrow_mut().notifications)
    }

    /// Whether both queues were enabled with this size.
    pub fn has_queues_of(&self, size: u16) -> bool {
        let state = self.state.borrow();
        let queues = &state.queues;
        queues.iter().all(|queue| queue.ring.size == size)
    }

    /// Polls the queue for sending instead of waiting for notifications, or waits for them again.
    pub fn poll_sending(&self, poll: bool) {
        let state = self.state.borrow();
        state.queues[SEND]
            .ring
            .suppress_notifications(&self.memory, poll);
        drop(state);
        // Buffers that became available before the driver could see the wish.
        self.send_all();
    }

    /// Uses a buffer of a queue without a reason, and with this entry.
    pub fn use_unlent(&self, queue: usize, entry: (u32, u32)) {
        let mut state = self.state.borrow_mut();
        state.queues[queue].ring.give_back(&self.memory, entry, 1);
    }

    fn handle_notification(&self, queue: usize) {
        let is_started = self.state.borrow().status & STATUS_RUNNING != 0;
        assert!(is_started, "notified too early (3.1.1)");
        if queue == SEND {
            self.state.borrow_mut().notifications += 1;
            self.send_all();
        }
    }

    /// Sends the frames of the available buffers (5.1.6.2).
    pub fn send_all(&self) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        while state.is_running()
            && !state.holds_sending
            && let Some(lent) = state.queues[SEND].ring.take(&self.memory)
        {
            assert!(!lent.is_writable, "a buffer to read");
            state.queues[SEND].ring.check_place(&self.memory, &lent);
            // The frame begins at a multiple of eight, and its header between two of them.
            let buffer = at(&self.memory, lent.address - 4);
            let mut bytes = vec![0; 4 + lent.bytes as usize];
            buffer.read(0, &mut bytes);
            let frame = bytes.split_off(4 + HEADER_BYTES);
            assert!(
                bytes[4..].iter().all(|byte| *byte == 0),
                "a header (5.1.6.2.1)"
            );
            state.sent.push(frame);
            self.give_back(state, SEND, u32::from(lent.id), 0);
        }
    }

    /// Returns a used buffer, and interrupts if the driver wants that (2.7.7 and 4.1.5.3).
    fn give_back(&self, state: &mut State, queue: usize, id: u32, bytes: u32) {
        let (mut id, mut step) = (id, 1);
        match state.fault {
            Some(Fault::Id(other)) => id = other,
            Some(Fault::Step(other)) => step = other,
            _ => {}
        }
        let QueueState { vector, ring, .. } = &mut state.queues[queue];
        ring.give_back(&self.memory, (id, bytes), step);
        if ring.wants_interrupt(&self.memory) {
            let vector = *vector;
            state.interrupt(vector);
        }
    }
}

impl NicModel for FakeNic {
    fn leave_running(&self) {
        let running = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES | STATUS_RUNNING;
        self.leave(running, 0x0100_0000_0000_0fff);
    }

    fn let_master(&self) {
        let mut state = self.state.borrow_mut();
        let is_reset = !state.is_foreign && !state.is_resetting;
        assert!(is_reset, "queues of an earlier driver");
        state.masters = true;
    }

    /// A frame comes from the wire (5.1.6.3 and 5.1.6.4).
    fn deliver(&self, frame: &[u8]) -> bool {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        assert!(state.is_up, "a frame from nowhere");
        if !state.is_running() {
            return false;
        }
        let Some(lent) = state.queues[RECEIVE].ring.take(&self.memory) else {
            return false;
        };
        state.queues[RECEIVE].ring.check_place(&self.memory, &lent);
        let mut bytes = HEADER_BYTES + frame.len();
        assert!(lent.is_writable && lent.bytes as usize >= bytes, "a buffer");
        let buffer = at(&self.memory, lent.address - 4);
        let mut header = [0; HEADER_BYTES];
        // The number of buffers, which is always one without merged buffers.
        header[10] = 1;
        buffer.write(4, &header);
        buffer.write(4 + HEADER_BYTES, frame);
        if let Some(Fault::Length(length)) = state.fault {
            bytes = length as usize;
        }
        self.give_back(state, RECEIVE, u32::from(lent.id), bytes as u32);
        true
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().sent)
    }

    /// Whether it has interrupted since the last call.
    fn takes_interrupt(&self) -> bool {
        std::mem::take(&mut self.state.borrow_mut().has_interrupt)
    }

    /// A NIC has a filter only if the driver accepts one (5.1.6.5.1).
    fn is_promiscuous(&self) -> bool {
        self.state.borrow().accepted & FEATURES_UNKNOWN == 0
    }

    fn hold_sending(&self, hold: bool) {
        self.state.borrow_mut().holds_sending = hold;
        self.send_all();
    }

    /// Changes the configuration (4.1.5.4 and 5.1.4).
    fn set_link(&self, is_up: bool) {
        let mut state = self.state.borrow_mut();
        state.is_up = is_up;
        state.change_configuration();
    }
}
