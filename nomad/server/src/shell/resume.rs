//! What an earlier life of this server has left behind.
//!
//! A source goes on from its record and from what the kernel says of the domain. A target whose domain was not handed
//! over to root yet cannot: the capabilities for it went with the server that made it. It discards the copy and forgets
//! the transaction; asked for it under the same boot id it says Unknown, and the source, which has a complete copy
//! still, runs it again or, if it has committed, lists it as in doubt.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{DomainId, DomainState, Progressed, Record, TransactionId};
use runtime::Error;
use runtime::protocol::root::DomainState as RootState;

use crate::capture::Outgoing;
use crate::machine::Machine;

/// What is gone on with.
#[derive(Default)]
pub struct Resumed {
    /// The records.
    pub records: Vec<Record>,
    /// What the kernel says of each domain that was on its way out.
    pub states: BTreeMap<u128, DomainState>,
    /// Domains on their way out.
    pub outgoing: BTreeMap<TransactionId, Outgoing>,
    /// Transactions that are not gone on with.
    pub forgotten: Vec<TransactionId>,
}

impl Resumed {
    /// Looks at each record.
    pub fn new(machine: Machine, records: Vec<Record>) -> Resumed {
        let mut resumed = Resumed::default();
        for record in records {
            log::info!(
                "found {:?} of {}",
                record.progress,
                record.offer.name.as_str()
            );
            match record.progress {
                Progressed::SourceOpen
                | Progressed::SourceCommitting { .. }
                | Progressed::SourceReleasing { .. }
                | Progressed::SourceReleased { .. } => resumed.source(machine, record),
                Progressed::TargetActivated { .. } => resumed.records.push(record),
                Progressed::TargetActivating { peer_boot } if is_adopted(machine, &record) => {
                    let progress = Progressed::TargetActivated { peer_boot };
                    resumed.records.push(Record { progress, ..record });
                }
                _ => {
                    discard(machine, &record);
                    resumed.forgotten.push(record.transaction);
                }
            }
        }
        resumed
    }

    /// What the kernel says of a domain.
    pub fn state_of(&self, domain: DomainId) -> DomainState {
        let known = self.states.get(&domain.0);
        known.copied().unwrap_or(DomainState::Gone)
    }

    fn source(&mut self, machine: Machine, record: Record) {
        let name = name_of(&record);
        let found = name.and_then(|name| machine.root.find(name).ok());
        let same = |id: [u8; 16]| u128::from_le_bytes(id) == record.offer.domain.0;
        if let (Some(name), Some((known, Some(domain)))) = (name, found)
            && same(known.id.0)
        {
            // A domain that runs is stopped for a moment: what is resumed before the commit point thaws it.
            let state = match domain.freeze() {
                Ok(_) => DomainState::Frozen,
                Err(Error::WrongState) => DomainState::Retired,
                Err(_) => DomainState::Gone,
            };
            self.states.insert(record.offer.domain.0, state);
            let outgoing = Outgoing::left_behind(machine, name, &known, domain);
            self.outgoing.insert(record.transaction, outgoing);
        }
        self.records.push(record);
    }
}

fn name_of(record: &Record) -> Option<Name> {
    Name::try_new(record.offer.name.as_str())
}

/// Whether the domain was handed over to root; if so, it runs from now on.
fn is_adopted(machine: Machine, record: &Record) -> bool {
    let Some(Ok((known, Some(domain)))) = name_of(record).map(|name| machine.root.find(name))
    else {
        return false;
    };
    let adopted = known.state == RootState::Running
        && known.incarnation == record.offer.incarnation.next().0
        && u128::from_le_bytes(known.id.0) == record.offer.domain.0;
    // It may run already.
    adopted && matches!(domain.thaw(), Ok(()) | Err(Error::WrongState))
}

fn discard(machine: Machine, record: &Record) {
    if let Some(name) = name_of(record)
        && let Err(error) = machine.root.discard(name)
    {
        log::warn!("{name}: {error}");
    }
}
