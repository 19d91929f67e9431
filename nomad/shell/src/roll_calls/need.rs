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
    /// The guests that may have the domain, according to root and the records of moves.
    pub(super) guests: BTreeSet<MachineId>,
    /// Whether all guests that are up are queried too.
    pub(super) queries_guests: bool,
}

impl Need {
    /// Whether the domain is at home here.
    pub(super) fn is_at_home(&self) -> bool {
        self.purpose != Purpose::Doubt
    }
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
        let peer = Some(entry.peer).filter(|peer| !fleet.contains(*peer));
        let mut records = records.iter();
        let record = records.find(|record| record.name == entry.offer.name);
        let remembered = record.and_then(|record| record.guest).map(&id_of);
        let need = Need {
            purpose: Purpose::Doubt,
            guests: peer.into_iter().chain(remembered).collect(),
            // Its home may have sent the domain to a guest since, or have been restarted and forgotten that.
            queries_guests: true,
        };
        (entry.offer.name, need)
    });
    homes.chain(doubted).collect()
}
