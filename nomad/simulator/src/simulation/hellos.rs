//! Hellos on the simulated wire, and the handshakes to which they lead.
//!
//! The channel is not simulated. A probe reaches whichever machine has the address when it arrives. Only the machine that it
//! is meant for responds, because no other one has its key. A hello may be recorded by someone without the secret, who sends it
//! again later, with its own address or with that of the hello.

use std::net::Ipv4Addr;

use nomad_protocol::{BootId, Hello};

use super::Simulation;
use super::event_queue::Scheduled;
use crate::faults::Renumbering;
use crate::random::Random;

/// The address of the host that records hellos.
const RECORDER: Ipv4Addr = Ipv4Addr::new(10, 77, 66, 6);
/// The most hellos that it remembers.
const RECORDED_MAX: usize = 64;
/// The longest time after which the host sends a recorded hello again.
const REPLAY_US: u64 = 5_000_000;

/// A datagram by which machines find each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Greeting {
    /// A hello that seems to come from this address.
    Hello {
        to: usize,
        from: Ipv4Addr,
        hello: Hello,
    },
    /// A handshake that `by` has begun with a machine.
    Probe {
        by: usize,
        machine: usize,
        at: Ipv4Addr,
    },
    /// The response of the machine in this boot.
    Response {
        to: usize,
        machine: usize,
        boot: BootId,
        from: Ipv4Addr,
    },
}

/// The state of hellos on the wire.
pub(super) struct Hellos {
    random: Random,
    recorded: Vec<Hello>,
    /// The number of addresses that were given out anew.
    renumbered: u8,
}

impl Hellos {
    pub fn new(seed: u64) -> Hellos {
        Hellos {
            random: Random::new(seed),
            recorded: Vec::new(),
            renumbered: 0,
        }
    }
}

impl Simulation {
    /// Sends a hello to all other machines.
    pub(super) fn send_hello(&mut self, from: usize, hello: Hello) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let greeting = Greeting::Hello {
                to,
                from: hello.address,
                hello,
            };
            self.send_greeting(from, to, greeting);
        }
        self.replay(hello);
    }

    /// Has someone record a hello, and send one that was recorded before.
    fn replay(&mut self, hello: Hello) {
        let permille = self.faults.hellos.replay_permille;
        let random = &mut self.hellos.random;
        if !random.permille(permille) {
            return;
        }
        let recorded = &mut self.hellos.recorded;
        if recorded.len() < RECORDED_MAX {
            recorded.push(hello);
        }
        let hello = recorded[random.below(recorded.len() as u64) as usize];
        let from = if random.permille(500) {
            RECORDER
        } else {
            hello.address
        };
        let to = random.below(self.nodes.len() as u64) as usize;
        let delay_us = random.below(REPLAY_US);
        let greeting = Greeting::Hello { to, from, hello };
        self.after(delay_us, Scheduled::Greeting(greeting));
    }

    /// Sends a handshake with a machine to an address.
    pub(super) fn send_probe(&mut self, by: usize, machine: usize, at: Ipv4Addr) {
        if let Some(reached) = self.world.machine_at(at) {
            let greeting = Greeting::Probe { by, machine, at };
            self.send_greeting(by, reached, greeting);
        }
    }

    fn send_greeting(&mut self, from: usize, to: usize, greeting: Greeting) {
        if self.is_cut_off(from, to) {
            return;
        }
        let arrivals = self
            .faults
            .network
            .arrivals(self.now, &mut self.hellos.random);
        for at in arrivals {
            self.queue
                .schedule(at.as_us(), Scheduled::Greeting(greeting));
        }
    }

    pub(super) fn deliver_greeting(&mut self, greeting: Greeting) {
        match greeting {
            Greeting::Hello { to, from, hello } => {
                if self.is_receiving(to) {
                    let local = self.local(to);
                    let effects = self.world.deliver_hello(local, to, from, &hello);
                    self.apply_effects(to, effects, false);
                }
            }
            Greeting::Probe { by, machine, at } => {
                let is_there = self.world.machine_at(at) == Some(machine);
                if is_there && self.is_receiving(machine) {
                    let response = Greeting::Response {
                        to: by,
                        machine,
                        boot: self.world.boot_of(machine),
                        from: at,
                    };
                    self.send_greeting(machine, by, response);
                }
            }
            Greeting::Response {
                to,
                machine,
                boot,
                from,
            } => {
                if self.is_receiving(to) {
                    let local = self.local(to);
                    self.world.meet(local, to, (machine, boot), from);
                }
            }
        }
    }

    /// Gives a machine a new address, and its former one to another machine.
    pub(super) fn renumber(&mut self, renumbering: Renumbering) {
        let Renumbering {
            machine, successor, ..
        } = renumbering;
        self.hellos.renumbered += 1;
        let fresh = Ipv4Addr::new(10, 77, 1, self.hellos.renumbered);
        let former = self.world.machines[machine].address;
        self.set_address(machine, fresh);
        if let Some(successor) = successor {
            self.set_address(successor, former);
        }
        self.report.renumbered += 1;
    }

    fn set_address(&mut self, machine: usize, address: Ipv4Addr) {
        self.trace(machine, || format!("gets the address {address}"));
        let local = self.local(machine);
        self.world.machines[machine].renumber(local, address);
    }
}
