//! The guests among the machines that a roll call queries.
//!
//! A guest to which the home has sent the domain is queried until the domain is here again: while it is silent, the domain is not
//! started. The home may have been restarted since it sent a domain away, and then has forgotten that. So for a domain from a
//! package all guests that are up are queried too. One that falls silent is not waited for. A migration server that has just started
//! knows no guest, and has to listen to their hellos for some time before a call of such a domain can end.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use nomad_protocol::{Fleet, Instant, MachineId, Obstacle};

use super::{Call, Need, RollCalls, Surroundings};
use crate::machines::Machines;

impl Need {
    /// The machines to query now.
    pub(super) fn machines(&self, fleet: &Fleet, machines: &Machines) -> BTreeSet<MachineId> {
        let up = machines.guests_up().filter(|_| self.queries_guests);
        let all = fleet.machines().chain(self.guests.iter().copied());
        all.chain(up).collect()
    }
}

impl RollCalls {
    /// Updates the machines that each call queries.
    pub fn update_machines(&mut self, now: Instant, surroundings: Surroundings<'_>) {
        let Surroundings {
            fleet,
            machines,
            guests_known_from,
            ..
        } = surroundings;
        let silent: Vec<MachineId> = self
            .calls
            .iter()
            .flat_map(|call| call.silent_guests(now, fleet))
            .collect();
        for guest in silent {
            machines.mark_silent(guest);
        }
        for call in &mut self.calls {
            let queried = call.need.machines(fleet, machines);
            call.roll.set_machines(now, &queried);
            if call.need.queries_guests {
                call.roll.set_complete_from(now, guests_known_from);
            }
        }
    }
}

impl Call {
    /// The guests that do not reply and are not known to have the domain.
    fn silent_guests(&self, now: Instant, fleet: &Fleet) -> Vec<MachineId> {
        let silent = self
            .roll
            .obstacles(now)
            .filter_map(|obstacle| match obstacle {
                Obstacle::Silent(machine) => Some(machine),
                _ => None,
            });
        let is_optional =
            |machine: &MachineId| !fleet.contains(*machine) && !self.need.guests.contains(machine);
        silent.filter(is_optional).collect()
    }
}

#[cfg(test)]
mod tests;
