//! The machines of the fleet: [`Machines`].
//!
//! A machine is its name, from which its id follows. Its address is only where it was last reached: a handshake proves
//! it, and the next handshake with the same machine may prove another one.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_client::command::Destination;
use nomad_protocol::MachineId;

/// The most machines outside of the fleet whose address is remembered, to reply to them.
const OUTSIDERS_MAX: usize = 16;

/// A machine of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FleetMember {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: MachineId,
    /// The addresses of its migration server.
    pub addresses: Addresses,
}

/// The addresses that a machine's migration server may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// From the manifest.
    pub fixed: Option<Ipv4Addr>,
    /// From the last handshake.
    pub proven: Option<Ipv4Addr>,
}

impl Addresses {
    /// Only the address of a manifest.
    pub fn fixed(address: Ipv4Addr) -> Addresses {
        Addresses {
            fixed: Some(address),
            ..Addresses::default()
        }
    }

    /// The address to which messages are sent.
    pub fn best(&self) -> Option<Ipv4Addr> {
        self.proven.or(self.fixed)
    }

    /// All of them, each once. A handshake is sent to every one, and the reply tells which is right.
    pub fn all(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let fixed = self.fixed.filter(|fixed| self.proven != Some(*fixed));
        self.proven.into_iter().chain(fixed)
    }
}

/// The fleet as this machine knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machines {
    own: FleetMember,
    others: Vec<FleetMember>,
    /// The proven addresses of machines with the fleet's secret that this machine's list lacks. They get refusals.
    outsiders: BTreeMap<MachineId, Ipv4Addr>,
}

impl Machines {
    /// The fleet of this machine and the others.
    pub fn new(own: FleetMember, others: Vec<FleetMember>) -> Machines {
        Machines {
            own,
            others,
            outsiders: BTreeMap::new(),
        }
    }

    /// Parses the others from a manifest's text such as `b=10.77.0.2,c=10.77.0.3`; `None` if it is malformed. `id_of`
    /// gives the id of the machine with a name.
    pub fn parse(
        own: FleetMember,
        others: &str,
        id_of: impl Fn(Name) -> MachineId,
    ) -> Option<Machines> {
        let neighbour = |entry: &str| {
            let (name, address) = entry.split_once('=')?;
            let name = Name::try_new(name.trim()).ok()?;
            Some(FleetMember {
                name,
                id: id_of(name),
                addresses: Addresses::fixed(address.trim().parse().ok()?),
            })
        };
        let entries = others.split(',').filter(|entry| !entry.trim().is_empty());
        let others = entries.map(neighbour).collect::<Option<Vec<_>>>()?;
        Some(Machines::new(own, others))
    }

    /// All machines, this one first.
    pub fn all(&self) -> impl Iterator<Item = &FleetMember> {
        core::iter::once(&self.own).chain(&self.others)
    }

    /// The other machines.
    pub fn others(&self) -> impl Iterator<Item = &FleetMember> {
        self.others.iter()
    }

    /// The address of a destination, and its id if it is a machine of the fleet; `None` if it is a name that no other
    /// machine of the fleet has.
    pub fn find(&self, destination: Destination) -> Option<(Ipv4Addr, Option<MachineId>)> {
        match destination {
            Destination::At(address) => Some((address, self.id_at(address))),
            Destination::Named(name) => {
                let named = self.others.iter().find(|other| other.name == name)?;
                Some((named.addresses.best()?, Some(named.id)))
            }
        }
    }

    /// The machine of the fleet at an address.
    pub fn id_at(&self, address: Ipv4Addr) -> Option<MachineId> {
        let is_there = |machine: &&FleetMember| machine.addresses.best() == Some(address);
        let found = self.all().find(is_there);
        found.map(|machine| machine.id)
    }

    /// The address to which messages for a machine are sent.
    pub fn address_of(&self, machine: MachineId) -> Option<Ipv4Addr> {
        let found = self.all().find(|known| known.id == machine);
        match found {
            Some(known) => known.addresses.best(),
            None => self.outsiders.get(&machine).copied(),
        }
    }

    /// All addresses that a machine may have.
    pub fn addresses_of(&self, machine: MachineId) -> Vec<Ipv4Addr> {
        let found = self.all().find(|known| known.id == machine);
        match found {
            Some(known) => known.addresses.all().collect(),
            None => self.outsiders.get(&machine).copied().into_iter().collect(),
        }
    }

    /// Records that a handshake with a machine was completed at this address. No other machine has the address any more.
    pub fn prove(&mut self, machine: MachineId, address: Ipv4Addr) {
        if self.own.addresses.best() == Some(address) {
            return;
        }
        self.outsiders.retain(|_, outsider| *outsider != address);
        let mut is_member = false;
        for other in &mut self.others {
            let proven = &mut other.addresses.proven;
            if other.id == machine {
                is_member = true;
                *proven = Some(address);
            } else if *proven == Some(address) {
                *proven = None;
            }
        }
        if !is_member {
            if self.outsiders.len() >= OUTSIDERS_MAX {
                self.outsiders.pop_first();
            }
            self.outsiders.insert(machine, address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    const C: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
    const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);

    fn name(text: &str) -> Name {
        Name::try_new(text).expect("a name")
    }

    fn id_of(name: Name) -> MachineId {
        MachineId([name.as_str().as_bytes()[0]; 32])
    }

    fn parse(others: &str) -> Option<Machines> {
        let own = FleetMember {
            name: name("a"),
            id: id_of(name("a")),
            addresses: Addresses::fixed(A),
        };
        Machines::parse(own, others, id_of)
    }

    #[test]
    fn finds_machines_by_name_and_by_address() {
        let machines = parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
        let find = |text: &str| machines.find(text.parse().expect("a destination"));
        let id = id_of(name("c"));
        assert_eq!(find("c"), Some((C, Some(id))));
        assert_eq!(find("10.77.0.3"), Some((C, Some(id))));
        assert_eq!(find("d"), None);
        assert_eq!(machines.id_at(C), Some(id));
        assert_eq!(machines.address_of(id), Some(C));
        assert_eq!(find("10.77.0.9"), Some((ELSEWHERE, None)));
    }

    #[test]
    fn refuses_a_list_with_a_typo() {
        for text in ["b", "b=", "b=10.77.0", "=10.77.0.1", "a=1.2.3.4;b=1.2.3.5"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("").map(|machines| machines.all().count()), Some(1));
    }

    #[test]
    fn a_machine_is_where_its_last_handshake_was_and_may_return() {
        let mut machines = parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
        let [b, c] = ["b", "c"].map(|text| id_of(name(text)));
        machines.prove(c, ELSEWHERE);
        assert_eq!(machines.address_of(c), Some(ELSEWHERE));
        assert_eq!(machines.addresses_of(c), [ELSEWHERE, C]);
        assert_eq!(machines.id_at(ELSEWHERE), Some(c));
        assert_eq!(machines.id_at(C), None);
        // Another machine gets the address.
        machines.prove(b, ELSEWHERE);
        assert_eq!(machines.address_of(b), Some(ELSEWHERE));
        assert_eq!(machines.address_of(c), Some(C));
        assert_eq!(machines.id_at(ELSEWHERE), Some(b));
    }

    #[test]
    fn outsiders_are_bounded_and_no_machine_takes_this_ones_address() {
        let mut machines = parse("b=10.77.0.2").expect("valid");
        for number in 0..100 {
            machines.prove(MachineId([number; 32]), Ipv4Addr::new(10, 0, 0, number));
        }
        assert_eq!(machines.outsiders.len(), OUTSIDERS_MAX);
        let last = MachineId([96; 32]);
        assert_eq!(machines.address_of(last), Some(Ipv4Addr::new(10, 0, 0, 96)));
        machines.prove(id_of(name("b")), A);
        assert_eq!(machines.id_at(A), Some(id_of(name("a"))));
    }
}
