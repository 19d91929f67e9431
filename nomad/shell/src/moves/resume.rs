//! What an earlier life of this shell has left behind.
//!
//! A source goes on from its record and from what the kernel says of the domain. A target goes on from its record and
//! from what root keeps: a domain that was complete is root's, and only what was still arriving went with the shell.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use nomad_protocol::{DomainState, Here, Instant, Ledger, Progressed, Record};

use super::Moves;
use crate::host::{Host, RootError};

impl<O, I> Moves<O, I> {
    /// Goes on from these records.
    ///
    /// # Errors
    /// Root does not say what has become of a domain, and may later. Without that nothing can be decided about it.
    pub fn resume<H: Host<Outgoing = O>>(
        host: &mut H,
        now: Instant,
        here: Here,
        records: Vec<Record>,
    ) -> Result<Moves<O, I>, RootError> {
        let (mut outgoing, mut states) = (BTreeMap::new(), BTreeMap::new());
        for record in &records {
            let name = record.offer.name.as_str();
            log::info!("found {:?} of {name}", record.progress);
            if holds_domain(&record.progress) {
                let token = host.token_of(record.transaction);
                let found = match host.left_behind(&record.offer, token) {
                    Err(error) if error.may_pass() => return Err(error),
                    found => found.ok().flatten(),
                };
                if let Some((domain, state)) = found {
                    states.insert(record.offer.domain.0, state);
                    outgoing.insert(record.transaction, domain);
                }
            }
        }
        let ledger = Ledger::resume(now, here, records, |domain| {
            states.get(&domain.0).copied().unwrap_or(DomainState::Gone)
        });
        Ok(Moves {
            ledger,
            outgoing,
            incoming: BTreeMap::new(),
        })
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
