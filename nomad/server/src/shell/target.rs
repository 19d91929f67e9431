//! The steps of a target.

use abi::PAGE_BYTES;
use nomad_image::{DomainId, Name};
use nomad_protocol::{
    Attempt, Digest, Event, Incarnation, LocalFailure, Offer, Refusal, TargetAction, TargetEvent,
    TransactionId,
};

use crate::restore::{Incoming, RestoreError};
use crate::shell::{Shell, failures};

impl Shell {
    /// Takes a step.
    pub(super) fn perform_target(&self, transaction: TransactionId, action: TargetAction) {
        let event = match action {
            TargetAction::Reserve(offer) => Event::Target(self.reserve(transaction, &offer)),
            TargetAction::Rebuild { attempt } => self.rebuild(transaction, attempt),
            TargetAction::Activate { incarnation } => self.activate(transaction, incarnation),
            // The switch announces a port when root activates it, which it did when the domain was adopted.
            TargetAction::Announce => return,
            TargetAction::DiscardCopy => {
                if let Some(incoming) = self.incoming.borrow_mut().remove(&transaction) {
                    incoming.discard();
                }
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
        match Incoming::admit(self.machine, name, id, needed_bytes.div_ceil(PAGE_BYTES)) {
            Ok(incoming) => {
                self.incoming.borrow_mut().insert(transaction, incoming);
                TargetEvent::Reserved
            }
            Err(error) => {
                log::info!("{name} is not admitted: {error}");
                TargetEvent::Refused(failures::of_admission(error, needed_bytes))
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

    fn activate(&self, transaction: TransactionId, incarnation: Incarnation) -> Event {
        let activated = self.with_incoming(transaction, |incoming| {
            incoming.activate(incarnation.0)?;
            Ok(incoming.port_address())
        });
        match activated {
            Ok(mac) => {
                self.welcome_frames(transaction, mac);
                Event::Target(TargetEvent::Activated)
            }
            Err(failure) => Event::Failed(failure),
        }
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
