//! The guests that a roll call queries.
//!
//! | guest | queried | if it is silent |
//! | --- | --- | --- |
//! | *needed*: the domain was sent to it, or it has reported the domain | until the domain is here again, or the call is over | the domain is not started |
//! | up | for a domain that came in a package, and for one in doubt | it is not waited for, unless a sign of it was received in the last ten seconds |
//!
//! Root remembers one needed guest for each domain, so that a restart of this server does not lose it. But if this machine
//! was restarted since it sent the domain away, it has forgotten the guest. That is why guests that are up are queried too. A
//! migration server that has just started knows no guests, and has to listen for their hellos for some time before a call
//! that queries them can end.
//!
//! A guest whose name another machine claims, or that refuses this machine, is up although it does not reply, so the call
//! waits for it. The call also waits for a guest that completes handshakes and does not reply to queries, until an operator
//! forces the domain to run.

use alloc::collections::BTreeSet;

use nomad_protocol::{Fleet, Instant, MachineId, Obstacle, Presence};

use super::{Call, RollCalls, Surroundings};
use crate::discovery::LISTEN_S;
use crate::machines::Machines;

/// The most guests of one call that are needed because they have reported the domain. There are no more copies of a domain than operators
/// have made by force.
const FOUND_MAX: usize = 4;

/// How long no sign of a guest must have been received before a call stops waiting for it: the time of five of its hellos.
const QUIET_US: u64 = LISTEN_S * 1_000_000;

/// What a call has learned about guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Learned {
    /// Those that have reported the domain.
    found: BTreeSet<MachineId>,
    /// Those that are not needed, and that had not replied for too long at some time of the call.
    silent: BTreeSet<MachineId>,
}

impl RollCalls {
    /// Updates the machines that each call queries.
    pub fn update_machines(&mut self, now: Instant, surroundings: Surroundings<'_>) {
        let Surroundings {
            fleet,
            machines,
            guests_known_from,
            claimed,
            ..
        } = surroundings;
        for call in &mut self.calls {
            let silent = call.silent_guests(now, fleet, machines);
            let unclaimed = silent.iter().filter(|guest| !claimed.contains(guest));
            unclaimed.for_each(|guest| machines.mark_silent(*guest));
            call.learned.silent.extend(silent);
        }
        for call in &mut self.calls {
            let queried = call.machines(fleet, machines);
            call.learned
                .silent
                .retain(|guest| machines.get(*guest).is_some());
            call.roll.set_machines(now, &queried);
            if call.need.queries_guests {
                call.roll.set_complete_from(now, guests_known_from);
            }
        }
    }

    /// The guests that have reported a domain.
    pub fn found_guests(&self) -> impl Iterator<Item = MachineId> + '_ {
        let calls = self.calls.iter();
        calls.flat_map(|call| call.learned.found.iter().copied())
    }
}

impl Call {
    /// The machines to query now.
    pub(super) fn machines(&self, fleet: &Fleet, machines: &Machines) -> BTreeSet<MachineId> {
        let up = machines.guests_up().filter(|_| self.need.queries_guests);
        let found = &self.learned.found;
        let needed = self.need.guests.union(found).copied();
        fleet.machines().chain(needed).chain(up).collect()
    }

    /// Whether the call waits for a guest even if it is silent.
    fn needs(&self, guest: MachineId) -> bool {
        self.need.guests.contains(&guest) || self.learned.found.contains(&guest)
    }

    /// The guests that do not reply, are not needed, and of which no other sign was received lately. A guest that only lacks processor time
    /// still sends hellos.
    fn silent_guests(
        &self,
        now: Instant,
        fleet: &Fleet,
        machines: &Machines,
    ) -> BTreeSet<MachineId> {
        let silent = self
            .roll
            .obstacles(now)
            .filter_map(|obstacle| match obstacle {
                Obstacle::Silent(machine) => Some(machine),
                _ => None,
            });
        let is_optional = |machine: &MachineId| !fleet.contains(*machine) && !self.needs(*machine);
        let is_quiet = |machine: &MachineId| !machines.was_noticed(now, *machine, QUIET_US);
        silent.filter(is_optional).filter(is_quiet).collect()
    }

    /// Records what the reply of a guest says about it. Returns whether root is to remember the guest.
    pub(super) fn learn(&mut self, guest: MachineId, presence: Presence) -> bool {
        let learned = &mut self.learned;
        learned.silent.remove(&guest);
        if matches!(presence, Presence::Absent { .. }) {
            return false;
        }
        if learned.found.len() < FOUND_MAX {
            learned.found.insert(guest);
        }
        self.need.is_at_home() && self.need.guests.is_empty()
    }

    /// Forgets the guests that had the domain, after a call that has found it on no machine.
    pub(super) fn forget_found(&mut self) {
        self.learned.found.clear();
    }

    /// Whether the operator may decide not to wait for a guest: it is not needed, and has not replied for too long.
    pub(super) fn may_override(&self, guest: MachineId) -> bool {
        self.learned.silent.contains(&guest) && !self.needs(guest)
    }
}

#[cfg(test)]
mod tests;
