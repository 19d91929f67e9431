//! A port with its desired and its observed state.

use core::net::Ipv4Addr;

use runtime::Cap;
use runtime::capability::{Memory, Notification};
use runtime::protocol::ports::{Command, PortKind, PortNumber};
use runtime::protocol::root::PortState;
use runtime::protocol::{Ipv4, Mac, Mtu};

use super::NextStep;
use crate::badge::DomainNumber;

/// The addresses, the kind and the MTU of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAddress {
    /// Its Ethernet address; zeros for an uplink.
    pub mac: Mac,
    /// Its IPv4 address and network; the unspecified address, zero, if a DHCP server assigns one.
    pub ip: Option<Ipv4>,
    /// A domain, the uplink or the tunnel.
    pub kind: PortKind,
    /// Its MTU, from which the layout of its ring follows.
    pub mtu: Mtu,
}

impl PortAddress {
    /// Its IPv4 address without the network.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.ip.map(|ip| ip.address)
    }

    /// The address of the port of a domain that arrives, which has the standard MTU.
    pub fn of_domain(PortState { mac, ip }: PortState) -> PortAddress {
        PortAddress {
            mac,
            ip,
            kind: PortKind::Domain,
            mtu: Mtu::STANDARD,
        }
    }

    /// The part that moves with the domain.
    pub fn state(&self) -> PortState {
        PortState {
            mac: self.mac,
            ip: self.ip,
        }
    }

    /// Whether it has a fixed IPv4 address, and not one that a DHCP server assigns.
    pub fn has_fixed_ip(&self) -> bool {
        self.ipv4().is_some_and(|ip| !ip.is_unspecified())
    }
}

/// A port of the switch.
#[derive(Clone, Debug)]
pub struct Port {
    pub(super) number: PortNumber,
    pub(super) owner: DomainNumber,
    pub(super) address: PortAddress,
    pub(super) ring: Cap<Memory>,
    pub(super) wake: Option<Cap<Notification>>,
    /// Increments with every new `wake`.
    pub(super) generation: u32,
    /// Its desired state once it has a `wake`.
    pub(super) desired: Service,
    pub(super) removed: bool,
    /// Whether it was removed because its domain runs on another machine.
    pub(super) departed: bool,
    pub(super) observed: Option<Observed>,
}

/// A state of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Its ring is mapped; frames for its address are forwarded as if it did not exist.
    Attached,
    /// Frames flow.
    Active,
    /// No frame flows, and its domain is leaving.
    Quiet,
    /// No frame flows, and its domain is stopped.
    Stopped,
}

impl Service {
    /// Whether the switch has stopped using the ring.
    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Service::Quiet | Service::Stopped)
    }
}

/// The observed state of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Observed {
    pub generation: u32,
    pub service: Service,
}

/// A step sent to the switch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub serial: u64,
    pub port: PortNumber,
    pub transition: Transition,
}

/// A transition of a port at the switch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transition {
    /// The switch no longer knows the port.
    Detach,
    /// The switch serves the port so.
    Serve(Observed),
}

impl Transition {
    /// The port's state after it.
    pub(super) fn becomes(self) -> Option<Observed> {
        match self {
            Transition::Detach => None,
            Transition::Serve(observed) => Some(observed),
        }
    }
}

impl Port {
    /// A port not yet known to the switch.
    pub(super) fn new(
        number: PortNumber,
        owner: DomainNumber,
        address: PortAddress,
        ring: Cap<Memory>,
    ) -> Port {
        Port {
            number,
            owner,
            address,
            ring,
            wake: None,
            generation: 0,
            desired: Service::Attached,
            removed: false,
            departed: false,
            observed: None,
        }
    }

    pub fn address(&self) -> PortAddress {
        self.address
    }

    pub fn ring(&self) -> Cap<Memory> {
        self.ring
    }

    /// The step to take next; `None` if the desired state is reached.
    pub(super) fn step(&self) -> Option<Transition> {
        let served = self.wake.is_some() && !self.removed;
        match self.observed {
            None if served => Some(Transition::Serve(Observed {
                generation: self.generation,
                service: Service::Attached,
            })),
            None => None,
            Some(_) if !served => Some(Transition::Detach),
            Some(observed) if observed.generation != self.generation => Some(Transition::Detach),
            Some(observed) if observed.service != self.desired => {
                Some(Transition::Serve(Observed {
                    service: self.desired,
                    ..observed
                }))
            }
            Some(_) => None,
        }
    }

    /// The command for this transition.
    fn command(&self, transition: Transition) -> Command {
        let port = self.number;
        let PortAddress { mac, ip, kind, mtu } = self.address;
        match transition.becomes().map(|observed| observed.service) {
            None if self.departed => Command::Depart { port },
            None => Command::Detach { port },
            Some(Service::Attached) => Command::Attach {
                port,
                mac,
                kind,
                mtu,
            },
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
            command: self.command(step.transition),
            capabilities: self.wake.map(|wake| (self.ring, wake)),
        }
    }
}
