//! The history of one domain: [`DomainHistory`].

use std::collections::{BTreeMap, BTreeSet};

use identity::Incarnation;
use nomad_protocol::{BootId, TransactionId};

use super::Violation;
use crate::domain::Contents;

/// A domain that is retired and not yet activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Committed {
    /// The transaction that has retired it.
    pub transaction: TransactionId,
    /// The number of the machine that is to activate it.
    pub destination: usize,
    /// The boot of that machine that takes part.
    pub boot: BootId,
    /// Whether that machine was restarted and has lost its copy.
    pub is_destination_lost: bool,
}

/// The history of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainHistory {
    /// The machine that it started on.
    pub start: usize,
    /// Whether it was started anew after an earlier instance was lost.
    pub is_anew: bool,
    /// The machine on which it was activated last.
    pub home: usize,
    /// Whether that machine was restarted since.
    pub is_home_lost: bool,
    /// The incarnation that was activated last.
    pub incarnation: Incarnation,
    /// Set while it is retired at home and its destination has not activated it.
    pub committed: Option<Committed>,
    /// The age that it has reached on any machine.
    pub reached: u64,
    /// The contents that each transaction has retired.
    pub retired: BTreeMap<TransactionId, Contents>,
    /// The destination's boot, while the source is about to retire the domain.
    pub committing: Option<BootId>,
    /// Transactions whose destination has recorded, in this boot, that its copy is complete and awaits the source's decision;
    /// with the copy's contents at that moment.
    pub verified: BTreeMap<(TransactionId, BootId), Option<Contents>>,
    /// Transactions that the destination has declined in this boot.
    pub declined: BTreeSet<(TransactionId, BootId)>,
    /// Transactions whose destination has activated its copy.
    pub activated: BTreeSet<TransactionId>,
    /// Whether an operator who knows that no other machine has it has decided to run it, and that is not done yet. Until then
    /// only second instances are reported.
    pub is_decided: bool,
    /// Whether an operator has decided a move of it by force and is responsible for the consequences. From then on only
    /// [`Violation::OutlivedRuns`] is reported.
    pub is_forced: bool,
}

impl DomainHistory {
    /// A domain that was just created on machine `start`.
    pub fn new(start: usize) -> Self {
        DomainHistory {
            start,
            is_anew: false,
            home: start,
            is_home_lost: false,
            incarnation: Incarnation(0),
            committed: None,
            reached: 0,
            retired: BTreeMap::new(),
            committing: None,
            verified: BTreeMap::new(),
            declined: BTreeSet::new(),
            activated: BTreeSet::new(),
            is_decided: false,
            is_forced: false,
        }
    }

    /// Whether the source has retired the domain with these contents in this transaction, and the destination has not
    /// declined it.
    pub(super) fn relies_on(&self, transaction: TransactionId, contents: &Contents) -> bool {
        let is_it = |committed: &Committed| committed.transaction == transaction;
        self.committed
            .filter(is_it)
            .is_some_and(|committed| !self.has_declined(committed))
            && self.retired.get(&transaction) == Some(contents)
    }

    /// Whether the destination has declined the retired domain.
    pub(super) fn has_declined(&self, committed: Committed) -> bool {
        let declined = (committed.transaction, committed.boot);
        self.declined.contains(&declined)
    }

    /// Whether the destination of the retired domain cannot activate it.
    pub fn is_destination_out(&self, committed: Committed) -> bool {
        committed.is_destination_lost || self.has_declined(committed)
    }

    pub(super) fn retire(&mut self, committed: Committed, contents: &Contents) {
        self.committed = Some(committed);
        let retired = self.retired.entry(committed.transaction);
        retired.or_insert_with(|| contents.clone());
    }

    pub(super) fn activate(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        incarnation: Incarnation,
    ) {
        if self.activated.insert(transaction) {
            self.home = machine;
            self.is_home_lost = false;
            self.incarnation = incarnation;
            self.committed = None;
        }
    }

    /// The violation that this activation commits, if any.
    pub(super) fn judge_activation(
        &self,
        transaction: TransactionId,
        contents: &Contents,
        after: Incarnation,
    ) -> Option<Violation> {
        let before = self.incarnation;
        match self.retired.get(&transaction).cloned() {
            // The activation is repeated after a restart of nomad, and the domain may have run meanwhile.
            _ if self.activated.contains(&transaction) => None,
            None => Some(Violation::ActivatedUncommitted),
            Some(retired) if retired != *contents => Some(Violation::ContentsDiffer {
                retired,
                activated: contents.clone(),
            }),
            Some(_) if after <= before => Some(Violation::IncarnationNotRisen { before, after }),
            Some(_) => None,
        }
    }

    pub(super) fn lose(&mut self, machine: usize) {
        self.is_home_lost |= self.home == machine;
        if let Some(committed) = &mut self.committed {
            committed.is_destination_lost |= committed.destination == machine;
        }
    }
}
