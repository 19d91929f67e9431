//! The network as far as it is no socket: who the others are, how they are spoken to, and what waits to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use embassy_net::{IpAddress, IpEndpoint};
use nomad_channel::{Keys, Random, Sessions};
use nomad_protocol::{MachineId, PORT};

use crate::server::now;

/// A datagram on its way out.
pub struct Datagram {
    /// To whom.
    pub to: IpEndpoint,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// The network.
pub struct Network {
    /// Who the others are.
    pub keys: Keys,
    /// How they are spoken to.
    pub sessions: RefCell<Sessions>,
    outbox: RefCell<VecDeque<Datagram>>,
    /// Datagrams that were of nobody who may be heard.
    turned_away: Cell<u64>,
    random: RefCell<Random>,
}

impl Network {
    /// A machine with these keys that has not spoken yet.
    pub fn new(keys: Keys, mut random: Random) -> Network {
        Network {
            keys,
            sessions: RefCell::new(Sessions::new(random.fork())),
            outbox: RefCell::default(),
            turned_away: Cell::new(0),
            random: RefCell::new(random),
        }
    }

    /// Puts an encrypted datagram for a machine, or a handshake with it, into the outbox.
    pub fn send(&self, to: MachineId, message: &[u8]) {
        let Some(address) = self.keys.address_of(to) else {
            return;
        };
        let datagrams = self
            .sessions
            .borrow_mut()
            .send(&self.keys, now().as_us(), to, message);
        self.post(IpEndpoint::new(IpAddress::Ipv4(address), PORT), datagrams);
    }

    /// Puts datagrams for whoever is there into the outbox.
    pub fn post(&self, to: IpEndpoint, datagrams: Vec<Vec<u8>>) {
        let datagrams = datagrams.into_iter().map(|bytes| Datagram { to, bytes });
        self.outbox.borrow_mut().extend(datagrams);
    }

    /// Takes what waits to be sent.
    pub fn take_outbox(&self) -> VecDeque<Datagram> {
        core::mem::take(&mut *self.outbox.borrow_mut())
    }

    /// This datagram is of nobody who may be heard.
    pub fn turn_away(&self, from: IpEndpoint, why: &dyn fmt::Debug) {
        let count = self.turned_away.get().saturating_add(1);
        self.turned_away.set(count);
        log::debug!("from {from}: {why:?}, {count} turned away so far");
    }

    /// A generator of random numbers of its own, for whoever needs one.
    pub fn fork_random(&self) -> Random {
        self.random.borrow_mut().fork()
    }
}
