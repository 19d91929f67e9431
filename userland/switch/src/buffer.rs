//! The switch's own memory for frames whose port's ring is full: [`Buffer`], and a [`Queue`] in it for each port.
//!
//! ```text
//! frame -> ring of the port, 128 frames -> owner
//!     \--> queue in the buffer --/    while the ring is full or the queue is not empty
//! ```
//!
//! A slot has room for a frame of the standard MTU. A longer frame is never queued: it is dropped if its ring is full.
//!
//! All ports share the buffer. A queue may grow as long as it is shorter than the free space (Choudhury and Hahne, "Dynamic queue
//! length thresholds for shared-memory packet switches", 1998): one queue alone gets half of the buffer, and a queue that is
//! never emptied leaves as much space free as it takes.

use alloc::vec::Vec;

use runtime::port::{BUFFERED_FRAMES, FRAME_BYTES_MAX};

/// The maximum number of queued frames of all ports: twice that of one port.
pub const FRAMES_MAX: usize = 2 * BUFFERED_FRAMES;
/// The slots of a block, the unit in which the buffer's memory is allocated: 48 KiB.
const BLOCK_SLOTS: usize = 32;
/// The heap that the rest of the switch needs, for ports and addresses.
const RESERVE_BYTES: usize = 256 << 10;

type SlotIndex = u16;

const _: () = assert!(FRAMES_MAX - 1 <= SlotIndex::MAX as usize);

/// The memory of one frame.
#[derive(Debug)]
struct Slot {
    /// The next slot in its queue or in the free list.
    next: Option<SlotIndex>,
    length: u16,
    bytes: [u8; FRAME_BYTES_MAX],
}

/// The frames queued for one port, the oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    ends: Option<Ends>,
    length: usize,
}

/// The first and the last slot of a queue that is not empty.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: SlotIndex,
    last: SlotIndex,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The shared buffer of all queues. Its memory is allocated when it is first needed, and kept.
#[derive(Debug)]
pub struct Buffer {
    /// The slots that were ever used, in blocks that are full except for the last.
    blocks: Vec<Vec<Slot>>,
    /// The head of the free list. The slot freed last is used first.
    unused: Option<SlotIndex>,
    free: usize,
    limit: usize,
}

impl Buffer {
    /// Creates a buffer for this many frames, at most [`FRAMES_MAX`].
    pub fn new(frames: usize) -> Buffer {
        let limit = frames.min(FRAMES_MAX);
        Buffer {
            blocks: Vec::with_capacity(limit.div_ceil(BLOCK_SLOTS)),
            unused: None,
            free: limit,
            limit,
        }
    }

    /// Creates a buffer of whole blocks that is as large as a heap with this many free bytes allows.
    pub fn for_heap(free_bytes: usize) -> Buffer {
        let slots = free_bytes.saturating_sub(RESERVE_BYTES) / size_of::<Slot>();
        Buffer::new(slots / BLOCK_SLOTS * BLOCK_SLOTS)
    }

    /// The maximum number of frames.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The bytes of heap that the slots take.
    pub fn heap_bytes(&self) -> usize {
        self.blocks.len() * BLOCK_SLOTS * size_of::<Slot>()
    }

    /// Appends a frame of this length, which `write` writes, to a queue; `false` if there is no room or no memory for it, or if it is
    /// longer than a slot.
    pub fn push(
        &mut self,
        queue: &mut Queue,
        length: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        if queue.length >= self.free || length > FRAME_BYTES_MAX {
            return false;
        }
        let Some(index) = self.take_slot() else {
            return false;
        };
        let slot = self.slot_mut(index);
        slot.next = None;
        slot.length = length as u16;
        write(&mut slot.bytes[..length]);
        let added = Queue {
            ends: Some(Ends {
                first: index,
                last: index,
            }),
            length: 1,
        };
        self.append(queue, added);
        true
    }

    /// The oldest frame of a queue.
    pub fn first(&self, queue: &Queue) -> Option<&[u8]> {
        let slot = self.slot(queue.ends?.first);
        Some(&slot.bytes[..usize::from(slot.length)])
    }

    /// Removes the oldest frame of a queue.
    pub fn pop(&mut self, queue: &mut Queue) {
        let Some(Ends { first, last }) = queue.ends else {
            return;
        };
        let unused = self.unused;
        let next = core::mem::replace(&mut self.slot_mut(first).next, unused);
        queue.ends = next.map(|first| Ends { first, last });
        queue.length -= 1;
        self.unused = Some(first);
        self.free += 1;
    }

    /// Removes all frames of a queue; returns their number.
    pub fn clear(&mut self, queue: &mut Queue) -> usize {
        let count = queue.length;
        while !queue.is_empty() {
            self.pop(queue);
        }
        count
    }

    /// Appends the frames of one queue to another. There is no limit, since the frames have their slots already.
    pub fn append(&mut self, queue: &mut Queue, more: Queue) {
        let Some(added) = more.ends else {
            return;
        };
        queue.ends = Some(match queue.ends {
            None => added,
            Some(Ends { first, last }) => {
                self.slot_mut(last).next = Some(added.first);
                Ends {
                    first,
                    last: added.last,
                }
            }
        });
        queue.length += more.length;
    }

    /// Takes a free slot, which there must be; `None` if there is no memory for it.
    fn take_slot(&mut self) -> Option<SlotIndex> {
        let index = match self.unused {
            Some(index) => {
                self.unused = self.slot(index).next;
                index
            }
            None => self.add_slot()?,
        };
        self.free -= 1;
        Some(index)
    }

    /// Adds a slot to the last block, or to a new one.
    fn add_slot(&mut self) -> Option<SlotIndex> {
        if self
            .blocks
            .last()
            .is_none_or(|block| block.len() == BLOCK_SLOTS)
        {
            let mut block = Vec::new();
            block.try_reserve_exact(BLOCK_SLOTS).ok()?;
            self.blocks.push(block);
        }
        let before = (self.blocks.len() - 1) * BLOCK_SLOTS;
        let block = self.blocks.last_mut()?;
        block.push(Slot {
            next: None,
            length: 0,
            bytes: [0; FRAME_BYTES_MAX],
        });
        Some((before + block.len() - 1) as SlotIndex)
    }

    fn slot(&self, index: SlotIndex) -> &Slot {
        let index = usize::from(index);
        &self.blocks[index / BLOCK_SLOTS][index % BLOCK_SLOTS]
    }

    fn slot_mut(&mut self, index: SlotIndex) -> &mut Slot {
        let index = usize::from(index);
        &mut self.blocks[index / BLOCK_SLOTS][index % BLOCK_SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &mut Buffer, queue: &mut Queue, frame: &[u8]) -> bool {
        buffer.push(queue, frame.len(), |bytes| bytes.copy_from_slice(frame))
    }
    use alloc::collections::VecDeque;

    fn frame(number: usize) -> Vec<u8> {
        alloc::vec![number as u8; 14 + number % 1501]
    }

    fn take(buffer: &mut Buffer, queue: &mut Queue) -> Option<Vec<u8>> {
        let first = buffer.first(queue).map(<[u8]>::to_vec);
        buffer.pop(queue);
        first
    }

    /// Random operations on three queues, and on three lists as their model: the same frames come out in the same order.
    #[test]
    fn queues_keep_their_frames_and_their_order() {
        const ROOM: usize = 50;
        let mut buffer = Buffer::new(ROOM);
        let mut queues: [Queue; 3] = Default::default();
        let mut lists: [VecDeque<Vec<u8>>; 3] = Default::default();
        let mut random = 1_u64;
        for number in 0..50_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (which, operation) = ((random >> 33) as usize % 3, (random >> 40) % 32);
            let used: usize = lists.iter().map(VecDeque::len).sum();
            let (queue, list) = (&mut queues[which], &mut lists[which]);
            match operation {
                0 => assert_eq!(buffer.clear(queue), list.drain(..).count()),
                1 => {
                    let more = core::mem::take(&mut queues[(which + 1) % 3]);
                    buffer.append(&mut queues[which], more);
                    let more = core::mem::take(&mut lists[(which + 1) % 3]);
                    lists[which].extend(more);
                }
                2..18 => {
                    let has_room = list.len() < ROOM - used;
                    assert_eq!(push(&mut buffer, queue, &frame(number)), has_room);
                    list.extend(has_room.then(|| frame(number)));
                }
                _ => assert_eq!(take(&mut buffer, queue), list.pop_front()),
            }
            let lengths = queues.each_ref().map(Queue::len);
            assert_eq!(lengths, lists.each_ref().map(VecDeque::len));
        }
    }

    #[test]
    fn one_queue_gets_half_and_leaves_room_for_the_next() {
        let mut buffer = Buffer::new(100);
        let mut fill = |queue: &mut Queue| while push(&mut buffer, queue, &[0; 60]) {};
        let (mut greedy, mut other) = (Queue::default(), Queue::default());
        fill(&mut greedy);
        fill(&mut other);
        assert_eq!((greedy.len(), other.len()), (50, 25));
        fill(&mut greedy);
        assert_eq!(greedy.len(), 50, "it is longer than the free space");
    }

    #[test]
    fn allocates_only_what_it_has_used_and_reuses_it() {
        let mut buffer = Buffer::new(FRAMES_MAX + 1);
        assert_eq!(buffer.limit(), FRAMES_MAX);
        let mut queue = Queue::default();
        assert!(push(&mut buffer, &mut queue, &[1; FRAME_BYTES_MAX]));
        let block_bytes = BLOCK_SLOTS * size_of::<Slot>();
        assert_eq!(buffer.heap_bytes(), block_bytes);
        let place = buffer.blocks[0].as_ptr();
        for _ in 0..3 {
            while push(&mut buffer, &mut queue, &[1; FRAME_BYTES_MAX]) {}
            assert_eq!(buffer.clear(&mut queue), BUFFERED_FRAMES);
        }
        assert_eq!(buffer.blocks[0].as_ptr(), place, "frames stay in place");
        let slots: usize = buffer.blocks.iter().map(Vec::len).sum();
        assert_eq!(slots, BUFFERED_FRAMES, "free slots are reused");
        let blocks = BUFFERED_FRAMES.div_ceil(BLOCK_SLOTS);
        assert_eq!(buffer.heap_bytes(), blocks * block_bytes);
    }

    #[test]
    fn is_as_large_as_the_heap_allows() {
        assert_eq!(Buffer::for_heap(RESERVE_BYTES - 1).limit(), 0);
        let bytes = RESERVE_BYTES + 3 * BLOCK_SLOTS * size_of::<Slot>();
        assert_eq!(Buffer::for_heap(bytes).limit(), 3 * BLOCK_SLOTS);
        assert_eq!(Buffer::for_heap(bytes - 1).limit(), 2 * BLOCK_SLOTS);
        assert_eq!(Buffer::for_heap(usize::MAX).limit(), FRAMES_MAX);
        assert!(
            FRAMES_MAX * size_of::<Slot>() + RESERVE_BYTES < 7 << 20,
            "the manifests give 8 MiB"
        );
    }

    #[test]
    fn a_buffer_without_room_holds_nothing() {
        let (mut buffer, mut queue) = (Buffer::new(0), Queue::default());
        assert!(!push(&mut buffer, &mut queue, &[0; 60]));
        buffer.pop(&mut queue);
        assert_eq!(buffer.first(&queue), None);
    }
}
