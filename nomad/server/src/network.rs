//! The network without its sockets: the keys, the sessions, and the datagrams to be sent.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::net::Ipv4Addr;

use embassy_net::{IpAddress, IpEndpoint};
use nomad_channel::packet::is_initiation;
use nomad_channel::{Keys, Random, Sessions, Suites};
use nomad_protocol::{BootId, HELLO_GROUP, Hello, MachineId, PORT};
use nomad_shell::Machines;

use crate::now::now;

/// A datagram to be sent.
pub struct Datagram {
    pub to: IpEndpoint,
    pub bytes: Vec<u8>,
}

/// The keys, the sessions and the outbox.
pub struct Network {
    pub keys: Rc<Keys>,
    pub sessions: RefCell<Sessions>,
    outbox: RefCell<VecDeque<Datagram>>,
    /// The number of datagrams rejected so far.
    rejected: Cell<u64>,
    random: RefCell<Random>,
}

impl Network {
    /// The network of a machine of this fleet with these keys in this boot, without a session.
    pub fn new(keys: Rc<Keys>, boot: BootId, machines: &Machines, mut random: Random) -> Network {
        let sessions = Sessions::new(random.fork(), Suites::of_this_machine());
        let fleet = machines.all().map(|machine| machine.id).collect();
        let mut sessions = sessions.of_machine(boot, fleet);
        if let Some(address) = machines.own().addresses.best() {
            sessions.set_address(address);
        }
        Network {
            keys,
            sessions: RefCell::new(sessions),
            outbox: RefCell::default(),
            rejected: Cell::new(0),
            random: RefCell::new(random),
        }
    }

    /// Keeps room for the guests that may have a domain at home here.
    pub fn keep_needed(&self, machines: &Machines) {
        let mut sessions = self.sessions.borrow_mut();
        sessions.set_needed(machines.needed_guests());
    }

    /// Puts an encrypted datagram for a machine into the outbox. A handshake goes to each address that the machine may
    /// have.
    pub fn send(&self, machines: &Machines, to: MachineId, message: &[u8]) {
        let handshake_addresses = machines.addresses_of(to);
        if handshake_addresses.is_empty() {
            // A handshake that is sent nowhere would count as one to which the machine has not responded.
            return;
        }
        let now_us = now().as_us();
        let mut sessions = self.sessions.borrow_mut();
        for datagram in sessions.send(&self.keys, now_us, to, message) {
            let addresses = if is_initiation(&datagram) {
                handshake_addresses.clone()
            } else {
                machines.address_of(to).into_iter().collect()
            };
            for address in addresses {
                let to = IpEndpoint::new(IpAddress::Ipv4(address), PORT);
                self.post(to, vec![datagram.clone()]);
            }
        }
    }

    /// Puts a handshake with a machine at this address into the outbox.
    pub fn probe(&self, machine: MachineId, address: Ipv4Addr) {
        let now_us = now().as_us();
        let datagram = self
            .sessions
            .borrow_mut()
            .probe(&self.keys, now_us, machine);
        let to = IpEndpoint::new(IpAddress::Ipv4(address), PORT);
        self.post(to, datagram.into_iter().collect());
    }

    /// Puts a hello for all machines into the outbox.
    pub fn greet(&self, hello: &Hello) {
        let to = IpEndpoint::new(IpAddress::Ipv4(HELLO_GROUP), PORT);
        self.post(to, vec![Sessions::hello(&self.keys, hello)]);
    }

    /// Puts datagrams for an endpoint into the outbox.
    pub fn post(&self, to: IpEndpoint, datagrams: Vec<Vec<u8>>) {
        let datagrams = datagrams.into_iter().map(|bytes| Datagram { to, bytes });
        self.outbox.borrow_mut().extend(datagrams);
    }

    /// Takes the datagrams to be sent.
    pub fn take_outbox(&self) -> VecDeque<Datagram> {
        core::mem::take(&mut *self.outbox.borrow_mut())
    }

    /// Counts and logs a datagram that was rejected.
    pub fn reject(&self, from: IpEndpoint, error: &dyn fmt::Debug) {
        let count = self.rejected.get().saturating_add(1);
        self.rejected.set(count);
        log::debug!("a datagram from {from} is rejected: {error:?}; {count} so far");
    }

    /// An independent random number generator.
    pub fn fork_random(&self) -> Random {
        self.random.borrow_mut().fork()
    }
}
