//! What an earlier life of this server has left behind.
//!
//! A source goes on from its record and from what the kernel says of the domain. A target goes on from its record and
//! from what root keeps: a domain that was complete is root's, and only what was still arriving went with the server.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{DomainId, DomainState, Progressed, Record, TransactionId};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::capture::Outgoing;
use crate::machine::Machine;
use crate::records::Records;

/// What is gone on with.
#[derive(Default)]
pub struct Resumed {
    /// The records.
    pub records: Vec<Record>,
    /// What the kernel says of each domain that was on its way out.
    pub states: BTreeMap<u128, DomainState>,
    /// Domains on their way out.
    pub outgoing: BTreeMap<TransactionId, Outgoing>,
}

impl Resumed {
    /// Looks at each record.
    pub fn new(machine: Machine, records: &Records, found: Vec<Record>) -> Resumed {
        let mut resumed = Resumed::default();
        for record in found {
            log::info!(
                "found {:?} of {}",
                record.progress,
                record.offer.name.as_str()
            );
            if holds_domain(&record.progress) {
                let token = records.token_of(record.transaction);
                resumed.find(machine, &record, token);
            }
            resumed.records.push(record);
        }
        resumed
    }

    /// What the kernel says of a domain.
    pub fn state_of(&self, domain: DomainId) -> DomainState {
        let known = self.states.get(&domain.0);
        known.copied().unwrap_or(DomainState::Gone)
    }

    /// Finds the domain that was on its way out.
    fn find(&mut self, machine: Machine, record: &Record, token: Option<u64>) {
        let name = Name::try_new(record.offer.name.as_str());
        let found = name.and_then(|name| machine.root.find(name).ok());
        let same = |id: [u8; 16]| u128::from_le_bytes(id) == record.offer.domain.0;
        if let (Some(name), Some((known, Some(domain)))) = (name, found)
            && same(known.id.0)
        {
            self.states
                .insert(record.offer.domain.0, state_of(domain.cap()));
            let outgoing = Outgoing::left_behind(machine, name, &known, domain, token);
            self.outgoing.insert(record.transaction, outgoing);
        }
    }
}

/// The state of a domain, from how the kernel refuses to freeze it until a deadline that has passed.
fn state_of(domain: Cap<Domain>) -> DomainState {
    match domain.freeze(0) {
        Err(Error::TimedOut) => DomainState::Running,
        Err(Error::InUse) => DomainState::Frozen,
        Err(Error::WrongState) => DomainState::Retired,
        _ => DomainState::Gone,
    }
}

/// Whether the copy on this machine is a source's still. After that the domain may be here again, and run.
fn holds_domain(progress: &Progressed) -> bool {
    matches!(
        progress,
        Progressed::SourceOpen
            | Progressed::SourceCommitting { .. }
            | Progressed::SourceReleasing { .. }
    )
}

#[cfg(test)]
mod tests {
    use nomad_protocol::BootId;

    use super::*;

    #[test]
    fn a_domain_that_came_back_is_not_touched_for_the_move_that_sent_it_away() {
        let peer_boot = BootId(1);
        assert!(holds_domain(&Progressed::SourceReleasing { peer_boot }));
        assert!(!holds_domain(&Progressed::SourceReleased { peer_boot }));
        assert!(!holds_domain(&Progressed::TargetActivated { peer_boot }));
    }
}
