//! A card for tests: its registers, and rings that it processes in the driver's memory. A driver's tests give it the [`Shape`] of
//! their cards.

extern crate std;

use crate::host::contract::NicModel;
use core::cell::RefCell;
use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use super::gigabit::Offsets;
use super::registers::*;
use crate::{DmaMemory, Registers};

const HEAD: usize = RING_HEAD;
const TAIL: usize = RING_TAIL;

/// The properties of a family of cards that differ from other families.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The offsets of its registers.
    pub offsets: Offsets,
    /// The end of its registers.
    pub registers_bytes: usize,
    /// The address of its PHY.
    pub phy: u32,
    /// The bit of [`RING_CONTROL`] that enables a ring, if the family has one. While it is clear, the ring may be set up, and its
    /// tail is ignored.
    pub ring_enable: Option<u32>,
    /// The second word of a descriptor with a received frame of this length.
    pub received: fn(u16, Ending) -> u64,
    /// The bits that the card sets in the second word of a descriptor when its frame is sent.
    pub sent: u64,
    /// The bits of that word by which the driver requests this.
    pub report: u64,
}

/// The end of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ends in this buffer, without errors.
    Intact,
    /// It ends in this buffer, and is damaged.
    Damaged,
    /// It does not end in this buffer.
    Missing,
}

/// The way in which a card violates its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every received frame has this length.
    Length(u16),
    /// Every received frame ends like this.
    Ending(Ending),
    /// Every descriptor is done, and registers have impossible values.
    Everywhere,
    /// A reset never completes.
    NoReset,
    /// Rings are never enabled.
    NoRings,
}

/// A handle to a card, for the test. The driver has another handle to the same card.
#[derive(Clone, Debug)]
pub struct FakeNic {
    shape: Shape,
    memory: DmaMemory,
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    registers: BTreeMap<usize, u32>,
    /// The PHY's control and status.
    phy: [u16; 2],
    mask: u32,
    causes: u32,
    sent: Vec<Vec<u8>>,
    holds_sending: bool,
    fault: Option<Fault>,
    now_us: u64,
    reset_until_us: u64,
    masters: bool,
    /// Whether it has been used by an earlier driver and not been reset since.
    is_foreign: bool,
}

impl State {
    fn get(&self, offset: usize) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    fn set(&mut self, offset: usize, value: u32) {
        self.registers.insert(offset, value);
    }

    /// Accesses the PHY at `phy`, which negotiates on request if it has power. No PHY is at another address.
    fn access_phy(&mut self, phy: u32, value: u32) {
        if value >> MDIC_PHY_SHIFT & MDIC_PHY != phy {
            self.set(MDIC, value | MDIC_READY | MDIC_ERROR);
            return;
        }
        let register = (value >> MDIC_REGISTER_SHIFT & 1) as usize;
        let data = value as u16;
        if value & MDIC_WRITE != 0 {
            let restart = PHY_CONTROL_NEGOTIATE | PHY_CONTROL_RESTART;
            let is_awake = data & PHY_CONTROL_POWER_DOWN == 0;
            self.phy[register] = data & !PHY_CONTROL_RESTART;
            if is_awake && data & restart == restart {
                self.phy[1] |= PHY_STATUS_NEGOTIATED;
                let status = self.get(STATUS) | STATUS_LINK_UP;
                self.set(STATUS, status);
            }
        }
        let place = value & !MDIC_DATA;
        self.set(MDIC, place | MDIC_READY | u32::from(self.phy[register]));
    }

    fn ring_address(&self, ring: usize) -> u64 {
        u64::from(self.get(ring)) | u64::from(self.get(ring + 4)) << 32
    }

    /// The offset of a ring's next descriptor in memory that begins at `base`. Advances the head.
    fn next_descriptor(&mut self, ring: usize, base: u64) -> Option<usize> {
        let (head, tail) = (self.get(ring + HEAD), self.get(ring + TAIL));
        if head == tail {
            return None;
        }
        let address = self.ring_address(ring);
        let size = self.get(ring + RING_LENGTH) / 16;
        self.set(ring + HEAD, (head + 1) % size);
        Some((address - base) as usize + head as usize * 16)
    }
}

impl FakeNic {
    /// A card with an address and a link of its highest speed, which can access only this memory.
    pub fn new(shape: Shape, memory: DmaMemory) -> FakeNic {
        let mut state = State::default();
        let mac = u32::from_le_bytes([0x52, 0x54, 0, 0xca]);
        state.set(RECEIVE_ADDRESS_LOW, mac);
        state.set(RECEIVE_ADDRESS_HIGH, RECEIVE_ADDRESS_VALID | 0x017a);
        let speed = 2 << STATUS_SPEED_SHIFT | shape.offsets.status_2500;
        state.set(STATUS, STATUS_LINK_UP | speed);
        state.phy = [PHY_CONTROL_NEGOTIATE, PHY_STATUS_NEGOTIATED];
        FakeNic {
            shape,
            memory,
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// The value of a register.
    pub fn register(&self, offset: usize) -> u32 {
        self.state.borrow().get(offset)
    }

    fn rings(&self) -> [usize; 2] {
        [
            self.shape.offsets.receive_ring,
            self.shape.offsets.send_ring,
        ]
    }

    /// Makes it violate its contract in this way.
    pub fn fault(&self, fault: Fault) {
        self.state.borrow_mut().fault = Some(fault);
        if fault == Fault::Everywhere {
            let done = (self.shape.received)(60, Ending::Intact) | self.shape.sent;
            for at in (8..self.memory.memory().bytes()).step_by(16) {
                let word = self.memory.memory().word64(at);
                word.fetch_or(done, Ordering::Relaxed);
            }
        }
    }

    /// Powers down its PHY. There is no link until the PHY negotiates.
    pub fn power_phy_down(&self) {
        let mut state = self.state.borrow_mut();
        let status = state.get(STATUS) & !STATUS_LINK_UP;
        state.set(STATUS, status);
        state.phy = [PHY_CONTROL_POWER_DOWN, 0];
    }

    /// Whether it may access memory that this driver has not given it.
    fn has_foreign_rings(&self, state: &State) -> bool {
        let base = self.memory.address().get();
        let range = base..base + self.memory.memory().bytes() as u64;
        let mut rings = self.rings().into_iter();
        let is_elsewhere = rings.any(|ring| !range.contains(&state.ring_address(ring)));
        let runs = (state.get(RCTL) & RCTL_ENABLE) | (state.get(TCTL) & TCTL_ENABLE) != 0;
        is_elsewhere && (runs || state.is_foreign)
    }

    fn is_enabled(&self, state: &State, ring: usize) -> bool {
        let enable = self.shape.ring_enable;
        enable.is_none_or(|bit| state.get(ring + RING_CONTROL) & bit != 0)
    }

    fn send_all(&self) {
        let mut state = self.state.borrow_mut();
        let ring = self.shape.offsets.send_ring;
        let base = self.memory.address().get();
        let memory = self.memory.memory();
        let is_enabled = state.get(TCTL) & TCTL_ENABLE != 0 && self.is_enabled(&state, ring);
        while is_enabled && !state.holds_sending {
            let Some(at) = state.next_descriptor(ring, base) else {
                break;
            };
            assert!(state.masters, "reads memory");
            let address = memory.word64(at).load(Ordering::Relaxed);
            let word = memory.word64(at + 8);
            let command = word.load(Ordering::Relaxed);
            let mut frame = vec![0; usize::from(command as u16)];
            memory.read((address - base) as usize, &mut frame);
            state.sent.push(frame);
            if command & self.shape.report == self.shape.report {
                word.fetch_or(self.shape.sent, Ordering::Release);
            }
            state.causes |= CAUSE_SENT;
        }
    }

    /// Writes a register of a ring.
    fn write_ring(&self, state: &mut State, ring: usize, register: usize, value: u32) {
        let is_enabled = self.is_enabled(state, ring);
        match register {
            TAIL if !is_enabled => {}
            RING_CONTROL if state.fault == Some(Fault::NoRings) => {}
            TAIL | RING_CONTROL => state.set(ring + register, value),
            _ => {
                let is_set_up = self.shape.ring_enable.is_some() && is_enabled;
                assert!(!is_set_up, "set up while it is enabled");
                state.set(ring + register, value);
            }
        }
    }

    /// Begins a reset, which keeps most registers: a driver must set every register that it relies on.
    fn reset(&self, state: &mut State) {
        assert_eq!(state.get(RCTL) & RCTL_ENABLE, 0, "reset while it receives");
        let has_ended = state.fault != Some(Fault::NoReset);
        state.is_foreign &= !has_ended;
        state.set(CTRL, if has_ended { 0 } else { CTRL_RESET });
        state.reset_until_us = state.now_us + 1000;
    }
}

impl NicModel for FakeNic {
    fn leave_running(&self) {
        let mut state = self.state.borrow_mut();
        state.set(RCTL, u32::MAX);
        state.set(TCTL, u32::MAX);
        for ring in self.rings() {
            state.set(ring, 0xdead_0000);
            state.set(ring + 4, 0);
            state.set(ring + HEAD, 77);
            state.set(ring + TAIL, 3);
            state.set(ring + RING_CONTROL, u32::MAX);
        }
        state.mask = u32::MAX;
        state.causes = u32::MAX;
        (state.masters, state.is_foreign) = (false, true);
    }

    fn let_master(&self) {
        let mut state = self.state.borrow_mut();
        assert!(
            !self.has_foreign_rings(&state),
            "rings of an earlier driver"
        );
        state.masters = true;
    }

    fn hold_sending(&self, hold: bool) {
        self.state.borrow_mut().holds_sending = hold;
        self.send_all();
    }

    fn set_link(&self, is_up: bool) {
        let mut state = self.state.borrow_mut();
        let others = state.get(STATUS) & !STATUS_LINK_UP;
        state.set(
            STATUS,
            if is_up {
                others | STATUS_LINK_UP
            } else {
                others
            },
        );
        state.causes |= CAUSE_LINK;
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().sent)
    }

    fn takes_interrupt(&self) -> bool {
        let state = self.state.borrow();
        state.causes & state.mask != 0
    }

    fn is_promiscuous(&self) -> bool {
        let all = RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST | RCTL_BROADCAST;
        self.register(RCTL) & all == all
    }

    fn deliver(&self, frame: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        let ring = self.shape.offsets.receive_ring;
        assert!(state.masters, "writes to memory");
        assert!(
            state.get(RCTL) & RCTL_ENABLE != 0 && self.is_enabled(&state, ring),
            "not enabled"
        );
        let base = self.memory.address().get();
        let Some(at) = state.next_descriptor(ring, base) else {
            let missed = state.get(MISSED);
            state.set(MISSED, missed + 1);
            state.causes |= CAUSE_OVERRUN;
            return false;
        };
        let memory = self.memory.memory();
        let address = memory.word64(at).load(Ordering::Relaxed);
        memory.write((address - base) as usize, frame);
        let length = frame.len() as u16;
        let (length, ending) = match state.fault {
            Some(Fault::Length(length)) => (length, Ending::Intact),
            Some(Fault::Ending(ending)) => (length, ending),
            _ => (length, Ending::Intact),
        };
        let word = (self.shape.received)(length, ending);
        memory.word64(at + 8).store(word, Ordering::Release);
        state.causes |= CAUSE_RECEIVED;
        true
    }
}

impl Registers for FakeNic {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.state.borrow_mut();
        assert!(state.now_us >= state.reset_until_us, "read during a reset");
        match offset {
            _ if state.fault == Some(Fault::Everywhere) => u32::MAX,
            _ if offset == self.shape.offsets.causes => std::mem::take(&mut state.causes),
            MISSED => state.registers.remove(&MISSED).unwrap_or(0),
            _ => state.get(offset),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.state.borrow_mut();
        let Offsets {
            mask_set,
            mask_clear,
            send_ring,
            ..
        } = self.shape.offsets;
        assert!(offset < self.shape.registers_bytes);
        let ring = self
            .rings()
            .into_iter()
            .find(|ring| (*ring..=ring + RING_CONTROL).contains(&offset));
        match ring {
            Some(ring) => self.write_ring(&mut state, ring, offset - ring, value),
            None if offset == mask_set => state.mask |= value,
            None if offset == mask_clear => state.mask &= !value,
            None if offset == MDIC => state.access_phy(self.shape.phy, value),
            None if offset == CTRL && value & CTRL_RESET != 0 => self.reset(&mut state),
            None => state.set(offset, value),
        }
        drop(state);
        if offset == send_ring + TAIL {
            self.send_all();
        }
    }

    fn wait_us(&self, microseconds: u64) {
        self.state.borrow_mut().now_us += microseconds;
    }
}
