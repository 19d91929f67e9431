//! A card for tests: its registers, and rings that it processes in the driver's memory. It finds the rings as a real card
//! does.

extern crate std;

use core::cell::RefCell;
use core::sync::atomic::Ordering;
use nic::host::contract::NicModel;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use nic::ring::{RING_SIZE, Words};
use nic::{DmaMemory, Registers};

use crate::registers::*;
use crate::ring::*;
use crate::shared::{EVENT_LINK, EVENTS_OFFSET};

/// The way in which a card violates its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every received frame has this length.
    Length(u16),
    /// Every completion names this descriptor.
    Index(u16),
    /// Every received frame is damaged.
    Error,
    /// No received frame ends.
    Unended,
    /// Every completion looks new, in every round.
    Everywhere,
    /// It has another version.
    NoVersion,
    /// It cannot be activated.
    NoActivation,
}

/// A handle to a card's region, for the test. The driver has two handles of its own.
#[derive(Clone)]
pub struct FakeNic {
    region: usize,
    memory: DmaMemory,
    state: Rc<RefCell<State>>,
}

/// The card's positions in the rings of a queue, which are at these offsets in memory.
#[derive(Clone, Copy)]
struct Queue {
    descriptors: usize,
    completions: usize,
    lent: Position,
    completed: Position,
}

struct State {
    shared: u64,
    result: u32,
    is_masked: bool,
    is_up: bool,
    has_interrupt: bool,
    /// The send queue and the receive queue.
    queues: Option<[Queue; 2]>,
    frames: Vec<Vec<u8>>,
    holds_sending: bool,
    fault: Option<Fault>,
    masters: bool,
}

impl FakeNic {
    /// A card with an address and a link, which can access only this memory.
    pub fn new(memory: DmaMemory) -> FakeNic {
        FakeNic {
            region: CONTROL_REGION,
            memory,
            state: Rc::new(RefCell::new(State {
                shared: 0,
                result: 0,
                is_masked: true,
                is_up: true,
                has_interrupt: false,
                queues: None,
                frames: Vec::new(),
                holds_sending: false,
                fault: None,
                masters: false,
            })),
        }
    }

    pub fn rings(&self) -> FakeNic {
        FakeNic {
            region: RINGS_REGION,
            ..self.clone()
        }
    }

    pub fn control(&self) -> FakeNic {
        self.clone()
    }

    pub fn fault(&self, fault: Fault) {
        let mut state = self.state.borrow_mut();
        state.fault = Some(fault);
        if fault == Fault::Everywhere {
            let [_, queue] = state.queues.expect("an active card");
            for entry in 0..usize::from(RING_SIZE) {
                let at = queue.completions + entry * ENTRY_BYTES;
                let memory = self.memory.memory();
                memory.word64(at).store(u64::MAX, Ordering::Relaxed);
                memory.word64(at + 8).store(u64::MAX, Ordering::Relaxed);
            }
        }
    }

    pub fn stop_queue(&self) {
        self.event(&mut self.state.borrow_mut(), 1);
    }

    fn event(&self, state: &mut State, event: u32) {
        let events = self.memory.memory().word32(EVENTS_OFFSET);
        events.fetch_or(event, Ordering::Release);
        state.has_interrupt = true;
    }

    /// Makes the card leave this many lent buffers unused.
    pub fn skip_buffers(&self, count: u16) {
        let mut state = self.state.borrow_mut();
        let [_, queue] = state.queues.as_mut().expect("an active card");
        for _ in 0..count {
            queue.lent = queue.lent.next();
        }
    }

    /// The words of the next descriptor, if it is the card's, and its index.
    fn take(&self, queue: &mut Queue, generation_bit: u32) -> Option<(u16, Words)> {
        let at = queue.descriptors + usize::from(queue.lent.index) * ENTRY_BYTES;
        let memory = self.memory.memory();
        let second = memory.word64(at + 8).load(Ordering::Acquire);
        if second >> generation_bit & 1 != queue.lent.generation {
            return None;
        }
        let index = queue.lent.index;
        queue.lent = queue.lent.next();
        Some((index, [memory.word64(at).load(Ordering::Relaxed), second]))
    }

    fn complete(&self, queue: &mut Queue, [first, second]: Words) {
        let at = queue.completions + usize::from(queue.completed.index) * ENTRY_BYTES;
        let memory = self.memory.memory();
        memory.word64(at).store(first, Ordering::Relaxed);
        let second = second | queue.completed.generation << COMPLETED;
        memory.word64(at + 8).store(second, Ordering::Release);
        queue.completed = queue.completed.next();
    }

    fn send_all(&self) {
        let mut state = self.state.borrow_mut();
        let [mut queue, receive] = state.queues.expect("an active card");
        while !state.holds_sending
            && let Some((index, [address, second])) = self.take(&mut queue, SEND_LENT)
        {
            assert_ne!(second & SEND_END, 0, "a part of a frame");
            let mut frame = vec![0; (second & BYTES) as usize];
            let at = address - self.memory.address().get();
            self.memory.memory().read(at as usize, &mut frame);
            state.frames.push(frame);
            let index = match state.fault {
                Some(Fault::Index(other)) => other,
                _ => index,
            };
            if second & SEND_COMPLETION != 0 {
                self.complete(&mut queue, [u64::from(index), 0]);
            }
            state.has_interrupt = true;
        }
        state.queues = Some([queue, receive]);
    }

    /// Reads the queues from the shared memory; returns the command's result.
    fn activate(&self, state: &mut State) -> u32 {
        assert!(state.masters, "reads memory");
        let base = self.memory.address().get();
        let memory = self.memory.memory();
        let area = (state.shared - base) as usize;
        let word = |at| memory.word32(at).load(Ordering::Relaxed);
        let address = |at| (memory.word64(at).load(Ordering::Relaxed) - base) as usize;
        let is_valid = word(area) == 0xbabe_fee1 && word(area + 60) == 0x0101_0001;
        if state.fault == Some(Fault::NoActivation) || !is_valid || state.queues.is_some() {
            return 1;
        }
        let queues = address(area + 40);
        state.queues = Some([queues, queues + 256].map(|queue| {
            assert_eq!(word(queue + 56), u32::from(RING_SIZE));
            assert_eq!(word(queue + 64), u32::from(RING_SIZE));
            Queue {
                descriptors: address(queue + 16),
                completions: address(queue + 32),
                lent: Position::FIRST,
                completed: Position::FIRST,
            }
        }));
        0
    }

    fn execute(&self, command: u32) {
        let mut state = self.state.borrow_mut();
        state.result = match command {
            COMMAND_ACTIVATE => self.activate(&mut state),
            COMMAND_QUIESCE | COMMAND_RESET => {
                (state.queues, state.is_masked, state.shared) = (None, true, 0);
                0
            }
            COMMAND_LINK if state.is_up => 10_000 << LINK_SPEED_SHIFT | LINK_UP,
            COMMAND_ADDRESS_LOW => u32::from_le_bytes([0x52, 0x54, 0, 0xca]),
            COMMAND_ADDRESS_HIGH => 0x017a,
            _ => 0,
        };
    }
}

impl NicModel for FakeNic {
    /// It is active, with queues elsewhere.
    fn leave_running(&self) {
        let mut state = self.state.borrow_mut();
        let queue = Queue {
            descriptors: 0xdead_0000,
            completions: 0xdead_1000,
            lent: Position::FIRST.next(),
            completed: Position::FIRST.next(),
        };
        state.queues = Some([queue; 2]);
        (state.is_masked, state.masters) = (false, false);
    }

    fn let_master(&self) {
        let mut state = self.state.borrow_mut();
        assert!(state.queues.is_none(), "queues of an earlier driver");
        state.masters = true;
    }

    fn hold_sending(&self, hold: bool) {
        self.state.borrow_mut().holds_sending = hold;
        self.send_all();
    }

    fn set_link(&self, is_up: bool) {
        let mut state = self.state.borrow_mut();
        state.is_up = is_up;
        self.event(&mut state, EVENT_LINK);
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().frames)
    }

    /// Whether it has interrupted since the last call.
    fn takes_interrupt(&self) -> bool {
        let mut state = self.state.borrow_mut();
        std::mem::take(&mut state.has_interrupt) && !state.is_masked
    }

    fn is_promiscuous(&self) -> bool {
        self.memory.memory().word32(120).load(Ordering::Relaxed) & 1 << 4 != 0
    }

    fn deliver(&self, frame: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        let [send, mut queue] = state.queues.expect("an active card");
        let Some((index, [address, second])) = self.take(&mut queue, RECEIVE_LENT) else {
            return false;
        };
        assert!(
            frame.len() as u64 <= second & BYTES,
            "larger than its buffer"
        );
        let at = address - self.memory.address().get();
        self.memory.memory().write(at as usize, frame);
        let (mut index, mut bytes) = (u64::from(index), frame.len() as u64);
        let mut parts = RECEIVED_WHOLE;
        let mut error = 0;
        match state.fault {
            Some(Fault::Length(length)) => bytes = u64::from(length),
            Some(Fault::Index(other)) => index = u64::from(other),
            Some(Fault::Error) => error = RECEIVED_ERROR,
            Some(Fault::Unended) => parts = RECEIVED_WHOLE & RECEIVED_WHOLE << 1,
            _ => {}
        }
        self.complete(&mut queue, [index | parts, bytes | error]);
        state.queues = Some([send, queue]);
        state.has_interrupt = true;
        true
    }
}

impl Registers for FakeNic {
    fn read(&self, offset: usize) -> u32 {
        assert_eq!(self.region, CONTROL_REGION);
        let state = self.state.borrow();
        match offset {
            NIC_VERSION | INTERFACE_VERSION => match state.fault {
                Some(Fault::NoVersion) => 0b1110,
                _ => 0b1111,
            },
            COMMAND => state.result,
            _ => panic!("no register at {offset}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        match (self.region, offset) {
            (RINGS_REGION, MASK) => self.state.borrow_mut().is_masked = value != MASK_OPEN,
            (RINGS_REGION, SEND_TAIL) => self.send_all(),
            (RINGS_REGION, RECEIVE_TAIL) => assert!(value < u32::from(RING_SIZE)),
            (_, NIC_VERSION | INTERFACE_VERSION) => assert_eq!(value, VERSION_1),
            (_, SHARED_LOW) => self.state.borrow_mut().shared = u64::from(value),
            (_, SHARED_HIGH) => self.state.borrow_mut().shared |= u64::from(value) << 32,
            (_, COMMAND) => self.execute(value),
            (_, EVENTS) => {
                let events = self.memory.memory().word32(EVENTS_OFFSET);
                events.fetch_and(!value, Ordering::Release);
            }
            _ => panic!("no register at {offset}"),
        }
    }

    fn wait_us(&self, _: u64) {}
}
