//! Offsets and bits of the registers that all of Intel's gigabit NICs have (\[SDM\] 13).

/// Device control.
pub const CTRL: usize = 0x0000;
pub const CTRL_MASTER_DISABLE: u32 = 1 << 2;
pub const CTRL_LINK_RESET: u32 = 1 << 3;
pub const CTRL_AUTO_SPEED: u32 = 1 << 5;
pub const CTRL_SET_LINK_UP: u32 = 1 << 6;
pub const CTRL_INVERT_LOSS: u32 = 1 << 7;
pub const CTRL_FORCE_SPEED: u32 = 1 << 11;
pub const CTRL_FORCE_DUPLEX: u32 = 1 << 12;
pub const CTRL_RESET: u32 = 1 << 26;
pub const CTRL_VLAN: u32 = 1 << 30;
pub const CTRL_PHY_RESET: u32 = 1 << 31;

/// Device status.
pub const STATUS: usize = 0x0008;
pub const STATUS_LINK_UP: u32 = 1 << 1;
pub const STATUS_SPEED_SHIFT: u32 = 6;
pub const STATUS_SPEED: u32 = 0b11;
pub const STATUS_MASTER: u32 = 1 << 19;

/// EEPROM control and data.
pub const EECD: usize = 0x0010;
pub const EECD_AUTO_READ_DONE: u32 = 1 << 9;

/// Access to a register of the PHY.
pub const MDIC: usize = 0x0020;
pub const MDIC_DATA: u32 = 0xffff;
pub const MDIC_REGISTER_SHIFT: u32 = 16;
pub const MDIC_PHY_SHIFT: u32 = 21;
pub const MDIC_PHY: u32 = 0x1f;
pub const MDIC_WRITE: u32 = 0b01 << 26;
pub const MDIC_READ: u32 = 0b10 << 26;
pub const MDIC_READY: u32 = 1 << 28;
pub const MDIC_ERROR: u32 = 1 << 30;

/// The PHY's control and status (IEEE 802.3, 22.2.4).
pub const PHY_CONTROL: u32 = 0;
pub const PHY_CONTROL_RESTART: u16 = 1 << 9;
pub const PHY_CONTROL_ISOLATE: u16 = 1 << 10;
pub const PHY_CONTROL_POWER_DOWN: u16 = 1 << 11;
pub const PHY_CONTROL_NEGOTIATE: u16 = 1 << 12;
pub const PHY_STATUS: u32 = 1;
pub const PHY_STATUS_NEGOTIATED: u16 = 1 << 5;

/// Causes of an interrupt, whatever the offset of their register.
pub const CAUSE_SENT: u32 = 1 << 0;
pub const CAUSE_LINK: u32 = 1 << 2;
pub const CAUSE_RECEIVE_LOW: u32 = 1 << 4;
pub const CAUSE_OVERRUN: u32 = 1 << 6;
pub const CAUSE_RECEIVED: u32 = 1 << 7;
/// The causes for which a card interrupts; [`CAUSE_SENT`] is added while space is awaited.
pub const CAUSES: u32 = CAUSE_LINK | CAUSE_RECEIVE_LOW | CAUSE_OVERRUN | CAUSE_RECEIVED;

/// Receive control. Buffers have 2048 bytes if no other size is set.
pub const RCTL: usize = 0x0100;
pub const RCTL_ENABLE: u32 = 1 << 1;
pub const RCTL_ALL_UNICAST: u32 = 1 << 3;
pub const RCTL_ALL_MULTICAST: u32 = 1 << 4;
pub const RCTL_BROADCAST: u32 = 1 << 15;
pub const RCTL_STRIP_CHECKSUM: u32 = 1 << 26;
/// Every frame is received, without its checksum.
pub const RCTL_EVERY_FRAME: u32 =
    RCTL_ENABLE | RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST | RCTL_BROADCAST | RCTL_STRIP_CHECKSUM;

/// Transmit control.
pub const TCTL: usize = 0x0400;
pub const TCTL_ENABLE: u32 = 1 << 1;
pub const TCTL_PAD: u32 = 1 << 3;
pub const TCTL_THRESHOLD: u32 = 0x0f << 4;

/// The registers of a ring, from its base on.
pub const RING_ADDRESS: usize = 0x00;
pub const RING_LENGTH: usize = 0x08;
pub const RING_HEAD: usize = 0x10;
pub const RING_TAIL: usize = 0x18;
/// The thresholds at which a ring's descriptors are fetched and written back.
pub const RING_CONTROL: usize = 0x28;

/// The number of frames lost for lack of space. Reading the register clears it.
pub const MISSED: usize = 0x4010;

/// The card's own address.
pub const RECEIVE_ADDRESS_LOW: usize = 0x5400;
pub const RECEIVE_ADDRESS_HIGH: usize = 0x5404;
pub const RECEIVE_ADDRESS_VALID: u32 = 1 << 31;
