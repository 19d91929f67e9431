//! The part common to Intel's NICs for 1 and 2.5 Gb/s: reset, own address, link, and the running card. The layout of
//! descriptors and the offsets of the rings differ between these cards (\[SDM\] *PCI/PCI-X Family of Gigabit Ethernet
//! Controllers Software Developer's Manual*, 14).
//!
//! | module | content |
//! | --- | --- |
//! | [`registers`] | offsets and bits of the registers that all have |
//! | [`gigabit`] | sending and receiving frames |
//! | `fake` | for tests: a simulated card, which may violate its contract |

#[cfg(not(target_os = "caravan"))]
pub mod fake;
pub mod gigabit;
// The names of the bits document them.
#[allow(missing_docs)]
pub mod registers;

use runtime::protocol::Mac;

use crate::{InitError, Link, Registers};
use registers::*;

/// Intel's PCI vendor identifier.
pub const VENDOR: u16 = 0x8086;

/// The time for the bus to become quiet, and for the EEPROM to be read. After a reset begins, the card must not be accessed for
/// twice this time.
const STEP_US: u64 = 10_000;
/// The time after which an access to the PHY has failed.
const PHY_US: u64 = 2_000;
/// The time after which a reset has failed.
const RESET_US: u64 = 100_000;

/// Resets a card whose interrupts are masked. Afterwards it neither receives nor sends, and its interrupts must be masked again.
/// A card on PCI Express first stops mastering the bus.
///
/// # Errors
/// [`InitError::Reset`].
pub fn reset(registers: &impl Registers, is_express: bool) -> Result<(), InitError> {
    silence(registers, is_express);
    restart(registers, CTRL_RESET)?;
    // Some cards have no EEPROM, and never report that it was read.
    registers.wait_until(EECD, EECD_AUTO_READ_DONE, EECD_AUTO_READ_DONE, STEP_US);
    Ok(())
}

/// Stops a card from receiving and sending. A card on PCI Express also stops mastering the bus.
pub fn silence(registers: &impl Registers, is_express: bool) {
    registers.write(RCTL, 0);
    registers.write(TCTL, TCTL_PAD);
    registers.wait_us(STEP_US);
    if is_express {
        registers.change(CTRL, 0, CTRL_MASTER_DISABLE);
        // If it still masters the bus then, it is reset nevertheless.
        registers.wait_until(STATUS, STATUS_MASTER, 0, STEP_US);
    }
}

/// Resets the parts of a silenced card that these bits of the control register select. [`CTRL_RESET`] must be among them.
///
/// # Errors
/// [`InitError::Reset`].
pub fn restart(registers: &impl Registers, bits: u32) -> Result<(), InitError> {
    registers.change(CTRL, 0, bits);
    // It must not be accessed while it resets.
    registers.wait_us(2 * STEP_US);
    let has_ended = registers.wait_until(CTRL, CTRL_RESET, 0, RESET_US);
    has_ended.then_some(()).ok_or(InitError::Reset)
}

/// Lets the PHY negotiate the link, and the card use the result.
pub fn follow_phy(registers: &impl Registers) {
    let cleared = CTRL_MASTER_DISABLE
        | CTRL_LINK_RESET
        | CTRL_INVERT_LOSS
        | CTRL_FORCE_SPEED
        | CTRL_FORCE_DUPLEX
        | CTRL_VLAN
        | CTRL_PHY_RESET;
    registers.change(CTRL, cleared, CTRL_SET_LINK_UP | CTRL_AUTO_SPEED);
}

/// If the PHY at this address has not negotiated the link, powers it up and starts the negotiation. During the negotiation
/// the link is down.
pub fn wake_phy(registers: &impl Registers, phy: u32) {
    let status = access_phy(registers, MDIC_READ, phy, PHY_STATUS, 0);
    let control = access_phy(registers, MDIC_READ, phy, PHY_CONTROL, 0);
    let has_negotiated = status.is_none_or(|status| status & PHY_STATUS_NEGOTIATED != 0);
    if let Some(control) = control.filter(|_| !has_negotiated) {
        let awake = control & !(PHY_CONTROL_POWER_DOWN | PHY_CONTROL_ISOLATE);
        let control = awake | PHY_CONTROL_NEGOTIATE | PHY_CONTROL_RESTART;
        access_phy(registers, MDIC_WRITE, phy, PHY_CONTROL, control);
    }
}

/// Reads or writes a register of the PHY at this address; `None` if the PHY does not answer.
pub fn access_phy(
    registers: &impl Registers,
    access: u32,
    phy: u32,
    register: u32,
    data: u16,
) -> Option<u16> {
    let place = phy << MDIC_PHY_SHIFT | register << MDIC_REGISTER_SHIFT;
    registers.write(MDIC, access | place | u32::from(data));
    let is_ready = registers.wait_until(MDIC, MDIC_READY, MDIC_READY, PHY_US);
    let answer = registers.read(MDIC);
    (is_ready && answer & MDIC_ERROR == 0).then_some((answer & MDIC_DATA) as u16)
}

/// The card's own address, which a reset loads from its EEPROM.
pub fn mac(registers: &impl Registers) -> Option<Mac> {
    let low = registers.read(RECEIVE_ADDRESS_LOW).to_le_bytes();
    let high = registers.read(RECEIVE_ADDRESS_HIGH);
    let [fifth, sixth, ..] = high.to_le_bytes();
    let mac = [low[0], low[1], low[2], low[3], fifth, sixth];
    (high & RECEIVE_ADDRESS_VALID != 0).then_some(Mac(mac))
}

/// The state of the link. `status_2500` is the bit of the status for 2500 Mb/s, or 0.
pub fn link(registers: &impl Registers, status_2500: u32) -> Link {
    let status = registers.read(STATUS);
    if status & STATUS_LINK_UP == 0 {
        return Link::Down;
    }
    let megabits_per_second = match status >> STATUS_SPEED_SHIFT & STATUS_SPEED {
        0 => 10,
        1 => 100,
        _ if status & status_2500 != 0 => 2500,
        _ => 1000,
    };
    Link::Up {
        megabits_per_second,
    }
}
