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
use nic::{Card, CardFault, DmaMemory, Events, Hardware, Link, Received};
use runtime::capability::BusRange;
use runtime::port::{FRAME_BYTES_MAX, Frame};
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use crate::device::{Device, InitError, QueueNotifier};
use crate::queue::{Buffer, Purpose, QUEUE_BYTES, QUEUE_SIZE_MAX, Queue, UsedRingError};

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
    buffers: DmaMemory,
    notifier: QueueNotifier,
}

impl BufferedQueue {
    /// Sets up a queue in this memory.
    fn open(device: &Device, number: u16, memory: DmaMemory) -> Result<BufferedQueue, InitError> {
        let queue = Queue::new(memory, device.queue_size(number)?);
        Ok(BufferedQueue {
            notifier: device.set_up(number, &queue)?,
            queue,
            buffers: memory.part(QUEUE_BYTES, BUFFERS_BYTES),
        })
    }

    /// The memory of the frame in a buffer.
    fn frame(&self, buffer: Buffer) -> SharedMemory<'static> {
        let at = usize::from(buffer.0) * BUFFER_BYTES;
        let bytes = BUFFER_BYTES - FRAME_OFFSET;
        self.buffers.part(at + FRAME_OFFSET, bytes).memory()
    }

    fn offer(&mut self, buffer: Buffer, frame_bytes: usize, purpose: Purpose) {
        let at = usize::from(buffer.0) * BUFFER_BYTES;
        let bytes = HEADER_BYTES + frame_bytes;
        // Parts of memory begin at a multiple of eight, but the header does not.
        let buffer_address = self.buffers.part(at, BUFFER_BYTES).address();
        let address = buffer_address.after(HEADER_OFFSET);
        self.queue.offer(buffer, address, bytes as u32, purpose);
    }

    fn publish(&mut self) {
        if self.queue.publish() {
            self.notifier.notify();
        }
    }

    fn take(&mut self) -> Result<Option<(Buffer, u32)>, CardFault> {
        let taken = self.queue.take();
        taken.map_err(|UsedRingError| CardFault("used a buffer that it does not have"))
    }
}

#[derive(Debug)]
pub struct VirtioNet {
    mac: Option<Mac>,
    receive: BufferedQueue,
    send: BufferedQueue,
    /// The buffers for sending that the NIC does not have.
    free: Vec<Buffer>,
}

impl VirtioNet {
    /// Initialises the NIC that root handed over.
    ///
    /// # Errors
    /// The reason it cannot be used.
    pub fn open(hardware: &Hardware) -> Result<VirtioNet, InitError> {
        let device = Device::find(hardware)?;
        let features = device.begin()?;
        let memory = hardware.dma_memory(2 * BUFFERED_QUEUE_BYTES, BusRange::ALL);
        let memory = memory.map_err(InitError::Memory)?;
        let queue = |number, at: usize| {
            BufferedQueue::open(&device, number, memory.part(at, BUFFERED_QUEUE_BYTES))
        };
        let receive = queue(RECEIVE_QUEUE, 0)?;
        let send = queue(SEND_QUEUE, BUFFERED_QUEUE_BYTES)?;
        let mut nic = VirtioNet {
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

    fn offer_for_receiving(&mut self, buffer: Buffer) {
        let bytes = BUFFER_BYTES - FRAME_OFFSET;
        self.receive.offer(buffer, bytes, Purpose::Receive);
    }
}

impl Card for VirtioNet {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn link(&mut self) -> Option<Link> {
        None
    }

    fn acknowledge(&mut self) -> Events {
        Events::default()
    }

    fn has_frame(&self) -> bool {
        self.receive.queue.has_used()
    }

    fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Result<Option<Received>, CardFault> {
        let Some((buffer, written)) = self.receive.take()? else {
            return Ok(None);
        };
        let received = Received::of_length((written as usize).saturating_sub(HEADER_BYTES));
        if let Received::Frame(bytes) = received {
            self.receive.frame(buffer).read(0, &mut into[..bytes]);
        }
        self.offer_for_receiving(buffer);
        Ok(Some(received))
    }

    fn has_space(&mut self) -> Result<bool, CardFault> {
        while let Some((buffer, _)) = self.send.take()? {
            self.free.push(buffer);
        }
        Ok(!self.free.is_empty())
    }

    fn send(&mut self, frame: &Frame<'_>) {
        if let Some(buffer) = self.free.pop() {
            frame.copy_to_shared(self.send.frame(buffer));
            self.send.offer(buffer, frame.length(), Purpose::Send);
        }
    }

    fn set_space_interrupt(&mut self, wanted: bool) {
        self.send.queue.set_interrupts(wanted);
    }

    fn publish(&mut self) {
        self.receive.publish();
        self.send.publish();
    }
}
