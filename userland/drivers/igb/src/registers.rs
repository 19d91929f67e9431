//! Offsets and bits of registers that only some of Intel's cards have (\[82576\] 8, \[I210\] 8, \[igc\] `igc_regs.h` and
//! `igc_defines.h`).

use nic::intel::gigabit::Offsets;
pub use nic::intel::registers::*;

/// Further device control.
pub const CTRL_EXT: usize = 0x0018;
/// Firmware leaves the card to the driver.
pub const CTRL_EXT_DRIVER_LOADED: u32 = 1 << 28;

/// Interrupt causes. Reading the register clears them. This register and the next three have two offsets on a gigabit card.
/// The driver uses the alias, the only one that QEMU's card has. An I225 has only the other offset.
pub const ICR: usize = 0x00c0;
/// Sets bits of the interrupt mask.
pub const IMS: usize = 0x00d0;
/// Clears bits of the interrupt mask.
pub const IMC: usize = 0x00d8;
/// The bits of the mask to clear when the causes are read.
pub const IAM: usize = 0x00e0;
pub const I225_ICR: usize = 0x1500;
pub const I225_IMS: usize = 0x1508;
pub const I225_IMC: usize = 0x150c;
pub const I225_IAM: usize = 0x1510;
/// The mode of interrupt messages: one message for all causes, unless several vectors are set.
pub const GPIE: usize = 0x1514;
/// Reading the causes always clears them.
pub const GPIE_CLEAR_ON_READ: u32 = 1 << 0;
/// For causes per vector: clears bits of the mask, selects causes that clear themselves, selects causes that mask themselves. A
/// reset by register keeps them.
pub const EIMC: usize = 0x1528;
pub const EIAC: usize = 0x152c;
pub const EIAM: usize = 0x1530;
/// The shortest time between interrupts, in microseconds.
pub const EITR: usize = 0x1680;
pub const EITR_INTERVAL_SHIFT: u32 = 2;
/// The vectors of the first queue: for receiving in the lowest byte, for sending in the next one.
pub const IVAR: usize = 0x1700;
pub const IVAR_VALID: u32 = 1 << 7;
pub const IVAR_SEND_SHIFT: u32 = 8;

/// The sizes of packet buffers in KiB, and the largest frame to send in units of 64 bytes. A reset by register keeps them.
pub const RECEIVE_BUFFERS: usize = 0x2404;
pub const SEND_BUFFERS: usize = 0x3404;
pub const SEND_BYTES_MAX: usize = 0x355c;

/// The rings of the first queue.
pub const RECEIVE_RING: usize = 0xc000;
pub const SEND_RING: usize = 0xe000;
/// A receive ring's layout of descriptors, and the size of their buffers in KiB.
pub const RING_LAYOUT: usize = 0x0c;
pub const RING_LAYOUT_ADVANCED: u32 = 1 << 25;
/// Thresholds: the next descriptors are fetched early, and each completed one is written back at once.
pub const RING_CONTROL_PROMPT: u32 = 1 << 16 | 8 << 8 | 8;
pub const RING_CONTROL_ENABLE: u32 = 1 << 25;

/// The end of the registers that the driver uses.
pub const REGISTERS_BYTES: usize = 0xe040;

/// The link of an I225 has 2500 Mb/s, if the other bits of the status show 1000 Mb/s.
pub const I225_STATUS_2500: u32 = 1 << 22;

pub const OFFSETS: Offsets = Offsets {
    receive_ring: RECEIVE_RING,
    send_ring: SEND_RING,
    causes: ICR,
    mask_set: IMS,
    mask_clear: IMC,
    status_2500: 0,
};

pub const I225_OFFSETS: Offsets = Offsets {
    causes: I225_ICR,
    mask_set: I225_IMS,
    mask_clear: I225_IMC,
    status_2500: I225_STATUS_2500,
    ..OFFSETS
};
