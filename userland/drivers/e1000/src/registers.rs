//! Offsets and bits of registers that not all of Intel's cards have (\[SDM\] 13, \[82574\] 10).

use nic::intel::card::Offsets;
pub use nic::intel::registers::*;

/// Interrupt causes: read to clear.
pub const ICR: usize = 0x00c0;
/// The shortest time between interrupts, in units of 256 ns.
pub const ITR: usize = 0x00c4;
/// Interrupt mask, by bits to set.
pub const IMS: usize = 0x00d0;
/// Interrupt mask, by bits to clear.
pub const IMC: usize = 0x00d8;

/// The distance of collisions, in [`TCTL`].
pub const TCTL_DISTANCE: u32 = 0x3f << 12;
/// The gaps between frames on copper.
pub const TIPG: usize = 0x0410;
pub const TIPG_COPPER: u32 = 8 | 8 << 10 | 6 << 20;

/// The rings.
pub const RECEIVE_RING: usize = 0x2800;
pub const SEND_RING: usize = 0x3800;
/// The delay of a ring's interrupt.
pub const RING_DELAY: usize = 0x20;
/// Thresholds count descriptors, and each completed one is written back at once.
pub const RING_CONTROL_PROMPT: u32 = 1 << 24 | 1 << 16;

/// The layout of received descriptors: legacy, if it is zero.
pub const RFCTL: usize = 0x5008;

/// The end of the registers that the driver uses.
pub const REGISTERS_BYTES: usize = 0x5800;

pub const OFFSETS: Offsets = Offsets {
    receive_ring: RECEIVE_RING,
    send_ring: SEND_RING,
    causes: ICR,
    mask_set: IMS,
    mask_clear: IMC,
    status_2500: 0,
};
