//! Which pages of a port's ring travel: the header, and the slots of frames that are queued.

use alloc::vec::Vec;

use abi::PAGE_BYTES;
use runtime::port::layout::{Direction, PORT_PAGES, SLOT_BYTES, SLOT_COUNT, TO_DOMAIN, TO_SWITCH};
use runtime::shared::SharedMemory;

use core::sync::atomic::Ordering;

/// The name under which root knows a port's Memory.
pub const PORT: &str = "port";

/// The pages in use of the ring in this memory, ascending.
pub fn pages_in_use(memory: SharedMemory<'_>) -> Vec<u64> {
    let mut pages = Vec::from([0]);
    for direction in [TO_DOMAIN, TO_SWITCH] {
        let counter = |offset| memory.word32(offset).load(Ordering::Acquire);
        let (produced, consumed) = (counter(direction.produced), counter(direction.consumed));
        pages.extend(queued(&direction, produced, consumed));
    }
    pages.sort_unstable();
    pages.dedup();
    pages.retain(|page| *page < PORT_PAGES);
    pages
}

/// The pages of the slots between two counters. Counters that lie name no slots.
fn queued(direction: &Direction, produced: u32, consumed: u32) -> impl Iterator<Item = u64> {
    let count = produced.wrapping_sub(consumed);
    let count = if count > SLOT_COUNT { 0 } else { count };
    let slots = direction.slots;
    (0..count).map(move |index| {
        let slot = consumed.wrapping_add(index) % SLOT_COUNT;
        (slots + slot as usize * SLOT_BYTES) as u64 / PAGE_BYTES
    })
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
    fn a_ring_that_lies_has_no_frames() {
        assert_eq!(queued(&TO_DOMAIN, 200, 0).count(), 0);
        assert_eq!(queued(&TO_DOMAIN, 0, 1).count(), 0);
    }
}
