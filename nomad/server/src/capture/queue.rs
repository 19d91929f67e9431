//! The pages of a port's ring that move: the header, the slots of queued frames, and the slot that the domain writes next.
//!
//! The domain may be frozen while it queues a frame. It has then written the slot, and counts the frame as soon as it
//! runs again.

use alloc::vec::Vec;

use abi::PAGE_BYTES;
use runtime::port::layout::{
    Direction, HEADER_BYTES, PORT_PAGES, SLOT_BYTES, SLOT_COUNT, TO_DOMAIN, TO_SWITCH,
};

/// Root's name of a port's Memory.
pub const PORT: &str = "port";

/// The pages in use of the ring with this header, ascending.
pub fn pages_in_use(header: &[u8; HEADER_BYTES]) -> Vec<u64> {
    let mut pages = Vec::from([0]);
    for direction in [TO_DOMAIN, TO_SWITCH] {
        let counter = |offset| header[offset..].first_chunk().map_or(0, to_u32);
        let (produced, consumed) = (counter(direction.produced), counter(direction.consumed));
        pages.extend(queued(&direction, produced, consumed));
        if direction == TO_SWITCH {
            pages.push(page_of(&direction, produced));
        }
    }
    pages.sort_unstable();
    pages.dedup();
    pages.retain(|page| *page < PORT_PAGES);
    pages
}

fn to_u32(bytes: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*bytes)
}

/// The pages of the slots between two counters. There are none if the counters are invalid.
fn queued(direction: &Direction, produced: u32, consumed: u32) -> impl Iterator<Item = u64> {
    let count = produced.wrapping_sub(consumed);
    let count = if count > SLOT_COUNT { 0 } else { count };
    (0..count).map(move |index| page_of(direction, consumed.wrapping_add(index)))
}

/// The page of the slot of the frame with this number.
fn page_of(direction: &Direction, number: u32) -> u64 {
    let slot = (number % SLOT_COUNT) as usize;
    (direction.slots + slot * SLOT_BYTES) as u64 / PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slots_share_a_page_and_the_ring_wraps() {
        let pages: Vec<u64> = queued(&TO_DOMAIN, 130, 126).collect();
        assert_eq!(pages, [64, 64, 1, 1]);
        assert_eq!(queued(&TO_SWITCH, 1, 0).collect::<Vec<_>>(), [65]);
        let around: Vec<u64> = queued(&TO_DOMAIN, 1, u32::MAX).collect();
        assert_eq!(around, [64, 1]);
    }

    #[test]
    fn a_header_names_the_pages_in_use() {
        let mut header = [0; HEADER_BYTES];
        header[TO_DOMAIN.produced] = 3;
        header[TO_SWITCH.produced] = 6;
        header[TO_SWITCH.consumed] = 4;
        assert_eq!(pages_in_use(&header), [0, 1, 2, 67, 68]);
    }

    /// The domain was stopped between its two steps: it has written the frame, but has not counted it yet.
    #[test]
    fn a_frame_that_a_domain_is_about_to_count_moves_along() {
        let mut header = [0; HEADER_BYTES];
        assert_eq!(pages_in_use(&header), [0, 65]);
        header[TO_SWITCH.produced] = 127;
        header[TO_SWITCH.consumed] = 127;
        assert_eq!(pages_in_use(&header), [0, 128]);
    }

    #[test]
    fn a_ring_with_invalid_counters_has_no_frames() {
        assert_eq!(queued(&TO_DOMAIN, 200, 0).count(), 0);
        assert_eq!(queued(&TO_DOMAIN, 0, 1).count(), 0);
    }
}
