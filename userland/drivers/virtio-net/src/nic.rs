//! Sending and receiving frames, each with a queue of its own.
//!
//! Domains have addresses of their own, unknown to the NIC: it delivers every frame unless configured to
//! filter, which would take a third queue.
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

use crate::device::{Device, InitError, QueueNotifier};
use crate::queue::{Buffer, Purpose, QUEUE_BYTES, QUEUE_SIZE_MAX, Queue};

const RECEIVE_QUEUE: u16 = 0;
const SEND_QUEUE: u16 = 1;

const HEADER_OFFSET: usize = 4;
const HEADER_BYTES: usize = 12;
const FRAME_OFFSET: usize = HEADER_OFFSET + HEADER_BYTES;
const BUFFER_BYTES: usize = 2048;
const BUFFERS_BYTES: usize = BUFFER_BYTES * QUEUE_SIZE_MAX as usize;
/// A queue with its buffers.
const BUFFERED_QUEUE_BYTES: usize = QUEUE_BYTES + BUFFERS_BYTES;

const _: () = {
    assert!(FRAME_OFFSET + FRAME_BYTES_MAX + 8 <= BUFFER_BYTES);
    assert!((2 * BUFFERED_QUEUE_BYTES).is_multiple_of(PAGE_BYTES as usize));
};

/// A queue, its buffers and its notifier.
#[derive(Debug)]
struct BufferedQueue {
    queue: Queue,
    buffers: SharedMemory<'static>,
    bus_address: u64,
    notifier: QueueNotifier,
}

impl BufferedQueue {
    /// Sets up a queue in this memory.
    fn open(
        device: &Device,
        number: u16,
        memory: SharedMemory<'static>,
        bus_address: u64,
    ) -> Result<BufferedQueue, InitError> {
        let queue = Queue::new(memory, bus_address, device.queue_size(number)?);
        Ok(BufferedQueue {
            notifier: device.set_up(number, &queue)?,
            queue,
            buffers: memory.part(QUEUE_BYTES, BUFFERS_BYTES),
            bus_address: bus_address + QUEUE_BYTES as u64,
        })
    }

    /// The memory of the frame in a buffer.
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
            self.notifier.notify();
        }
    }

    fn take(&mut self) -> Option<(Buffer, u32)> {
        let taken = self.queue.take();
        taken.unwrap_or_else(|_| panic!("the NIC used a buffer that it does not have"))
    }
}

#[derive(Debug)]
pub struct Nic {
    mac: Option<Mac>,
    receive: BufferedQueue,
    send: BufferedQueue,
    /// The free buffers for sending.
    free: Vec<Buffer>,
}

impl Nic {
    /// Initialises the NIC that root handed over.
    ///
    /// # Errors
    /// The reason it cannot be used.
    pub fn open(start: &Start) -> Result<Nic, InitError> {
        let device = Device::find(start)?;
        let features = device.begin()?;
        let (memory, bus_address) = allocate_memory(start).map_err(InitError::Memory)?;
        let queue = |number, at: usize| {
            let memory = memory.part(at, BUFFERED_QUEUE_BYTES);
            BufferedQueue::open(&device, number, memory, bus_address + at as u64)
        };
        let receive = queue(RECEIVE_QUEUE, 0)?;
        let send = queue(SEND_QUEUE, BUFFERED_QUEUE_BYTES)?;
        let mut nic = Nic {
            mac: device.mac(features),
            free: (0..send.queue.size()).map(Buffer).collect(),
            receive,
            send,
        };
        nic.send.queue.set_interrupts(false);
        for index in 0..nic.receive.queue.size() {
            nic.offer_for_receiving(Buffer(index));
        }
        device.run();
        nic.publish();
        Ok(nic)
    }

    /// The NIC's own address, if it has one.
    pub fn mac(&self) -> Option<Mac> {
        self.mac
    }

    /// Whether a received frame is queued.
    pub fn has_frame(&self) -> bool {
        self.receive.queue.has_used()
    }

    /// Copies the next received frame; returns its length. Frames of invalid length are skipped.
    pub fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        while let Some((buffer, written)) = self.receive.take() {
            let bytes = (written as usize).saturating_sub(HEADER_BYTES);
            let is_valid = (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes);
            if is_valid {
                self.receive.frame(buffer).read(0, &mut into[..bytes]);
            }
            self.offer_for_receiving(buffer);
            if is_valid {
                return Some(bytes);
            }
        }
        None
    }

    /// Whether a frame can be sent now.
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

    /// Enables or disables interrupts for sent frames. Check for space once more after enabling them.
    pub fn set_space_interrupt(&mut self, wanted: bool) {
        self.send.queue.set_interrupts(wanted);
    }

    /// Publishes all changes to the NIC.
    pub fn publish(&mut self) {
        self.receive.publish();
        self.send.publish();
    }

    fn offer_for_receiving(&mut self, buffer: Buffer) {
        let bytes = BUFFER_BYTES - FRAME_OFFSET;
        self.receive.offer(buffer, bytes, Purpose::Receive);
    }
}

/// Allocates the memory of both queues; also returns its bus address.
fn allocate_memory(start: &Start) -> Result<(SharedMemory<'static>, u64), abi::Error> {
    let pool: Cap<Pool> = start.require("pool");
    let domain: Cap<Domain> = start.require("domain");
    let pages = PageCount(2 * BUFFERED_QUEUE_BYTES as u64 / PAGE_BYTES);
    let (memory, bus_address) = pool.create_contiguous_memory(pages, BusRange::ALL)?;
    let mapping = Mapping::new(domain, memory, pages, Access::ReadWrite)?;
    Ok((mapping.leak(), bus_address))
}
