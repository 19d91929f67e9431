//! The NIC's side of a split queue (virtio 1.2, 2.7): [`FakeQueue`]. It checks what a driver must do.

extern crate std;

use core::sync::atomic::{Ordering, fence};
use std::collections::BTreeSet;

use nic::DmaMemory;
use runtime::shared::SharedMemory;

use crate::queue::{
    DESCRIPTOR_BYTES, HEAD_BYTES, NO_INTERRUPT, NO_NOTIFICATION, USED_ENTRY_BYTES, WRITABLE,
};

/// A queue as the driver has set it up, and the NIC's positions in it.
#[derive(Clone, Debug, Default)]
pub struct FakeQueue {
    pub size: u16,
    pub is_enabled: bool,
    /// The addresses of the queue's parts.
    pub descriptors: u64,
    pub available: u64,
    pub used: u64,
    /// The buffers taken from the available ring so far, modulo 2^16.
    taken: u16,
    /// The buffers put into the used ring so far, modulo 2^16.
    returned: u16,
    /// The buffers that the NIC has.
    held: BTreeSet<u16>,
}

/// A buffer that the driver has lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lent {
    pub id: u16,
    pub address: u64,
    pub bytes: u32,
    /// Whether the NIC may write it, and not read it.
    pub is_writable: bool,
}

impl Lent {
    /// The address after its last byte.
    fn end(&self) -> u64 {
        self.address + u64::from(self.bytes)
    }
}

/// The memory at an address of the bus. The NIC of a test reaches only this memory.
pub fn at(memory: &DmaMemory, address: u64) -> SharedMemory<'static> {
    let offset = address.checked_sub(memory.address().get());
    let offset = offset.expect("an address before the driver's memory") as usize;
    let whole = memory.memory();
    whole.part(offset, whole.bytes() - offset)
}

impl FakeQueue {
    /// A queue of this size with its parts at these addresses, of which the NIC has used nothing.
    pub fn new(size: u16, [descriptors, available, used]: [u64; 3]) -> FakeQueue {
        FakeQueue {
            size,
            descriptors,
            available,
            used,
            ..FakeQueue::default()
        }
    }

    /// Checks what a driver must have set before it enables a queue for which the NIC offers this size (2.7 and 4.1.4.3.2).
    pub fn check(&self, most: u16) {
        assert!(self.size.is_power_of_two() && self.size <= most, "a size");
        assert!(self.descriptors.is_multiple_of(16), "descriptors");
        assert!(self.available.is_multiple_of(2), "an available ring");
        assert!(self.used.is_multiple_of(4), "a used ring");
    }

    /// The next available buffer (2.7.6). The NIC has it until it is returned.
    pub fn take(&mut self, memory: &DmaMemory) -> Option<Lent> {
        let waiting = self.waiting(memory);
        let held = self.held.len();
        assert!(
            held + usize::from(waiting) <= usize::from(self.size),
            "lent too many"
        );
        if waiting == 0 {
            return None;
        }
        let lent = self.lent(memory, 0);
        assert!(self.held.insert(lent.id), "lent {} twice", lent.id);
        self.taken = self.taken.wrapping_add(1);
        Some(lent)
    }

    /// Checks that a buffer that was taken lies in the driver's memory, and overlaps none that is available.
    pub fn check_place(&self, memory: &DmaMemory, taken: &Lent) {
        let [start, bytes] = [memory.address().get(), memory.memory().bytes() as u64];
        let is_inside = start <= taken.address && taken.end() <= start + bytes;
        assert!(is_inside, "{taken:?} is beyond the memory");
        for index in 0..self.waiting(memory) {
            let other = self.lent(memory, index);
            let is_apart = other.end() <= taken.address || taken.end() <= other.address;
            assert!(is_apart, "{taken:?} overlaps {other:?}");
        }
    }

    /// The number of available buffers.
    fn waiting(&self, memory: &DmaMemory) -> u16 {
        let head = at(memory, self.available).word32(0);
        ((head.load(Ordering::Acquire) >> 16) as u16).wrapping_sub(self.taken)
    }

    /// The available buffer with this index (2.7.6).
    fn lent(&self, memory: &DmaMemory, index: u16) -> Lent {
        let place = self.taken.wrapping_add(index) % self.size;
        let words = at(memory, self.available).word32(HEAD_BYTES + 2 * usize::from(place & !1));
        let id = (words.load(Ordering::Relaxed) >> (16 * (place & 1))) as u16;
        assert!(id < self.size, "no descriptor {id}");
        self.describe(memory, id)
    }

    /// A descriptor (2.7.5). The driver uses neither chains nor indirect descriptors.
    fn describe(&self, memory: &DmaMemory, id: u16) -> Lent {
        let table = at(memory, self.descriptors);
        let word = |word: usize| {
            let word = table.word64(usize::from(id) * DESCRIPTOR_BYTES + 8 * word);
            word.load(Ordering::Relaxed)
        };
        let (address, second) = (word(0), word(1));
        let flags = second >> 32;
        assert_eq!(flags & !WRITABLE, 0, "a chain");
        Lent {
            id,
            address,
            bytes: second as u32,
            is_writable: flags == WRITABLE,
        }
    }

    /// Puts an entry into the used ring (2.7.8), which may be a lie, and advances the index by `step`. A NIC does so by one.
    pub fn give_back(&mut self, memory: &DmaMemory, (id, bytes): (u32, u32), step: u16) {
        let ring = at(memory, self.used);
        let entry = HEAD_BYTES + usize::from(self.returned % self.size) * USED_ENTRY_BYTES;
        ring.word32(entry).store(id, Ordering::Relaxed);
        ring.word32(entry + 4).store(bytes, Ordering::Relaxed);
        self.returned = self.returned.wrapping_add(step);
        let flags = ring.word32(0).load(Ordering::Relaxed) & 0xffff;
        let head = flags | u32::from(self.returned) << 16;
        ring.word32(0).store(head, Ordering::Release);
        self.held.remove(&(id as u16));
    }

    /// Whether the driver wants an interrupt for used buffers (2.7.7). The index of an event (`used_event`) counts only with a
    /// feature that this driver does not accept.
    pub fn wants_interrupt(&self, memory: &DmaMemory) -> bool {
        fence(Ordering::SeqCst);
        let head = at(memory, self.available).word32(0);
        head.load(Ordering::Relaxed) & NO_INTERRUPT == 0
    }

    /// Asks the driver not to notify the NIC of available buffers, or to do so again (2.7.10).
    pub fn suppress_notifications(&self, memory: &DmaMemory, suppress: bool) {
        let head = at(memory, self.used).word32(0);
        if suppress {
            head.fetch_or(NO_NOTIFICATION, Ordering::SeqCst);
        } else {
            head.fetch_and(!NO_NOTIFICATION, Ordering::SeqCst);
        }
    }
}
