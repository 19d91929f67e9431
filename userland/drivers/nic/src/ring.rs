//! Rings of descriptors in memory that the driver and the card share.
//!
//! ```text
//! descriptors: 128 times 16 bytes      buffers: 128 times 2 KiB, descriptor i always describes buffer i
//!
//!          oldest            next = tail register
//!   ... free | lent ... lent | free ...            the card completes the oldest first, and marks its descriptor
//! ```
//!
//! One descriptor always stays free, since a card takes a full ring for an empty one. What a descriptor's words mean is the card's
//! [`Layout`]. The card's own position is never read: a completed descriptor says it, and only the oldest one lent is looked at.

use core::marker::PhantomData;
use core::sync::atomic::{Ordering, fence};

use runtime::port::{FRAME_BYTES_MAX, Frame};

use crate::card::{CardFault, Received};
use crate::dma::{DmaAddress, DmaMemory};

/// The number of descriptors of a ring.
pub const RING_SIZE: u16 = 128;
/// The size of a buffer.
pub const BUFFER_BYTES: usize = 2048;

const DESCRIPTOR_BYTES: usize = 16;
/// The size of a ring's descriptors.
pub const DESCRIPTORS_BYTES: usize = DESCRIPTOR_BYTES * RING_SIZE as usize;
/// The size of a ring with its buffers.
pub const RING_BYTES: usize = DESCRIPTORS_BYTES + BUFFER_BYTES * RING_SIZE as usize;

/// The shortest frame on the wire, without its checksum. A shorter one is filled up with zeros here: many cards cannot, or send
/// the bytes of an older frame.
const SENT_BYTES_MIN: usize = 60;

const _: () = {
    assert!(FRAME_BYTES_MAX + 8 <= BUFFER_BYTES);
    assert!(DESCRIPTORS_BYTES.is_multiple_of(128), "cards want them so");
};

/// The two words of a descriptor.
pub type Words = [u64; 2];

/// The layout of a card's descriptors.
pub trait Layout {
    /// A descriptor that lends the card a buffer to fill.
    fn receive(buffer: DmaAddress) -> Words;
    /// The meaning of a descriptor that was lent for receiving; `None` while the card has it.
    fn received(words: Words) -> Option<Completed>;
    /// A descriptor that has the card send a whole frame.
    fn send(buffer: DmaAddress, bytes: usize) -> Words;
    /// Whether the card has sent the frame of this descriptor.
    fn is_sent(words: Words) -> bool;
}

/// A descriptor of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The alleged length.
    pub bytes: usize,
    /// Whether it is one whole frame without errors.
    pub is_intact: bool,
}

/// Descriptors, their buffers, and which of them the card has.
#[derive(Debug)]
struct Descriptors {
    memory: DmaMemory,
    buffers: DmaMemory,
    /// The first descriptor that the card has, if it has any.
    oldest: u16,
    /// The first descriptor after those: the tail.
    next: u16,
    published: u16,
}

impl Descriptors {
    /// All free, in zeroed memory of [`RING_BYTES`].
    fn new(memory: DmaMemory) -> Descriptors {
        Descriptors {
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

    /// The words of the oldest descriptor that the card has. The buffer is read after them.
    fn oldest(&self) -> Option<Words> {
        let at = usize::from(self.oldest) * DESCRIPTOR_BYTES;
        let load = |at| self.memory.memory().word64(at).load(Ordering::Acquire);
        // The mark is in the second word, so that is read first.
        (self.oldest != self.next).then(|| {
            let second = load(at + 8);
            [load(at), second]
        })
    }

    fn free_oldest(&mut self) {
        self.oldest = after(self.oldest);
    }

    fn has_free(&self) -> bool {
        after(self.next) != self.oldest
    }

    /// Lends the next descriptor, with these words. There must be a free one.
    fn lend(&mut self, words: Words) {
        let at = usize::from(self.next) * DESCRIPTOR_BYTES;
        let store = |at, word| {
            let memory = self.memory.memory();
            memory.word64(at).store(word, Ordering::Relaxed);
        };
        store(at, words[0]);
        store(at + 8, words[1]);
        self.next = after(self.next);
    }

    /// The new tail, if descriptors were lent since the last call.
    fn publish(&mut self) -> Option<u16> {
        if self.published == self.next {
            return None;
        }
        self.published = self.next;
        // The card sees the descriptors before the tail.
        fence(Ordering::SeqCst);
        Some(self.next)
    }
}

fn after(index: u16) -> u16 {
    (index + 1) % RING_SIZE
}

/// A ring of buffers that the card fills.
#[derive(Debug)]
pub struct ReceiveRing<L> {
    descriptors: Descriptors,
    layout: PhantomData<L>,
}

impl<L: Layout> ReceiveRing<L> {
    /// A ring in zeroed memory of [`RING_BYTES`], all of whose buffers are lent after [`ReceiveRing::publish`].
    pub fn new(memory: DmaMemory) -> ReceiveRing<L> {
        let mut ring = ReceiveRing {
            descriptors: Descriptors::new(memory),
            layout: PhantomData,
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

    /// Copies the next received frame, and lends its buffer again.
    ///
    /// # Errors
    /// [`CardFault`] if the card alleges to have written beyond the buffer.
    pub fn receive(
        &mut self,
        into: &mut [u8; FRAME_BYTES_MAX],
    ) -> Result<Option<Received>, CardFault> {
        let Some(Completed { bytes, is_intact }) = self.completed() else {
            return Ok(None);
        };
        if bytes > BUFFER_BYTES {
            return Err(CardFault("received a frame larger than its buffer"));
        }
        let received = match Received::of_length(bytes) {
            Received::Frame(_) if !is_intact => Received::Invalid,
            received => received,
        };
        if let Received::Frame(bytes) = received {
            let buffer = self.descriptors.buffer(self.descriptors.oldest);
            buffer.memory().read(0, &mut into[..bytes]);
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
    descriptors: Descriptors,
    layout: PhantomData<L>,
}

impl<L: Layout> SendRing<L> {
    /// An empty ring in zeroed memory of [`RING_BYTES`].
    pub fn new(memory: DmaMemory) -> SendRing<L> {
        SendRing {
            descriptors: Descriptors::new(memory),
            layout: PhantomData,
        }
    }

    /// The address of the descriptors.
    pub fn address(&self) -> DmaAddress {
        self.descriptors.memory.address()
    }

    /// Whether there is space for a frame, after the sent ones are taken back.
    pub fn has_space(&mut self) -> bool {
        while self.descriptors.oldest().is_some_and(L::is_sent) {
            self.descriptors.free_oldest();
        }
        self.descriptors.has_free()
    }

    /// Queues a frame, if there is space for it. The card sends it after [`SendRing::publish`].
    pub fn send(&mut self, frame: &Frame<'_>) {
        if !self.descriptors.has_free() {
            return;
        }
        let buffer = self.descriptors.buffer(self.descriptors.next);
        frame.copy_to_shared(buffer.memory());
        let bytes = frame.length().max(SENT_BYTES_MIN);
        let fill = [0; SENT_BYTES_MIN];
        buffer
            .memory()
            .write(frame.length(), &fill[..bytes - frame.length()]);
        self.descriptors.lend(L::send(buffer.address(), bytes));
    }

    /// The new tail, if frames were queued since the last call.
    #[must_use]
    pub fn publish(&mut self) -> Option<u16> {
        self.descriptors.publish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::host::shared_memory;
    use runtime::port::{Port, Side};

    /// Bit 63 of the second word marks a completed descriptor, bit 62 a damaged frame; the rest is a length.
    struct Plain;

    const DONE: u64 = 1 << 63;
    const DAMAGED: u64 = 1 << 62;

    impl Layout for Plain {
        fn receive(buffer: DmaAddress) -> Words {
            [buffer.get(), 0]
        }

        fn received([_, status]: Words) -> Option<Completed> {
            (status & DONE != 0).then_some(Completed {
                bytes: (status & u64::from(u32::MAX)) as usize,
                is_intact: status & DAMAGED == 0,
            })
        }

        fn send(buffer: DmaAddress, bytes: usize) -> Words {
            [buffer.get(), bytes as u64]
        }

        fn is_sent([_, status]: Words) -> bool {
            status & DONE != 0
        }
    }

    const BASE: u64 = 0x1234_5000;

    fn memory() -> DmaMemory {
        DmaMemory::new(shared_memory(RING_BYTES), DmaAddress::new(BASE))
    }

    fn complete(memory: DmaMemory, index: u16, status: u64) {
        let at = usize::from(index) * DESCRIPTOR_BYTES + 8;
        memory
            .memory()
            .word64(at)
            .store(DONE | status, Ordering::Relaxed);
    }

    fn buffer(memory: DmaMemory, index: u16) -> DmaMemory {
        memory.part(
            DESCRIPTORS_BYTES + usize::from(index) * BUFFER_BYTES,
            BUFFER_BYTES,
        )
    }

    #[test]
    fn all_buffers_but_one_are_lent_and_used_for_ever() {
        let memory = memory();
        let mut ring = ReceiveRing::<Plain>::new(memory);
        assert_eq!(ring.publish(), Some(RING_SIZE - 1));
        assert_eq!(ring.publish(), None);
        let mut into = [0; FRAME_BYTES_MAX];
        for round in 0..1000_u16 {
            assert!(!ring.has_frame());
            let index = round % RING_SIZE;
            let bytes = 14 + usize::from(round);
            buffer(memory, index).memory().write(0, &[round as u8; 14]);
            complete(memory, index, bytes as u64);
            assert!(ring.has_frame());
            assert_eq!(ring.receive(&mut into), Ok(Some(Received::Frame(bytes))));
            assert_eq!(into[..14], [round as u8; 14]);
            assert_eq!(ring.publish(), Some(index));
        }
    }

    #[test]
    fn a_length_that_no_frame_has_and_a_damaged_frame_are_invalid() {
        let memory = memory();
        let mut ring = ReceiveRing::<Plain>::new(memory);
        let mut into = [7; FRAME_BYTES_MAX];
        let lies = [0, 13, 1515, BUFFER_BYTES as u64, DAMAGED | 60];
        for (index, status) in lies.into_iter().enumerate() {
            complete(memory, index as u16, status);
            assert_eq!(ring.receive(&mut into), Ok(Some(Received::Invalid)));
        }
        assert_eq!(into, [7; FRAME_BYTES_MAX]);
        assert_eq!(ring.receive(&mut into), Ok(None));
    }

    #[test]
    fn a_frame_beyond_its_buffer_is_the_end_of_the_card() {
        for bytes in [BUFFER_BYTES as u64 + 1, u64::from(u32::MAX)] {
            let memory = memory();
            let mut ring = ReceiveRing::<Plain>::new(memory);
            complete(memory, 0, bytes);
            assert!(ring.receive(&mut [0; FRAME_BYTES_MAX]).is_err());
        }
    }

    #[test]
    fn a_completed_descriptor_beyond_the_oldest_waits() {
        let memory = memory();
        let mut ring = ReceiveRing::<Plain>::new(memory);
        complete(memory, 1, 60);
        complete(memory, RING_SIZE - 1, 60);
        assert!(!ring.has_frame());
        complete(memory, 0, 60);
        let mut into = [0; FRAME_BYTES_MAX];
        let mut receive = || ring.receive(&mut into).unwrap();
        assert!(receive().is_some() && receive().is_some());
        assert_eq!(ring.receive(&mut into), Ok(None));
    }

    #[test]
    fn frames_are_sent_in_order_and_short_ones_are_filled_with_zeros() {
        let memory = memory();
        let mut ring = SendRing::<Plain>::new(memory);
        let link = shared_memory(runtime::port::layout::PORT_BYTES);
        let near = Port::try_new(link, Side::Switch).unwrap();
        let far = Port::try_new(link, Side::Domain).unwrap();
        for index in 0..3 * RING_SIZE {
            let length = if index % 2 == 0 { 42 } else { 1514 };
            near.outgoing()
                .send(&[index as u8 | 1; 1514][..length])
                .unwrap();
            assert!(ring.has_space());
            ring.send(&far.incoming().peek().unwrap().unwrap());
            far.incoming().take();
            let index = index % RING_SIZE;
            assert_eq!(ring.publish(), Some(after(index)));
            let mut sent = [1; SENT_BYTES_MIN];
            buffer(memory, index).memory().read(0, &mut sent);
            assert_eq!(sent[42..].iter().all(|byte| *byte == 0), length == 42);
            let at = usize::from(index) * DESCRIPTOR_BYTES;
            let word = |at| memory.memory().word64(at).load(Ordering::Relaxed);
            assert_eq!(word(at), buffer(memory, index).address().get());
            assert_eq!(word(at + 8), length.max(SENT_BYTES_MIN) as u64);
            complete(memory, index, 0);
        }
    }

    #[test]
    fn a_ring_that_the_card_does_not_empty_is_full() {
        let memory = memory();
        let mut ring = SendRing::<Plain>::new(memory);
        let link = shared_memory(runtime::port::layout::PORT_BYTES);
        let near = Port::try_new(link, Side::Switch).unwrap();
        near.outgoing().send(&[0; 60]).unwrap();
        let far = Port::try_new(link, Side::Domain).unwrap();
        let frame = far.incoming().peek().unwrap().unwrap();
        for _ in 1..RING_SIZE {
            assert!(ring.has_space());
            ring.send(&frame);
        }
        assert!(!ring.has_space());
        ring.send(&frame);
        assert_eq!(ring.publish(), Some(RING_SIZE - 1));
        complete(memory, 0, 0);
        assert!(ring.has_space());
    }
}
