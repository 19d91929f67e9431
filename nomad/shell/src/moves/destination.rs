//! The steps of a destination.

use abi::{Error, PAGE_BYTES};
use identity::Incarnation;
use nomad_protocol::{
    AdmissionId, DestinationAction, DestinationEvent, Event, GuestRule, LocalFailure, Offer,
    Refusal, TransactionId,
};
use service_protocol::root;

use super::Moves;
use crate::host::{AdmitError, Host, Provenance, RootError};

/// The reason an offered domain is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// The reason.
    pub refusal: Refusal,
    /// Whether root has certainly not admitted the domain.
    pub is_certain: bool,
}

impl Rejection {
    /// A domain that root has not admitted is refused.
    pub fn certain(refusal: Refusal) -> Rejection {
        Rejection {
            refusal,
            is_certain: true,
        }
    }
}

impl<O, I> Moves<O, I> {
    /// Performs an action other than admitting the domain and discarding the copy; returns the event for the ledger.
    pub(crate) fn step_destination<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        action: DestinationAction,
    ) -> Option<Event> {
        Some(match action {
            DestinationAction::Rebuild { attempt } => {
                let built =
                    self.with_incoming(transaction, |incoming| host.build(incoming, attempt));
                match built {
                    Ok(digest) => Event::Destination(DestinationEvent::Rebuilt { attempt, digest }),
                    Err(failure) => Event::Failed(failure),
                }
            }
            DestinationAction::Activate {
                incarnation,
                downtime_us,
            } => self.activate(host, transaction, incarnation, downtime_us),
            // The switch announced the port when root activated it, which root did when it adopted the domain.
            DestinationAction::Announce => return None,
            // The shell itself handles these.
            DestinationAction::Reserve(_) | DestinationAction::DiscardCopy => return None,
        })
    }

    /// Reserves the resources of an offered domain.
    ///
    /// # Errors
    /// The reason it is refused.
    pub(crate) fn reserve<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        offer: &Offer,
        provenance: Provenance,
    ) -> Result<AdmissionId, Rejection> {
        match host.admit(offer, provenance) {
            Ok(incoming) => {
                self.incoming.insert(transaction, incoming);
                Ok(AdmissionId(host.draw() as u64))
            }
            Err(AdmitError::NoRoom {
                needed_bytes,
                left_bytes: available_bytes,
            }) => Err(Rejection::certain(Refusal::NoMemory {
                needed_bytes,
                available_bytes,
            })),
            Err(AdmitError::Root(error)) => {
                log::info!("{} is not admitted: {error}", offer.name);
                let free = host.memory().map_or(0, |memory| memory.free_pages());
                let available_bytes = free.saturating_mul(PAGE_BYTES);
                let refusal = refusal_of(error, offer.sizes.pool_bytes, available_bytes);
                let is_certain = matches!(error, RootError::Refused(_));
                Err(Rejection {
                    refusal,
                    is_certain,
                })
            }
        }
    }

    /// Runs the domain that root keeps. An earlier run of this server may have built it.
    fn activate<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        incarnation: Incarnation,
        downtime_us: u64,
    ) -> Event {
        if let Some(incoming) = self.incoming.get_mut(&transaction) {
            host.add_downtime(incoming, downtime_us);
        }
        let Some((name, id)) = self.domain_of(transaction) else {
            return Event::Failed(LocalFailure::BadImage);
        };
        match host.adopt(name, id, incarnation) {
            Ok(()) => Event::Destination(DestinationEvent::Activated),
            Err(error) => {
                log::warn!("adopting {name}: {error}");
                Event::Failed(local_failure(error))
            }
        }
    }

    /// Hands over to root the memory of a domain that runs. Does nothing after the end of the transaction, when the memory
    /// was handed over already.
    pub(crate) fn hand_over<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) {
        if let Some(incoming) = self.incoming.get_mut(&transaction) {
            host.hand_over(incoming);
        }
    }

    /// Discards the copy: this shell's part of it and root's part.
    ///
    /// # Errors
    /// Root's error, if it is transient.
    pub(crate) fn discard<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> Result<Event, RootError> {
        if let Some(incoming) = self.incoming.remove(&transaction) {
            host.discard_incoming(incoming);
        }
        if let Some((name, id)) = self.domain_of(transaction)
            && let Err(error) = host.discard(name, id)
        {
            log::warn!("{name}: {error}");
            if error.is_transient() {
                return Err(error);
            }
        }
        Ok(Event::Destination(DestinationEvent::Discarded))
    }

    /// Acts on the incoming domain of this transaction.
    ///
    /// # Errors
    /// The error of the action, or [`LocalFailure::BadImage`] if there is no such domain.
    pub(crate) fn with_incoming<T>(
        &mut self,
        transaction: TransactionId,
        act: impl FnOnce(&mut I) -> Result<T, LocalFailure>,
    ) -> Result<T, LocalFailure> {
        let incoming = self.incoming.get_mut(&transaction);
        act(incoming.ok_or(LocalFailure::BadImage)?)
    }
}

/// A failed call to root as a failure of the protocol.
pub fn local_failure(error: RootError) -> LocalFailure {
    match error {
        RootError::Call(Error::PoolEmpty) => LocalFailure::NoMemory,
        RootError::Call(_) | RootError::Refused(_) | RootError::Malformed => LocalFailure::Service,
    }
}

/// Root's error at admission as a refusal, with the memory needed and available.
fn refusal_of(error: RootError, needed_bytes: u64, available_bytes: u64) -> Refusal {
    match error {
        RootError::Refused(root::Refusal::AlreadyHere) => {
            Refusal::AlreadyHere { incarnation: None }
        }
        RootError::Refused(root::Refusal::OfArchive) => Refusal::Guest(GuestRule::OnlyPackages),
        RootError::Refused(root::Refusal::OnAnotherGuest) => {
            Refusal::Guest(GuestRule::OnAnotherGuest)
        }
        RootError::Refused(root::Refusal::NoMemory) | RootError::Call(Error::PoolEmpty) => {
            Refusal::NoMemory {
                needed_bytes,
                available_bytes,
            }
        }
        _ => Refusal::NoService,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_memory_is_reported_with_both_sizes() {
        for error in [
            RootError::Refused(root::Refusal::NoMemory),
            RootError::Call(Error::PoolEmpty),
        ] {
            let refusal = Refusal::NoMemory {
                needed_bytes: 7,
                available_bytes: 5,
            };
            assert_eq!(refusal_of(error, 7, 5), refusal);
        }
    }
}
