//! The machine's ports: their desired and their observed state at the switch.
//!
//! Root sets a desired state for each port; the switch reports each completed step. [`Switchboard::next_step`] is the first step
//! from the observed towards the desired state. A restarted switch serves no port, and receives all ports again; the port of a
//! restarted owner is attached again, because its `wake` is a new one. A domain has at most one port. The migration server also
//! has a tunnel, with the same desired state.
//!
//! ```text
//! nothing --Attach--> attached --Activate--> active --Quiesce--> quiet or stopped --Detach--> nothing
//!                                               ^---Activate------'`-------Depart--> nothing, its address reserved
//! ```

use alloc::vec::Vec;

use runtime::Cap;
use runtime::capability::{Memory, Notification};
use runtime::protocol::ports::{Command, PortKind, PortNumber};

use crate::badge::DomainNumber;

mod port;

use port::{Observed, Service, Step};
pub use port::{Port, PortAddress};

/// The reply to a poll of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The number that the switch reports on completion; 0 for no command.
    pub serial: u64,
    /// The command to execute.
    pub command: Command,
    /// The port's ring and its owner's `wake`, transferred with [`Command::Attach`].
    pub capabilities: Option<(Cap<Memory>, Cap<Notification>)>,
}

/// The ports of the machine.
#[derive(Debug, Default)]
pub struct Switchboard {
    /// Free bytes of the switch's heap at its last poll.
    pub heap_free: u64,
    ports: Vec<Port>,
    ports_made: u32,
    steps_made: u64,
    step: Option<Step>,
}

/// The effect of a completed step on its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The switch serves it.
    Served,
    /// The switch no longer uses its ring.
    Quiet(DomainNumber),
    /// It is gone, and its ring can be destroyed.
    Gone(Cap<Memory>),
}

impl Switchboard {
    /// Adds a port with this ring, not yet known to the switch.
    pub fn add(&mut self, owner: DomainNumber, address: PortAddress, ring: Cap<Memory>) {
        self.ports_made += 1;
        let number = PortNumber(self.ports_made);
        self.ports.push(Port::new(number, owner, address, ring));
    }

    /// The owner's port of this kind.
    pub fn find(&self, owner: DomainNumber, kind: PortKind) -> Option<&Port> {
        let mut ports = self.ports.iter().filter(|port| port.address.kind == kind);
        ports.find(|port| port.owner == owner && !port.removed)
    }

    /// Whether a port of another owner has the same Ethernet or IPv4 address.
    pub fn is_taken(&self, owner: DomainNumber, address: PortAddress) -> bool {
        self.owners_of(address).any(|other| other != owner)
    }

    /// The owners of ports with the same Ethernet or IPv4 address.
    pub fn owners_of(&self, address: PortAddress) -> impl Iterator<Item = DomainNumber> {
        let has_it = move |port: &&Port| {
            let other = port.address;
            let same_ip = other.has_fixed_ip() && other.ipv4() == address.ipv4();
            !port.removed && (other.mac == address.mac || same_ip)
        };
        self.ports.iter().filter(has_it).map(|port| port.owner)
    }

    fn ports_of_mut(&mut self, owner: DomainNumber) -> impl Iterator<Item = &mut Port> {
        self.ports
            .iter_mut()
            .filter(move |port| port.owner == owner && !port.removed)
    }

    /// Requests that the owner's ports be attached: the switch signals `wake` once frames flow.
    pub fn attach(&mut self, owner: DomainNumber, wake: Cap<Notification>) {
        for port in self.ports_of_mut(owner) {
            port.wake = Some(wake);
            port.generation += 1;
            port.desired = Service::Attached;
        }
    }

    /// Requests that frames flow to and from the owner.
    pub fn activate(&mut self, owner: DomainNumber) {
        self.ports_of_mut(owner)
            .for_each(|port| port.desired = Service::Active);
    }

    /// Requests that no frames flow to and from an owner that is leaving; returns whether that is so already.
    pub fn quiesce(&mut self, owner: DomainNumber) -> bool {
        self.close(owner, Service::Quiet)
    }

    /// Requests that no frames flow to and from an owner that is stopped.
    pub fn stop(&mut self, owner: DomainNumber) {
        self.close(owner, Service::Stopped);
    }

    fn close(&mut self, owner: DomainNumber, desired: Service) -> bool {
        let step = self.step;
        self.ports_of_mut(owner).fold(true, |quiet, port| {
            port.desired = desired;
            // The switch may have activated it already without reporting it yet.
            let pending = step.filter(|step| step.port == port.number);
            let becomes = pending.and_then(|step| step.transition.becomes());
            let active = |observed: Observed| observed.service == Service::Active;
            quiet && !port.observed.is_some_and(active) && !becomes.is_some_and(active)
        })
    }

    /// Removes the port of a domain that runs on another machine: its address stays reserved for a while. Returns the ring as
    /// [`Switchboard::remove`] does.
    pub fn depart(&mut self, owner: DomainNumber) -> Option<Cap<Memory>> {
        self.ports_of_mut(owner)
            .for_each(|port| port.departed = true);
        self.remove(owner)
    }

    /// Removes the port of a domain. Returns its ring if the switch does not use it; otherwise a [`Change`] returns it later.
    pub fn remove(&mut self, owner: DomainNumber) -> Option<Cap<Memory>> {
        let port = self.ports_of_mut(owner).next()?;
        port.removed = true;
        let (number, ring) = (port.number, port.ring);
        // The switch may have taken the ring already without reporting it yet.
        let pending = self.step.is_some_and(|step| step.port == number);
        let unused = port_of(&self.ports, number)?.observed.is_none() && !pending;
        if unused {
            self.ports.retain(|port| port.number != number);
        }
        unused.then_some(ring)
    }

    /// Records that the switch is gone and serves no port. Returns the rings of removed ports.
    pub fn forget_switch(&mut self) -> Vec<Cap<Memory>> {
        self.step = None;
        for port in &mut self.ports {
            port.observed = None;
        }
        let removed = self.ports.iter().filter(|port| port.removed);
        let rings = removed.map(|port| port.ring).collect();
        self.ports.retain(|port| !port.removed);
        rings
    }

    /// Records the switch's completion of the step with this serial number.
    pub fn completed(&mut self, serial: u64) -> Option<Change> {
        let step = self.step.take_if(|step| step.serial == serial)?;
        let at = self
            .ports
            .iter()
            .position(|port| port.number == step.port)?;
        let port = &mut self.ports[at];
        port.observed = step.transition.becomes();
        match step.transition.becomes() {
            None if port.removed => Some(Change::Gone(self.ports.remove(at).ring)),
            Some(observed) if observed.service.is_quiet() => Some(Change::Quiet(port.owner)),
            _ => Some(Change::Served),
        }
    }

    /// The next step for the switch, the same one until its completion.
    pub fn next_step(&mut self) -> NextStep {
        if let Some(step) = self.step {
            // The desired state may have changed since, but the switch may have completed this step already.
            if let Some(port) = port_of(&self.ports, step.port) {
                return port.next_step(step);
            }
        }
        let mut steps = self.ports.iter();
        let Some((port, transition)) = steps.find_map(|port| Some((port, port.step()?))) else {
            return NextStep {
                serial: 0,
                command: Command::Nothing {
                    poll_again_in_ns: None,
                },
                capabilities: None,
            };
        };
        self.steps_made += 1;
        let step = Step {
            serial: self.steps_made,
            port: port.number,
            transition,
        };
        self.step = Some(step);
        port.next_step(step)
    }

    /// Whether there is a command for the switch.
    pub fn has_work(&self) -> bool {
        self.step.is_some() || self.ports.iter().any(|port| port.step().is_some())
    }
}

fn port_of(ports: &[Port], number: PortNumber) -> Option<&Port> {
    ports.iter().find(|port| port.number == number)
}

#[cfg(test)]
mod tests;
