//! Offsets and bits of registers, and the card's commands. All registers have 32 bits.

/// The PCI identity.
pub const VENDOR: u16 = 0x15ad;
pub const DEVICE: u16 = 0x07b0;

/// The region of the rings' registers.
pub const RINGS_REGION: usize = 0;
/// The mask of the first interrupt.
pub const MASK: usize = 0x000;
pub const MASK_OPEN: u32 = 0;
/// The tails of the first rings.
pub const SEND_TAIL: usize = 0x600;
pub const RECEIVE_TAIL: usize = 0x800;
pub const RINGS_REGION_BYTES: usize = 0x1000;

/// The region of the other registers.
pub const CONTROL_REGION: usize = 1;
/// The versions of the card and of its interface, as bits. Read: the supported ones. Write: the one in use.
pub const NIC_VERSION: usize = 0x00;
pub const INTERFACE_VERSION: usize = 0x08;
pub const VERSION_1: u32 = 1 << 0;
/// The address of the shared memory, its lower half first.
pub const SHARED_LOW: usize = 0x10;
pub const SHARED_HIGH: usize = 0x18;
/// Write: a command. Read: its result.
pub const COMMAND: usize = 0x20;
pub const COMMAND_ACTIVATE: u32 = 0xcafe_0000;
pub const COMMAND_QUIESCE: u32 = 0xcafe_0001;
pub const COMMAND_RESET: u32 = 0xcafe_0002;
pub const COMMAND_LINK: u32 = 0xf00d_0002;
pub const COMMAND_ADDRESS_LOW: u32 = 0xf00d_0003;
pub const COMMAND_ADDRESS_HIGH: u32 = 0xf00d_0004;
/// The result of [`COMMAND_LINK`]: whether it is up, and its speed in Mb/s.
pub const LINK_UP: u32 = 1 << 0;
pub const LINK_SPEED_SHIFT: u32 = 16;
/// Writing ones clears events in the shared memory.
pub const EVENTS: usize = 0x40;
pub const CONTROL_REGION_BYTES: usize = 0x1000;
