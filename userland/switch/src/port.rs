//! A port: a mapped ring, the frames queued for it, and the notification of its owner.

use alloc::rc::Rc;

use abi::Error;
use abi::register::{Access, PageCount};
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::events;
use runtime::mapping::Mapping;
use runtime::port::{Layout, MappedPort, Port as RingEnds, RingError, SendError, Side, WakeFlag};
use runtime::protocol::ports::{PortKind, PortNumber};
#[cfg(test)]
use runtime::shared::SharedMemory;

use crate::buffer::{Buffer, Queue};
use crate::counters::Counters;
use crate::forwarding::PortEntry;
use crate::losses::Losses;
use crate::outgoing::Outgoing;

#[derive(Debug)]
pub struct Port {
    entry: PortEntry,
    /// Whether frames are forwarded: the state in the forwarding table, which would have to be searched for it.
    pub is_active: bool,
    /// The layout of its ring, from root: the owner can write the header.
    layout: Layout,
    ring: Rc<Ring>,
    /// Frames for which the ring had no space.
    waiting: Queue,
    wake: Cap<Notification>,
    /// The flag that is raised in `wake`.
    flag: u64,
    /// Whether frames were sent for which the owner was not woken yet.
    has_unsignalled_frames: bool,
    pub counters: Counters,
    losses: Losses,
}

/// The switch's end of a port's ring.
#[derive(Debug)]
pub struct Ring {
    port: MappedPort,
    /// The Memory that it lies in; `None` in a test, which has no kernel to map one.
    memory: Option<Cap<Memory>>,
}

impl Port {
    /// Maps a port's ring and takes ownership of the capabilities.
    ///
    /// # Errors
    /// The reason the ring cannot be mapped.
    pub fn new(
        domain: Cap<Domain>,
        entry: PortEntry,
        layout: Layout,
        ring: Cap<Memory>,
        wake: Cap<Notification>,
    ) -> Result<Port, Error> {
        let pages = PageCount(layout.pages());
        let mapping = Mapping::new(domain, ring, pages, Access::ReadWrite)?;
        let port = MappedPort::try_new(mapping, Side::Switch, layout);
        let ring = Ring {
            port: port.expect("as many pages as a port has are mapped"),
            memory: Some(ring),
        };
        Ok(Port::over(ring, layout, entry, wake))
    }

    fn over(ring: Ring, layout: Layout, entry: PortEntry, wake: Cap<Notification>) -> Port {
        Port {
            entry,
            is_active: false,
            layout,
            ring: Rc::new(ring),
            waiting: Queue::default(),
            wake,
            flag: match entry.kind {
                // Its owner also has an ordinary port.
                PortKind::Tunnel => events::TUNNEL,
                PortKind::Domain | PortKind::Uplink => events::PORT,
            },
            has_unsignalled_frames: false,
            counters: Counters::default(),
            losses: Losses::default(),
        }
    }

    pub fn number(&self) -> PortNumber {
        self.entry.port
    }

    /// Its forwarding entry while it is inactive.
    pub fn entry(&self) -> PortEntry {
        self.entry
    }

    /// The switch's end of the ring.
    fn ring_ends(&self) -> RingEnds<'_> {
        self.ring.ends()
    }

    /// Its ring, to read frames from it while other ports change.
    pub fn ring(&self) -> Rc<Ring> {
        self.ring.clone()
    }

    /// Wakes the owner if it requested a wake-up for this event.
    pub fn wake(&self, event: WakeFlag) {
        if self.ring_ends().take_wake_request(event) {
            // An error is ignored: the owner is gone, and root will detach the port.
            let _ = self.wake.signal(self.flag);
        }
    }

    /// Sends a frame to the owner. It is queued if the ring is full or other frames are queued. It is dropped if the buffer
    /// has no room for it, or if it exceeds the port's MTU.
    ///
    /// # Errors
    /// The ring's error.
    pub fn send(&mut self, buffer: &mut Buffer, frame: &Outgoing<'_>) -> Result<(), RingError> {
        let length = frame.length();
        if length > self.layout.frame_bytes_max() {
            self.counters.dropped_long += 1;
            return Ok(());
        }
        if self.waiting.is_empty() && self.put(frame)? {
            return Ok(());
        }
        if buffer.push(&mut self.waiting, length, |bytes| frame.copy_to(bytes)) {
            self.counters.waited += 1;
        } else {
            self.counters.dropped_full += 1;
        }
        Ok(())
    }

    /// Whether frames are queued.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Moves queued frames to the ring as far as it has space; returns their number.
    ///
    /// # Errors
    /// The ring's error.
    pub fn send_waiting(&mut self, buffer: &mut Buffer) -> Result<usize, RingError> {
        let mut sent = 0;
        while let Some(frame) = buffer.first(&self.waiting)
            && self.put(&Outgoing::Own(frame))?
        {
            buffer.pop(&mut self.waiting);
            sent += 1;
        }
        Ok(sent)
    }

    /// Puts a frame into the ring; `false` if the ring is full.
    fn put(&mut self, frame: &Outgoing<'_>) -> Result<bool, RingError> {
        match frame.put_into(&self.ring_ends().outgoing()) {
            Ok(()) => {
                self.counters.sent += 1;
                self.has_unsignalled_frames = true;
                Ok(true)
            }
            Err(SendError::Full) => Ok(false),
            // Cannot happen: `send` checks the length, and every port has room for a queued frame.
            Err(SendError::Length(_)) => Ok(true),
            Err(SendError::Ring(error)) => Err(error),
        }
    }

    /// Requests a wake-up for frames from the owner, and for space in the ring if frames are queued for the owner. Then checks
    /// again; returns whether a frame can be moved or the ring is corrupt.
    pub fn request_wake(&self) -> bool {
        let (ring_ends, waits) = (self.ring_ends(), !self.waiting.is_empty());
        ring_ends.request_wake(if waits {
            WakeFlag::FRAMES.or(WakeFlag::SPACE)
        } else {
            WakeFlag::FRAMES
        });
        // An error counts as something to do, so that the next pass handles it.
        let has_any = |count: Result<u32, RingError>| count.map_or(true, |count| count > 0);
        has_any(ring_ends.incoming().queued()) || waits && has_any(ring_ends.outgoing().space())
    }

    /// Takes the queued frames, for [`Port::send_later`] of another port.
    pub fn take_waiting(&mut self) -> Queue {
        core::mem::take(&mut self.waiting)
    }

    /// Queues these frames after those already queued.
    pub fn send_later(&mut self, buffer: &mut Buffer, frames: Queue) {
        self.counters.waited += frames.len() as u64;
        buffer.append(&mut self.waiting, frames);
    }

    /// Drops the queued frames.
    pub fn drop_waiting(&mut self, buffer: &mut Buffer) {
        self.counters.dropped_full += buffer.clear(&mut self.waiting) as u64;
    }

    /// Wakes the owner if frames were sent and it requested a wake-up for them.
    pub fn wake_receiver(&mut self) {
        if core::mem::take(&mut self.has_unsignalled_frames) {
            self.wake(WakeFlag::FRAMES);
        }
    }

    /// The time to report its losses, if there are unreported ones.
    pub fn report_due_ns(&self) -> Option<u64> {
        self.losses.due_ns(&self.counters)
    }

    /// Reports its losses if due.
    pub fn report_losses(&mut self, now_ns: u64) {
        if self.losses.take_due(&self.counters, now_ns) {
            let PortEntry { port, mac, .. } = self.entry;
            log::warn!("port {} of {mac} lost frames: {:?}", port.0, self.counters);
        }
    }

    /// Unmaps the ring and deletes the capabilities, whose objects may be gone already.
    pub fn close(self) {
        match Rc::into_inner(self.ring) {
            Some(Ring { port, memory }) => {
                drop(port);
                if let Some(memory) = memory {
                    memory.forget();
                }
            }
            None => panic!("a port is closed while its frames are forwarded"),
        }
        self.wake.forget();
    }

    /// A port with its ring in this memory.
    #[cfg(test)]
    pub(crate) fn for_test(
        memory: SharedMemory<'static>,
        layout: Layout,
        entry: PortEntry,
        wake: Cap<Notification>,
    ) -> Port {
        let port = MappedPort::over(memory, Side::Switch, layout);
        let ring = Ring {
            port: port.expect("memory of the size of a port"),
            memory: None,
        };
        Port::over(ring, layout, entry, wake)
    }
}

impl Ring {
    /// The switch's ends of its two directions.
    pub fn ends(&self) -> RingEnds<'_> {
        self.port.end()
    }
}
