//! The layout of descriptors (\[8139C+\] 6, \[8169\] 6). All models have it, except for the error bits.
//!
//! ```text
//! 0 size or length: 13 bits (14 on the others)   ...   28 last, first, end of ring, the card's: 4 bits
//! 4 tag: u32   8 address: u64
//! ```

use nic::ring::{BUFFER_BYTES, Words};
use nic::{Completed, DmaAddress, Layout};

/// The frame, or its part in this buffer, has this length.
pub const BYTES: u64 = 0x1fff;
/// A received frame is damaged. The lower bit is the sum of all errors on an 8139, and a frame that is too short on the others.
/// The upper bit is a frame without an end on an 8139, and the sum of all errors on the others.
pub const ERRORS: u64 = 0b11 << 20;
/// The frame ends in this buffer.
pub const LAST_PART: u64 = 1 << 28;
/// The frame begins in this buffer.
pub const FIRST_PART: u64 = 1 << 29;
/// The next descriptor is the first one of the ring.
pub const END_OF_RING: u64 = 1 << 30;
/// The card has the descriptor.
pub const OWN: u64 = 1 << 31;

/// The size of the checksum behind a received frame.
pub const CHECKSUM_BYTES: usize = 4;

/// The layout.
#[derive(Debug)]
pub struct Owned;

impl Layout for Owned {
    /// The most that an 8139 supports.
    const SIZE: u16 = 64;
    const LAST: Words = [END_OF_RING, 0];
    const MARK: usize = 0;

    fn receive(buffer: DmaAddress) -> Words {
        [OWN | BUFFER_BYTES as u64, buffer.get()]
    }

    /// A length within the buffer is reduced by the checksum. A length beyond it is kept, so that it stays an error.
    fn received([word, _]: Words) -> Option<Completed> {
        let whole = FIRST_PART | LAST_PART;
        let bytes = (word & BYTES) as usize;
        (word & OWN == 0).then_some(Completed {
            bytes: if bytes > BUFFER_BYTES {
                bytes
            } else {
                bytes.saturating_sub(CHECKSUM_BYTES)
            },
            is_intact: word & whole == whole && word & ERRORS == 0,
        })
    }

    fn send(buffer: DmaAddress, bytes: usize) -> Words {
        let command = OWN | FIRST_PART | LAST_PART;
        [command | bytes as u64, buffer.get()]
    }

    fn is_sent([word, _]: Words) -> bool {
        word & OWN == 0
    }
}
