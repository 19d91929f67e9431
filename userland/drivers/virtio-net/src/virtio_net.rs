//! Sending and receiving frames, each with a queue of its own.
//!
//! Domains have addresses of their own, unknown to the NIC: it delivers every frame unless configured to
//! filter, which would take a third queue.
//!
//! The buffers of a queue lie in one contiguous Memory, and are as many and as large as the slots of a ring with the same MTU; a
//! NIC with a shorter queue has fewer. A buffer holds the header that virtio puts before each frame, placed so that the frame
//! itself begins at a multiple of eight.
//!
//! ```text
//! buffer:  4 virtio header (12 bytes, zeros)   16 frame
//! ```

use alloc::vec::Vec;

use nic::{
    Card, DmaMemory, Events, Hardware, Link, MappedRegisters, NarrowRegisters, Nic, NicFault,
    Received,
};
use runtime::capability::BusRange;
use runtime::port::layout::SLOT_SPARE_BYTES;
use runtime::port::{FRAME_BYTES_MIN, Frame, Layout};
use runtime::protocol::{Mac, Mtu};
use runtime::shared::SharedMemory;

use crate::device::{Device, InitError, QueueNotifier};
use crate::features::Negotiated;
use crate::queue::{Buffer, Purpose, QUEUE_BYTES, Queue, UsedRingError};

const RECEIVE_QUEUE: u16 = 0;
const SEND_QUEUE: u16 = 1;

const HEADER_OFFSET: usize = 4;
const HEADER_BYTES: usize = 12;
const FRAME_OFFSET: usize = HEADER_OFFSET + HEADER_BYTES;

/// Allocates zeroed memory for DMA, at least this large.
pub trait Allocate: FnMut(usize) -> Result<DmaMemory, abi::Error> {}

impl<A: FnMut(usize) -> Result<DmaMemory, abi::Error>> Allocate for A {}

const _: () = assert!(FRAME_OFFSET <= SLOT_SPARE_BYTES);

/// A queue, its buffers and its notifier.
#[derive(Debug)]
struct BufferedQueue<R> {
    queue: Queue,
    buffers: DmaMemory,
    layout: Layout,
    notifier: QueueNotifier<R>,
}

impl<R: NarrowRegisters + Clone> BufferedQueue<R> {
    /// Sets up a queue with buffers as in this layout.
    fn open(
        device: &Device<R>,
        number: u16,
        layout: Layout,
        allocate: &mut impl Allocate,
    ) -> Result<BufferedQueue<R>, InitError> {
        let mut memory = |bytes| allocate(bytes).map_err(InitError::Memory);
        let queue = Queue::new(memory(QUEUE_BYTES)?, device.queue_size(number)?);
        Ok(BufferedQueue {
            notifier: device.set_up(number, &queue)?,
            queue,
            buffers: memory(layout.slots_bytes())?,
            layout,
        })
    }

    /// All buffers.
    fn all(&self) -> impl Iterator<Item = Buffer> + use<R> {
        let count = self.layout.slot_count() as u16;
        (0..count.min(self.queue.size())).map(Buffer)
    }

    /// The room for a frame in a buffer.
    fn frame_bytes(&self) -> usize {
        self.layout.slot_bytes() - FRAME_OFFSET
    }

    fn buffer(&self, Buffer(index): Buffer) -> DmaMemory {
        let bytes = self.layout.slot_bytes();
        self.buffers.part(usize::from(index) * bytes, bytes)
    }

    /// The memory of the frame in a buffer.
    fn frame(&self, buffer: Buffer) -> SharedMemory<'static> {
        let memory = self.buffer(buffer).memory();
        memory.part(FRAME_OFFSET, self.frame_bytes())
    }

    fn offer(&mut self, buffer: Buffer, frame_bytes: usize, purpose: Purpose) {
        let bytes = HEADER_BYTES + frame_bytes;
        // Parts of memory begin at a multiple of eight, but the header does not.
        let address = self.buffer(buffer).address().after(HEADER_OFFSET);
        self.queue.offer(buffer, address, bytes as u32, purpose);
    }

    fn publish(&mut self) {
        if self.queue.publish() {
            self.notifier.notify();
        }
    }

    fn take(&mut self) -> Result<Option<(Buffer, u32)>, NicFault> {
        let taken = self.queue.take();
        taken.map_err(|UsedRingError| NicFault("used a buffer that it does not have"))
    }
}

/// A running NIC.
#[derive(Debug)]
pub struct VirtioNet<R> {
    device: Device<R>,
    /// The negotiated features.
    features: u64,
    /// The state of the link when it was last read.
    link: Option<Link>,
    needs_reset: bool,
    mac: Option<Mac>,
    frame_bytes_max: usize,
    receive: BufferedQueue<R>,
    send: BufferedQueue<R>,
    /// The buffers for sending that the NIC does not have.
    free: Vec<Buffer>,
}

/// A NIC that does not run yet, for a port of this MTU. How much memory it needs depends on what it offers.
pub struct Stopped<R, A> {
    device: Device<R>,
    port: Mtu,
    /// Allocates zeroed memory for DMA, at least this large.
    allocate: A,
}

/// Finds the NIC that root handed over.
///
/// # Errors
/// The reason it cannot be used.
pub fn find<'a>(
    hardware: &Hardware<'a>,
) -> Result<Stopped<MappedRegisters, impl Allocate + use<'a>>, InitError> {
    let hardware = *hardware;
    Ok(Stopped {
        device: Device::find(&hardware)?,
        port: hardware.mtu(),
        allocate: move |bytes| hardware.dma_memory(bytes, BusRange::ALL),
    })
}

impl<R: NarrowRegisters + Clone, A: Allocate> Card for Stopped<R, A> {
    type Nic = VirtioNet<R>;
    type Error = InitError;

    fn reset(&mut self) -> Result<(), InitError> {
        self.device.reset()
    }

    fn start(self) -> Result<VirtioNet<R>, InitError> {
        let Stopped {
            device,
            port,
            mut allocate,
        } = self;
        let Negotiated { features, mtu } = device.begin(port)?;
        let layout = Layout::of(Mtu::try_from(u32::from(mtu)).unwrap_or_default());
        let mut queue = |number| BufferedQueue::open(&device, number, layout, &mut allocate);
        let receive = queue(RECEIVE_QUEUE)?;
        let send = queue(SEND_QUEUE)?;
        let mut nic = VirtioNet {
            link: device.link(features),
            mac: device.mac(features)?,
            device,
            features,
            needs_reset: false,
            frame_bytes_max: FRAME_BYTES_MIN + usize::from(mtu),
            free: send.all().collect(),
            receive,
            send,
        };
        nic.send.queue.set_interrupts(false);
        for buffer in nic.receive.all() {
            nic.offer_for_receiving(buffer);
        }
        nic.device.run();
        nic.publish();
        Ok(nic)
    }
}

impl<R: NarrowRegisters + Clone> VirtioNet<R> {
    /// Fails once the NIC has reported an error: it moves no more frames then.
    fn check(&self) -> Result<(), NicFault> {
        if self.needs_reset {
            Err(NicFault("needs a reset"))
        } else {
            Ok(())
        }
    }

    fn offer_for_receiving(&mut self, buffer: Buffer) {
        let bytes = self.receive.frame_bytes();
        self.receive.offer(buffer, bytes, Purpose::Receive);
    }
}

impl<R: NarrowRegisters + Clone> Nic for VirtioNet<R> {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }

    /// It may have changed between the start's first read and the moment from which the NIC reports changes, so the next change is
    /// relative to the state that the caller gets.
    fn link(&mut self) -> Option<Link> {
        self.link = self.device.link(self.features);
        self.link
    }

    /// Frames and changes of the configuration share one interrupt. Reading the registers takes longer than a frame, so an interrupt
    /// with a received frame counts as the frame's, and the registers are read later.
    fn acknowledge(&mut self) -> Events {
        if self.receive.queue.has_used() {
            return Events {
                has_unread: true,
                ..Events::default()
            };
        }
        self.needs_reset = self.device.needs_reset();
        let before = self.link;
        Events {
            link: self.link() != before,
            ..Events::default()
        }
    }

    fn has_frame(&self) -> bool {
        self.receive.queue.has_used()
    }

    fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        self.check()?;
        let Some((buffer, written)) = self.receive.take()? else {
            return Ok(None);
        };
        let bytes = (written as usize).saturating_sub(HEADER_BYTES);
        if bytes > self.receive.frame_bytes() {
            return Err(NicFault("received a frame larger than its buffer"));
        }
        let received = Received::of_length(bytes, self.frame_bytes_max);
        if let Received::Frame(bytes) = received {
            into.copy_from(self.receive.frame(buffer), bytes);
        }
        self.offer_for_receiving(buffer);
        Ok(Some(received))
    }

    fn has_space(&mut self) -> Result<bool, NicFault> {
        self.check()?;
        while let Some((buffer, _)) = self.send.take()? {
            self.free.push(buffer);
        }
        if self.free.is_empty() {
            self.needs_reset = self.device.needs_reset();
            self.check()?;
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

#[cfg(test)]
mod lies;
#[cfg(test)]
mod tests;
