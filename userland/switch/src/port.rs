//! A port: a mapped ring, and the bell of the one at its other end.

use abi::Error;
use abi::register::{Access, PageCount};
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::events;
use runtime::mapping::Mapping;
use runtime::port::{self, Lie, PORT_PAGES, Port as Cable, SendError, Wish};
use runtime::protocol::ports::{PortNumber, Side};

use crate::forwarding::Station;
use crate::losses::Losses;

/// A port of the switch.
#[derive(Debug)]
pub struct Port {
    station: Station,
    ring: Cap<Memory>,
    mapping: Mapping,
    wake: Cap<Notification>,
    /// The flag to raise there.
    flag: u64,
    /// Whether frames were sent that the owner may have to be woken for.
    sent_unheard: bool,
    /// What happened here.
    pub counters: Counters,
    losses: Losses,
}

/// What happened at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came from its owner.
    pub received: u64,
    /// Frames for its owner.
    pub sent: u64,
    /// Frames for its owner that found its ring full.
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
        let pages = PageCount(PORT_PAGES);
        Ok(Port {
            station,
            ring,
            mapping: Mapping::new(domain, ring, pages, Access::ReadWrite)?,
            wake,
            flag: match station.side {
                // Its owner has a port like any other beside it.
                Side::Tunnel => events::TUNNEL,
                Side::Domain | Side::Uplink => events::PORT,
            },
            sent_unheard: false,
            counters: Counters::default(),
            losses: Losses::default(),
        })
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
        let cable = Cable::try_new(self.mapping.memory(), port::Side::Switch);
        cable.expect("as many pages as a port has are mapped")
    }

    /// Wakes the owner if it waits for what was done.
    pub fn wake(&self, done: Wish) {
        if self.cable().owes_bell(done) {
            // An owner that is gone needs no bell; root tells us soon.
            let _ = self.wake.signal(self.flag);
        }
    }

    /// Sends a frame to the owner; one that does not fit is dropped.
    ///
    /// # Errors
    /// The ring's lie.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), Lie> {
        let sent = self.cable().outgoing().send(frame);
        match sent {
            Ok(()) => {
                self.counters.sent += 1;
                self.sent_unheard = true;
            }
            Err(SendError::Full) => self.counters.dropped_full += 1,
            // It came out of a ring, which holds no frame of such a length.
            Err(SendError::Length(_)) => {}
            Err(SendError::Lie(lie)) => return Err(lie),
        }
        Ok(())
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
        drop(self.mapping);
        self.ring.forget();
        self.wake.forget();
    }
}
