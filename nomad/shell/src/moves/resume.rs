//! Recovery after a restart of this server.
//!
//! A source continues from its record and from the domain's state in the kernel. A destination continues from its record
//! and from root: root keeps a complete domain, and only a partly received one was lost with the shell.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use nomad_protocol::{
    DomainState, Instant, Ledger, LocalMachine, PhaseName, Record, RecordedProgress, Side,
    TransactionId,
};

use super::Moves;
use super::brakes::Brakes;
use crate::host::{Host, RootError};
use crate::output::Frames;

impl<O, I> Moves<O, I> {
    /// Continues from these records.
    ///
    /// # Errors
    /// Root's temporary failure to report the state of a domain. Without the state, nothing can be decided about the
    /// domain.
    pub fn resume<H: Host<Outgoing = O>>(
        host: &mut H,
        now: Instant,
        local: LocalMachine,
        records: Vec<Record>,
    ) -> Result<Moves<O, I>, RootError> {
        let (mut outgoing, mut states) = (BTreeMap::new(), BTreeMap::new());
        for record in &records {
            let name = record.offer.name.as_str();
            log::info!("found {:?} of {name}", record.progress);
            if holds_domain(&record.progress) {
                let token = host.token_of(record.transaction);
                let found = match host.recover_outgoing(&record.offer, token) {
                    Err(error) if error.is_transient() => return Err(error),
                    found => found.ok().flatten(),
                };
                if let Some((domain, state)) = found {
                    states.insert(record.offer.domain.0, state);
                    outgoing.insert(record.transaction, domain);
                }
            }
        }
        let ledger = Ledger::resume(now, local, records, |domain| {
            states.get(&domain.0).copied().unwrap_or(DomainState::Gone)
        });
        Ok(Moves {
            ledger,
            outgoing,
            incoming: BTreeMap::new(),
            unserved: BTreeMap::new(),
            brakes: Brakes::default(),
        })
    }

    /// The handling of late frames after a restart. The frames that were held before are lost. Those that arrive from now on
    /// are held or accepted, unless their domain has left or arrived in a transaction that is over. There is one exception:
    /// if the source of a domain that arrived here had already begun to forward frames, its further frames are rejected.
    pub(crate) fn resumed_frames(&self) -> Vec<(TransactionId, Frames)> {
        let entries = self.ledger.entries();
        let resumed = entries.filter_map(|entry| {
            let transaction = entry.transaction;
            match (entry.side, entry.phase) {
                (Side::Source, _) => self
                    .outgoing
                    .contains_key(&transaction)
                    .then_some((transaction, Frames::Hold)),
                (Side::Destination, PhaseName::Activate) => {
                    Some((transaction, Frames::Accept(entry.offer.name)))
                }
                (Side::Destination, _) => None,
            }
        });
        resumed.collect()
    }
}

/// Whether this machine may still have the copy that was to leave. At any later stage, a domain here may be one that
/// has come back.
fn holds_domain(progress: &RecordedProgress) -> bool {
    matches!(
        progress,
        RecordedProgress::SourceOpen
            | RecordedProgress::SourceCommitting { .. }
            | RecordedProgress::SourceDeclined { .. }
            | RecordedProgress::SourceReleasing { .. }
            | RecordedProgress::SourceDropped {
                is_destroyed: false,
                ..
            }
    )
}

#[cfg(test)]
mod tests {
    use nomad_protocol::BootId;

    use super::*;

    #[test]
    fn a_domain_that_came_back_is_not_touched_by_the_move_that_sent_it_away() {
        let peer_boot = BootId(1);
        assert!(holds_domain(&RecordedProgress::SourceReleasing {
            peer_boot
        }));
        assert!(!holds_domain(&RecordedProgress::SourceReleased {
            peer_boot
        }));
        assert!(!holds_domain(&RecordedProgress::DestinationActivated {
            peer_boot
        }));
    }
}
