//! Resets and starts a card, whatever state firmware or an earlier driver left it in (\[82576\] 4.5, \[I210\] 4.5, \[igc\]
//! `igc_base.c`).
//!
//! Root sets one interrupt message: that of MSI, or the first one of MSI-X. The card sends it for every cause.

use nic::ring::{BUFFER_BYTES, DESCRIPTORS_BYTES};
use nic::{DmaAddress, InitError, Registers, intel};

use crate::model::Model;
use crate::registers::*;

/// At most 20,000 interrupts per second.
const INTERRUPT_INTERVAL_US: u32 = 50;
/// The timeout for enabling or disabling a ring.
const RING_US: u64 = 10_000;

/// The initial sizes of the packet buffers of an I210 and an I225, in KiB (\[I210\] 8.3, \[igc\] `igc_tsn.c`). Frames have at
/// most 9728 bytes.
///
/// | direction | for the network | for the management controller |
/// | --- | --- | --- |
/// | receiving | 34 | 2 |
/// | sending | 20 | 4 |
const I210_BUFFERS: [(usize, u32); 3] = [
    (RECEIVE_BUFFERS, 2 << 6 | 34),
    (SEND_BUFFERS, 4 << 24 | 20),
    (SEND_BYTES_MAX, 0x98),
];

/// Silences and resets the card. Afterwards its interrupts are masked, and it neither receives nor sends.
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

/// Starts an empty ring. The ring is disabled while its registers are set, since the rings of the first queue may be enabled
/// after a reset. The tail is set last, since it counts only in an enabled ring.
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
