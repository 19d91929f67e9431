//! The PHY of a card in a chipset. It is outside the card, firmware uses it too, and it may be asleep (\[ich8lan\]).
//!
//! Its general registers are at one address, its paged registers at another.

use nic::intel::access_phy;
use nic::{InitError, Registers};

use crate::model::Model;
use crate::registers::*;

/// The addresses of its general registers, and of its pages from 768 on (`e1000_get_phy_addr_for_hv_page`).
pub const GENERAL: u32 = 2;
pub const PAGES: u32 = 1;

/// The register that identifies it, and the one that selects a page (IEEE 802.3, 22.2.4.3.1, and `e1000_set_page_igp`).
pub const IDENTITY: u32 = 2;
pub const PAGE: u32 = 31;
pub const PAGE_SHIFT: u32 = 5;

/// A register on a page.
pub type Paged = (u16, u32);

pub const OEM: Paged = (768, 25);
const OEM_SLOW: u16 = 1 << 2;
const OEM_NO_GIGABIT: u16 = 1 << 6;
const OEM_RESTART: u16 = 1 << 10;
pub const SMBUS: Paged = (769, 23);
const SMBUS_FORCED: u16 = 1 << 0;
pub const LOW_POWER: Paged = (779, 16);
const LOW_POWER_START: u16 = 1 << 0;
/// The settings that concern ultra-low power.
const LOW_POWER_CAUSES: u16 =
    1 << 12 | 1 << 11 | 1 << 10 | 1 << 8 | 1 << 6 | 1 << 5 | 1 << 4 | 1 << 2;

/// The timeouts for firmware to release the PHY, for firmware to wake it, and for hardware to set it up.
const HELD_US: u64 = 1_000_000;
const ASLEEP_US: u64 = 2_500_000;
const READY_US: u64 = 300_000;
/// The delay after a change of the bus, the time without power, the timeout for the return of power, and the time to settle.
const BUS_US: u64 = 50_000;
const OFF_US: u64 = 1_000;
const POWER_US: u64 = 200_000;
const SETTLE_US: u64 = 30_000;

/// Takes the PHY from firmware for `work`, and gives it back (`e1000_acquire_swflag_ich8lan`).
///
/// # Errors
/// [`InitError::Held`], and those of `work`.
pub fn own<R: Registers>(
    registers: &R,
    work: impl FnOnce(&R) -> Result<(), InitError>,
) -> Result<(), InitError> {
    let owned = EXTCNF_CTRL_OWNED;
    if !registers.wait_until(EXTCNF_CTRL, owned, 0, HELD_US) {
        return Err(InitError::Held);
    }
    registers.change(EXTCNF_CTRL, 0, owned);
    let result = if registers.wait_until(EXTCNF_CTRL, owned, owned, HELD_US) {
        work(registers)
    } else {
        Err(InitError::Held)
    };
    registers.change(EXTCNF_CTRL, owned, 0);
    result
}

/// Whether firmware lets the driver reset the PHY.
pub fn may_reset(registers: &impl Registers) -> bool {
    registers.read(FWSM) & FWSM_PHY_RESET != 0
}

/// Requests that firmware wake the PHY from ultra-low power (`e1000_disable_ulp_lpt_lp`). The driver must not own the PHY.
pub fn wake_by_firmware(registers: &impl Registers, model: Model) {
    if model.has_low_power() && registers.read(FWSM) & FWSM_VALID != 0 {
        registers.change(H2ME, H2ME_LOW_POWER, H2ME_ENFORCE);
        registers.wait_until(FWSM, FWSM_LOW_POWER, 0, ASLEEP_US);
        registers.change(H2ME, H2ME_ENFORCE, 0);
    }
}

/// Makes the PHY answer. Without firmware, also keeps it out of ultra-low power (`e1000_init_phy_workarounds_pchlan`). The driver
/// owns the PHY.
///
/// # Errors
/// [`InitError::Phy`].
pub fn connect(registers: &impl Registers, model: Model) -> Result<(), InitError> {
    let has_firmware = registers.read(FWSM) & FWSM_VALID != 0;
    if !answers(registers) {
        registers.change(CTRL_EXT, 0, CTRL_EXT_SMBUS);
        registers.wait_us(BUS_US);
        // Firmware, if there is any, has chosen the SMBus for the PHY, and only a loss of power changes that.
        if (has_firmware || !answers(registers)) && may_reset(registers) {
            switch_off_and_on(registers);
        }
    }
    if !has_firmware {
        leave_low_power(registers, model);
    }
    registers.change(CTRL_EXT, CTRL_EXT_SMBUS, 0);
    answers(registers).then_some(()).ok_or(InitError::Phy)
}

fn answers(registers: &impl Registers) -> bool {
    let identity = access_phy(registers, MDIC_READ, GENERAL, IDENTITY, 0);
    identity.is_some_and(|identity| !matches!(identity, 0 | u16::MAX))
}

/// Switches the PHY's power off and on (`e1000_toggle_lanphypc_pch_lpt`).
fn switch_off_and_on(registers: &impl Registers) {
    registers.change(FEXTNVM3, FEXTNVM3_PHY_DELAY, FEXTNVM3_PHY_DELAY_50_MS);
    registers.change(CTRL, CTRL_PHY_POWER, CTRL_PHY_POWER_OVERRIDE);
    registers.wait_us(OFF_US);
    registers.change(CTRL, CTRL_PHY_POWER_OVERRIDE, 0);
    let powered = CTRL_EXT_PHY_POWERED;
    registers.wait_until(CTRL_EXT, powered, powered, POWER_US);
    registers.wait_us(SETTLE_US);
    // After a loss of power, the PHY uses its usual bus.
    registers.change(CTRL_EXT, CTRL_EXT_SMBUS, 0);
}

/// Makes the PHY use its usual bus, and keeps it from entering ultra-low power by itself. A PHY that does not answer is left as
/// it is.
fn leave_low_power(registers: &impl Registers, model: Model) {
    change(registers, SMBUS, SMBUS_FORCED, 0);
    registers.change(CTRL_EXT, CTRL_EXT_SMBUS, 0);
    if model.has_low_power() {
        change(registers, LOW_POWER, LOW_POWER_CAUSES, 0);
        change(registers, LOW_POWER, 0, LOW_POWER_START);
        registers.change(FEXTNVM7, FEXTNVM7_KEEP_SMBUS, 0);
    }
}

/// Waits until hardware has set up the PHY after a reset (`e1000_lan_init_done_ich8lan`). The PHY is used even if hardware never
/// reports that.
pub fn await_ready(registers: &impl Registers) {
    let ready = STATUS_PHY_READY;
    registers.wait_until(STATUS, ready, ready, READY_US);
    registers.change(STATUS, ready, 0);
}

/// Applies the board maker's settings of the link, if that is left to software (`e1000_oem_bits_config_ich8lan`). The driver owns
/// the PHY.
pub fn follow_maker(registers: &impl Registers) {
    if registers.read(FEXTNVM) & FEXTNVM_BY_SOFTWARE == 0 {
        return;
    }
    let wanted = registers.read(PHY_CTRL);
    let bit = |of, bit| if wanted & of != 0 { bit } else { 0 };
    let restart = if may_reset(registers) { OEM_RESTART } else { 0 };
    let set = bit(PHY_CTRL_SLOW, OEM_SLOW) | bit(PHY_CTRL_NO_GIGABIT, OEM_NO_GIGABIT) | restart;
    change(registers, OEM, OEM_SLOW | OEM_NO_GIGABIT, set);
}

/// Changes bits of a register on a page, if the PHY answers.
fn change(registers: &impl Registers, (page, register): Paged, clear: u16, set: u16) {
    let access = |access, register, data| access_phy(registers, access, PAGES, register, data);
    let selected = access(MDIC_WRITE, PAGE, page << PAGE_SHIFT);
    if let Some(value) = selected.and_then(|_| access(MDIC_READ, register, 0)) {
        access(MDIC_WRITE, register, value & !clear | set);
    }
}
