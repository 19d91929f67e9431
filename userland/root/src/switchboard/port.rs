//! A port as root wants it and as the switch is known to serve it.

use runtime::Cap;
use runtime::capability::{Memory, Notification};
use runtime::protocol::ports::{Command, PortNumber, Side};
use runtime::protocol::{Ipv4, Mac};

use super::NextStep;
use crate::badge::DomainNumber;

/// A port's address and what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its Ethernet address; zeros for an uplink.
    pub mac: Mac,
    /// Its IPv4 address.
    pub ip: Option<Ipv4>,
    /// What is behind it.
    pub side: Side,
}

impl Station {
    /// Its IPv4 address, without the network that it is in.
    pub fn address(&self) -> Option<[u8; 4]> {
        self.ip.map(|ip| ip.address)
    }
}

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    pub(super) number: PortNumber,
    pub(super) owner: DomainNumber,
    pub(super) station: Station,
    pub(super) ring: Cap<Memory>,
    pub(super) wake: Option<Cap<Notification>>,
    /// Rises with every `wake`.
    pub(super) generation: u32,
    /// How it shall be served, once it has a `wake`.
    pub(super) wanted: Service,
    pub(super) removed: bool,
    /// Removed, because its domain runs on another machine.
    pub(super) departed: bool,
    pub(super) known: Option<Known>,
}

/// How the switch serves a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Its ring is mapped; frames for its address go where they would without it.
    Attached,
    /// Frames flow.
    Active,
    /// No frame flows, and its domain is leaving.
    Quiet,
    /// No frame flows, and its domain stands still.
    Stopped,
}

impl Service {
    /// Whether the switch leaves the ring alone, which it has served before.
    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Service::Quiet | Service::Stopped)
    }
}

/// What the switch serves a port as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub generation: u32,
    pub service: Service,
}

/// A step that the switch was told to take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub serial: u64,
    pub port: PortNumber,
    pub becomes: Option<Known>,
}

impl Port {
    /// A port that the switch has not heard of.
    pub(super) fn new(
        number: PortNumber,
        owner: DomainNumber,
        station: Station,
        ring: Cap<Memory>,
    ) -> Port {
        Port {
            number,
            owner,
            station,
            ring,
            wake: None,
            generation: 0,
            wanted: Service::Attached,
            removed: false,
            departed: false,
            known: None,
        }
    }

    /// Its address and what is behind it.
    pub fn station(&self) -> Station {
        self.station
    }

    /// Its ring.
    pub fn ring(&self) -> Cap<Memory> {
        self.ring
    }

    /// What the next step makes of it; nothing if it is as it shall be.
    pub(super) fn step(&self) -> Option<Option<Known>> {
        let served = self.wake.is_some() && !self.removed;
        match self.known {
            None if served => Some(Some(Known {
                generation: self.generation,
                service: Service::Attached,
            })),
            None => None,
            Some(_) if !served => Some(None),
            Some(known) if known.generation != self.generation => Some(None),
            Some(known) if known.service != self.wanted => Some(Some(Known {
                service: self.wanted,
                ..known
            })),
            Some(_) => None,
        }
    }

    /// The command that makes this of it.
    fn command(&self, becomes: Option<Known>) -> Command {
        let (port, Station { mac, ip, side }) = (self.number, self.station);
        match becomes.map(|known| known.service) {
            None if self.departed => Command::Depart { port },
            None => Command::Detach { port },
            Some(Service::Attached) => Command::Attach { port, mac, side },
            Some(Service::Active) => Command::Activate { port, ip },
            Some(Service::Quiet) => Command::Quiesce { port, leaves: true },
            Some(Service::Stopped) => Command::Quiesce {
                port,
                leaves: false,
            },
        }
    }

    pub(super) fn next_step(&self, step: Step) -> NextStep {
        NextStep {
            serial: step.serial,
            command: self.command(step.becomes),
            ends: self.wake.map(|wake| (self.ring, wake)),
        }
    }
}
