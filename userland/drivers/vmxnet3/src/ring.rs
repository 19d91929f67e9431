//! Rings of descriptors that the driver writes, each with a ring of completions that the card writes.
//!
//! ```text
//! send, lent          0 address: u64   8 length: 14 bits, 14 generation   12 .. 12 end of the frame, 13 completion wanted
//! receive, lent       0 address: u64   8 length: 14 bits   11 .. 7 generation
//! send, completed     0 index: 12 bits                                     12 .. 31 generation
//! receive, completed  0 index: 12 bits, 14 end, 15 begin   8 length: 14 bits, 14 error   12 .. 31 generation
//! ```
//!
//! An entry belongs to its reader if its generation bit is that of the reader's round. The bit is 1 in the first round, and flips
//! with each round. A descriptor always describes the same buffer, and one always stays free, as in the rings of `nic`.

use core::sync::atomic::{Ordering, fence};

use nic::ring::{BUFFER_BYTES, RING_SIZE, Words, copy_padded};
use nic::{DmaMemory, NicFault, Received};
use runtime::port::{FRAME_BYTES_MAX, Frame};
use runtime::shared::SharedMemory;

use crate::shared::QueueMemory;

pub const ENTRY_BYTES: usize = 16;

/// The generation of a completion, in its second word.
pub const COMPLETED: u32 = 63;
pub const INDEX: u64 = 0xfff;
pub const BYTES: u64 = 0x3fff;
/// The frame begins and ends in this buffer: bits in the first word of a completion for receiving.
pub const RECEIVED_WHOLE: u64 = 0b11 << 14;
/// The frame is damaged: a bit in the second word of a completion for receiving.
pub const RECEIVED_ERROR: u64 = 1 << 14;

/// The generation of a descriptor, in its second word.
pub const RECEIVE_LENT: u32 = 31;
pub const SEND_LENT: u32 = 14;
/// The frame ends here, and the card is to report its completion: bits in the second word of a descriptor for sending.
pub const SEND_END: u64 = 1 << (32 + 12);
pub const SEND_COMPLETION: u64 = 1 << (32 + 13);

/// A position in a ring, and the generation of its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub index: u16,
    pub generation: u64,
}

impl Position {
    pub const FIRST: Position = Position {
        index: 0,
        generation: 1,
    };

    pub fn next(self) -> Position {
        let index = (self.index + 1) % RING_SIZE;
        Position {
            index,
            generation: self.generation ^ u64::from(index == 0),
        }
    }
}

/// The number of entries from one index up to another.
fn distance(from: u16, to: u16) -> u16 {
    (to + RING_SIZE - from) % RING_SIZE
}

/// The descriptors, buffers and completions of a queue.
#[derive(Debug)]
struct Queue {
    memory: QueueMemory,
    /// The first descriptor that the card has, if it has any.
    oldest: u16,
    /// The first descriptor after those.
    next: Position,
    published: u16,
    completed: Position,
}

impl Queue {
    /// All descriptors free, in zeroed memory.
    fn new(memory: QueueMemory) -> Queue {
        Queue {
            memory,
            oldest: 0,
            next: Position::FIRST,
            published: 0,
            completed: Position::FIRST,
        }
    }

    fn buffer(&self, index: u16) -> DmaMemory {
        let offset = usize::from(index) * BUFFER_BYTES;
        self.memory.buffers.part(offset, BUFFER_BYTES)
    }

    fn has_free(&self) -> bool {
        self.next.next().index != self.oldest
    }

    /// Lends the next descriptor, with its own buffer. There must be a free one.
    fn lend(&mut self, second: u64, generation_bit: u32) {
        let at = usize::from(self.next.index) * ENTRY_BYTES;
        let memory = self.memory.descriptors.memory();
        let address = self.buffer(self.next.index).address();
        memory.word64(at).store(address.get(), Ordering::Relaxed);
        let second = second | self.next.generation << generation_bit;
        memory.word64(at + 8).store(second, Ordering::Release);
        self.next = self.next.next();
    }

    /// The words of the next completion. Its buffer is read after them.
    fn completion(&self) -> Option<Words> {
        let at = usize::from(self.completed.index) * ENTRY_BYTES;
        let memory = self.memory.completions.memory();
        let second = memory.word64(at + 8).load(Ordering::Acquire);
        let is_new = second >> COMPLETED == self.completed.generation;
        is_new.then(|| [memory.word64(at).load(Ordering::Relaxed), second])
    }

    /// Takes back the descriptor of a completion, and those before it, which the card may skip; returns how many.
    fn take_back(&mut self, [first, _]: Words) -> Result<u16, NicFault> {
        let index = (first & INDEX) as u16;
        let lent = distance(self.oldest, self.next.index);
        if index >= RING_SIZE || distance(self.oldest, index) >= lent {
            return Err(NicFault("completed a descriptor that it does not have"));
        }
        let count = distance(self.oldest, index) + 1;
        self.oldest = (index + 1) % RING_SIZE;
        self.completed = self.completed.next();
        Ok(count)
    }

    /// The new tail, if descriptors were lent since the last call.
    fn publish(&mut self) -> Option<u16> {
        if self.published == self.next.index {
            return None;
        }
        self.published = self.next.index;
        // The card must see the new descriptors before it sees the new tail.
        fence(Ordering::SeqCst);
        Some(self.published)
    }
}

/// A queue of buffers that the card fills.
#[derive(Debug)]
pub struct ReceiveQueue(Queue);

impl ReceiveQueue {
    /// A queue in zeroed memory, all of whose buffers but one are lent.
    pub fn new(memory: QueueMemory) -> ReceiveQueue {
        let mut queue = ReceiveQueue(Queue::new(memory));
        while queue.0.has_free() {
            queue.lend();
        }
        queue
    }

    fn lend(&mut self) {
        self.0.lend(BUFFER_BYTES as u64, RECEIVE_LENT);
    }

    pub fn has_frame(&self) -> bool {
        self.0.completion().is_some()
    }

    /// Copies the next received frame, and lends its buffer again.
    ///
    /// # Errors
    /// [`NicFault`] if the card reports that it wrote beyond the buffer, or to a buffer that it does not have.
    pub fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        let Some(words) = self.0.completion() else {
            return Ok(None);
        };
        let bytes = (words[1] & BYTES) as usize;
        if bytes > BUFFER_BYTES {
            return Err(NicFault("received a frame larger than its buffer"));
        }
        let count = self.0.take_back(words)?;
        let is_intact =
            words[0] & RECEIVED_WHOLE == RECEIVED_WHOLE && words[1] & RECEIVED_ERROR == 0;
        let received = match Received::of_length(bytes, FRAME_BYTES_MAX) {
            Received::Frame(_) if !is_intact => Received::Invalid,
            received => received,
        };
        if let Received::Frame(bytes) = received {
            let buffer = self.0.buffer((words[0] & INDEX) as u16);
            into.copy_from(buffer.memory(), bytes);
        }
        for _ in 0..count {
            self.lend();
        }
        Ok(Some(received))
    }

    #[must_use]
    pub fn publish(&mut self) -> Option<u16> {
        self.0.publish()
    }
}

/// A queue of frames for the card to send.
#[derive(Debug)]
pub struct SendQueue(Queue);

impl SendQueue {
    /// An empty queue in zeroed memory.
    pub fn new(memory: QueueMemory) -> SendQueue {
        SendQueue(Queue::new(memory))
    }

    /// Frees the descriptors of sent frames; returns whether there is space for another frame.
    ///
    /// # Errors
    /// [`NicFault`] if the card reports a frame as sent that it does not have.
    pub fn has_space(&mut self) -> Result<bool, NicFault> {
        while let Some(words) = self.0.completion() {
            self.0.take_back(words)?;
        }
        Ok(self.0.has_free())
    }

    /// Queues a frame, if there is space for it.
    pub fn send(&mut self, frame: &Frame<'_>) {
        if self.0.has_free() {
            let bytes = copy_padded(frame, self.0.buffer(self.0.next.index));
            let second = bytes as u64 | SEND_END | SEND_COMPLETION;
            self.0.lend(second, SEND_LENT);
        }
    }

    #[must_use]
    pub fn publish(&mut self) -> Option<u16> {
        self.0.publish()
    }
}
