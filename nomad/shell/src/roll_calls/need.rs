//! The need for a roll call: [`Need`], and the domains that have it.

use alloc::collections::{BTreeMap, BTreeSet};

use identity::Name;
use nomad_protocol::{Doubt, Entry, Fleet, MachineId};
use service_protocol::root::DomainRecord;

use super::Purpose;

/// The need for a roll call: its purpose, and the guests to query beside the machines of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    pub(super) purpose: Purpose,
    /// The guests that may have the domain, as far as this machine remembers.
    pub(super) guests: BTreeSet<MachineId>,
    /// Whether all guests that are up are queried too.
    pub(super) queries_guests: bool,
}

/// The domains that need a roll call: root's domains that are absent, and those in doubt. `id_of` gives the id of the guest with a
/// name.
pub fn needed<'a>(
    records: &[DomainRecord],
    entries: impl Iterator<Item = Entry<'a>>,
    fleet: &Fleet,
    id_of: impl Fn(Name) -> MachineId,
) -> BTreeMap<Name, Need> {
    let homes = records.iter().filter_map(|record| {
        let need = Need {
            purpose: Purpose::of(record)?,
            guests: record.guest.into_iter().map(&id_of).collect(),
            queries_guests: record.has_package,
        };
        Some((record.name, need))
    });
    let doubted = entries.filter(|entry| entry.doubt.is_some_and(Doubt::has_copy));
    let doubted = doubted.map(|entry| {
        let is_guest = !fleet.contains(entry.peer);
        let need = Need {
            purpose: Purpose::Doubt,
            guests: is_guest.then_some(entry.peer).into_iter().collect(),
            queries_guests: false,
        };
        (entry.offer.name, need)
    });
    homes.chain(doubted).collect()
}
