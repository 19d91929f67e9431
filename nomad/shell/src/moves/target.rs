//! The steps of a target.

use abi::{Error, PAGE_BYTES};
use nomad_image::Name;
use nomad_protocol::{
    Event, Incarnation, LocalFailure, Offer, Refusal, TargetAction, TargetEvent, TransactionId,
};
use service_protocol::root;

use super::Moves;
use crate::host::{Host, NotAdmitted, RootError};

/// No slot in particular.
const NO_SLOT: u32 = u32::MAX;

impl<O, I> Moves<O, I> {
    /// Takes a step other than giving up the copy; returns what the ledger is to be told.
    pub(crate) fn step_target<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        action: TargetAction,
    ) -> Option<Event> {
        Some(match action {
            TargetAction::Reserve(offer) => Event::Target(self.reserve(host, transaction, &offer)),
            TargetAction::Rebuild { attempt } => {
                let built =
                    self.with_incoming(transaction, |incoming| host.build(incoming, attempt));
                match built {
                    Ok(digest) => Event::Target(TargetEvent::Rebuilt { attempt, digest }),
                    Err(failure) => Event::Failed(failure),
                }
            }
            TargetAction::Activate {
                incarnation,
                stood_us,
            } => self.activate(host, transaction, incarnation, stood_us),
            // The switch announces a port when root activates it, which it did when the domain was adopted.
            TargetAction::Announce => return None,
            TargetAction::DiscardCopy => return None,
        })
    }

    fn reserve<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        offer: &Offer,
    ) -> TargetEvent {
        let Some(name) = Name::try_new(offer.name.as_str()) else {
            return TargetEvent::Refused(Refusal::BeyondGrant { slot: None });
        };
        match host.admit(name, offer) {
            Ok(incoming) => {
                self.incoming.insert(transaction, incoming);
                TargetEvent::Reserved
            }
            Err(NotAdmitted::NoRoom {
                needed_bytes,
                left_bytes: available_bytes,
            }) => TargetEvent::Refused(Refusal::NoMemory {
                needed_bytes,
                available_bytes,
            }),
            Err(NotAdmitted::Root(error)) => {
                log::info!("{name} is not admitted: {error}");
                let free = host.memory().map_or(0, |memory| memory.free().0);
                let available_bytes = free.saturating_mul(PAGE_BYTES);
                let refusal = of_admission(error, offer.sizes.pool_bytes, available_bytes);
                TargetEvent::Refused(refusal)
            }
        }
    }

    /// Lets the domain that root keeps run. An earlier life of this shell may have built it.
    fn activate<H: Host<Incoming = I>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        incarnation: Incarnation,
        stood_us: u64,
    ) -> Event {
        if let Some(incoming) = self.incoming.get_mut(&transaction) {
            host.let_go(incoming, stood_us);
        }
        let Some((name, id)) = self.domain_of(transaction) else {
            return Event::Failed(LocalFailure::BadImage);
        };
        match host.adopt(name, id, incarnation) {
            Ok(()) => Event::Target(TargetEvent::Activated),
            Err(error) => {
                log::warn!("adopting {name}: {error}");
                Event::Failed(of_root(error))
            }
        }
    }

    /// Gives up the copy, whoever holds what of it.
    ///
    /// # Errors
    /// Root's refusal, if it may pass.
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
            if error.may_pass() {
                return Err(error);
            }
        }
        Ok(Event::Target(TargetEvent::Discarded))
    }

    /// Does something with the domain that comes under this transaction.
    ///
    /// # Errors
    /// It failed, or no domain comes under it.
    pub(crate) fn with_incoming<T>(
        &mut self,
        transaction: TransactionId,
        act: impl FnOnce(&mut I) -> Result<T, LocalFailure>,
    ) -> Result<T, LocalFailure> {
        let incoming = self.incoming.get_mut(&transaction);
        act(incoming.ok_or(LocalFailure::BadImage)?)
    }
}

/// Why root did not take a step, in the protocol's words.
pub fn of_root(error: RootError) -> LocalFailure {
    match error {
        RootError::Call(Error::PoolEmpty) => LocalFailure::NoMemory,
        RootError::Call(_) | RootError::Refused(_) | RootError::Malformed => {
            LocalFailure::Service { slot: NO_SLOT }
        }
    }
}

/// Why a domain that needs so much memory is not admitted where so much is free.
fn of_admission(error: RootError, needed_bytes: u64, available_bytes: u64) -> Refusal {
    match error {
        RootError::Refused(root::Refusal::AlreadyHere) => Refusal::AlreadyHere {
            incarnation: Incarnation(0),
        },
        RootError::Refused(root::Refusal::NoMemory) | RootError::Call(Error::PoolEmpty) => {
            Refusal::NoMemory {
                needed_bytes,
                available_bytes,
            }
        }
        _ => Refusal::NoService { slot: NO_SLOT },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_memory_is_named_with_what_is_missing() {
        for error in [
            RootError::Refused(root::Refusal::NoMemory),
            RootError::Call(Error::PoolEmpty),
        ] {
            let refusal = Refusal::NoMemory {
                needed_bytes: 7,
                available_bytes: 5,
            };
            assert_eq!(of_admission(error, 7, 5), refusal);
        }
    }
}
