//! The steps of a target.

use abi::PAGE_BYTES;
use nomad_image::{DomainId, Name};
use nomad_protocol::{
    Attempt, Digest, Event, Incarnation, LocalFailure, Offer, Refusal, TargetAction, TargetEvent,
    TransactionId,
};

use crate::restore::error::Asking;
use crate::restore::{Incoming, RestoreError};
use crate::shell::{Shell, failures};

impl Shell {
    /// Takes a step.
    pub(super) fn perform_target(&self, transaction: TransactionId, action: TargetAction) {
        let event = match action {
            TargetAction::Reserve(offer) => Event::Target(self.reserve(transaction, &offer)),
            TargetAction::Rebuild { attempt } => self.rebuild(transaction, attempt),
            TargetAction::Activate {
                incarnation,
                stood_us,
            } => self.activate(transaction, incarnation, stood_us),
            // The switch announces a port when root activates it, which it did when the domain was adopted.
            TargetAction::Announce => return,
            TargetAction::DiscardCopy => {
                self.discard(transaction);
                Event::Target(TargetEvent::Discarded)
            }
        };
        self.report(transaction, event);
    }

    fn reserve(&self, transaction: TransactionId, offer: &Offer) -> TargetEvent {
        let Some(name) = Name::try_new(offer.name.as_str()) else {
            return TargetEvent::Refused(Refusal::BeyondGrant { slot: None });
        };
        let needed_bytes = offer.sizes.pool_bytes;
        let id = DomainId(offer.domain.0.to_le_bytes());
        let incarnation = offer.incarnation.next().0;
        let pages = needed_bytes.div_ceil(PAGE_BYTES);
        match Incoming::admit(self.machine, name, id, incarnation, pages) {
            Ok(incoming) => {
                self.incoming.borrow_mut().insert(transaction, incoming);
                TargetEvent::Reserved
            }
            Err(error) => {
                log::info!("{name} is not admitted: {error}");
                let memory = self
                    .machine
                    .root
                    .memory()
                    .map_or(0, |memory| memory.free().0);
                let available_bytes = memory.saturating_mul(PAGE_BYTES);
                TargetEvent::Refused(failures::of_admission(error, needed_bytes, available_bytes))
            }
        }
    }

    fn rebuild(&self, transaction: TransactionId, attempt: Attempt) -> Event {
        match self.with_incoming(transaction, Incoming::build) {
            Ok(digest) => Event::Target(TargetEvent::Rebuilt {
                attempt,
                digest: Digest(digest.0),
            }),
            Err(failure) => Event::Failed(failure),
        }
    }

    /// Lets the domain that root keeps run. An earlier life of this server may have built it.
    fn activate(
        &self,
        transaction: TransactionId,
        incarnation: Incarnation,
        stood_us: u64,
    ) -> Event {
        if let Some(incoming) = self.incoming.borrow_mut().get_mut(&transaction)
            && let Err(error) = incoming.let_go(stood_us)
        {
            // It goes on from when it was prepared.
            log::warn!("restore: {error}");
        }
        let Some((name, id)) = self.domain_of(transaction) else {
            return Event::Failed(LocalFailure::BadImage);
        };
        let adopted = self.machine.root.adopt(name, id.0, incarnation.0);
        match adopted.asking("adopting") {
            Ok(()) => {
                self.welcome_frames(transaction, name);
                Event::Target(TargetEvent::Activated)
            }
            Err(error) => {
                log::warn!("restore: {error}");
                Event::Failed(failures::of_restore(&error))
            }
        }
    }

    /// Gives up the copy, whoever holds what of it.
    fn discard(&self, transaction: TransactionId) {
        if let Some(incoming) = self.incoming.borrow_mut().remove(&transaction) {
            incoming.discard();
        }
        if let Some((name, id)) = self.domain_of(transaction)
            && let Err(error) = self.machine.root.discard(name, id.0)
        {
            log::warn!("{name}: {error}");
        }
    }

    /// The domain that a transaction is about.
    fn domain_of(&self, transaction: TransactionId) -> Option<(Name, DomainId)> {
        let ledger = self.ledger.borrow();
        let mut entries = ledger.entries();
        let entry = entries.find(|entry| entry.transaction == transaction)?;
        let name = Name::try_new(entry.offer.name.as_str())?;
        Some((name, DomainId(entry.offer.domain.0.to_le_bytes())))
    }

    /// Does something with the domain that comes under this transaction.
    ///
    /// # Errors
    /// It failed, or no domain comes under it.
    pub fn with_incoming<T>(
        &self,
        transaction: TransactionId,
        act: impl FnOnce(&mut Incoming) -> Result<T, RestoreError>,
    ) -> Result<T, LocalFailure> {
        let mut incoming = self.incoming.borrow_mut();
        let incoming = incoming
            .get_mut(&transaction)
            .ok_or(LocalFailure::BadImage)?;
        act(incoming).map_err(|error| {
            log::warn!("restore: {error}");
            failures::of_restore(&error)
        })
    }
}
