//! Resets and starts a card, whatever state firmware or an earlier driver left it in (\[SDM\] 14, \[82574\] 4, \[ich8lan\]).

use nic::ring::DESCRIPTORS_BYTES;
use nic::{DmaAddress, InitError, Registers, intel};

use crate::chipset;
use crate::model::Model;
use crate::registers::*;

/// At most 20,000 interrupts per second: 195 times 256 ns.
const INTERRUPT_INTERVAL: u32 = 195;

/// Silences and resets the card. Afterwards its interrupts are masked, and it neither receives nor sends.
///
/// # Errors
/// The reason it cannot be used.
pub fn reset(registers: &impl Registers, model: Model) -> Result<(), InitError> {
    registers.write(IMC, u32::MAX);
    if model.is_in_chipset() {
        chipset::reset(registers, model)?;
    } else {
        intel::reset(registers, model.is_express())?;
    }
    registers.write(IMC, u32::MAX);
    // Reading clears the causes.
    registers.read(ICR);
    Ok(())
}

/// Sets up the rings, and lets the card receive every frame, send, and interrupt.
pub fn start(registers: &impl Registers, model: Model, receive: DmaAddress, send: DmaAddress) {
    intel::follow_phy(registers);
    if model.is_in_chipset() {
        chipset::prepare(registers, model);
    }
    for (ring, address) in [(RECEIVE_RING, receive), (SEND_RING, send)] {
        registers.write_address(ring + RING_ADDRESS, address);
        registers.write(ring + RING_LENGTH, DESCRIPTORS_BYTES as u32);
        registers.write(ring + RING_HEAD, 0);
        registers.write(ring + RING_TAIL, 0);
        registers.write(ring + RING_DELAY, 0);
        registers.write(ring + RING_CONTROL, RING_CONTROL_PROMPT);
    }
    if model.is_in_chipset() {
        let control = RING_CONTROL_PROMPT | RING_CONTROL_SEND_CHIPSET;
        registers.write(SEND_RING + RING_CONTROL, control);
        registers.write(RFCTL, RFCTL_NO_NFS);
    } else if model.is_express() {
        registers.write(RFCTL, 0);
    }
    registers.write(TIPG, TIPG_COPPER);
    registers.write(
        TCTL,
        TCTL_ENABLE | TCTL_PAD | TCTL_THRESHOLD | TCTL_DISTANCE,
    );
    registers.write(RCTL, RCTL_EVERY_FRAME);
    registers.write(ITR, INTERRUPT_INTERVAL);
    registers.write(IMS, CAUSES);
}
