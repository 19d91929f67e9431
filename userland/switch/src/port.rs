//! A port: a mapped ring, what waits for room in it, and the bell of the one at its other end.

use abi::Error;
use abi::register::{Access, PageCount};
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::events;
use runtime::mapping::Mapping;
use runtime::port::{self, Lie, PORT_PAGES, Port as Cable, SendError, Wish};
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
    /// Whether frames were sent that the owner may have to be woken for.
    sent_unheard: bool,
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
            sent_unheard: false,
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

    /// Wakes the owner if it waits for what was done.
    pub fn wake(&self, done: Wish) {
        if self.cable().owes_bell(done) {
            // An owner that is gone needs no bell; root tells us soon.
            let _ = self.wake.signal(self.flag);
        }
    }

    /// Sends a frame to the owner. It waits in the buffer if the ring is full or others wait already, and is dropped if there is
    /// no room either.
    ///
    /// # Errors
    /// The ring's lie.
    pub fn send(&mut self, buffer: &mut Buffer, frame: &[u8]) -> Result<(), Lie> {
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
    /// The ring's lie.
    pub fn send_waiting(&mut self, buffer: &mut Buffer) -> Result<usize, Lie> {
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
    fn put(&mut self, frame: &[u8]) -> Result<bool, Lie> {
        let sent = self.cable().outgoing().send(frame);
        match sent {
            Ok(()) => {
                self.counters.sent += 1;
                self.sent_unheard = true;
                Ok(true)
            }
            Err(SendError::Full) => Ok(false),
            // It came out of a ring, which holds no frame of such a length.
            Err(SendError::Length(_)) => Ok(true),
            Err(SendError::Lie(lie)) => Err(lie),
        }
    }

    /// Wishes to be woken when the owner has sent frames, or taken some that others wait behind; then looks once more: whether
    /// there is anything to do.
    pub fn wish(&self) -> bool {
        let (cable, waits) = (self.cable(), !self.waiting.is_empty());
        cable.wish(match waits {
            true => Wish::FRAMES.or(Wish::SPACE),
            false => Wish::FRAMES,
        });
        // A lie waits to be found out.
        let is_there = |count: Result<u32, Lie>| count.map_or(true, |count| count > 0);
        is_there(cable.incoming().queued()) || waits && is_there(cable.outgoing().space())
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
        if core::mem::take(&mut self.sent_unheard) {
            self.wake(Wish::FRAMES);
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
