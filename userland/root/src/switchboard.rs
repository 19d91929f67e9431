//! The machine's ports: what the switch shall serve, and what it is known to serve.
//!
//! Root wants each port in some state; the switch reports what it has done. [`Switchboard::next_step`] is the first step
//! between the two. A switch that starts anew serves nothing, and so hears of every port again; a port whose owner
//! was started again is attached anew, because its `wake` is another. A domain has a port, and the migration server a
//! tunnel beside it; what is wanted of the owner's is wanted of both.
//!
//! ```text
//! nothing --Attach--> inactive --Activate--> active --Quiesce--> inactive --Detach--> nothing
//!                                                                         `--Depart--> nothing, its address reserved
//! ```

use alloc::vec::Vec;

use runtime::Cap;
use runtime::capability::{Memory, Notification};
use runtime::protocol::ports::{Command, PortNumber, Side};
use runtime::protocol::{Ipv4, Mac};

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

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    number: PortNumber,
    owner: DomainNumber,
    station: Station,
    ring: Cap<Memory>,
    wake: Option<Cap<Notification>>,
    /// Rises with every `wake`.
    generation: u32,
    active: bool,
    removed: bool,
    /// Removed, because its domain runs on another machine.
    departed: bool,
    known: Option<Known>,
}

/// What the switch serves a port as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    generation: u32,
    active: bool,
}

/// A step that the switch was told to take.
#[derive(Clone, Copy, Debug)]
struct Step {
    serial: u64,
    port: PortNumber,
    becomes: Option<Known>,
}

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
    /// Adds an inactive port with this ring.
    pub fn add(&mut self, owner: DomainNumber, station: Station, ring: Cap<Memory>) {
        self.ports_made += 1;
        self.ports.push(Port {
            number: PortNumber(self.ports_made),
            owner,
            station,
            ring,
            wake: None,
            generation: 0,
            active: false,
            removed: false,
            departed: false,
            known: None,
        });
    }

    /// The owner's port with this side.
    pub fn of(&self, owner: DomainNumber, side: Side) -> Option<&Port> {
        let mut ports = self.ports.iter().filter(|port| port.station.side == side);
        ports.find(|port| port.owner == owner && !port.removed)
    }

    fn of_mut(&mut self, owner: DomainNumber) -> impl Iterator<Item = &mut Port> {
        self.ports
            .iter_mut()
            .filter(move |port| port.owner == owner && !port.removed)
    }

    /// Lets frames flow to and from the owner, who is woken through `wake`.
    pub fn activate(&mut self, owner: DomainNumber, wake: Cap<Notification>) {
        for port in self.of_mut(owner) {
            port.wake = Some(wake);
            port.generation += 1;
            port.active = true;
        }
    }

    /// Lets frames flow again, as they did.
    pub fn resume(&mut self, owner: DomainNumber) {
        self.of_mut(owner).for_each(|port| port.active = true);
    }

    /// Lets no frame flow; whether that is so already.
    pub fn quiesce(&mut self, owner: DomainNumber) -> bool {
        let step = self.step;
        self.of_mut(owner).fold(true, |quiet, port| {
            port.active = false;
            // The switch may have activated it already, and only not said so.
            let told = step.filter(|step| step.port == port.number);
            let becomes = told.and_then(|step| step.becomes);
            let active = |known: Option<Known>| known.is_some_and(|known| known.active);
            quiet && !active(port.known) && !active(becomes)
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
            Some(known) if !known.active => Some(Change::Quiet(port.owner)),
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
                command: Command::Nothing,
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

impl Port {
    /// Its address and what is behind it.
    pub fn station(&self) -> Station {
        self.station
    }

    /// Its ring.
    pub fn ring(&self) -> Cap<Memory> {
        self.ring
    }

    /// What the next step makes of it; nothing if it is as it shall be.
    fn step(&self) -> Option<Option<Known>> {
        let served = self.wake.is_some() && !self.removed;
        let inactive = Known {
            generation: self.generation,
            active: false,
        };
        match self.known {
            None if served => Some(Some(inactive)),
            None => None,
            Some(_) if !served => Some(None),
            Some(known) if known.generation != self.generation => Some(None),
            Some(known) if known.active != self.active => Some(Some(Known {
                active: self.active,
                ..known
            })),
            Some(_) => None,
        }
    }

    /// The command that makes `becomes` of what is known.
    fn command(&self, becomes: Option<Known>) -> Command {
        let (port, Station { mac, ip, side }) = (self.number, self.station);
        match (self.known, becomes) {
            (_, None) if self.departed => Command::Depart { port },
            (_, None) => Command::Detach { port },
            (None, Some(_)) => Command::Attach { port, mac, side },
            (Some(_), Some(known)) if known.active => Command::Activate { port, announce: ip },
            (Some(_), Some(_)) => Command::Quiesce { port },
        }
    }

    fn next_step(&self, step: Step) -> NextStep {
        NextStep {
            serial: step.serial,
            command: self.command(step.becomes),
            ends: self.wake.map(|wake| (self.ring, wake)),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use abi::register::Slot;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const A: DomainNumber = DomainNumber(1);
    const B: DomainNumber = DomainNumber(2);

    fn station(last: u8) -> Station {
        Station {
            mac: Mac([2, 0, 0, 0, 0, last]),
            ip: None,
            side: Side::Domain,
        }
    }

    fn ring(slot: u32) -> Cap<Memory> {
        Cap::from_slot(Slot(slot))
    }

    fn wake(slot: u32) -> Cap<Notification> {
        Cap::from_slot(Slot(slot))
    }

    /// A switch that does all it is told; the commands in short.
    fn run(board: &mut Switchboard) -> (Vec<String>, Vec<Change>) {
        let (mut commands, mut changes, mut done) = (Vec::new(), Vec::new(), 0);
        loop {
            changes.extend(board.completed(done));
            let NextStep {
                serial, command, ..
            } = board.next_step();
            done = serial;
            commands.push(match command {
                Command::Nothing => return (commands, changes),
                Command::Attach { port, .. } => format!("attach {}", port.0),
                Command::Activate { port, .. } => format!("activate {}", port.0),
                Command::Quiesce { port } => format!("quiesce {}", port.0),
                Command::Detach { port } => format!("detach {}", port.0),
                Command::Depart { port } => format!("depart {}", port.0),
            });
        }
    }

    #[test]
    fn a_port_is_attached_and_activated_when_its_owner_runs() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        assert!(!board.has_work());
        board.activate(A, wake(20));
        assert_eq!(run(&mut board).0, ["attach 1", "activate 1"]);
        assert!(!board.has_work());
    }

    #[test]
    fn a_step_stays_the_next_one_until_it_is_reported() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        board.activate(A, wake(20));
        let first = board.next_step();
        assert_eq!(board.next_step(), first);
        board.quiesce(A);
        assert_eq!(board.next_step(), first);
        assert_eq!(board.completed(first.serial + 1), None);
        assert_eq!(board.next_step(), first);
    }

    #[test]
    fn a_switch_that_starts_anew_hears_of_every_port() {
        let mut board = Switchboard::default();
        for (owner, slot) in [(A, 1), (B, 2)] {
            board.add(owner, station(slot as u8), ring(slot));
            board.activate(owner, wake(slot + 10));
        }
        run(&mut board);
        assert!(board.forget_switch().is_empty());
        let (commands, _) = run(&mut board);
        assert_eq!(
            commands,
            ["attach 1", "activate 1", "attach 2", "activate 2"]
        );
    }

    #[test]
    fn an_owner_that_starts_anew_is_attached_anew() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        board.activate(A, wake(20));
        run(&mut board);
        board.activate(A, wake(21));
        let (commands, _) = run(&mut board);
        assert_eq!(commands, ["detach 1", "attach 1", "activate 1"]);
    }

    #[test]
    fn quiescing_is_known_when_the_switch_says_so() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        assert!(board.quiesce(A), "nobody serves it yet");
        board.activate(A, wake(20));
        run(&mut board);
        assert!(!board.quiesce(A));
        let (commands, changes) = run(&mut board);
        assert_eq!(commands, ["quiesce 1"]);
        assert_eq!(changes, [Change::Quiet(A)]);
        assert!(board.quiesce(A));
        board.resume(A);
        assert_eq!(run(&mut board).0, ["activate 1"]);
    }

    #[test]
    fn a_port_that_may_be_active_already_is_not_quiet() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        board.activate(A, wake(20));
        let attach = board.next_step();
        board.completed(attach.serial);
        board.next_step();
        assert!(!board.quiesce(A));
        let (commands, changes) = run(&mut board);
        assert_eq!(commands, ["activate 1", "quiesce 1"]);
        assert_eq!(changes, [Change::Served, Change::Quiet(A)]);
    }

    #[test]
    fn a_ring_is_given_back_when_nobody_uses_it_any_more() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        assert_eq!(board.remove(A), Some(ring(10)));
        board.add(B, station(2), ring(11));
        board.activate(B, wake(20));
        run(&mut board);
        assert_eq!(board.remove(B), None);
        assert!(board.of(B, Side::Domain).is_none());
        let (commands, changes) = run(&mut board);
        assert_eq!(commands, ["detach 2"]);
        assert_eq!(changes, [Change::Gone(ring(11))]);
    }

    #[test]
    fn a_domain_that_has_left_is_said_to_have() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        board.activate(A, wake(20));
        run(&mut board);
        board.quiesce(A);
        run(&mut board);
        assert_eq!(board.depart(A), None);
        let (commands, changes) = run(&mut board);
        assert_eq!(commands, ["depart 1"]);
        assert_eq!(changes, [Change::Gone(ring(10))]);
    }

    #[test]
    fn a_tunnel_is_served_as_long_as_the_port_beside_it() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        let tunnel = Station {
            side: Side::Tunnel,
            ..station(0)
        };
        board.add(A, tunnel, ring(11));
        board.activate(A, wake(20));
        assert_eq!(board.of(A, Side::Tunnel).map(Port::ring), Some(ring(11)));
        assert_eq!(board.of(A, Side::Domain).map(Port::ring), Some(ring(10)));
        let (commands, _) = run(&mut board);
        assert_eq!(
            commands,
            ["attach 1", "activate 1", "attach 2", "activate 2"]
        );
        assert!(!board.quiesce(A));
        assert_eq!(run(&mut board).0, ["quiesce 1", "quiesce 2"]);
        assert!(board.quiesce(A));
    }

    #[test]
    fn a_ring_that_the_switch_may_have_taken_waits_for_it() {
        let mut board = Switchboard::default();
        board.add(A, station(1), ring(10));
        board.activate(A, wake(20));
        let step = board.next_step();
        assert_eq!(step.ends, Some((ring(10), wake(20))));
        assert_eq!(board.remove(A), None);
        board.completed(step.serial);
        assert_eq!(run(&mut board).1, [Change::Gone(ring(10))]);
        board.add(B, station(2), ring(11));
        board.activate(B, wake(21));
        board.next_step();
        assert_eq!(board.remove(B), None);
        assert_eq!(board.forget_switch(), [ring(11)]);
    }
}
