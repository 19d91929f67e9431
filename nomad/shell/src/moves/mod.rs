//! Moves: the ledger of this machine's transactions, and their domains.
//!
//! | file | content |
//! | --- | --- |
//! | `mod.rs` | [`Moves`] |
//! | [`source`], [`destination`] | the steps of a source and of a destination |
//! | [`brakes`] | slowing down domains whose moves do not converge |
//! | [`resume`] | recovery after a restart of the shell |

pub mod brakes;
pub mod destination;
pub mod resume;
pub mod source;

use alloc::collections::BTreeMap;

use brakes::Brakes;
use identity::{DomainId, Mac, Name};
use nomad_protocol::planner::{Goals, MoveOptions};
use nomad_protocol::{
    Cancelled, Doubt, Entry, Instant, Ledger, MachineId, Offer, OfferError, PhaseName, TooLate,
    TransactionId,
};

use crate::host::Kernel;
use crate::late::table::PortMove;

/// The transactions and their domains: `O` for outgoing ones, `I` for incoming ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moves<O, I> {
    /// The transactions.
    pub ledger: Ledger,
    outgoing: BTreeMap<TransactionId, O>,
    incoming: BTreeMap<TransactionId, I>,
    /// The domains that have stayed here although root and the switch do not serve them yet, by the transactions that were to move
    /// them. These transactions may have ended.
    unserved: BTreeMap<TransactionId, Name>,
    brakes: Brakes,
}

impl<O, I> Moves<O, I> {
    /// Offers a domain to another machine.
    ///
    /// # Errors
    /// The ledger's error.
    pub fn offer(
        &mut self,
        now: Instant,
        (transaction, destination): (TransactionId, MachineId),
        outgoing: O,
        (offer, goals, options): (Offer, Goals, MoveOptions),
    ) -> Result<(), OfferError> {
        let ledger = &mut self.ledger;
        ledger.offer(now, transaction, destination, offer, (goals, options))?;
        self.outgoing.insert(transaction, outgoing);
        Ok(())
    }

    /// Cancels the move of an outgoing domain; `None` if there is no such move.
    pub fn cancel<H: Kernel<Outgoing = O>>(
        &mut self,
        host: &H,
        now: Instant,
        name: Name,
    ) -> Option<Result<Cancelled, TooLate>> {
        let mut outgoing = self.outgoing.iter();
        let (transaction, _) = outgoing.find(|(_, domain)| host.name(domain) == name)?;
        Some(self.ledger.cancel(now, *transaction))
    }

    /// The transactions of domains of this name that are in doubt, and the reasons.
    pub fn doubts(&self, name: Name) -> impl Iterator<Item = (TransactionId, Doubt)> + '_ {
        let entries = self.ledger.entries();
        let named = entries.filter(move |entry| entry.offer.name.as_str() == name.as_str());
        named.filter_map(|entry| Some((entry.transaction, entry.doubt?)))
    }

    /// An unfinished transaction.
    pub fn entry(&self, transaction: TransactionId) -> Option<Entry<'_>> {
        let mut entries = self.ledger.entries();
        entries.find(|entry| entry.transaction == transaction)
    }

    /// The other machine of a transaction.
    pub fn peer_of(&self, transaction: TransactionId) -> Option<MachineId> {
        self.entry(transaction).map(|entry| entry.peer)
    }

    /// The move of a transaction's domain, whose port has this address.
    pub fn port_move(&self, transaction: TransactionId, mac: Mac) -> Option<PortMove> {
        let entry = self.entry(transaction)?;
        Some(PortMove {
            transaction,
            peer: entry.peer,
            domain: entry.offer.domain,
            mac,
        })
    }

    /// The domain of a transaction.
    pub fn domain_of(&self, transaction: TransactionId) -> Option<(Name, DomainId)> {
        let entry = self.entry(transaction)?;
        Some((entry.offer.name, entry.offer.domain))
    }

    /// Whether pages of a transaction may arrive. Before it is admitted, nothing is reserved for them.
    pub fn awaits_pages(&self, transaction: TransactionId) -> bool {
        self.entry(transaction)
            .is_some_and(|entry| matches!(entry.phase, PhaseName::Receive | PhaseName::Verify))
    }

    /// The outgoing domain of a transaction.
    pub fn outgoing(&mut self, transaction: TransactionId) -> Option<&mut O> {
        self.outgoing.get_mut(&transaction)
    }

    /// The incoming domain of a transaction.
    pub fn incoming(&mut self, transaction: TransactionId) -> Option<&mut I> {
        self.incoming.get_mut(&transaction)
    }

    /// Drops the domains of a transaction that has ended.
    pub(crate) fn forget<H: Kernel<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) {
        self.outgoing.remove(&transaction);
        self.brakes.forget(transaction);
        if let Some(incoming) = self.incoming.remove(&transaction) {
            host.finish(incoming);
        }
    }
}
