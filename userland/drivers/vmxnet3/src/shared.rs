//! The memory that the driver shares with the card: [`Shared`].
//!
//! ```text
//! 0 shared area   1024 send queue, receive queue: 256 bytes each   2048 four rings: 2 KiB each   12288 buffers
//!
//! shared area  0 magic  8 driver  24 features  40 queues: address  52 queues: bytes  56 payload: bytes  60 parts per frame: u16
//!              62 send queues: u8   63 receive queues: u8   80 interrupts: 4 bytes, then their rates   108 interrupts off
//!              120 filter   696 events
//! queue        16 descriptors: address (of two rings for receiving)   32 completions: address   56 descriptors: two counts
//!              64 completions: count   72 interrupt: u8
//! ```
//!
//! Fields that are not written stay zero, which means that they are not used.

use core::sync::atomic::Ordering;

use nic::ring::{BUFFER_BYTES, DESCRIPTORS_BYTES, RING_SIZE};
use nic::{DmaAddress, DmaMemory};

const MAGIC: u32 = 0xbabe_fee1;
/// The card's code for a driver with 64-bit addresses.
const DRIVER_BITS: u32 = 2;
const DRIVER_VERSION: u32 = 1;
/// The payload of a frame.
const PAYLOAD_BYTES: u32 = 1500;
/// The card chooses how often it interrupts.
const RATE_ADAPTIVE: u8 = 8;
/// The filters for frames to this card, to all cards, to groups, and to any address.
const FILTER_EVERY_FRAME: u32 = 0b1_1111;

const QUEUES: usize = 1024;
const QUEUE_BYTES: usize = 256;
const RINGS: usize = 2048;
const BUFFERS: usize = 12_288;
const BUFFERS_BYTES: usize = BUFFER_BYTES * RING_SIZE as usize;
/// The size of the memory.
pub const SHARED_BYTES: usize = BUFFERS + 2 * BUFFERS_BYTES;

/// The offset of the events in the shared area.
pub const EVENTS_OFFSET: usize = 696;
/// A queue has stopped because of an error: one bit per direction.
pub const EVENT_STOPPED: u32 = 0b11;
pub const EVENT_LINK: u32 = 1 << 2;

/// A direction of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Send,
    Receive,
}

/// The memory of a queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueMemory {
    pub descriptors: DmaMemory,
    pub completions: DmaMemory,
    pub buffers: DmaMemory,
}

/// The shared memory.
#[derive(Clone, Copy, Debug)]
pub struct Shared(DmaMemory);

impl Shared {
    /// Describes two empty queues in this zeroed memory of [`SHARED_BYTES`].
    pub fn new(memory: DmaMemory) -> Shared {
        let shared = Shared(memory);
        let area = Writer(memory);
        area.word(0, MAGIC);
        for (at, value) in [(8, DRIVER_VERSION), (12, DRIVER_BITS), (16, 1), (20, 1)] {
            area.word(at, value);
        }
        area.address(40, memory.address().after(QUEUES));
        area.word(52, 2 * QUEUE_BYTES as u32);
        area.word(56, PAYLOAD_BYTES);
        // One part per frame, and one queue per direction.
        area.bytes(60, [1, 0, 1, 1]);
        // Interrupts do not mask themselves; there is one, number 0.
        area.bytes(80, [0, 1, 0, RATE_ADAPTIVE]);
        area.word(120, FILTER_EVERY_FRAME);
        for way in [Way::Send, Way::Receive] {
            let queue = Writer(memory.part(QUEUES + way as usize * QUEUE_BYTES, QUEUE_BYTES));
            let QueueMemory {
                descriptors,
                completions,
                ..
            } = shared.queue(way);
            queue.address(16, descriptors.address());
            queue.address(32, completions.address());
            queue.word(56, u32::from(RING_SIZE));
            queue.word(64, u32::from(RING_SIZE));
        }
        shared
    }

    /// The address for the card.
    pub fn address(&self) -> DmaAddress {
        self.0.address()
    }

    /// The rings and buffers of a queue.
    pub fn queue(&self, way: Way) -> QueueMemory {
        let way = way as usize;
        let ring = |index| {
            let offset = RINGS + (2 * way + index) * DESCRIPTORS_BYTES;
            self.0.part(offset, DESCRIPTORS_BYTES)
        };
        QueueMemory {
            descriptors: ring(0),
            completions: ring(1),
            buffers: self.0.part(BUFFERS + way * BUFFERS_BYTES, BUFFERS_BYTES),
        }
    }

    /// The events that have happened, and are not cleared yet.
    pub fn events(&self) -> u32 {
        let events = self.0.memory().word32(EVENTS_OFFSET);
        events.load(Ordering::Acquire)
    }
}

/// Writes the fields of a structure.
struct Writer(DmaMemory);

impl Writer {
    fn word(&self, at: usize, value: u32) {
        self.0.memory().word32(at).store(value, Ordering::Relaxed);
    }

    fn bytes(&self, at: usize, bytes: [u8; 4]) {
        self.word(at, u32::from_le_bytes(bytes));
    }

    fn address(&self, at: usize, address: DmaAddress) {
        let word = self.0.memory().word64(at);
        word.store(address.get(), Ordering::Relaxed);
    }
}
