//! The layout of a port's Memory, drawn in [`super`].

use abi::PAGE_BYTES;

/// The number of frames that one direction holds.
pub const SLOT_COUNT: u32 = 128;

/// The number of frames that the switch queues for one port while its ring is full, if no other port has queued frames and the
/// switch's heap has room for them. Further frames are dropped.
pub const BUFFERED_FRAMES: usize = 2048;

/// The size of a slot.
pub const SLOT_BYTES: usize = 2048;

/// The offset of the frame in its slot.
pub const FRAME_OFFSET: usize = 8;

/// The longest frame: 1500 bytes after an Ethernet header, without a checksum.
pub const FRAME_BYTES_MAX: usize = 1514;

/// The shortest frame: an Ethernet header.
pub const FRAME_BYTES_MIN: usize = 14;

/// The size of the slots of one direction.
pub const SLOTS_BYTES: usize = SLOT_COUNT as usize * SLOT_BYTES;

/// The size of the header.
pub const HEADER_BYTES: usize = PAGE_BYTES as usize;

/// The size of a port.
pub const PORT_BYTES: usize = HEADER_BYTES + 2 * SLOTS_BYTES;

/// The size of a port in pages.
pub const PORT_PAGES: u64 = PORT_BYTES as u64 / PAGE_BYTES;

/// The offsets of one direction's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// The counter of produced frames, modulo 2^32.
    pub produced: usize,
    /// The counter of consumed frames, modulo 2^32.
    pub consumed: usize,
    /// The first slot.
    pub slots: usize,
}

/// From the switch to the domain.
pub const TO_DOMAIN: Direction = Direction {
    produced: 0,
    consumed: 64,
    slots: HEADER_BYTES,
};

/// From the domain to the switch.
pub const TO_SWITCH: Direction = Direction {
    produced: 128,
    consumed: 192,
    slots: HEADER_BYTES + SLOTS_BYTES,
};

/// The offset of the domain's wake flags.
pub const DOMAIN_WAKE_FLAGS: usize = 256;

/// The offset of the switch's wake flags.
pub const SWITCH_WAKE_FLAGS: usize = 320;

const _: () = {
    assert!(FRAME_OFFSET + FRAME_BYTES_MAX <= SLOT_BYTES);
    assert!(PORT_BYTES.is_multiple_of(PAGE_BYTES as usize));
    assert!(SLOT_COUNT.is_power_of_two(), "counters wrap around");
};
