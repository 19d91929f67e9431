//! Where things lie in a port's Memory. The picture is in [`super`].

use abi::PAGE_BYTES;

/// Frames that one direction holds.
pub const SLOT_COUNT: u32 = 128;

/// Frames that wait in the switch for one port's owner while its ring is full: as many if no other port's do, and if the switch
/// has the heap for it. What more there is then is lost.
pub const BUFFERED_FRAMES: usize = 2048;

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 2048;

/// Where the frame begins in its slot.
pub const FRAME_OFFSET: usize = 8;

/// The longest frame: 1500 bytes behind an Ethernet header, no checksum.
pub const FRAME_BYTES_MAX: usize = 1514;

/// The shortest frame: an Ethernet header.
pub const FRAME_BYTES_MIN: usize = 14;

/// Bytes of a direction's slots.
pub const SLOTS_BYTES: usize = SLOT_COUNT as usize * SLOT_BYTES;

/// Bytes of the header.
pub const HEADER_BYTES: usize = PAGE_BYTES as usize;

/// Bytes of a port.
pub const PORT_BYTES: usize = HEADER_BYTES + 2 * SLOTS_BYTES;

/// Pages of a port.
pub const PORT_PAGES: u64 = PORT_BYTES as u64 / PAGE_BYTES;

/// Where a direction's parts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// How many frames were ever produced, modulo 2^32.
    pub produced: usize,
    /// How many were ever consumed.
    pub consumed: usize,
    /// The slots.
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

/// What the domain wants to be woken for.
pub const DOMAIN_WISHES: usize = 256;

/// What the switch wants to be woken for.
pub const SWITCH_WISHES: usize = 320;

const _: () = {
    assert!(FRAME_OFFSET + FRAME_BYTES_MAX <= SLOT_BYTES);
    assert!(PORT_BYTES.is_multiple_of(PAGE_BYTES as usize));
    assert!(SLOT_COUNT.is_power_of_two(), "counters wrap around");
};
