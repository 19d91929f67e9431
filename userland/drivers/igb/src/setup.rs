//! From any state that firmware or an earlier driver left to a card that receives and sends (\[82576\] 4.5, \[I210\] 4.5,
//! \[igc\] `igc_base.c`).
//!
//! Root sets one message. It is for all causes, whether it is of MSI or the first one of MSI-X.

use nic::ring::{BUFFER_BYTES, DESCRIPTORS_BYTES};
use nic::{DmaAddress, InitError, Registers, intel};

use crate::model::Model;
use crate::registers::*;

/// Twenty thousand interrupts per second.
const INTERRUPT_INTERVAL_US: u32 = 50;
/// The time after which a ring that is not enabled, or not disabled, has failed.
const RING_US: u64 = 10_000;

/// The initial values of an I210's packet buffers, which an I225 has, too: 34 KiB to receive and 2 KiB from its management, 20 KiB to send and 4 KiB to its
/// management; frames of 9728 bytes (\[I210\] 8.3, \[igc\] `igc_tsn.c`).
const I210_BUFFERS: [(usize, u32); 3] = [
    (RECEIVE_BUFFERS, 2 << 6 | 34),
    (SEND_BUFFERS, 4 << 24 | 20),
    (SEND_BYTES_MAX, 0x98),
];

/// Silences and resets the card. Interrupts are masked then, and nothing is received or sent.
///
/// # Errors
/// [`InitError::Reset`].
pub fn reset(registers: &impl Registers, model: Model) -> Result<(), InitError> {
    mask_all(registers, model);
    intel::reset(registers, true)?;
    mask_all(registers, model);
    registers.read(model.offsets().causes);
    if model.has_divisible_buffers() {
        for (register, value) in I210_BUFFERS {
            registers.write(register, value);
        }
    }
    Ok(())
}

fn mask_all(registers: &impl Registers, model: Model) {
    registers.write(model.offsets().mask_clear, u32::MAX);
    registers.write(EIMC, u32::MAX);
    for register in [model.acknowledge_mask(), EIAC, EIAM] {
        registers.write(register, 0);
    }
}

/// Sets up the rings, and lets the card receive every frame, send, and interrupt.
///
/// # Errors
/// [`InitError::Rings`].
pub fn start(
    registers: &impl Registers,
    model: Model,
    receive: DmaAddress,
    send: DmaAddress,
) -> Result<(), InitError> {
    intel::follow_phy(registers);
    intel::wake_phy(registers, model.phy());
    registers.change(CTRL_EXT, 0, CTRL_EXT_DRIVER_LOADED);
    registers.write(GPIE, GPIE_CLEAR_ON_READ);
    registers.write(IVAR, IVAR_VALID | IVAR_VALID << IVAR_SEND_SHIFT);
    registers.write(EITR, INTERRUPT_INTERVAL_US << EITR_INTERVAL_SHIFT);
    let buffers = RING_LAYOUT_ADVANCED | (BUFFER_BYTES / 1024) as u32;
    start_ring(registers, RECEIVE_RING, receive, Some(buffers))?;
    start_ring(registers, SEND_RING, send, None)?;
    registers.write(TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_THRESHOLD);
    registers.write(RCTL, RCTL_EVERY_FRAME);
    registers.write(model.offsets().mask_set, CAUSES);
    Ok(())
}

/// Starts an empty ring. Its registers are set while it is disabled, as the first ones are not after a reset; and a tail counts only
/// when it is enabled.
fn start_ring(
    registers: &impl Registers,
    ring: usize,
    address: DmaAddress,
    layout: Option<u32>,
) -> Result<(), InitError> {
    let control = ring + RING_CONTROL;
    registers.write(control, 0);
    let is_off = registers.wait_until(control, RING_CONTROL_ENABLE, 0, RING_US);
    registers.write_address(ring + RING_ADDRESS, address);
    registers.write(ring + RING_LENGTH, DESCRIPTORS_BYTES as u32);
    registers.write(ring + RING_HEAD, 0);
    if let Some(layout) = layout {
        registers.write(ring + RING_LAYOUT, layout);
    }
    let enable = RING_CONTROL_ENABLE;
    registers.write(control, RING_CONTROL_PROMPT | enable);
    let is_on = registers.wait_until(control, enable, enable, RING_US);
    registers.write(ring + RING_TAIL, 0);
    if is_off && is_on {
        Ok(())
    } else {
        Err(InitError::Rings)
    }
}
