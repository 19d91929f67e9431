//! The reset of a card in a chipset (\[ich8lan\] `e1000_reset_hw_ich8lan`). Before it, the driver empties an I219's rings, wakes
//! the PHY, and takes the PHY from firmware. The PHY is reset too, if firmware allows that.

use core::sync::atomic::Ordering;

use nic::identity::CONFIGURATION_BYTES;
use nic::ring::DESCRIPTORS_BYTES;
use nic::{DmaMemory, InitError, Registers, intel};

use crate::model::Model;
use crate::phy;
use crate::registers::*;

/// The offset in configuration space at which an I219 reports that its rings must be emptied (\[netdev\]
/// `e1000_flush_desc_rings`).
const RINGS_STATUS: usize = 0xe5;
const RINGS_STATUS_PENDING: u8 = 1 << 0;
/// The time that emptying a ring takes.
const FLUSH_US: u64 = 250;
/// The length of a part of a frame. The card reads that part, but sends nothing.
const FLUSH_BYTES: u64 = 512;
const FLUSH_ADD_CHECKSUM: u64 = 1 << 25;
/// Thresholds that let a card fetch all receive descriptors: 31 to prefetch, 1 in memory, counted in descriptors (\[netdev\]
/// `e1000_flush_rx_ring`).
const FLUSH_THRESHOLDS: u32 = 1 << 24 | 1 << 8 | 0x1f;
const THRESHOLDS: u32 = 0x3fff;

/// Whether the rings of a card with this configuration space hold descriptors on which a reset would hang.
pub fn has_pending_rings(model: Model, configuration: &[u8; CONFIGURATION_BYTES]) -> bool {
    model.needs_empty_rings() && configuration[RINGS_STATUS] & RINGS_STATUS_PENDING != 0
}

/// Gives an I219 new, empty rings in this zeroed memory, and stops it. The old ones belong to an earlier driver, and their memory may belong
/// to another domain by now.
pub fn replace_rings(registers: &impl Registers, memory: [&DmaMemory; 2]) {
    registers.change(FEXTNVM11, 0, FEXTNVM11_NO_READS_FIX);
    registers.write(RCTL, 0);
    registers.write(TCTL, 0);
    for (ring, memory) in [RECEIVE_RING, SEND_RING].into_iter().zip(memory) {
        registers.write_address(ring + RING_ADDRESS, memory.address());
        registers.write(ring + RING_LENGTH, DESCRIPTORS_BYTES as u32);
        registers.write(ring + RING_HEAD, 0);
        registers.write(ring + RING_TAIL, 0);
    }
}

/// Empties the rings of an I219, whose send ring is in this memory: the card forgets the descriptors that it has read. It masters the bus.
pub fn empty_rings(registers: &impl Registers, send: &DmaMemory) {
    let descriptor = send.memory();
    descriptor
        .word64(0)
        .store(send.address().get(), Ordering::Relaxed);
    let frame = FLUSH_BYTES | FLUSH_ADD_CHECKSUM;
    descriptor.word64(8).store(frame, Ordering::Release);
    registers.change(TCTL, 0, TCTL_ENABLE);
    registers.write(SEND_RING + RING_TAIL, 1);
    registers.wait_us(FLUSH_US);
    registers.change(RECEIVE_RING + RING_CONTROL, THRESHOLDS, FLUSH_THRESHOLDS);
    registers.write(RCTL, RCTL_ENABLE);
    registers.wait_us(FLUSH_US);
    registers.write(RCTL, 0);
    for word in [0, 8] {
        descriptor.word64(word).store(0, Ordering::Relaxed);
    }
}

/// Resets the card, with its interrupts masked.
///
/// # Errors
/// The reason it cannot be used.
pub fn reset(registers: &impl Registers, model: Model) -> Result<(), InitError> {
    intel::silence(registers, true);
    phy::wake_by_firmware(registers, model);
    let may_reset = phy::may_reset(registers);
    phy::own(registers, |registers| {
        phy::connect(registers, model)?;
        let phy = if may_reset { CTRL_PHY_RESET } else { 0 };
        intel::restart(registers, CTRL_RESET | phy)
    })?;
    if may_reset {
        phy::await_ready(registers);
    }
    phy::own(registers, |registers| {
        phy::follow_maker(registers);
        Ok(())
    })
}

/// Sets the bits that the card needs before it can receive and send.
pub fn prepare(registers: &impl Registers, model: Model) {
    registers.change(KABGTXD, 0, KABGTXD_BIAS);
    let further = CTRL_EXT_CHIPSET | CTRL_EXT_PHY_LOW_POWER | CTRL_EXT_DRIVER_LOADED;
    registers.change(CTRL_EXT, 0, further);
    registers.change(PBECCSTS, 0, PBECCSTS_ENABLE);
    registers.change(CTRL, 0, CTRL_HANDLE_ERRORS);
    registers.change(TARC, 0, TARC_CHIPSET);
    if model == Model::I219Early {
        // Otherwise the card damages data and hangs (\[netdev\] `e1000_configure_tx`).
        registers.change(IOSFPC, 0, IOSFPC_THRESHOLD);
        registers.change(TARC, TARC_READS, TARC_TWO_READS);
    }
}
