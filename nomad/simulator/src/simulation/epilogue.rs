//! The epilogue of a run: no fault strikes any more, so what was in doubt can be settled and what runs can be moved.

use std::collections::BTreeMap;

use nomad_protocol::{DomainId, Force, OfferError, TransactionId};

use super::{Failure, JUDGE_EVERY_US, Simulation};
use crate::history::DomainHistory;
use crate::outcome::{End, Outcome, check_empty};

impl Simulation {
    pub(super) fn epilogue(&mut self, ends: &BTreeMap<DomainId, End>) -> Result<(), Failure> {
        let doubts = [Outcome::TargetInDoubt, Outcome::SourceInDoubt];
        let is_doubted = |end: &End| doubts.contains(&end.outcome);
        let doubted = ends.iter().filter(|(_, end)| is_doubted(end));
        let doubted: Vec<DomainId> = doubted.map(|(domain, _)| *domain).collect();
        if !doubted.is_empty() || ends.values().any(|end| !end.stale.is_empty()) {
            self.settle_doubts(&doubted, ends)?;
        }
        for domain in ends.keys() {
            self.move_again(*domain)?;
        }
        Ok(())
    }

    /// An operator settles every doubt: then nothing is left of it.
    fn settle_doubts(
        &mut self,
        doubted: &[DomainId],
        ends: &BTreeMap<DomainId, End>,
    ) -> Result<(), Failure> {
        let of_holders = match self.random.permille(500) {
            true => Force::DropCopy,
            false => Force::RunHere,
        };
        for domain in doubted {
            let history = self.world.history.domains.get_mut(domain);
            history.expect("every domain has one").is_forced = true;
        }
        for machine in 0..self.nodes.len() {
            let local = self.local(machine);
            let ledger = &mut self.world.machines[machine].nomad.ledger;
            let entries = ledger.entries();
            let entries: Vec<(TransactionId, DomainId)> = entries
                .map(|entry| (entry.transaction, entry.offer.domain))
                .collect();
            for (transaction, domain) in entries {
                let is_stale = ends[&domain].stale.contains(&machine);
                let force = if is_stale {
                    Force::DropCopy
                } else {
                    of_holders
                };
                if !ledger.force(local, transaction, force) {
                    return Err(Failure::NotForced);
                }
            }
        }
        self.act();
        self.advance(self.now.as_us() + 10 * JUDGE_EVERY_US)?;
        for machine in 0..self.nodes.len() {
            check_empty(&self.world, machine).map_err(Failure::Settled)?;
        }
        for domain in doubted {
            self.begin_anew(*domain);
        }
        Ok(())
    }

    /// What runs now may be older than what has run, and the operator answers for that: the history begins with it.
    fn begin_anew(&mut self, id: DomainId) {
        let machines = self.world.machines.iter();
        let mut here = machines.filter_map(|machine| {
            let domain = machine.kernel.domains.get(&id)?;
            Some((machine.number, domain))
        });
        let history = match here.next() {
            Some((home, domain)) => DomainHistory {
                incarnation: domain.incarnation,
                reached: domain.contents.age,
                ..DomainHistory::new(home)
            },
            None => DomainHistory {
                is_home_lost: true,
                ..DomainHistory::new(0)
            },
        };
        self.world.history.domains.insert(id, history);
    }

    /// Moves a domain that runs to another machine that has room for it.
    fn move_again(&mut self, domain: DomainId) -> Result<(), Failure> {
        let home = self.world.history.domains[&domain].home;
        let to = self.another(home);
        let has_room = !self.faults.small_pool || to != self.nodes.len() - 1;
        if !has_room || !self.world.is_running(home, domain) {
            return Ok(());
        }
        let offered = self.offer(home, to, domain);
        self.act();
        let ends = self.settle()?;
        match (offered, &ends[&domain]) {
            (Ok(()), end) if end.holder == Some(to) => Ok(()),
            (_, end) => Err(Failure::SecondMove(domain, end.clone())),
        }
    }

    /// Has a machine's operator move a domain.
    pub(super) fn offer(
        &mut self,
        machine: usize,
        to: usize,
        domain: DomainId,
    ) -> Result<(), OfferError> {
        self.transactions += 1;
        let transaction = TransactionId(self.transactions);
        let local = self.local(machine);
        self.world.offer(local, machine, to, domain, transaction)
    }
}
