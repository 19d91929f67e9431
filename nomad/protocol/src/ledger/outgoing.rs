//! Outgoing: offers a domain of this machine to another machine, if nothing forbids it.

use core::fmt;

use nomad_planner::{Goals, MoveOptions};

use super::Ledger;
use crate::context::Facts;
use crate::ids::{MachineId, TransactionId};
use crate::offer::Offer;
use crate::reasons::GuestRule;
use crate::reasons::PhaseName;
use crate::time::Instant;
use crate::transaction::Transaction;

/// The reason a domain cannot be offered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// It is on that machine already.
    SameMachine,
    /// That machine is neither of the fleet nor a known guest: the domain's home would not look for it there.
    NotInFleet,
    /// The move breaks a rule of guests.
    Guest(GuestRule),
    /// There is no room for another transaction's record.
    RecordsFull,
    /// The transaction id was used before.
    TransactionUsed,
    /// Another transaction of the domain is not settled.
    Busy(TransactionId),
    /// The domain came here under this transaction, and its source has not released its copy.
    NotReleased(TransactionId),
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfferError::SameMachine => f.write_str("it is there already"),
            OfferError::NotInFleet => {
                f.write_str("neither a machine of the fleet nor a guest has that address")
            }
            OfferError::Guest(rule) => rule.fmt(f),
            OfferError::RecordsFull => f.write_str("no room for another move's record"),
            OfferError::TransactionUsed => f.write_str("the transaction's number was used before"),
            OfferError::Busy(other) => write!(f, "transaction {other} has not ended"),
            OfferError::NotReleased(other) => write!(
                f,
                "the machine that it came from, in transaction {other}, has not released its copy"
            ),
        }
    }
}

impl Ledger {
    /// Starts to move a domain to `destination`. `transaction` must be drawn at random. The operator's options take
    /// precedence over the machine's goals.
    ///
    /// # Errors
    /// The reason the domain cannot be offered now.
    pub fn offer(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        destination: MachineId,
        offer: Offer,
        (goals, options): (Goals, MoveOptions),
    ) -> Result<(), OfferError> {
        if destination == self.local.machine {
            return Err(OfferError::SameMachine);
        }
        let fleet = &self.local.fleet;
        let checked = offer.check_guests(fleet, self.local.machine, destination);
        checked.map_err(OfferError::Guest)?;
        if self.transactions.contains_key(&transaction) {
            return Err(OfferError::TransactionUsed);
        }
        let touches = |(_, other): &(_, &Transaction)| {
            other.offer().domain == offer.domain && !other.is_settled()
        };
        if let Some((other, found)) = self.transactions.iter().find(touches) {
            return Err(match found.phase() {
                PhaseName::Activate => OfferError::NotReleased(*other),
                _ => OfferError::Busy(*other),
            });
        }
        if self.is_full() {
            return Err(OfferError::RecordsFull);
        }
        let facts = Facts {
            options,
            ..self.facts(transaction, destination, offer)
        };
        let outgoing = Transaction::outgoing(now, self.local.timing, facts, goals);
        self.transactions.insert(transaction, outgoing);
        Ok(())
    }
}
