//! A card for tests. A card in a chipset has a separate PHY, which firmware uses too and which may be asleep. The card's rings
//! and other registers are those of [`FakeNic`].

extern crate std;

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use nic::intel::fake::{FakeNic, Fault};
use nic::{DmaMemory, Registers};

use crate::descriptor::SHAPE;
use crate::model::Model;
use crate::phy::{GENERAL, IDENTITY, LOW_POWER, PAGE, PAGE_SHIFT, PAGES, Paged, SMBUS};
use crate::registers::*;

/// The state of the PHY when the driver starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It answers.
    Awake,
    /// It answers only on the SMBus.
    BySmbus,
    /// It answers only after a loss of power.
    Stuck,
    /// It is asleep, and firmware can wake it.
    Asleep,
    /// It never answers.
    Dead,
}

/// The condition in which the driver finds a card.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    pub power: Power,
    /// Whether firmware is running.
    pub has_firmware: bool,
    /// Whether firmware lets the driver reset the PHY.
    pub may_reset: bool,
    /// The number of reads for which firmware still owns the PHY.
    pub held_reads: u64,
    /// Whether the rings hold descriptors on which a reset hangs.
    pub is_pending: bool,
}

impl Condition {
    /// The condition of a card without defects.
    pub const GOOD: Condition = Condition {
        power: Power::Awake,
        has_firmware: true,
        may_reset: true,
        held_reads: 3,
        is_pending: false,
    };
}

/// A handle to a card, for the test. The driver has another handle to the same card.
#[derive(Clone)]
pub struct FakeChipset {
    model: Model,
    pub nic: FakeNic,
    state: Rc<RefCell<State>>,
}

struct State {
    condition: Condition,
    is_owned: bool,
    has_lost_power: bool,
    has_sent: bool,
    phy_resets: u32,
    page: u16,
    pages: BTreeMap<Paged, u16>,
    answer: u32,
}

impl FakeChipset {
    /// A card in this condition, which can access only this memory.
    pub fn new(model: Model, condition: Condition, memory: DmaMemory) -> FakeChipset {
        let sleep = [(SMBUS, 1), (LOW_POWER, 0xffff)];
        FakeChipset {
            model,
            nic: FakeNic::new(SHAPE, memory),
            state: Rc::new(RefCell::new(State {
                condition,
                is_owned: false,
                has_lost_power: false,
                has_sent: false,
                phy_resets: 0,
                page: 0,
                pages: BTreeMap::from(sleep),
                answer: 0,
            })),
        }
    }

    /// The number of times that its PHY was reset.
    pub fn phy_resets(&self) -> u32 {
        self.state.borrow().phy_resets
    }

    /// A register of its PHY.
    pub fn page(&self, register: Paged) -> u16 {
        *self.state.borrow().pages.get(&register).unwrap_or(&0)
    }

    fn firmware(&self, condition: &Condition) -> u32 {
        let bit = |is_set, bit| if is_set { bit } else { 0 };
        bit(condition.has_firmware, FWSM_VALID)
            | bit(condition.may_reset, FWSM_PHY_RESET)
            | bit(condition.power == Power::Asleep, FWSM_LOW_POWER)
    }

    fn reaches_phy(&self, power: Power) -> bool {
        let by_smbus = self.nic.register(CTRL_EXT) & CTRL_EXT_SMBUS != 0;
        match power {
            Power::Awake => !by_smbus,
            Power::BySmbus => by_smbus,
            Power::Stuck | Power::Asleep | Power::Dead => false,
        }
    }

    fn access_phy(&self, value: u32) {
        let mut state = self.state.borrow_mut();
        assert!(state.is_owned, "an access to the PHY of firmware");
        let register = value >> MDIC_REGISTER_SHIFT & 0x1f;
        let page = state.page;
        let is_write = value & MDIC_WRITE != 0;
        let data = value as u16;
        let answer = match value >> MDIC_PHY_SHIFT & MDIC_PHY {
            _ if !self.reaches_phy(state.condition.power) => None,
            GENERAL if register == IDENTITY => Some(0x0154),
            PAGES if register == PAGE && is_write => {
                state.page = data >> PAGE_SHIFT;
                Some(data)
            }
            PAGES if is_write => {
                state.pages.insert((page, register), data);
                Some(data)
            }
            PAGES => Some(*state.pages.get(&(page, register)).unwrap_or(&0)),
            _ => None,
        };
        let forced = state.pages.get(&SMBUS).is_some_and(|value| value & 1 != 0);
        if state.condition.power == Power::BySmbus && !forced {
            state.condition.power = Power::Awake;
        }
        let place = value & !MDIC_DATA;
        let answer = answer.map_or(MDIC_ERROR, u32::from);
        state.answer = place | MDIC_READY | answer;
    }

    fn control(&self, value: u32) {
        let mut state = self.state.borrow_mut();
        let is_off = value & (CTRL_PHY_POWER_OVERRIDE | CTRL_PHY_POWER) == CTRL_PHY_POWER_OVERRIDE;
        if state.has_lost_power && !is_off {
            let further = self.nic.register(CTRL_EXT) | CTRL_EXT_PHY_POWERED;
            self.nic.write(CTRL_EXT, further);
            if state.condition.power != Power::Dead {
                state.condition.power = Power::Awake;
            }
        }
        state.has_lost_power = is_off;
        if value & CTRL_RESET != 0 {
            assert!(state.is_owned, "a reset while firmware has the PHY");
            if state.condition.is_pending {
                self.nic.fault(Fault::NoReset);
            }
            if value & CTRL_PHY_RESET != 0 {
                assert!(state.condition.may_reset, "a reset that firmware forbids");
                state.phy_resets += 1;
                let status = self.nic.register(STATUS) | STATUS_PHY_READY;
                self.nic.write(STATUS, status);
            }
            state.is_owned = false;
        }
        self.nic.write(CTRL, value);
    }

    /// Empties the rings once the driver has performed every step that this takes.
    fn flush(&self, offset: usize, value: u32) {
        let mut state = self.state.borrow_mut();
        let can_flush = self.nic.register(FEXTNVM11) & FEXTNVM11_NO_READS_FIX != 0;
        let is_sending = self.nic.register(TCTL) & TCTL_ENABLE != 0;
        let thresholds = self.nic.register(RECEIVE_RING + RING_CONTROL);
        if offset == SEND_RING + RING_TAIL && can_flush && is_sending && value == 1 {
            state.has_sent = true;
        }
        let is_receiving = offset == RCTL && value & RCTL_ENABLE != 0;
        if is_receiving && state.has_sent && thresholds & 1 << 24 != 0 {
            state.condition.is_pending = false;
        }
    }
}

impl Registers for FakeChipset {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.state.borrow_mut();
        match offset {
            EXTCNF_CTRL if state.condition.held_reads > 0 => {
                state.condition.held_reads -= 1;
                EXTCNF_CTRL_OWNED
            }
            EXTCNF_CTRL if state.is_owned => EXTCNF_CTRL_OWNED,
            EXTCNF_CTRL => 0,
            FWSM => self.firmware(&state.condition),
            MDIC => state.answer,
            _ => self.nic.read(offset),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        if !self.model.is_in_chipset() {
            return self.nic.write(offset, value);
        }
        if self.state.borrow().condition.is_pending {
            self.flush(offset, value);
        }
        match offset {
            CTRL => self.control(value),
            MDIC => self.access_phy(value),
            EXTCNF_CTRL => {
                let mut state = self.state.borrow_mut();
                let is_free = state.condition.held_reads == 0;
                state.is_owned = is_free && value & EXTCNF_CTRL_OWNED != 0;
            }
            H2ME if value & (H2ME_ENFORCE | H2ME_LOW_POWER) == H2ME_ENFORCE => {
                let mut state = self.state.borrow_mut();
                if state.condition.power == Power::Asleep {
                    state.condition.power = Power::Awake;
                }
            }
            // The frame that empties the ring is not sent.
            _ if offset == SEND_RING + RING_TAIL && self.state.borrow().condition.is_pending => {}
            _ => self.nic.write(offset, value),
        }
    }

    fn wait_us(&self, microseconds: u64) {
        self.nic.wait_us(microseconds);
    }
}
