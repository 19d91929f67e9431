//! The card as the driver uses it: a queue of frames that came, and one of frames that go.
//!
//! Domains have addresses of their own. The card is not told which: it delivers every frame as long as nobody asks it to
//! filter, which takes a third queue.
//!
//! Both queues and their buffers lie in one contiguous Memory. A buffer holds the header that virtio puts before each
//! frame, placed so that the frame itself begins at a multiple of eight.
//!
//! ```text
//! buffer:  4 virtio header (12 bytes, zeros)   16 frame
//! ```

use alloc::vec::Vec;

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount};
use runtime::Start;
use runtime::capability::{BusRange, Cap, Domain, Pool};
use runtime::mapping::Mapping;
use runtime::port::{FRAME_BYTES_MAX, FRAME_BYTES_MIN, Frame};
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use crate::device::{Device, QueueBell, Unusable};
use crate::queue::{Buffer, Purpose, QUEUE_BYTES, QUEUE_SIZE_MAX, Queue};

const RECEIVE_QUEUE: u16 = 0;
const SEND_QUEUE: u16 = 1;

const HEADER_OFFSET: usize = 4;
const HEADER_BYTES: usize = 12;
const FRAME_OFFSET: usize = HEADER_OFFSET + HEADER_BYTES;
const BUFFER_BYTES: usize = 2048;
const BUFFERS_BYTES: usize = BUFFER_BYTES * QUEUE_SIZE_MAX as usize;
/// A queue with its buffers.
const LANE_BYTES: usize = QUEUE_BYTES + BUFFERS_BYTES;

const _: () = {
    assert!(FRAME_OFFSET + FRAME_BYTES_MAX + 8 <= BUFFER_BYTES);
    assert!((2 * LANE_BYTES).is_multiple_of(PAGE_BYTES as usize));
};

/// A queue, its buffers and its bell.
#[derive(Debug)]
struct Lane {
    queue: Queue,
    buffers: SharedMemory<'static>,
    bus_address: u64,
    bell: QueueBell,
}

impl Lane {
    /// Sets up a lane in this memory.
    fn open(
        device: &Device,
        number: u16,
        memory: SharedMemory<'static>,
        bus_address: u64,
    ) -> Result<Lane, Unusable> {
        let queue = Queue::new(memory, bus_address, device.queue_size(number)?);
        Ok(Lane {
            bell: device.set_up(number, &queue)?,
            queue,
            buffers: memory.part(QUEUE_BYTES, BUFFERS_BYTES),
            bus_address: bus_address + QUEUE_BYTES as u64,
        })
    }

    /// The place for the frame in a buffer.
    fn frame(&self, buffer: Buffer) -> SharedMemory<'static> {
        let at = usize::from(buffer.0) * BUFFER_BYTES;
        let bytes = BUFFER_BYTES - FRAME_OFFSET;
        self.buffers.part(at + FRAME_OFFSET, bytes)
    }

    fn offer(&mut self, buffer: Buffer, frame_bytes: usize, purpose: Purpose) {
        let at = usize::from(buffer.0) * BUFFER_BYTES + HEADER_OFFSET;
        let bytes = HEADER_BYTES + frame_bytes;
        let address = self.bus_address + at as u64;
        self.queue.offer(buffer, address, bytes as u32, purpose);
    }

    fn publish(&mut self) {
        if self.queue.publish() {
            self.bell.ring();
        }
    }

    fn take(&mut self) -> Option<(Buffer, u32)> {
        let taken = self.queue.take();
        taken.unwrap_or_else(|_| panic!("the card used a buffer that it does not have"))
    }
}

/// The card.
#[derive(Debug)]
pub struct Card {
    mac: Option<Mac>,
    receive: Lane,
    send: Lane,
    /// Buffers that the next frames can go out in.
    free: Vec<Buffer>,
}

impl Card {
    /// Takes the card that root handed over into service.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(start: &Start) -> Result<Card, Unusable> {
        let device = Device::find(start)?;
        let features = device.begin()?;
        let (memory, bus_address) = make_memory(start).map_err(Unusable::Memory)?;
        let lane = |number, at: usize| {
            let memory = memory.part(at, LANE_BYTES);
            Lane::open(&device, number, memory, bus_address + at as u64)
        };
        let receive = lane(RECEIVE_QUEUE, 0)?;
        let send = lane(SEND_QUEUE, LANE_BYTES)?;
        let mut card = Card {
            mac: device.mac(features),
            free: (0..send.queue.size()).map(Buffer).collect(),
            receive,
            send,
        };
        card.send.queue.set_interrupts(false);
        for index in 0..card.receive.queue.size() {
            card.give_back(Buffer(index));
        }
        device.run();
        card.publish();
        Ok(card)
    }

    /// The card's own address, if it has one.
    pub fn mac(&self) -> Option<Mac> {
        self.mac
    }

    /// Whether a frame has come.
    pub fn has_frame(&self) -> bool {
        self.receive.queue.has_used()
    }

    /// Copies the next frame that came; how many bytes it has. Frames that cannot be are skipped.
    pub fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        while let Some((buffer, written)) = self.receive.take() {
            let bytes = (written as usize).saturating_sub(HEADER_BYTES);
            let sound = (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes);
            if sound {
                self.receive.frame(buffer).read(0, &mut into[..bytes]);
            }
            self.give_back(buffer);
            if sound {
                return Some(bytes);
            }
        }
        None
    }

    /// Whether a frame can go out now.
    pub fn has_space(&mut self) -> bool {
        while let Some((buffer, _)) = self.send.take() {
            self.free.push(buffer);
        }
        !self.free.is_empty()
    }

    /// Sends a frame, if there is space for it.
    pub fn send(&mut self, frame: &Frame<'_>) {
        if let Some(buffer) = self.free.pop() {
            frame.copy_to_shared(self.send.frame(buffer));
            self.send.offer(buffer, frame.length(), Purpose::Send);
        }
    }

    /// Asks to be interrupted when a frame has gone out, or not to be. Look for space once more after asking.
    pub fn want_space(&mut self, wanted: bool) {
        self.send.queue.set_interrupts(wanted);
    }

    /// Tells the card of what was done since the last time.
    pub fn publish(&mut self) {
        self.receive.publish();
        self.send.publish();
    }

    fn give_back(&mut self, buffer: Buffer) {
        let bytes = BUFFER_BYTES - FRAME_OFFSET;
        self.receive.offer(buffer, bytes, Purpose::Receive);
    }
}

/// Memory for both lanes, and its address on the bus.
fn make_memory(start: &Start) -> Result<(SharedMemory<'static>, u64), abi::Error> {
    let pool: Cap<Pool> = start.require("pool");
    let domain: Cap<Domain> = start.require("domain");
    let pages = PageCount(2 * LANE_BYTES as u64 / PAGE_BYTES);
    let (memory, bus_address) = pool.create_contiguous_memory(pages, BusRange::ALL)?;
    let mapping = Mapping::new(domain, memory, pages, Access::ReadWrite)?;
    Ok((mapping.leak(), bus_address))
}
