//! A port: a mapped ring, what waits for room in it, and the bell of the one at its other end.

use abi::Error;
use abi::register::{Access, PageCount};
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::events;
use runtime::mapping::Mapping;
use runtime::port::{self, PORT_PAGES, Port as Cable, RingError, SendError, WakeFlag};
use runtime::protocol::ports::{PortKind, PortNumber};
use runtime::shared::SharedMemory;

use crate::buffer::{Buffer, Queue};
use crate::forwarding::Station;
use crate::losses::Losses;

/// A port of the switch.
#[derive(Debug)]
pub struct Port {
    station: Station,
    ring: RingMemory,
    /// Frames for which the ring had no room.
    waiting: Queue,
    wake: Cap<Notification>,
    /// The flag to raise there.
    flag: u64,
    /// Whether frames were sent for which the owner was not woken yet.
    has_unsignalled_frames: bool,
    /// What happened here.
    pub counters: Counters,
    losses: Losses,
}

/// Where a port's ring lies.
#[derive(Debug)]
enum RingMemory {
    /// In a Memory that is mapped.
    Mapped(Cap<Memory>, Mapping),
    /// In the memory of a test, which has no kernel that maps anything.
    #[cfg(test)]
    Given(SharedMemory<'static>),
}

/// What happened at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came from its owner.
    pub received: u64,
    /// Frames for its owner.
    pub sent: u64,
    /// Those of them that waited, since its ring was full.
    pub waited: u64,
    /// Frames for its owner for which neither its ring nor the buffer had room, or that waited when it stopped.
    pub dropped_full: u64,
    /// Frames from its owner with an address that is not its own.
    pub dropped_forged: u64,
}

impl Counters {
    /// Frames that were lost here.
    pub fn lost(&self) -> u64 {
        self.dropped_full + self.dropped_forged
    }
}

impl Port {
    /// Maps a port's ring. The capabilities are the port's from now on.
    ///
    /// # Errors
    /// Why the ring cannot be mapped.
    pub fn new(
        domain: Cap<Domain>,
        station: Station,
        ring: Cap<Memory>,
        wake: Cap<Notification>,
    ) -> Result<Port, Error> {
        let mapping = Mapping::new(domain, ring, PageCount(PORT_PAGES), Access::ReadWrite)?;
        Ok(Port::over(RingMemory::Mapped(ring, mapping), station, wake))
    }

    fn over(ring: RingMemory, station: Station, wake: Cap<Notification>) -> Port {
        Port {
            station,
            ring,
            waiting: Queue::default(),
            wake,
            flag: match station.kind {
                // Its owner has a port like any other beside it.
                PortKind::Tunnel => events::TUNNEL,
                PortKind::Domain | PortKind::Uplink => events::PORT,
            },
            has_unsignalled_frames: false,
            counters: Counters::default(),
            losses: Losses::default(),
        }
    }

    /// Its number.
    pub fn number(&self) -> PortNumber {
        self.station.port
    }

    /// Its station, as long as no frame flows.
    pub fn station(&self) -> Station {
        self.station
    }

    /// The switch's end of the ring.
    pub fn cable(&self) -> Cable<'_> {
        let cable = Cable::try_new(self.ring.memory(), port::Side::Switch);
        cable.expect("as many pages as a port has are mapped")
    }

    /// Wakes the owner if it requested that for this event.
    pub fn wake(&self, event: WakeFlag) {
        if self.cable().take_wake_request(event) {
            // An error is ignored: the owner is gone, and root will detach the port.
            let _ = self.wake.signal(self.flag);
        }
    }

    /// Sends a frame to the owner. It waits in the buffer if the ring is full or others wait already, and is dropped if there is
    /// no room either.
    ///
    /// # Errors
    /// The ring's error.
    pub fn send(&mut self, buffer: &mut Buffer, frame: &[u8]) -> Result<(), RingError> {
        if self.waiting.is_empty() && self.put(frame)? {
            return Ok(());
        }
        match buffer.push(&mut self.waiting, frame) {
            true => self.counters.waited += 1,
            false => self.counters.dropped_full += 1,
        }
        Ok(())
    }

    /// Sends the frames that wait, as far as the ring has room by now; returns how many.
    ///
    /// # Errors
    /// The ring's error.
    pub fn send_waiting(&mut self, buffer: &mut Buffer) -> Result<usize, RingError> {
        let mut sent = 0;
        while let Some(frame) = buffer.first(&self.waiting)
            && self.put(frame)?
        {
            buffer.pop(&mut self.waiting);
            sent += 1;
        }
        Ok(sent)
    }

    /// Puts a frame into the ring; `false` if that is full.
    fn put(&mut self, frame: &[u8]) -> Result<bool, RingError> {
        let sent = self.cable().outgoing().send(frame);
        match sent {
            Ok(()) => {
                self.counters.sent += 1;
                self.has_unsignalled_frames = true;
                Ok(true)
            }
            Err(SendError::Full) => Ok(false),
            // It came out of a ring, which holds no frame of such a length.
            Err(SendError::Length(_)) => Ok(true),
            Err(SendError::Ring(error)) => Err(error),
        }
    }

    /// Requests a wake-up for frames from the owner, and for space if frames are queued for it; then checks again and returns
    /// whether there is anything to do.
    pub fn request_wake(&self) -> bool {
        let (cable, waits) = (self.cable(), !self.waiting.is_empty());
        cable.request_wake(match waits {
            true => WakeFlag::FRAMES.or(WakeFlag::SPACE),
            false => WakeFlag::FRAMES,
        });
        // An error counts as something to do, so that it is found.
        let is_some = |count: Result<u32, RingError>| count.map_or(true, |count| count > 0);
        is_some(cable.incoming().queued()) || waits && is_some(cable.outgoing().space())
    }

    /// Takes the frames that wait, which are another port's to send from now on: [`Port::send_later`], or [`Port::drop_waiting`].
    pub fn take_waiting(&mut self) -> Queue {
        core::mem::take(&mut self.waiting)
    }

    /// Sends these frames after those that wait already.
    pub fn send_later(&mut self, buffer: &mut Buffer, frames: Queue) {
        self.counters.waited += frames.len() as u64;
        buffer.append(&mut self.waiting, frames);
    }

    /// Drops the frames that wait.
    pub fn drop_waiting(&mut self, buffer: &mut Buffer) {
        self.counters.dropped_full += buffer.clear(&mut self.waiting) as u64;
    }

    /// Wakes the owner if frames were sent and it waits for some.
    pub fn wake_receiver(&mut self) {
        if core::mem::take(&mut self.has_unsignalled_frames) {
            self.wake(WakeFlag::FRAMES);
        }
    }

    /// When its losses are to be reported, if there are any that were not.
    pub fn report_due_ns(&self) -> Option<u64> {
        self.losses.due_ns(&self.counters)
    }

    /// Reports its losses if that is due.
    pub fn report_losses(&mut self, now_ns: u64) {
        if self.losses.take_due(&self.counters, now_ns) {
            let Station { port, mac, .. } = self.station;
            log::warn!("port {} of {mac} lost frames: {:?}", port.0, self.counters);
        }
    }

    /// Unmaps the ring and gives up the capabilities, whose objects may be gone already.
    pub fn close(self) {
        match self.ring {
            RingMemory::Mapped(memory, mapping) => {
                drop(mapping);
                memory.forget();
            }
            #[cfg(test)]
            RingMemory::Given(_) => {}
        }
        self.wake.forget();
    }

    /// A port whose ring lies in this memory.
    #[cfg(test)]
    pub(crate) fn given(
        memory: SharedMemory<'static>,
        station: Station,
        wake: Cap<Notification>,
    ) -> Port {
        Port::over(RingMemory::Given(memory), station, wake)
    }
}

impl RingMemory {
    fn memory(&self) -> SharedMemory<'_> {
        match self {
            RingMemory::Mapped(_, mapping) => mapping.memory(),
            #[cfg(test)]
            RingMemory::Given(memory) => *memory,
        }
    }
}
