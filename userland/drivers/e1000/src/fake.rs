//! A card for tests: its registers, and rings that it processes in the driver's memory.

extern crate std;

use core::cell::RefCell;
use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use nic::{DmaMemory, Registers};

use crate::descriptor::{COMMAND_REPORT, DONE, END};
use crate::registers::*;

/// The violation of its contract that a card commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Every received frame has this length.
    Length(u16),
    /// Every received frame is damaged.
    Error,
    /// No received frame ends.
    Unended,
    /// Every descriptor is done, and registers have impossible values.
    Everywhere,
    /// A reset never completes.
    NoReset,
}

/// A handle to a card; the driver has another one.
#[derive(Clone)]
pub struct FakeCard {
    memory: DmaMemory,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    registers: BTreeMap<usize, u32>,
    mask: u32,
    causes: u32,
    sent: Vec<Vec<u8>>,
    holds_sending: bool,
    lie: Option<Lie>,
    now_us: u64,
    reset_until_us: u64,
}

const HEAD: usize = RING_HEAD;
const TAIL: usize = RING_TAIL;

impl State {
    fn get(&self, offset: usize) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    fn set(&mut self, offset: usize, value: u32) {
        self.registers.insert(offset, value);
    }

    /// The offset of a ring's descriptor in memory that begins at `base`, with the head moved on.
    fn next_descriptor(&mut self, ring: usize, base: u64) -> Option<usize> {
        let (head, tail) = (self.get(ring + HEAD), self.get(ring + TAIL));
        if head == tail {
            return None;
        }
        let address = u64::from(self.get(ring)) | u64::from(self.get(ring + 4)) << 32;
        self.set(
            ring + HEAD,
            (head + 1) % (self.get(ring + RING_LENGTH) / 16),
        );
        Some((address - base) as usize + head as usize * 16)
    }
}

impl FakeCard {
    /// A card with an address and a link, which reaches this memory only.
    pub fn new(memory: DmaMemory) -> FakeCard {
        let mut state = State::default();
        state.set(
            RECEIVE_ADDRESS_LOW,
            u32::from_le_bytes([0x52, 0x54, 0, 0xca]),
        );
        state.set(RECEIVE_ADDRESS_HIGH, RECEIVE_ADDRESS_VALID | 0x017a);
        state.set(STATUS, STATUS_LINK_UP | 2 << STATUS_SPEED_SHIFT);
        FakeCard {
            memory,
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// Puts it into the state that an earlier driver left.
    pub fn leave_running(&self) {
        let mut state = self.state.borrow_mut();
        state.set(RCTL, u32::MAX);
        state.set(TCTL, u32::MAX);
        for ring in [RECEIVE_RING, SEND_RING] {
            state.set(ring, 0xdead_0000);
            state.set(ring + HEAD, 77);
            state.set(ring + TAIL, 3);
        }
        state.mask = u32::MAX;
        state.causes = u32::MAX;
    }

    pub fn lie(&self, lie: Lie) {
        self.state.borrow_mut().lie = Some(lie);
        if lie == Lie::Everywhere {
            for at in (8..self.memory.memory().bytes()).step_by(16) {
                let word = self.memory.memory().word64(at);
                word.fetch_or(DONE | END | 60, Ordering::Relaxed);
            }
        }
    }

    /// Keeps frames to send in the ring.
    pub fn hold_sending(&self, hold: bool) {
        self.state.borrow_mut().holds_sending = hold;
        self.send_all();
    }

    pub fn unplug(&self) {
        let mut state = self.state.borrow_mut();
        let status = state.get(STATUS) & !STATUS_LINK_UP;
        state.set(STATUS, status);
        state.causes |= CAUSE_LINK;
    }

    /// The frames sent since the last call.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().sent)
    }

    /// Whether it interrupts.
    pub fn takes_interrupt(&self) -> bool {
        let state = self.state.borrow();
        state.causes & state.mask != 0
    }

    pub fn is_promiscuous(&self) -> bool {
        let all = RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST | RCTL_BROADCAST;
        self.state.borrow().get(RCTL) & all == all
    }

    /// A frame comes from the wire; returns whether it found a buffer.
    pub fn deliver(&self, frame: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        assert_ne!(state.get(RCTL) & RCTL_ENABLE, 0, "not enabled");
        let base = self.memory.address().get();
        let Some(at) = state.next_descriptor(RECEIVE_RING, base) else {
            let missed = state.get(MISSED);
            state.set(MISSED, missed + 1);
            state.causes |= CAUSE_OVERRUN;
            return false;
        };
        let memory = self.memory.memory();
        let address = memory.word64(at).load(Ordering::Relaxed);
        memory.write((address - base) as usize, frame);
        let status = DONE | END | frame.len() as u64;
        let status = match state.lie {
            Some(Lie::Length(length)) => DONE | END | u64::from(length),
            Some(Lie::Error) => status | 1 << 40,
            Some(Lie::Unended) => status & !END,
            _ => status,
        };
        memory.word64(at + 8).store(status, Ordering::Release);
        state.causes |= CAUSE_RECEIVED;
        true
    }

    fn send_all(&self) {
        let mut state = self.state.borrow_mut();
        let base = self.memory.address().get();
        let memory = self.memory.memory();
        let is_enabled = state.get(TCTL) & TCTL_ENABLE != 0;
        while is_enabled && !state.holds_sending {
            let Some(at) = state.next_descriptor(SEND_RING, base) else {
                break;
            };
            let address = memory.word64(at).load(Ordering::Relaxed);
            let word = memory.word64(at + 8);
            let mut frame = vec![0; usize::from(word.load(Ordering::Relaxed) as u16)];
            memory.read((address - base) as usize, &mut frame);
            state.sent.push(frame);
            if word.load(Ordering::Relaxed) & COMMAND_REPORT != 0 {
                word.fetch_or(DONE, Ordering::Release);
            }
            state.causes |= CAUSE_SENT;
        }
    }
}

impl Registers for FakeCard {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.state.borrow_mut();
        assert!(state.now_us >= state.reset_until_us, "read during a reset");
        match offset {
            _ if state.lie == Some(Lie::Everywhere) => u32::MAX,
            ICR => std::mem::take(&mut state.causes),
            MISSED => state.registers.remove(&MISSED).unwrap_or(0),
            _ => state.get(offset),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.state.borrow_mut();
        assert!(offset < REGISTERS_BYTES);
        match offset {
            IMS => state.mask |= value,
            IMC => state.mask &= !value,
            CTRL if value & CTRL_RESET != 0 => {
                assert_eq!(state.get(RCTL) & RCTL_ENABLE, 0, "reset while it receives");
                let kept = if state.lie == Some(Lie::NoReset) {
                    CTRL_RESET
                } else {
                    0
                };
                state.set(CTRL, kept);
                state.reset_until_us = state.now_us + 1000;
            }
            _ => state.set(offset, value),
        }
        drop(state);
        if offset == SEND_RING + TAIL {
            self.send_all();
        }
    }

    fn wait_us(&self, microseconds: u64) {
        self.state.borrow_mut().now_us += microseconds;
    }
}
