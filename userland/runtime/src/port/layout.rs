//! The layout of a port's Memory, drawn in [`super`]: [`Layout`], and the numbers of the standard one.

use core::sync::atomic::Ordering;

use abi::PAGE_BYTES;

use crate::protocol::Mtu;
use crate::shared::SharedMemory;

/// The number of frames that the switch queues for one port while its ring is full, if no other port has queued frames and the
/// switch's heap has room for them. Further frames are dropped.
pub const BUFFERED_FRAMES: usize = 2048;

/// The offset of the frame in its slot.
pub const FRAME_OFFSET: usize = 8;

/// The shortest frame: an Ethernet header.
pub const FRAME_BYTES_MIN: usize = 14;

/// The longest frame of any port.
pub const FRAME_BYTES_LIMIT: usize = Layout::of(Mtu::MAX).frame_bytes_max();

/// The size of the header.
pub const HEADER_BYTES: usize = PAGE_BYTES as usize;

/// The number of slots of the standard layout.
pub const SLOT_COUNT: u32 = Layout::STANDARD.slot_count;

/// The size of a slot in the standard layout.
pub const SLOT_BYTES: usize = Layout::STANDARD.slot_bytes;

/// The longest frame of the standard layout: 1500 bytes after an Ethernet header, without a checksum.
pub const FRAME_BYTES_MAX: usize = Layout::STANDARD.frame_bytes_max();

/// The size of a port in the standard layout.
pub const PORT_BYTES: usize = Layout::STANDARD.bytes();

/// The size of a port in the standard layout, in pages.
pub const PORT_PAGES: u64 = Layout::STANDARD.pages();

/// From the switch to the domain, in the standard layout.
pub const TO_DOMAIN: Direction = Layout::STANDARD.to_domain();

/// From the domain to the switch, in the standard layout.
pub const TO_SWITCH: Direction = Layout::STANDARD.to_switch();

/// The offset of the domain's wake flags.
pub const DOMAIN_WAKE_FLAGS: usize = 256;

/// The offset of the switch's wake flags.
pub const SWITCH_WAKE_FLAGS: usize = 320;

/// The offsets of the layout's numbers.
const SLOT_COUNT_OFFSET: usize = 384;
const SLOT_BYTES_OFFSET: usize = 388;
const MTU_OFFSET: usize = 392;

/// The limits of one direction: the number of its slots, and their total size.
const SLOT_COUNT_MAX: u32 = 128;
const SLOTS_BYTES_MAX: usize = 2 << 20;
/// The size of a slot is a multiple of this.
const SLOT_STEP_BYTES: usize = 1024;
/// The bytes of a slot that are not for the frame. In a ring, the first [`FRAME_OFFSET`] of them precede the frame. A driver's
/// buffer is as large as a slot, and has a header before the frame in these bytes.
pub const SLOT_SPARE_BYTES: usize = 24;

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

/// The sizes of a port's parts, valid and consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    mtu: Mtu,
    slot_count: u32,
    slot_bytes: usize,
}

impl Layout {
    /// The layout of ports with the standard MTU. Every domain that may move has such a port.
    pub const STANDARD: Layout = Layout::of(Mtu::STANDARD);

    /// The layout that root gives a port with this MTU.
    pub const fn of(mtu: Mtu) -> Layout {
        let bytes = SLOT_SPARE_BYTES + FRAME_BYTES_MIN + mtu.bytes();
        let slot_bytes = bytes.next_multiple_of(SLOT_STEP_BYTES);
        let fitting = 1 << (SLOTS_BYTES_MAX / slot_bytes).ilog2();
        Layout {
            mtu,
            slot_count: if fitting < SLOT_COUNT_MAX {
                fitting
            } else {
                SLOT_COUNT_MAX
            },
            slot_bytes,
        }
    }

    /// Reads a header's numbers, which either side can have written; `None` if they are invalid or too large for the memory. A
    /// header of zeros, as in a new Memory, states the standard layout.
    pub fn read(memory: SharedMemory<'_>) -> Option<Layout> {
        if memory.bytes() < HEADER_BYTES {
            return None;
        }
        let load = |offset| memory.word32(offset).load(Ordering::Relaxed);
        let numbers = [SLOT_COUNT_OFFSET, SLOT_BYTES_OFFSET, MTU_OFFSET].map(load);
        let layout = match numbers {
            [0, 0, 0] => Layout::STANDARD,
            [slot_count, slot_bytes, mtu] => Layout {
                mtu: Mtu::try_from(mtu).ok()?,
                slot_count,
                slot_bytes: slot_bytes as usize,
            },
        };
        (layout.is_consistent() && layout.bytes() <= memory.bytes()).then_some(layout)
    }

    fn is_consistent(&self) -> bool {
        self.slot_count.is_power_of_two()
            && self.slot_count <= SLOT_COUNT_MAX
            && self.slot_bytes.is_multiple_of(8)
            && FRAME_OFFSET + self.frame_bytes_max() <= self.slot_bytes
    }

    /// Writes the numbers into the header of a port that is not in use yet.
    pub fn write(&self, memory: SharedMemory<'_>) {
        let store = |offset, number| memory.word32(offset).store(number, Ordering::Relaxed);
        store(SLOT_COUNT_OFFSET, self.slot_count);
        store(SLOT_BYTES_OFFSET, self.slot_bytes as u32);
        store(MTU_OFFSET, self.mtu.into());
    }

    /// The MTU.
    pub const fn mtu(&self) -> Mtu {
        self.mtu
    }

    /// The number of frames that one direction holds.
    pub const fn slot_count(&self) -> u32 {
        self.slot_count
    }

    /// The size of a slot.
    pub const fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// The longest frame.
    pub const fn frame_bytes_max(&self) -> usize {
        FRAME_BYTES_MIN + self.mtu.bytes()
    }

    /// The size of the slots of one direction.
    pub const fn slots_bytes(&self) -> usize {
        self.slot_count as usize * self.slot_bytes
    }

    /// The size of the port.
    pub const fn bytes(&self) -> usize {
        HEADER_BYTES + 2 * self.slots_bytes()
    }

    /// The size of the port in pages.
    pub const fn pages(&self) -> u64 {
        (self.bytes() as u64).div_ceil(PAGE_BYTES)
    }

    /// From the switch to the domain.
    pub(super) const fn to_domain(self) -> Direction {
        Direction {
            produced: 0,
            consumed: 64,
            slots: HEADER_BYTES,
        }
    }

    /// From the domain to the switch.
    pub(super) const fn to_switch(self) -> Direction {
        Direction {
            produced: 128,
            consumed: 192,
            slots: HEADER_BYTES + self.slots_bytes(),
        }
    }
}

const _: () = {
    assert!(
        SLOT_BYTES == 2048 && SLOT_COUNT == 128,
        "domains move with it"
    );
    assert!(PORT_BYTES.is_multiple_of(PAGE_BYTES as usize));
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shared_memory;

    fn layout(mtu: u32) -> Layout {
        Layout::of(Mtu::try_from(mtu).unwrap())
    }

    /// A header with these numbers, in memory of this size.
    fn read(numbers: [u32; 3], bytes: usize) -> Option<Layout> {
        let memory = shared_memory(bytes);
        let offsets = [SLOT_COUNT_OFFSET, SLOT_BYTES_OFFSET, MTU_OFFSET];
        for (offset, number) in offsets.into_iter().zip(numbers) {
            memory.word32(offset).store(number, Ordering::Relaxed);
        }
        Layout::read(memory)
    }

    #[test]
    fn a_larger_mtu_has_larger_slots_and_at_some_point_fewer() {
        let sizes = |mtu| (layout(mtu).slot_count, layout(mtu).slot_bytes);
        assert_eq!(sizes(1500), (128, 2048));
        assert_eq!(sizes(9000), (128, 9216));
        assert_eq!(sizes(65_000), (32, 65_536));
        for mtu in 1500..=65_000 {
            let layout = layout(mtu);
            assert!(layout.is_consistent() && layout.bytes() <= HEADER_BYTES + (4 << 20));
            assert!(layout.bytes().is_multiple_of(PAGE_BYTES as usize));
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for layout in [layout(1500), layout(9000), layout(65_000)] {
            let memory = shared_memory(layout.bytes());
            layout.write(memory);
            assert_eq!(Layout::read(memory), Some(layout));
            let small = shared_memory(layout.bytes() - 8);
            layout.write(small);
            assert_eq!(Layout::read(small), None);
        }
        assert_eq!(
            Layout::read(shared_memory(PORT_BYTES)),
            Some(Layout::STANDARD)
        );
        assert_eq!(Layout::read(shared_memory(HEADER_BYTES - 8)), None);
    }

    #[test]
    fn invalid_headers_are_rejected() {
        let bytes = layout(9000).bytes();
        assert_eq!(read([128, 9216, 9000], bytes), Some(layout(9000)));
        for numbers in [
            [0, 9216, 9000],
            [127, 9216, 9000],
            [256, 2048, 1500],
            [1 << 31, 9216, 9000],
            [u32::MAX, 9216, 9000],
            [128, 0, 9000],
            [128, 9016, 9000],
            [128, 9217, 9000],
            [128, 10_240, 9000],
            [128, !7, 9000],
            [128, 9216, 0],
            [128, 9216, 1499],
            [1, 65_536, 65_001],
            [128, 9216, u32::MAX],
            [0, 0, 9000],
            [128, 0, 0],
        ] {
            assert_eq!(read(numbers, bytes), None, "{numbers:?}");
        }
    }
}
