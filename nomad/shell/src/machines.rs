//! The machines of the fleet: [`Machines`].
//!
//! A machine is identified by its name, from which its id follows. Its address is only where it was last reached: a hello
//! suggests it, a handshake proves it, and the next handshake with the same machine may prove another one. The list of names
//! is the image's, and no message changes it. The machines of the fleet also know its guests, which come and go (`guests`).

mod guests;
mod member;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_client::Event;
use nomad_client::command::Destination;
use nomad_client::event::AddressOrigin;
use nomad_protocol::{BootId, Fleet, GuestRule, Hello, Instant, MachineId};

pub(crate) use guests::Full;
pub use guests::GUESTS_MAX;
pub use member::{Addresses, FleetMember};

use guests::Guests;

/// The most machines outside of the fleet whose address is remembered, to reply to them.
const OUTSIDERS_MAX: usize = 16;

/// The fleet as this machine knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machines {
    own: FleetMember,
    others: Vec<FleetMember>,
    guests: Guests,
    /// The proven addresses of machines with the fleet's secret that are neither of the fleet nor known guests. They get refusals.
    outsiders: BTreeMap<MachineId, Ipv4Addr>,
}

impl Machines {
    /// The fleet of this machine and the others.
    pub fn new(own: FleetMember, others: Vec<FleetMember>) -> Machines {
        Machines {
            own,
            others,
            guests: Guests::default(),
            outsiders: BTreeMap::new(),
        }
    }

    /// Parses the other machines from a text such as `b=10.77.0.2,c`: their names, and those addresses that are fixed. `None` if
    /// it is malformed. `id_of` gives the id of the machine with a name.
    pub fn parse(
        own: FleetMember,
        peers: &str,
        id_of: impl Fn(Name) -> MachineId,
    ) -> Option<Machines> {
        let entries = peers.split(',').map(str::trim);
        let others = entries.filter(|entry| !entry.is_empty()).map(|entry| {
            let (name, fixed) = match entry.split_once('=') {
                Some((name, address)) => (name, Some(address.trim().parse().ok()?)),
                None => (entry, None),
            };
            let name = Name::try_new(name.trim()).ok()?;
            Some(FleetMember::new(name, id_of(name), fixed))
        });
        let others = others.collect::<Option<_>>()?;
        Some(Machines::new(own, others))
    }

    /// All machines, this one first.
    pub fn all(&self) -> impl Iterator<Item = &FleetMember> {
        core::iter::once(&self.own).chain(&self.others)
    }

    /// This machine.
    pub fn own(&self) -> &FleetMember {
        &self.own
    }

    /// The other machines.
    pub fn others(&self) -> impl Iterator<Item = &FleetMember> {
        self.others.iter()
    }

    /// The machines that the image names.
    pub fn fleet(&self) -> Fleet {
        let named = self.all().filter(|machine| !machine.name.is_of_guest());
        Fleet::new(named.map(|machine| machine.id))
    }

    /// Whether this machine is a guest.
    pub fn is_guest(&self) -> bool {
        self.own.name.is_of_guest()
    }

    /// The machine of the fleet with this name.
    pub(crate) fn id_of(&self, name: Name) -> Option<MachineId> {
        let mut named = self.all().filter(|machine| !machine.name.is_of_guest());
        named.find(|machine| machine.name == name).map(|it| it.id)
    }

    /// The machine of the fleet, or the guest, with this id.
    pub fn get(&self, machine: MachineId) -> Option<&FleetMember> {
        let mut all = self.all().chain(self.guests.iter());
        all.find(|known| known.id == machine)
    }

    /// The machines as events of a reply.
    pub fn list(&self, now: Instant) -> Vec<Event> {
        let event = |machine: &FleetMember, origin| Event::Machine {
            name: machine.name,
            address: machine.addresses.best(),
            origin,
            double: machine.double(now),
        };
        let others = self.others.iter();
        let others = others.map(|other| event(other, other.origin()));
        let guests = self.guests.listed();
        let guests = guests.map(|guest| event(guest, AddressOrigin::Guest));
        let own = event(&self.own, AddressOrigin::Own);
        let all = core::iter::once(own).chain(others);
        all.chain(guests).collect()
    }

    /// The address of a destination, and its id if it is a machine of the fleet or a guest.
    ///
    /// # Errors
    /// It is this machine, no other machine of the fleet and no guest has that name, or its address is not known yet.
    pub fn find(&self, destination: Destination) -> Result<(Ipv4Addr, Option<MachineId>), String> {
        let name = match destination {
            Destination::At(address) if self.own.addresses.best() == Some(address) => {
                return Err(self.not_another(&address.to_string()));
            }
            Destination::At(address) => return Ok((address, self.id_at(address))),
            Destination::Named(name) if name == self.own.name => {
                return Err(self.not_another(name.as_str()));
            }
            Destination::Named(name) => name,
        };
        if self.is_guest() && name.is_of_guest() {
            return Err(GuestRule::NotBetweenGuests.to_string());
        }
        let mut others = self.others.iter().chain(self.guests.listed());
        let named = others.find(|other| other.name == name);
        let named = named.ok_or_else(|| self.unknown(name))?;
        match named.addresses.best() {
            Some(address) => Ok((address, Some(named.id))),
            None => Err(format!(
                "the address of {name} is not known: no hello of it was received"
            )),
        }
    }

    /// The error of a name that no other machine of the fleet and no guest has.
    fn unknown(&self, name: Name) -> String {
        if name.is_of_guest() {
            return format!("unknown guest {name}: no handshake with it was completed");
        }
        format!("unknown machine {name}: {}", self.list_of_others())
    }

    /// The error of a destination that is this machine.
    fn not_another(&self, destination: &str) -> String {
        format!("{destination} is this machine: {}", self.list_of_others())
    }

    fn list_of_others(&self) -> String {
        let others: Vec<&str> = self.others().map(|other| other.name.as_str()).collect();
        match others.join(", ") {
            names if names.is_empty() => "the fleet has no other machine".into(),
            names => format!("the fleet's other machines are {names}"),
        }
    }

    /// The machine of the fleet, or the guest, at an address.
    pub fn id_at(&self, address: Ipv4Addr) -> Option<MachineId> {
        let is_there = |machine: &&FleetMember| machine.addresses.best() == Some(address);
        let mut all = self.all().chain(self.guests.listed());
        all.find(is_there).map(|machine| machine.id)
    }

    /// The other machine to which the manifest gives this address.
    pub fn owner_of(&self, address: Ipv4Addr) -> Option<Name> {
        let mut others = self.others.iter();
        let owner = others.find(|other| other.addresses.fixed == Some(address))?;
        Some(owner.name)
    }

    /// The address to which messages for a machine are sent.
    pub fn address_of(&self, machine: MachineId) -> Option<Ipv4Addr> {
        match self.get(machine) {
            Some(known) => known.addresses.best(),
            None => self.outsiders.get(&machine).copied(),
        }
    }

    /// The addresses to which a handshake with a machine is sent.
    pub fn addresses_of(&self, machine: MachineId) -> Vec<Ipv4Addr> {
        match self.get(machine) {
            Some(known) => known.addresses.all().collect(),
            None => self.outsiders.get(&machine).copied().into_iter().collect(),
        }
    }

    /// Handles a hello. If it is news, returns the machine that is to be probed at the hello's address. Machines that are
    /// neither of the fleet nor guests are ignored, and a guest ignores other guests. `id_of` gives the id of the machine
    /// with a name.
    ///
    /// # Errors
    /// [`Full`]: the hello is that of a guest for which there is no place.
    pub(crate) fn handle_hello(
        &mut self,
        now: Instant,
        hello: &Hello,
        id_of: impl FnOnce(Name) -> MachineId,
    ) -> Result<Option<MachineId>, Full> {
        let is_of_guest = hello.name.is_of_guest() && !self.is_guest();
        let mut others = self.others.iter_mut();
        let sender = match others.find(|other| other.name == hello.name) {
            Some(other) => other,
            None if is_of_guest => self.guests.entry(hello.name, id_of(hello.name))?,
            None => return Ok(None),
        };
        Ok(sender.handle_hello(now, hello).then_some(sender.id))
    }

    /// Records that a handshake with this boot of a machine was completed at this address. No other machine has the address
    /// any more.
    pub(crate) fn prove(
        &mut self,
        now: Instant,
        (machine, boot): (MachineId, BootId),
        address: Ipv4Addr,
    ) {
        if self.own.addresses.best() == Some(address) {
            return;
        }
        self.outsiders.retain(|_, outsider| *outsider != address);
        let mut is_known = false;
        for other in self.others.iter_mut().chain(self.guests.iter_mut()) {
            if other.id == machine {
                is_known = true;
                other.prove(now, boot, address);
            } else if other.addresses.proven == Some(address) {
                other.addresses.proven = None;
            }
        }
        if is_known {
            self.outsiders.remove(&machine);
        } else {
            if self.outsiders.len() >= OUTSIDERS_MAX {
                self.outsiders.pop_first();
            }
            self.outsiders.insert(machine, address);
        }
    }

    /// Records this machine's own address.
    pub(crate) fn set_own_address(&mut self, address: Ipv4Addr) {
        self.own.addresses.fixed = Some(address);
    }

    /// Whether a handshake may be begun with the machine at this address that has this machine's name.
    pub(crate) fn may_probe_double(&mut self, now: Instant, address: Ipv4Addr) -> bool {
        self.own.addresses.best() != Some(address) && self.own.may_probe(now, address)
    }

    /// Records that a second machine with the name of `machine` is up, at this address.
    pub(crate) fn record_double(&mut self, now: Instant, machine: MachineId, address: Ipv4Addr) {
        if let Some(known) = self.get_mut(machine) {
            known.record_double(now, address);
        }
    }

    /// Records that another boot is this machine from now on.
    pub(crate) fn restart(&mut self, machine: MachineId) {
        if let Some(known) = self.get_mut(machine) {
            known.restart();
        }
    }

    /// Whether a machine has been known long enough that another boot with its name would have been noticed. This machine
    /// itself is settled as long as it knows of no other machine with its name.
    pub(crate) fn is_settled(&self, now: Instant, machine: MachineId) -> bool {
        match self.get(machine) {
            Some(own) if own.id == self.own.id => own.double(now).is_none(),
            known => known.is_some_and(|known| known.is_settled(now)),
        }
    }

    fn get_mut(&mut self, machine: MachineId) -> Option<&mut FleetMember> {
        let all = core::iter::once(&mut self.own).chain(&mut self.others);
        let mut all = all.chain(self.guests.iter_mut());
        all.find(|known| known.id == machine)
    }
}

#[cfg(test)]
mod tests;
