//! A card for tests: its registers, and rings that it processes in the driver's memory.

extern crate std;

use core::cell::RefCell;
use core::sync::atomic::Ordering;
use nic::host::contract::NicModel;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use nic::{DmaMemory, NarrowRegisters, Registers};

use crate::descriptor::{BYTES, CHECKSUM_BYTES, END_OF_RING, ERRORS, FIRST_PART, LAST_PART, OWN};
use crate::model::Model;
use crate::registers::*;

/// The bit of a receive descriptor that the card does not change.
const KEPT: u64 = END_OF_RING;

/// The way in which a card violates its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every received frame has this length, with its checksum.
    Length(u16),
    /// Every received frame is damaged.
    Error,
    /// No received frame ends.
    Unended,
    /// Every descriptor is marked as owned by the driver, and registers have impossible values.
    Everywhere,
    /// A reset never completes.
    NoReset,
}

/// A handle to a card, for the test. The driver has another handle to the same card.
#[derive(Clone)]
pub struct FakeNic {
    model: Model,
    memory: DmaMemory,
    state: Rc<RefCell<State>>,
}

struct State {
    model: Model,
    registers: [u8; REGISTERS_BYTES_8125],
    /// The register on an 8125's internal bus that selects the layout of send descriptors.
    layout: u16,
    /// The card's positions in the rings.
    received: u64,
    sent: u64,
    frames: Vec<Vec<u8>>,
    holds_sending: bool,
    misses_polls: bool,
    fault: Option<Fault>,
    resets_until: u32,
    masters: bool,
    /// Whether it has been used by an earlier driver and not been reset since.
    is_foreign: bool,
}

impl State {
    fn get(&self, offset: usize) -> u32 {
        let bytes = self.registers[offset..offset + 4].first_chunk();
        u32::from_le_bytes(*bytes.expect("four bytes"))
    }

    fn half(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.registers[offset], self.registers[offset + 1]])
    }

    fn set(&mut self, offset: usize, bytes: &[u8]) {
        self.registers[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn cause(&mut self, causes: u16) {
        let [_, at] = self.interrupts();
        let causes = self.half(at) | causes;
        self.set(at, &causes.to_le_bytes());
    }

    /// The interrupt mask and causes.
    fn interrupts(&self) -> [usize; 2] {
        match self.model {
            Model::Rtl8125 => [MASK_8125, CAUSES_8125],
            Model::Rtl8139Plus | Model::Rtl8168 => [MASK, CAUSES],
        }
    }

    /// Whether all frames are received on the first queue, and send descriptors have the layout of the other models.
    fn has_one_queue(&self) -> bool {
        self.get(SPREAD_8125) == 0 && self.half(QUEUES_8125) == 0 && self.layout == 0
    }

    /// Accesses the layout, the only register on the internal bus.
    fn access_inner(&mut self, value: u32) {
        let register = (value & !INNER_WRITE & !0xffff) >> INNER_REGISTER_SHIFT;
        assert_eq!(register, INNER_LAYOUT);
        if value & INNER_WRITE != 0 {
            self.layout = value as u16;
        }
        self.set(INNER, &u32::from(self.layout).to_le_bytes());
    }

    /// The offset of a ring's descriptor in memory that begins at `base`.
    fn descriptor(&self, ring: usize, index: u64, base: u64) -> usize {
        let address = u64::from(self.get(ring)) | u64::from(self.get(ring + 4)) << 32;
        (address + 16 * index - base) as usize
    }

    /// Resets the card, which forgets its rings and its configuration. It keeps its own address and its link. An 8125 also keeps
    /// the configuration of its queues.
    fn reset(&mut self) {
        let before = self.registers;
        self.registers = [0; REGISTERS_BYTES_8125];
        let kept = [
            (ADDRESS, 6),
            (MEDIA, 1),
            (PHY, 2),
            (SPREAD_8125, 4),
            (QUEUES_8125, 2),
            (CAUSES_LAYOUT_8125, 1),
        ];
        for (offset, bytes) in kept {
            self.set(offset, &before[offset..offset + bytes]);
        }
        self.set(MISCELLANEOUS, &MISCELLANEOUS_RECEIVE_GATED.to_le_bytes());
        self.set(COMMAND, &[COMMAND_RESET]);
        self.resets_until = 3;
        self.is_foreign = false;
        (self.received, self.sent) = (0, 0);
    }
}

/// The register of the PHY's state, with a link of a model's highest speed.
fn linked_phy(model: Model) -> [u8; 2] {
    match model {
        Model::Rtl8125 => [PHY_LINK_UP, (PHY_2500 >> 8) as u8],
        Model::Rtl8139Plus | Model::Rtl8168 => [PHY_LINK_UP | PHY_100, 0],
    }
}

impl FakeNic {
    /// A card with an address and a link of 100 Mb/s, or 2500 Mb/s on an 8125. It can access only this memory. An 8125 begins
    /// with the other layout of descriptors.
    pub fn new(model: Model, memory: DmaMemory) -> FakeNic {
        let mut registers = [0; REGISTERS_BYTES_8125];
        registers[..6].copy_from_slice(&[0x52, 0x54, 0, 0xca, 0x7a, 1]);
        let is_fast = model == Model::Rtl8125;
        registers[PHY..PHY + 2].copy_from_slice(&linked_phy(model));
        FakeNic {
            model,
            memory,
            state: Rc::new(RefCell::new(State {
                model,
                registers,
                layout: if is_fast { INNER_LAYOUT_NEW } else { 0 },
                received: 0,
                sent: 0,
                frames: Vec::new(),
                holds_sending: false,
                misses_polls: false,
                fault: None,
                resets_until: 0,
                masters: false,
                is_foreign: false,
            })),
        }
    }

    pub fn fault(&self, fault: Fault) {
        self.state.borrow_mut().fault = Some(fault);
        if fault == Fault::Everywhere {
            for at in (0..self.memory.memory().bytes()).step_by(16) {
                let word = FIRST_PART | LAST_PART | 64;
                let memory = self.memory.memory();
                memory.word64(at).store(word, Ordering::Relaxed);
            }
        }
    }

    /// Makes the card miss polls from now on, or stop missing them.
    pub fn miss_polls(&self, misses: bool) {
        self.state.borrow_mut().misses_polls = misses;
    }

    /// Sends the next frame of the ring.
    pub fn send_one(&self) {
        self.send_up_to(1);
    }

    fn send_all(&self) {
        self.send_up_to(usize::MAX);
    }

    /// Sends all frames, unless it misses polls.
    fn poll(&self) {
        let misses = self.state.borrow().misses_polls;
        self.send_up_to(if misses { 0 } else { usize::MAX });
    }

    fn send_up_to(&self, count: usize) {
        let mut state = self.state.borrow_mut();
        let end = state.frames.len().saturating_add(count);
        let base = self.memory.address().get();
        let memory = self.memory.memory();
        let is_enabled = state.registers[COMMAND] & COMMAND_SEND != 0 && !state.holds_sending;
        let is_enabled = is_enabled && (self.model != Model::Rtl8125 || state.has_one_queue());
        while is_enabled && state.frames.len() < end {
            assert!(state.masters, "reads memory");
            let at = state.descriptor(SEND_RING, state.sent, base);
            let word = memory.word64(at);
            let command = word.load(Ordering::Acquire);
            if command & OWN == 0 {
                break;
            }
            let whole = FIRST_PART | LAST_PART;
            assert_eq!(command & whole, whole, "a part of a frame");
            let address = memory.word64(at + 8).load(Ordering::Relaxed);
            let mut frame = vec![0; (command & BYTES) as usize];
            memory.read((address - base) as usize, &mut frame);
            state.frames.push(frame);
            word.store(command & !OWN, Ordering::Release);
            let is_end = command & END_OF_RING != 0;
            state.sent = if is_end { 0 } else { state.sent + 1 };
            state.cause(CAUSE_SENT);
        }
    }

    fn receives(&self, state: &State) -> bool {
        let is_gated = state.get(MISCELLANEOUS) & MISCELLANEOUS_RECEIVE_GATED != 0;
        let is_open = match self.model {
            Model::Rtl8139Plus => state.half(RINGS) & RINGS_RECEIVE != 0,
            Model::Rtl8168 => !is_gated,
            Model::Rtl8125 => !is_gated && state.has_one_queue(),
        };
        is_open && state.registers[COMMAND] & COMMAND_RECEIVE != 0
    }

    /// Whether a register can be written now.
    fn is_writable(&self, state: &State, offset: usize) -> bool {
        let is_enabled = state.registers[COMMAND] & (COMMAND_SEND | COMMAND_RECEIVE) != 0;
        match offset {
            SEND_CONFIGURATION | RECEIVE_CONFIGURATION => is_enabled,
            0x20..0x28 | 0xe4..0xec => {
                assert!(!is_enabled, "a ring that is in use");
                self.model != Model::Rtl8139Plus || state.half(RINGS) & RINGS_SEND != 0
            }
            _ => true,
        }
    }
}

impl NicModel for FakeNic {
    fn leave_running(&self) {
        let mut state = self.state.borrow_mut();
        state.set(COMMAND, &[COMMAND_RECEIVE | COMMAND_SEND]);
        state.set(RECEIVE_RING, &[0xff; 8]);
        let [mask, _] = state.interrupts();
        state.set(mask, &[0xff; 2]);
        state.set(SPREAD_8125, &[0xff; 4]);
        state.set(QUEUES_8125, &[3, 0]);
        state.set(CAUSES_LAYOUT_8125, &[1]);
        (state.received, state.sent) = (40, 41);
        (state.masters, state.is_foreign) = (false, true);
    }

    fn let_master(&self) {
        let mut state = self.state.borrow_mut();
        let is_reset = !state.is_foreign && state.registers[COMMAND] & COMMAND_RESET == 0;
        assert!(is_reset, "rings of an earlier driver");
        state.masters = true;
    }

    fn hold_sending(&self, hold: bool) {
        self.state.borrow_mut().holds_sending = hold;
        self.send_all();
    }

    fn set_link(&self, is_up: bool) {
        let mut state = self.state.borrow_mut();
        let (media, phy) = if is_up {
            (0, linked_phy(self.model))
        } else {
            (MEDIA_LINK_DOWN, [0, 0])
        };
        state.set(MEDIA, &[media]);
        state.set(PHY, &phy);
        state.cause(CAUSE_LINK);
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().frames)
    }

    fn takes_interrupt(&self) -> bool {
        let state = self.state.borrow();
        let [mask, causes] = state.interrupts();
        let is_usual = self.model != Model::Rtl8125 || state.registers[CAUSES_LAYOUT_8125] == 0;
        is_usual && state.half(causes) & state.half(mask) != 0
    }

    fn is_promiscuous(&self) -> bool {
        let all = RECEIVE_ALL | RECEIVE_MULTICAST | RECEIVE_BROADCAST;
        let state = self.state.borrow();
        let is_open = state.registers[MULTICAST..][..8] == [0xff; 8];
        is_open && state.get(RECEIVE_CONFIGURATION) & all == all
    }

    fn deliver(&self, frame: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        assert!(self.receives(&state), "not enabled");
        assert!(state.masters, "writes to memory");
        let base = self.memory.address().get();
        let memory = self.memory.memory();
        let at = state.descriptor(RECEIVE_RING, state.received, base);
        let word = memory.word64(at);
        let command = word.load(Ordering::Acquire);
        if command & OWN == 0 {
            let missed = state.get(MISSED) + 1;
            state.set(MISSED, &missed.to_le_bytes());
            state.cause(CAUSE_NO_BUFFER);
            return false;
        }
        let bytes = frame.len() + CHECKSUM_BYTES;
        assert!(
            bytes <= (command & BYTES) as usize,
            "larger than its buffer"
        );
        let address = memory.word64(at + 8).load(Ordering::Relaxed);
        memory.write((address - base) as usize, frame);
        let whole = FIRST_PART | LAST_PART | bytes as u64;
        let status = match state.fault {
            Some(Fault::Length(length)) => FIRST_PART | LAST_PART | u64::from(length),
            Some(Fault::Error) => whole | ERRORS & ERRORS >> 1,
            Some(Fault::Unended) => whole & !LAST_PART,
            _ => whole,
        };
        word.store(status | command & KEPT, Ordering::Release);
        let is_end = command & END_OF_RING != 0;
        state.received = if is_end { 0 } else { state.received + 1 };
        state.cause(CAUSE_RECEIVED);
        true
    }
}

impl Registers for FakeNic {
    fn read(&self, offset: usize) -> u32 {
        let state = self.state.borrow();
        match state.fault {
            Some(Fault::Everywhere) => u32::MAX,
            _ => state.get(offset),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.state.borrow_mut();
        match (offset, self.model) {
            (INNER, Model::Rtl8125) => state.access_inner(value),
            (CAUSES_8125, Model::Rtl8125) => {
                let kept = state.get(CAUSES_8125) & !value;
                state.set(CAUSES_8125, &kept.to_le_bytes());
            }
            _ if self.is_writable(&state, offset) => state.set(offset, &value.to_le_bytes()),
            _ => {}
        }
    }

    fn wait_us(&self, _: u64) {
        let mut state = self.state.borrow_mut();
        state.resets_until = state.resets_until.saturating_sub(1);
        if state.resets_until == 0 && state.fault != Some(Fault::NoReset) {
            state.registers[COMMAND] &= !COMMAND_RESET;
        }
    }
}

impl NarrowRegisters for FakeNic {
    fn read_byte(&self, offset: usize) -> u8 {
        let state = self.state.borrow();
        match state.fault {
            Some(Fault::Everywhere) => u8::MAX,
            _ => state.registers[offset],
        }
    }

    fn write_byte(&self, offset: usize, value: u8) {
        self.state.borrow_mut().set(offset, &[value]);
        match (offset, self.model) {
            (COMMAND, _) if value & COMMAND_RESET != 0 => self.state.borrow_mut().reset(),
            (POLL_8139, Model::Rtl8139Plus) | (POLL_8168, Model::Rtl8168) => self.poll(),
            _ => {}
        }
    }

    fn read_half(&self, offset: usize) -> u16 {
        let state = self.state.borrow();
        match state.fault {
            Some(Fault::Everywhere) => u16::MAX,
            _ => state.half(offset),
        }
    }

    fn write_half(&self, offset: usize, value: u16) {
        let mut state = self.state.borrow_mut();
        let is_fast = self.model == Model::Rtl8125;
        assert!(
            !(is_fast && (MASK_8125..=CAUSES).contains(&offset)),
            "half of a register"
        );
        let kept = match offset {
            CAUSES => state.half(CAUSES) & !value,
            _ => value,
        };
        state.set(offset, &kept.to_le_bytes());
        drop(state);
        if is_fast && offset == POLL_8125 && value == POLL_8125_SEND {
            self.poll();
        }
    }
}
