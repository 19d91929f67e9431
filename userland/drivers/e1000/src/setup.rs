//! From any state that firmware or an earlier driver left to a card that receives and sends (\[SDM\] 14, \[82574\] 4).

use nic::ring::DESCRIPTORS_BYTES;
use nic::{DmaAddress, Link, Registers};
use runtime::protocol::Mac;

use crate::model::{Model, Unknown};
use crate::registers::*;

/// The time for the bus to become quiet, for a reset, and for the EEPROM to be read after it.
const STEP_US: u64 = 10_000;
/// The time after which a reset has failed.
const RESET_US: u64 = 100_000;
/// Twenty thousand interrupts per second: 195 times 256 ns.
const INTERRUPT_INTERVAL: u32 = 195;

/// The causes for which the card interrupts.
pub const CAUSES: u32 = CAUSE_LINK | CAUSE_RECEIVE_LOW | CAUSE_OVERRUN | CAUSE_RECEIVED;

/// The reason the card cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// Its configuration space was not handed over.
    #[error("its configuration space was not handed over")]
    NotProvided,
    /// It is another card.
    #[error("{:04x}:{:04x} is not a card of this driver", .0.vendor, .0.device)]
    Unknown(Unknown),
    /// Its registers were not handed over.
    #[error("it has no registers")]
    NoRegisters,
    /// The reset did not complete.
    #[error("its reset did not complete")]
    Reset,
    /// Its memory could not be allocated.
    #[error("no memory: {0}")]
    Memory(abi::Error),
}

/// Silences and resets the card. Interrupts are masked then, and nothing is received or sent.
///
/// # Errors
/// [`InitError::Reset`].
pub fn reset(registers: &impl Registers, model: Model) -> Result<(), InitError> {
    registers.write(IMC, u32::MAX);
    registers.write(RCTL, 0);
    registers.write(TCTL, TCTL_PAD);
    registers.wait_us(STEP_US);
    if model.is_express() {
        registers.change(CTRL, 0, CTRL_MASTER_DISABLE);
        // If it is still busy after that, the reset has to do.
        registers.wait_until(STATUS, STATUS_MASTER, 0, STEP_US);
    }
    registers.change(CTRL, 0, CTRL_RESET);
    // It must not be accessed while it resets.
    registers.wait_us(STEP_US);
    if !registers.wait_until(CTRL, CTRL_RESET, 0, RESET_US) {
        return Err(InitError::Reset);
    }
    // Some cards have no EEPROM, and never report that it was read.
    registers.wait_until(EECD, EECD_AUTO_READ_DONE, EECD_AUTO_READ_DONE, STEP_US);
    registers.write(IMC, u32::MAX);
    registers.read(ICR);
    Ok(())
}

/// The card's own address, which a reset loads from its EEPROM.
pub fn mac(registers: &impl Registers) -> Option<Mac> {
    let low = registers.read(RECEIVE_ADDRESS_LOW).to_le_bytes();
    let high = registers.read(RECEIVE_ADDRESS_HIGH);
    let [fifth, sixth, ..] = high.to_le_bytes();
    let mac = [low[0], low[1], low[2], low[3], fifth, sixth];
    (high & RECEIVE_ADDRESS_VALID != 0).then_some(Mac(mac))
}

/// Sets up the rings, and lets the card receive every frame, send, and interrupt.
pub fn start(registers: &impl Registers, model: Model, receive: DmaAddress, send: DmaAddress) {
    let cleared = CTRL_MASTER_DISABLE
        | CTRL_LINK_RESET
        | CTRL_INVERT_LOSS
        | CTRL_FORCE_SPEED
        | CTRL_FORCE_DUPLEX
        | CTRL_VLAN
        | CTRL_PHY_RESET;
    // The PHY negotiates by itself, and the card follows it.
    registers.change(CTRL, cleared, CTRL_SET_LINK_UP | CTRL_AUTO_SPEED);
    for (ring, address) in [(RECEIVE_RING, receive), (SEND_RING, send)] {
        registers.write_address(ring + RING_ADDRESS, address);
        registers.write(ring + RING_LENGTH, DESCRIPTORS_BYTES as u32);
        registers.write(ring + RING_HEAD, 0);
        registers.write(ring + RING_TAIL, 0);
        registers.write(ring + RING_DELAY, 0);
        registers.write(ring + RING_CONTROL, RING_CONTROL_PROMPT);
    }
    if model.is_express() {
        registers.write(RFCTL, 0);
    }
    registers.write(TIPG, TIPG_COPPER);
    registers.write(
        TCTL,
        TCTL_ENABLE | TCTL_PAD | TCTL_THRESHOLD | TCTL_DISTANCE,
    );
    registers.write(
        RCTL,
        RCTL_ENABLE | RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST | RCTL_BROADCAST | RCTL_STRIP_CHECKSUM,
    );
    registers.write(ITR, INTERRUPT_INTERVAL);
    registers.write(IMS, CAUSES);
}

/// The state of the link.
pub fn link(registers: &impl Registers) -> Link {
    let status = registers.read(STATUS);
    if status & STATUS_LINK_UP == 0 {
        return Link::Down;
    }
    let megabits_per_second = match status >> STATUS_SPEED_SHIFT & STATUS_SPEED {
        0 => 10,
        1 => 100,
        _ => 1000,
    };
    Link::Up {
        megabits_per_second,
    }
}
