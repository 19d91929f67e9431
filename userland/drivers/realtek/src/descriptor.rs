//! The layout of descriptors (\[8139C+\] 6, \[8169\] 6). All models have it, except for the error bits.
//!
//! ```text
//! 0 size or length: 13 bits (14 on the others)   ...   28 last part, first part, end of ring, owned by the card: 4 bits
//! 4 tag: u32   8 address: u64
//! ```

use nic::ring::{BUFFER_BYTES, Words};
use nic::{Completed, DmaAddress, Layout};

/// The length of the frame, or of its part in this buffer.
pub const BYTES: u64 = 0x1fff;
/// A received frame is damaged. On an 8139 the lower bit is set for any error, and the upper bit for a frame that is too long.
/// On the others the lower bit is set for a frame that is too short, and the upper bit for any error.
pub const ERRORS: u64 = 0b11 << 20;
/// The frame ends in this buffer.
pub const LAST_PART: u64 = 1 << 28;
/// The frame begins in this buffer.
pub const FIRST_PART: u64 = 1 << 29;
/// The next descriptor is the first one of the ring.
pub const END_OF_RING: u64 = 1 << 30;
/// The card owns the descriptor.
pub const OWN: u64 = 1 << 31;

/// The size of the checksum behind a received frame.
pub const CHECKSUM_BYTES: usize = 4;

/// The layout.
#[derive(Debug)]
pub struct Owned;

impl Layout for Owned {
    /// The maximum of an 8139.
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
