//! The machines of the fleet by name and address: [`Machines`].

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_client::command::Destination;
use nomad_protocol::MachineId;

/// A machine of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FleetMember {
    /// Its name.
    pub name: Name,
    /// Its migration server's address.
    pub address: Ipv4Addr,
    /// Its id.
    pub id: MachineId,
}

/// The fleet as this machine knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machines {
    own: FleetMember,
    others: Vec<FleetMember>,
}

impl Machines {
    /// The fleet of this machine and the others.
    pub fn new(own: FleetMember, others: Vec<FleetMember>) -> Machines {
        Machines { own, others }
    }

    /// Parses the others from a manifest's text such as `b=10.77.0.2,c=10.77.0.3`; `None` if it is malformed. `id_at`
    /// gives the id of the machine at an address.
    pub fn parse(
        own: FleetMember,
        others: &str,
        id_at: impl Fn(Ipv4Addr) -> MachineId,
    ) -> Option<Machines> {
        let neighbour = |entry: &str| {
            let (name, address) = entry.split_once('=')?;
            let address = address.trim().parse().ok()?;
            Some(FleetMember {
                name: Name::try_new(name.trim()).ok()?,
                address,
                id: id_at(address),
            })
        };
        let entries = others.split(',').filter(|entry| !entry.trim().is_empty());
        let others = entries.map(neighbour).collect::<Option<Vec<_>>>()?;
        Some(Machines { own, others })
    }

    /// All machines, this one first.
    pub fn all(&self) -> impl Iterator<Item = &FleetMember> {
        core::iter::once(&self.own).chain(&self.others)
    }

    /// The addresses of the other machines.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.others.iter().map(|other| other.address)
    }

    /// The address of a destination; `None` if it is a name that no other machine of the fleet has.
    pub fn find(&self, destination: Destination) -> Option<Ipv4Addr> {
        match destination {
            Destination::At(address) => Some(address),
            Destination::Named(name) => {
                let named = self.others.iter().find(|other| other.name == name);
                named.map(|other| other.address)
            }
        }
    }

    /// The machine of the fleet at an address.
    pub fn id_at(&self, address: Ipv4Addr) -> Option<MachineId> {
        let found = self.all().find(|machine| machine.address == address);
        found.map(|machine| machine.id)
    }

    /// The address of a machine of the fleet.
    pub fn address_of(&self, machine: MachineId) -> Option<Ipv4Addr> {
        let found = self.all().find(|known| known.id == machine);
        found.map(|known| known.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_at(address: Ipv4Addr) -> MachineId {
        MachineId([address.octets()[3]; 32])
    }

    fn parse(others: &str) -> Option<Machines> {
        let address = Ipv4Addr::new(10, 77, 0, 1);
        let own = FleetMember {
            name: Name::try_new("a").expect("a name"),
            address,
            id: id_at(address),
        };
        Machines::parse(own, others, id_at)
    }

    #[test]
    fn finds_machines_by_name_and_by_address() {
        let machines = parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
        let c = Ipv4Addr::new(10, 77, 0, 3);
        let find = |text: &str| machines.find(text.parse().expect("a destination"));
        assert_eq!(find("c"), Some(c));
        assert_eq!(find("10.77.0.3"), Some(c));
        assert_eq!(find("d"), None);
        let id = id_at(c);
        assert_eq!(machines.id_at(c), Some(id));
        assert_eq!(machines.address_of(id), Some(c));
        let stranger = find("10.77.0.9").expect("an address");
        assert_eq!(machines.id_at(stranger), None);
    }

    #[test]
    fn refuses_a_list_with_a_typo() {
        for text in ["b", "b=", "b=10.77.0", "=10.77.0.1", "a=1.2.3.4;b=1.2.3.5"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("").map(|machines| machines.all().count()), Some(1));
    }
}
