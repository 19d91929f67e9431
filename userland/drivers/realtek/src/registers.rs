//! Offsets and bits of registers (\[8139C+\] 5, \[8169\] 5, \[r8169\] for the 8125). A register without a width has 32 bits.

/// The card's own address: six bytes.
pub const ADDRESS: usize = 0x00;
/// The filter of multicast addresses: eight bytes, all ones for every address.
pub const MULTICAST: usize = 0x08;

/// 64 bits: the addresses of the rings.
pub const SEND_RING: usize = 0x20;
pub const RECEIVE_RING: usize = 0xe4;

/// 8 bits: command.
pub const COMMAND: usize = 0x37;
pub const COMMAND_SEND: u8 = 1 << 2;
pub const COMMAND_RECEIVE: u8 = 1 << 3;
pub const COMMAND_RESET: u8 = 1 << 4;

/// 8 bits: makes the card look for frames to send. Its offset depends on the model.
pub const POLL_8168: usize = 0x38;
pub const POLL_8139: usize = 0xd9;
pub const POLL_SEND: u8 = 1 << 6;
/// 16 bits: the same on an 8125, with another bit (\[r8169\] `rtl8169_doorbell`).
pub const POLL_8125: usize = 0x90;
pub const POLL_8125_SEND: u16 = 1 << 0;

/// 16 bits: the interrupt mask, and the causes. Writing ones clears causes.
pub const MASK: usize = 0x3c;
pub const CAUSES: usize = 0x3e;
/// 32 bits: the same on an 8125.
pub const MASK_8125: usize = 0x38;
pub const CAUSES_8125: usize = 0x3c;
pub const CAUSE_RECEIVED: u16 = 1 << 0;
pub const CAUSE_RECEIVE_ERROR: u16 = 1 << 1;
pub const CAUSE_SENT: u16 = 1 << 2;
pub const CAUSE_SEND_ERROR: u16 = 1 << 3;
pub const CAUSE_NO_BUFFER: u16 = 1 << 4;
pub const CAUSE_LINK: u16 = 1 << 5;
pub const CAUSE_OVERFLOW: u16 = 1 << 6;

/// 8 bits: on an 8125, whether each queue has a register of its own for its causes (\[r8169\] `INT_CFG0_8125`).
pub const CAUSES_LAYOUT_8125: usize = 0x34;

/// Transmit configuration.
pub const SEND_CONFIGURATION: usize = 0x40;
/// The usual gap between frames, and bursts of any length.
pub const SEND_USUAL: u32 = 0b11 << 24 | 0b111 << 8;

/// Receive configuration.
pub const RECEIVE_CONFIGURATION: usize = 0x44;
pub const RECEIVE_ALL: u32 = 1 << 0;
pub const RECEIVE_OWN: u32 = 1 << 1;
pub const RECEIVE_MULTICAST: u32 = 1 << 2;
pub const RECEIVE_BROADCAST: u32 = 1 << 3;
/// No receive threshold: a frame is copied to memory once all of it has arrived, in bursts of any length.
pub const RECEIVE_USUAL: u32 = 0b111 << 13 | 0b111 << 8;
/// Bursts of any length on an 8125, which has no receive threshold. Other bits hold the number of descriptors to fetch at once
/// (\[r8169\] `RX_FETCH_DFLT_8125`).
pub const RECEIVE_USUAL_8125: u32 = 8 << 27 | 0b111 << 8;

/// The number of received frames that an 8139 discarded for lack of space. Writing clears it.
pub const MISSED: usize = 0x4c;
pub const MISSED_BITS: u32 = 0x00ff_ffff;

/// 8 bits: the lock of configuration registers.
pub const LOCK: usize = 0x50;
pub const LOCK_OPEN: u8 = 0xc0;
pub const LOCK_CLOSED: u8 = 0;

/// 8 bits: the link of an 8139.
pub const MEDIA: usize = 0x58;
pub const MEDIA_LINK_DOWN: u8 = 1 << 2;
pub const MEDIA_10: u8 = 1 << 3;
/// 8 bits: the link of an 8168; 16 bits on an 8125.
pub const PHY: usize = 0x6c;
pub const PHY_LINK_UP: u8 = 1 << 1;
pub const PHY_10: u8 = 1 << 2;
pub const PHY_100: u8 = 1 << 3;
/// The link runs at 2.5 Gbit/s; only on an 8125 (`_2500bpsF` in Realtek's driver `r8125`).
pub const PHY_2500: u16 = 1 << 10;

/// 16 bits: the size of the largest frame to receive, not on an 8139.
pub const RECEIVE_BYTES_MAX: usize = 0xda;
/// 16 bits: the command register of the rings.
pub const RINGS: usize = 0xe0;
/// On an 8139: descriptor rings for each direction, and the PCI commands that read several words at once ("PCI multiple
/// read/write").
pub const RINGS_SEND: u16 = 1 << 0;
pub const RINGS_RECEIVE: u16 = 1 << 1;
pub const RINGS_READ_MULTIPLE: u16 = 1 << 3;
/// On all models: the checksums of received frames are checked.
pub const RINGS_CHECKSUM: u16 = 1 << 5;
/// VLAN tags are removed from received frames. On an 8125 the receive configuration decides that instead (\[r8169\]
/// `RX_VLAN_8125`).
pub const RINGS_TAG: u16 = 1 << 6;
/// 8 bits: on an 8139, the part of a frame that the card reads before it begins to send, in units of 32 bytes; on an 8168, the
/// largest frame, in units of 128 bytes.
pub const SEND_THRESHOLD: usize = 0xec;
/// Miscellaneous settings, on an 8168 from version G on and on an 8125.
pub const MISCELLANEOUS: usize = 0xf0;
/// While this bit is set, the card receives nothing.
pub const MISCELLANEOUS_RECEIVE_GATED: u32 = 1 << 19;

/// The interrupt delays of an 8125's first queues (\[r8169\] `rtl_hw_start_8125`; the 8125B has only these).
pub const DELAYS_8125: core::ops::Range<usize> = 0xa00..0xa80;
/// The distribution of received frames over an 8125's queues; 0 turns it off.
pub const SPREAD_8125: usize = 0x4500;
/// 16 bits: the number of an 8125's receive queues, minus one.
pub const QUEUES_8125: usize = 0x4800;
/// Gives access to the 16-bit registers of an 8125's internal bus (\[r8169\] `r8168_mac_ocp_write`). To read one, write its
/// address here, then read the value.
pub const INNER: usize = 0xb0;
pub const INNER_WRITE: u32 = 1 << 31;
pub const INNER_REGISTER_SHIFT: u32 = 15;
/// An internal register that selects another layout of send descriptors (\[r8169\] `rtl_hw_start_8125_common`).
pub const INNER_LAYOUT: u32 = 0xeb58;
pub const INNER_LAYOUT_NEW: u16 = 1 << 0;

/// The size of the registers.
pub const REGISTERS_BYTES: usize = 0x100;
pub const REGISTERS_BYTES_8125: usize = 0x4804;
