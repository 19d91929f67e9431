//! Offsets and bits of registers that only some of Intel's cards have (\[SDM\] 13, \[82574\] 10).

use nic::intel::gigabit::Offsets;
pub use nic::intel::registers::*;

/// Interrupt causes. Reading the register clears them.
pub const ICR: usize = 0x00c0;
/// The shortest time between interrupts, in units of 256 ns.
pub const ITR: usize = 0x00c4;
/// Sets bits of the interrupt mask.
pub const IMS: usize = 0x00d0;
/// Clears bits of the interrupt mask.
pub const IMC: usize = 0x00d8;

/// The collision distance, in [`TCTL`].
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

/// A bit that must be set in the send ring of a card in a chipset (\[ich8lan\] `e1000_initialize_hw_bits_ich8lan`, as for other
/// bits below).
pub const RING_CONTROL_SEND_CHIPSET: u32 = 1 << 22;
/// The arbitration of the send ring.
pub const TARC: usize = 0x3840;
pub const TARC_CHIPSET: u32 = 1 << 27 | 1 << 26 | 1 << 24 | 1 << 23;
/// The number of concurrent reads of descriptors.
pub const TARC_READS: u32 = 0b11 << 28;
pub const TARC_TWO_READS: u32 = 0b10 << 28;
/// A threshold of the chipset's bus (\[netdev\] `e1000_configure_tx`).
pub const IOSFPC: usize = 0x0f28;
pub const IOSFPC_THRESHOLD: u32 = 1 << 16;

/// The layout of received descriptors: legacy, if it is zero.
pub const RFCTL: usize = 0x5008;
/// Disables the filters for NFS, which may damage descriptors.
pub const RFCTL_NO_NFS: u32 = 0b11 << 6;

/// Error correction in the packet buffer of a card in a chipset, and the bit that lets the card handle errors.
pub const PBECCSTS: usize = 0x100c;
pub const PBECCSTS_ENABLE: u32 = 1 << 16;
pub const CTRL_HANDLE_ERRORS: u32 = 1 << 19;
/// The reference of its analog part.
pub const KABGTXD: usize = 0x3004;
pub const KABGTXD_BIAS: u32 = 0b101 << 16;

/// Further device control.
pub const CTRL_EXT: usize = 0x0018;
/// The PHY has power again.
pub const CTRL_EXT_PHY_POWERED: u32 = 1 << 2;
/// The driver accesses the PHY by SMBus.
pub const CTRL_EXT_SMBUS: u32 = 1 << 11;
pub const CTRL_EXT_PHY_LOW_POWER: u32 = 1 << 20;
pub const CTRL_EXT_CHIPSET: u32 = 1 << 22;
/// Firmware leaves the card to the driver.
pub const CTRL_EXT_DRIVER_LOADED: u32 = 1 << 28;
/// The driver controls the PHY's power, by the next bit.
pub const CTRL_PHY_POWER_OVERRIDE: u32 = 1 << 16;
pub const CTRL_PHY_POWER: u32 = 1 << 17;
/// The PHY was set up by hardware after a reset.
pub const STATUS_PHY_READY: u32 = 1 << 9;

/// Shows whether firmware or the driver owns the PHY of a card in a chipset.
pub const EXTCNF_CTRL: usize = 0x0f00;
pub const EXTCNF_CTRL_OWNED: u32 = 1 << 5;
/// The state of firmware.
pub const FWSM: usize = 0x5b54;
/// The driver may reset the PHY.
pub const FWSM_PHY_RESET: u32 = 1 << 6;
/// Firmware has the PHY in ultra-low power.
pub const FWSM_LOW_POWER: u32 = 1 << 10;
pub const FWSM_VALID: u32 = 1 << 15;
/// Requests to firmware.
pub const H2ME: usize = 0x5b50;
pub const H2ME_LOW_POWER: u32 = 1 << 11;
pub const H2ME_ENFORCE: u32 = 1 << 12;

/// The settings that its EEPROM leaves to software.
pub const FEXTNVM: usize = 0x0028;
pub const FEXTNVM_BY_SOFTWARE: u32 = 1 << 27;
pub const FEXTNVM3: usize = 0x003c;
pub const FEXTNVM3_PHY_DELAY: u32 = 0b11 << 26;
pub const FEXTNVM3_PHY_DELAY_50_MS: u32 = 0b10 << 26;
pub const FEXTNVM7: usize = 0x00e4;
pub const FEXTNVM7_KEEP_SMBUS: u32 = 1 << 5;
pub const FEXTNVM11: usize = 0x5bbc;
/// Disables the workaround for concurrent reads, so that rings can be emptied.
pub const FEXTNVM11_NO_READS_FIX: u32 = 1 << 13;
/// The board maker's settings of the link.
pub const PHY_CTRL: usize = 0x0f10;
pub const PHY_CTRL_SLOW: u32 = 1 << 1;
pub const PHY_CTRL_NO_GIGABIT: u32 = 1 << 6;

/// The end of the registers that the driver uses.
pub const REGISTERS_BYTES: usize = 0x5c00;

pub const OFFSETS: Offsets = Offsets {
    receive_ring: RECEIVE_RING,
    send_ring: SEND_RING,
    causes: ICR,
    mask_set: IMS,
    mask_clear: IMC,
    status_2500: 0,
};
