//! A split queue in memory that the NIC reads and writes (virtio 1.2, 2.7).
//!
//! ```text
//! 0                 descriptors: N times { address: u64, bytes: u32, flags: u16, next: u16 }
//! 2048              available:   flags: u16, index: u16, N times u16           (the driver writes)
//! next page         used:        flags: u16, index: u16, N times { id: u32, bytes: u32 }   (the NIC writes)
//! ```
//!
//! Descriptor `i` always describes buffer `i`, and a buffer has one descriptor, so no list of free descriptors is
//! needed. The NIC is trusted with access to memory, but every value from it is checked.
//!
//! It is written by hand, since the calls of the crate `virtio-drivers` that lend a buffer to the NIC are unsafe: see
//! `docs/decisions/0008-where-crates-did-not-fit.md`.

use core::sync::atomic::{Ordering, fence};

use nic::{DmaAddress, DmaMemory};
use runtime::shared::SharedMemory;

/// The maximum number of buffers in a queue. A queue has fewer, a power of two, if the NIC does not support that many.
pub const QUEUE_SIZE_MAX: u16 = 128;

pub const DESCRIPTOR_BYTES: usize = 16;
const AVAILABLE: usize = DESCRIPTOR_BYTES * QUEUE_SIZE_MAX as usize;
const USED: usize = 4096;
/// The flags and the index before the entries of either ring.
pub const HEAD_BYTES: usize = 4;
pub const USED_ENTRY_BYTES: usize = 8;

/// The size of a queue in bytes.
pub const QUEUE_BYTES: usize = 8192;

const _: () = {
    assert!(AVAILABLE + HEAD_BYTES + 2 * QUEUE_SIZE_MAX as usize <= USED);
    assert!(USED + HEAD_BYTES + USED_ENTRY_BYTES * QUEUE_SIZE_MAX as usize <= QUEUE_BYTES);
    assert!(QUEUE_SIZE_MAX.is_power_of_two(), "indices wrap around");
};

/// The flag of a descriptor whose buffer the NIC writes (2.7.5).
pub const WRITABLE: u64 = 1 << 1;
/// The driver's flag that it wants no interrupt for used buffers (2.7.7).
pub const NO_INTERRUPT: u32 = 1;
/// The NIC's flag that it wants no notification of available buffers (2.7.10).
pub const NO_NOTIFICATION: u32 = 1;

/// The index of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer(pub u16);

/// The NIC's access to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The NIC reads it.
    Send,
    /// The NIC writes it.
    Receive,
}

/// A split queue.
#[derive(Debug)]
pub struct Queue {
    memory: SharedMemory<'static>,
    addresses: Addresses,
    size: u16,
    /// The number of buffers offered so far, modulo 2^16.
    offered: u16,
    /// The number of buffers published to the NIC, modulo 2^16.
    published: u16,
    /// The number of buffers taken back, modulo 2^16.
    taken: u16,
    flags: u32,
    /// Whether each buffer is lent to the NIC.
    lent: [bool; QUEUE_SIZE_MAX as usize],
}

/// The addresses of a queue's parts.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub descriptors: DmaAddress,
    pub available: DmaAddress,
    pub used: DmaAddress,
}

/// The used ring contains a buffer that was not lent to the NIC, or more buffers than were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedRingError;

impl Queue {
    /// Creates an empty queue of this size, a power of two up to [`QUEUE_SIZE_MAX`], in zeroed memory.
    pub fn new(memory: DmaMemory, size: u16) -> Queue {
        Queue {
            memory: memory.part(0, QUEUE_BYTES).memory(),
            addresses: Addresses {
                descriptors: memory.address(),
                available: memory.part(AVAILABLE, USED - AVAILABLE).address(),
                used: memory.part(USED, QUEUE_BYTES - USED).address(),
            },
            size,
            offered: 0,
            published: 0,
            taken: 0,
            flags: 0,
            lent: [false; QUEUE_SIZE_MAX as usize],
        }
    }

    /// The maximum number of buffers.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The addresses of its parts, for the NIC.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Lends a buffer to the NIC, which sees it after [`Queue::publish`].
    pub fn offer(&mut self, buffer: Buffer, address: DmaAddress, bytes: u32, purpose: Purpose) {
        let Buffer(index) = buffer;
        let flags = match purpose {
            Purpose::Send => 0,
            Purpose::Receive => WRITABLE,
        };
        let at = usize::from(index) * DESCRIPTOR_BYTES;
        let store = |at, word| self.memory.word64(at).store(word, Ordering::Relaxed);
        store(at, address.get());
        store(at + 8, u64::from(bytes) | flags << 32);
        self.write_available(self.offered % self.size, index);
        self.lent[usize::from(index)] = true;
        self.offered = self.offered.wrapping_add(1);
    }

    /// Publishes the offered buffers; returns whether the NIC must be notified.
    #[must_use]
    pub fn publish(&mut self) -> bool {
        if self.published == self.offered {
            return false;
        }
        self.published = self.offered;
        self.write_head();
        // Either the NIC sees the new index, or the driver sees its request for a notification.
        fence(Ordering::SeqCst);
        let used = self.memory.word32(USED).load(Ordering::Relaxed);
        used & NO_NOTIFICATION == 0
    }

    /// Whether the NIC has used a buffer that is not taken back yet.
    pub fn has_used(&self) -> bool {
        self.used_index() != self.taken
    }

    /// Takes back the next used buffer, and returns the number of bytes that the NIC wrote.
    ///
    /// # Errors
    /// [`UsedRingError`] if that buffer is not lent to the NIC, or if the NIC has used more buffers than it has.
    pub fn take(&mut self) -> Result<Option<(Buffer, u32)>, UsedRingError> {
        let used = self.used_index().wrapping_sub(self.taken);
        if used == 0 {
            return Ok(None);
        }
        // Beyond them are entries of an earlier round, whose buffers may be lent again.
        if used > self.published.wrapping_sub(self.taken) {
            return Err(UsedRingError);
        }
        let entry = usize::from(self.taken % self.size) * USED_ENTRY_BYTES;
        let at = USED + HEAD_BYTES + entry;
        let load = |at| self.memory.word32(at).load(Ordering::Relaxed);
        let (id, bytes) = (load(at), load(at + 4));
        let lent = self.lent.get_mut(id as usize).ok_or(UsedRingError)?;
        if !core::mem::take(lent) {
            return Err(UsedRingError);
        }
        self.taken = self.taken.wrapping_add(1);
        Ok(Some((Buffer(id as u16), bytes)))
    }

    /// Enables or disables interrupts for used buffers. After enabling them, check for used buffers once more.
    pub fn set_interrupts(&mut self, wanted: bool) {
        let flags = if wanted { 0 } else { NO_INTERRUPT };
        if self.flags != flags {
            self.flags = flags;
            self.write_head();
            fence(Ordering::SeqCst);
        }
    }

    fn used_index(&self) -> u16 {
        (self.memory.word32(USED).load(Ordering::Acquire) >> 16) as u16
    }

    fn write_head(&self) {
        let head = self.flags | u32::from(self.published) << 16;
        self.memory.word32(AVAILABLE).store(head, Ordering::Release);
    }

    /// Writes one half of a word that only the driver writes.
    fn write_available(&self, place: u16, index: u16) {
        let at = AVAILABLE + HEAD_BYTES + usize::from(place & !1) * 2;
        let shift = 16 * (place & 1);
        let word = self.memory.word32(at);
        let before = word.load(Ordering::Relaxed) & !(0xffff << shift);
        word.store(before | u32::from(index) << shift, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
