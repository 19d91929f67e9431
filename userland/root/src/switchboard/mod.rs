//! The machine's ports: what the switch shall serve, and what it is known to serve.
//!
//! Root wants each port in some state; the switch reports what it has done. [`Switchboard::next_step`] is the first step
//! between the two. A switch that starts anew serves nothing, and so hears of every port again; a port whose owner
//! was started again is attached anew, because its `wake` is another. A domain has a port, and the migration server a
//! tunnel beside it; what is wanted of the owner's is wanted of both.
//!
//! ```text
//! nothing --Attach--> attached --Activate--> active --Quiesce--> quiet or stopped --Detach--> nothing
//!                                               ^---Activate------'`-------Depart--> nothing, its address reserved
//! ```

use alloc::vec::Vec;

use runtime::Cap;
use runtime::capability::{Memory, Notification};
use runtime::protocol::ports::{Command, PortNumber, Side};

use crate::badge::DomainNumber;

mod port;

use port::{Known, Service, Step};
pub use port::{Port, Station};

/// What the switch is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// What it reports when it is done; 0 for nothing to do.
    pub serial: u64,
    /// What it shall do.
    pub command: Command,
    /// The port's ring and its owner's `wake`.
    pub ends: Option<(Cap<Memory>, Cap<Notification>)>,
}

/// All ports.
#[derive(Debug, Default)]
pub struct Switchboard {
    /// Bytes of the switch's heap that were free when it asked last.
    pub heap_free: u64,
    ports: Vec<Port>,
    ports_made: u32,
    steps_made: u64,
    step: Option<Step>,
}

/// What became of a port by a step that the switch has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It serves it still, or anew.
    Served,
    /// The port changes its ring no more.
    Quiet(DomainNumber),
    /// The port is gone, and its ring can be destroyed.
    Gone(Cap<Memory>),
}

impl Switchboard {
    /// Adds a port with this ring, of which the switch does not hear yet.
    pub fn add(&mut self, owner: DomainNumber, station: Station, ring: Cap<Memory>) {
        self.ports_made += 1;
        let number = PortNumber(self.ports_made);
        self.ports.push(Port::new(number, owner, station, ring));
    }

    /// The owner's port with this side.
    pub fn of(&self, owner: DomainNumber, side: Side) -> Option<&Port> {
        let mut ports = self.ports.iter().filter(|port| port.station.side == side);
        ports.find(|port| port.owner == owner && !port.removed)
    }

    /// Whether a port of another owner has one of the addresses of this station.
    pub fn is_taken(&self, owner: DomainNumber, station: Station) -> bool {
        let mut others = self.ports.iter();
        others.any(|port| {
            let other = port.station;
            let same_ip = other.ip.is_some() && other.address() == station.address();
            port.owner != owner && !port.removed && (other.mac == station.mac || same_ip)
        })
    }

    fn of_mut(&mut self, owner: DomainNumber) -> impl Iterator<Item = &mut Port> {
        self.ports
            .iter_mut()
            .filter(move |port| port.owner == owner && !port.removed)
    }

    /// Has the owner's ports made ready: it is woken through `wake` once frames flow.
    pub fn attach(&mut self, owner: DomainNumber, wake: Cap<Notification>) {
        for port in self.of_mut(owner) {
            port.wake = Some(wake);
            port.generation += 1;
            port.wanted = Service::Attached;
        }
    }

    /// Lets frames flow to and from an owner whose ports are attached.
    pub fn activate(&mut self, owner: DomainNumber) {
        self.of_mut(owner)
            .for_each(|port| port.wanted = Service::Active);
    }

    /// Lets no frame flow to and from an owner that is leaving; whether that is so already.
    pub fn quiesce(&mut self, owner: DomainNumber) -> bool {
        self.close(owner, Service::Quiet)
    }

    /// Lets no frame flow to and from an owner that stands still, or is ended.
    pub fn stop(&mut self, owner: DomainNumber) {
        self.close(owner, Service::Stopped);
    }

    fn close(&mut self, owner: DomainNumber, wanted: Service) -> bool {
        let step = self.step;
        self.of_mut(owner).fold(true, |quiet, port| {
            port.wanted = wanted;
            // The switch may have activated it already, and only not said so.
            let told = step.filter(|step| step.port == port.number);
            let becomes = told.and_then(|step| step.becomes);
            let active = |known: Known| known.service == Service::Active;
            quiet && !port.known.is_some_and(active) && !becomes.is_some_and(active)
        })
    }

    /// Forgets the port of a domain that runs on another machine: its address stays reserved for a while. Answers as
    /// [`Switchboard::remove`].
    pub fn depart(&mut self, owner: DomainNumber) -> Option<Cap<Memory>> {
        self.of_mut(owner).for_each(|port| port.departed = true);
        self.remove(owner)
    }

    /// Forgets the port of a domain, which has one. Answers its ring if nobody uses that any more; else a [`Change`]
    /// will.
    pub fn remove(&mut self, owner: DomainNumber) -> Option<Cap<Memory>> {
        let port = self.of_mut(owner).next()?;
        port.removed = true;
        let (number, ring) = (port.number, port.ring);
        // The switch may have taken the ring already, and only not said so.
        let told = self.step.is_some_and(|step| step.port == number);
        let unused = port_of(&self.ports, number)?.known.is_none() && !told;
        if unused {
            self.ports.retain(|port| port.number != number);
        }
        unused.then_some(ring)
    }

    /// The switch serves nothing any more. Answers the rings that were waiting for that.
    pub fn forget_switch(&mut self) -> Vec<Cap<Memory>> {
        self.step = None;
        for port in &mut self.ports {
            port.known = None;
        }
        let removed = self.ports.iter().filter(|port| port.removed);
        let rings = removed.map(|port| port.ring).collect();
        self.ports.retain(|port| !port.removed);
        rings
    }

    /// The switch has taken the step with this serial number.
    pub fn completed(&mut self, serial: u64) -> Option<Change> {
        let step = self.step.take_if(|step| step.serial == serial)?;
        let at = self
            .ports
            .iter()
            .position(|port| port.number == step.port)?;
        let port = &mut self.ports[at];
        port.known = step.becomes;
        match step.becomes {
            None if port.removed => Some(Change::Gone(self.ports.remove(at).ring)),
            Some(known) if known.service.is_quiet() => Some(Change::Quiet(port.owner)),
            _ => Some(Change::Served),
        }
    }

    /// The step that the switch takes next, again until it has.
    pub fn next_step(&mut self) -> NextStep {
        if let Some(step) = self.step {
            // What was wanted may have changed since, but the switch may have taken this step already.
            if let Some(port) = port_of(&self.ports, step.port) {
                return port.next_step(step);
            }
        }
        let Some((port, becomes)) = self.ports.iter().find_map(|port| {
            let becomes = port.step()?;
            Some((port, becomes))
        }) else {
            return NextStep {
                serial: 0,
                command: Command::Nothing {
                    ask_again_in_ns: None,
                },
                ends: None,
            };
        };
        self.steps_made += 1;
        let step = Step {
            serial: self.steps_made,
            port: port.number,
            becomes,
        };
        self.step = Some(step);
        port.next_step(step)
    }

    /// Whether the switch has something to do.
    pub fn has_work(&self) -> bool {
        self.step.is_some() || self.ports.iter().any(|port| port.step().is_some())
    }
}

fn port_of(ports: &[Port], number: PortNumber) -> Option<&Port> {
    ports.iter().find(|port| port.number == number)
}

#[cfg(test)]
mod tests;
