//! The guests that this machine knows: [`Guests`]. A guest is a machine that has the fleet's image without being named in it.
//!
//! A guest is learned by its hello, or by a handshake that it has begun. It is *up* from a completed handshake until it fails
//! to reply to a query. Neither further hellos, which may be recorded ones, nor another machine at its address change that.
//! At most [`GUESTS_MAX`] guests are known. A new one takes the place of a guest that is not up, but never of a *needed*
//! guest, which may have a domain that is at home here.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use core::net::Ipv4Addr;

use identity::Name;
use nomad_protocol::{BootId, Instant, MachineId};

use super::{FleetMember, Machines};

/// The most guests that are known at the same time. Needed ones may exceed it.
pub const GUESTS_MAX: usize = 16;

/// There are [`GUESTS_MAX`] guests that are up or needed, and no place for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The guests that this machine knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Guests {
    known: Vec<FleetMember>,
    needed: BTreeSet<MachineId>,
}

impl Guests {
    /// All guests.
    pub fn iter(&self) -> impl Iterator<Item = &FleetMember> {
        self.known.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut FleetMember> {
        self.known.iter_mut()
    }

    /// The guests with which a handshake was completed, and those that may have a domain at home here.
    pub fn listed(&self) -> impl Iterator<Item = &FleetMember> {
        let is_listed = |guest: &&FleetMember| {
            guest.addresses.proven.is_some() || self.needed.contains(&guest.id)
        };
        self.known.iter().filter(is_listed)
    }

    /// The guest with this name, which gets a place if it has none.
    ///
    /// # Errors
    /// [`Full`].
    pub fn entry(&mut self, name: Name, id: MachineId) -> Result<&mut FleetMember, Full> {
        let index = match self.known.iter().position(|guest| guest.id == id) {
            Some(index) => index,
            None => {
                self.make_room(id)?;
                self.known.push(FleetMember::new(name, id, None));
                self.known.len() - 1
            }
        };
        Ok(&mut self.known[index])
    }

    /// Sets the guests that may have a domain at home here. Those with a name get a place.
    pub fn set_needed(&mut self, needed: BTreeSet<MachineId>, named: &[(Name, MachineId)]) {
        self.needed = needed;
        for (name, id) in named {
            // A needed guest always gets a place.
            let _ = self.entry(*name, *id);
        }
    }

    fn make_room(&mut self, id: MachineId) -> Result<(), Full> {
        if self.known.len() < GUESTS_MAX {
            return Ok(());
        }
        let is_idle = |guest: &FleetMember| !guest.is_up() && !self.needed.contains(&guest.id);
        match self.known.iter().position(is_idle) {
            Some(idle) => {
                self.known.remove(idle);
                Ok(())
            }
            None if self.needed.contains(&id) => Ok(()),
            None => Err(Full),
        }
    }
}

impl Machines {
    /// The guests that are up.
    pub fn guests_up(&self) -> impl Iterator<Item = MachineId> + '_ {
        let up = self.guests.iter().filter(|guest| guest.is_up());
        up.map(|guest| guest.id)
    }

    /// The name of a guest.
    pub(crate) fn guest_name(&self, machine: MachineId) -> Option<Name> {
        let mut guests = self.guests.iter();
        let guest = guests.find(|guest| guest.id == machine)?;
        Some(guest.name)
    }

    /// Makes the guest with this name known, because it has completed a handshake. Names that are not guests' are ignored,
    /// and a guest ignores other guests.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn introduce(&mut self, name: Name, id: MachineId) -> Result<(), Full> {
        if !name.is_of_guest() || self.is_guest() {
            return Ok(());
        }
        self.guests.entry(name, id).map(drop)
    }

    /// Adds a guest without waiting for its hello, if there is a place for it.
    pub fn add_guest(&mut self, name: Name, id: MachineId, address: Ipv4Addr) {
        if let Ok(guest) = self.guests.entry(name, id) {
            guest.prove(Instant::from_us(0), BootId(0), address);
        }
    }

    /// Sets the guests that may have a domain at home here. Those with a name are known from now on.
    pub(crate) fn set_needed_guests(
        &mut self,
        needed: BTreeSet<MachineId>,
        named: &[(Name, MachineId)],
    ) {
        self.guests.set_needed(needed, named);
    }

    /// The guests that may have a domain at home here.
    pub fn needed_guests(&self) -> &BTreeSet<MachineId> {
        &self.guests.needed
    }

    /// Records that a guest has a domain at home here.
    pub(crate) fn need_guest(&mut self, guest: MachineId) {
        self.guests.needed.insert(guest);
    }

    /// Records that a guest refuses this machine, so that it is up.
    pub(crate) fn mark_up(&mut self, now: Instant, guest: MachineId) {
        let mut guests = self.guests.iter_mut();
        if let Some(guest) = guests.find(|known| known.id == guest) {
            guest.mark_up(now);
        }
    }

    /// Whether a sign of a guest was received within this time: a handshake with it, its refusal of this machine, or a new hello of the
    /// life that the last handshake was with.
    pub(crate) fn was_noticed(&self, now: Instant, guest: MachineId, within_us: u64) -> bool {
        let mut guests = self.guests.iter();
        let guest = guests.find(|known| known.id == guest);
        guest.is_some_and(|guest| guest.was_noticed(now, within_us))
    }

    /// Records that a guest does not reply. It is up again after the next handshake with it.
    pub(crate) fn mark_silent(&mut self, machine: MachineId) {
        let mut guests = self.guests.iter_mut();
        if let Some(guest) = guests.find(|guest| guest.id == machine) {
            guest.mark_silent();
        }
    }
}

#[cfg(test)]
mod tests;
