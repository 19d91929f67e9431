//! Rings of descriptors in memory that the driver and the card share.
//!
//! ```text
//! descriptors: up to 128, 16 bytes each      buffers: one per descriptor, 2 KiB each; descriptor i describes buffer i
//!
//!          oldest            next = tail register
//!   ... free | lent ... lent | free ...            the card completes the oldest first, and marks its descriptor
//! ```
//!
//! One descriptor always stays free, since a card cannot distinguish a full ring from an empty one. The card's [`Layout`]
//! gives the meaning of a descriptor's words. The driver never reads the card's own position: it checks whether the oldest
//! lent descriptor is completed.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use runtime::port::{FRAME_BYTES_MAX, Frame};
use runtime::shared::SharedMemory;

use crate::dma::{DmaAddress, DmaMemory};
use crate::nic::{NicFault, Received};

/// The number of descriptors of a ring, unless the card supports fewer.
pub const RING_SIZE: u16 = 128;
/// The size of a buffer.
pub const BUFFER_BYTES: usize = 2048;

const DESCRIPTOR_BYTES: usize = 16;
/// The size of a ring's descriptors.
pub const DESCRIPTORS_BYTES: usize = DESCRIPTOR_BYTES * RING_SIZE as usize;
/// The size of a ring with its buffers.
pub const RING_BYTES: usize = DESCRIPTORS_BYTES + BUFFER_BYTES * RING_SIZE as usize;

/// The shortest frame on the wire, without its checksum. The driver pads shorter ones with zeros, since many cards do not pad,
/// or pad with bytes of an older frame.
const SENT_BYTES_MIN: usize = 60;

const _: () = {
    assert!(FRAME_BYTES_MAX + 8 <= BUFFER_BYTES);
    assert!(DESCRIPTORS_BYTES.is_multiple_of(128), "as cards require");
};

/// The two words of a descriptor.
pub type Words = [u64; 2];

/// The layout of a card's descriptors.
pub trait Layout {
    /// The number of descriptors of a ring.
    const SIZE: u16 = RING_SIZE;
    /// The bits that mark the last descriptor of a ring, for a card without a register for the ring's size.
    const LAST: Words = [0, 0];
    /// The index of the word that shows whether the card or the driver has the descriptor. It is written last, and read first.
    const MARK: usize;

    /// A descriptor that lends the card a buffer to fill.
    fn receive(buffer: DmaAddress) -> Words;
    /// The meaning of a descriptor that was lent for receiving; `None` while the card has it.
    fn received(words: Words) -> Option<Completed>;
    /// A descriptor that makes the card send a whole frame.
    fn send(buffer: DmaAddress, bytes: usize) -> Words;
    /// Whether the card has sent the frame of this descriptor.
    fn is_sent(words: Words) -> bool;
}

/// A descriptor of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The length that the card reports.
    pub bytes: usize,
    /// Whether it is one whole frame without errors.
    pub is_intact: bool,
}

/// Descriptors, their buffers, and which of them the card has.
#[derive(Debug)]
struct Descriptors<L> {
    memory: DmaMemory,
    buffers: DmaMemory,
    layout: PhantomData<L>,
    /// The first descriptor that the card has, if it has any.
    oldest: u16,
    /// The first descriptor after those: the tail.
    next: u16,
    published: u16,
}

impl<L: Layout> Descriptors<L> {
    /// All free, in zeroed memory of [`RING_BYTES`].
    fn new(memory: DmaMemory) -> Descriptors<L> {
        const { assert!(L::SIZE <= RING_SIZE) };
        Descriptors {
            layout: PhantomData,
            memory: memory.part(0, DESCRIPTORS_BYTES),
            buffers: memory.part(DESCRIPTORS_BYTES, RING_BYTES - DESCRIPTORS_BYTES),
            oldest: 0,
            next: 0,
            published: 0,
        }
    }

    fn buffer(&self, index: u16) -> DmaMemory {
        let offset = usize::from(index) * BUFFER_BYTES;
        self.buffers.part(offset, BUFFER_BYTES)
    }

    /// A word of a descriptor.
    fn word(&self, index: u16, word: usize) -> &'static AtomicU64 {
        let at = usize::from(index) * DESCRIPTOR_BYTES;
        self.memory.memory().word64(at + 8 * word)
    }

    /// The words of the oldest descriptor that the card has. The buffer is read after them.
    fn oldest(&self) -> Option<Words> {
        let load = |word| self.word(self.oldest, word).load(Ordering::Acquire);
        (self.oldest != self.next).then(|| {
            let mark = load(L::MARK);
            let other = load(1 - L::MARK);
            if L::MARK == 0 {
                [mark, other]
            } else {
                [other, mark]
            }
        })
    }

    fn free_oldest(&mut self) {
        self.oldest = Self::after(self.oldest);
    }

    fn has_free(&self) -> bool {
        Self::after(self.next) != self.oldest
    }

    /// Lends the next descriptor, with these words. There must be a free one.
    fn lend(&mut self, words: Words) {
        let is_last = self.next + 1 == L::SIZE;
        let last = if is_last { L::LAST } else { [0, 0] };
        for word in [1 - L::MARK, L::MARK] {
            let value = words[word] | last[word];
            self.word(self.next, word).store(value, Ordering::Release);
        }
        self.next = Self::after(self.next);
    }

    fn after(index: u16) -> u16 {
        (index + 1) % L::SIZE
    }

    /// The new tail, if descriptors were lent since the last call.
    fn publish(&mut self) -> Option<u16> {
        if self.published == self.next {
            return None;
        }
        self.published = self.next;
        // The card must see the new descriptors before it sees the new tail.
        fence(Ordering::SeqCst);
        Some(self.next)
    }
}

/// Copies a frame to a buffer, padded with zeros if it is short, and returns the length for the card.
pub fn copy_padded(frame: &Frame<'_>, buffer: DmaMemory) -> usize {
    frame.copy_to_shared(buffer.memory());
    let bytes = frame.length().max(SENT_BYTES_MIN);
    let fill = [0; SENT_BYTES_MIN];
    buffer
        .memory()
        .write(frame.length(), &fill[..bytes - frame.length()]);
    bytes
}

/// A ring of buffers that the card fills.
#[derive(Debug)]
pub struct ReceiveRing<L> {
    descriptors: Descriptors<L>,
}

impl<L: Layout> ReceiveRing<L> {
    /// A ring in zeroed memory of [`RING_BYTES`]. All of its buffers but one are lent; the card may use them after
    /// [`ReceiveRing::publish`].
    pub fn new(memory: DmaMemory) -> ReceiveRing<L> {
        let mut ring = ReceiveRing {
            descriptors: Descriptors::new(memory),
        };
        while ring.descriptors.has_free() {
            ring.lend();
        }
        ring
    }

    /// The address of the descriptors.
    pub fn address(&self) -> DmaAddress {
        self.descriptors.memory.address()
    }

    /// Whether a frame was received.
    pub fn has_frame(&self) -> bool {
        self.completed().is_some()
    }

    /// Copies the next received frame, and lends its buffer again. `into` has room for [`FRAME_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`NicFault`] if the card reports that it wrote beyond the buffer.
    pub fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        let Some(Completed { bytes, is_intact }) = self.completed() else {
            return Ok(None);
        };
        if bytes > BUFFER_BYTES {
            return Err(NicFault("received a frame larger than its buffer"));
        }
        let received = match Received::of_length(bytes, FRAME_BYTES_MAX) {
            Received::Frame(_) if !is_intact => Received::Invalid,
            received => received,
        };
        if let Received::Frame(bytes) = received {
            let buffer = self.descriptors.buffer(self.descriptors.oldest);
            into.copy_from(buffer.memory(), bytes);
        }
        self.descriptors.free_oldest();
        self.lend();
        Ok(Some(received))
    }

    /// The new tail, if buffers were lent since the last call.
    #[must_use]
    pub fn publish(&mut self) -> Option<u16> {
        self.descriptors.publish()
    }

    fn completed(&self) -> Option<Completed> {
        self.descriptors.oldest().and_then(L::received)
    }

    fn lend(&mut self) {
        let buffer = self.descriptors.buffer(self.descriptors.next);
        self.descriptors.lend(L::receive(buffer.address()));
    }
}

/// A ring of frames for the card to send.
#[derive(Debug)]
pub struct SendRing<L> {
    descriptors: Descriptors<L>,
}

impl<L: Layout> SendRing<L> {
    /// An empty ring in zeroed memory of [`RING_BYTES`].
    pub fn new(memory: DmaMemory) -> SendRing<L> {
        SendRing {
            descriptors: Descriptors::new(memory),
        }
    }

    /// The address of the descriptors.
    pub fn address(&self) -> DmaAddress {
        self.descriptors.memory.address()
    }

    /// Frees the descriptors of sent frames; returns whether there is space for another frame.
    pub fn has_space(&mut self) -> bool {
        while self.descriptors.oldest().is_some_and(L::is_sent) {
            self.descriptors.free_oldest();
        }
        self.descriptors.has_free()
    }

    /// Whether the card has sent all frames.
    pub fn is_empty(&mut self) -> bool {
        self.has_space();
        self.descriptors.oldest == self.descriptors.next
    }

    /// Queues a frame of at most [`FRAME_BYTES_MAX`] bytes, if there is space for it. The card sends it after
    /// [`SendRing::publish`].
    pub fn send(&mut self, frame: &Frame<'_>) {
        if !self.descriptors.has_free() {
            return;
        }
        let buffer = self.descriptors.buffer(self.descriptors.next);
        let bytes = copy_padded(frame, buffer);
        self.descriptors.lend(L::send(buffer.address(), bytes));
    }

    /// The new tail, if frames were queued since the last call.
    #[must_use]
    pub fn publish(&mut self) -> Option<u16> {
        self.descriptors.publish()
    }
}

#[cfg(test)]
mod tests;
