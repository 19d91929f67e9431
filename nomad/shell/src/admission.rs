//! The admission of a domain that another machine offers, after the ledger has accepted the offer.

use identity::Name;
use nomad_protocol::{
    AdmissionId, DestinationEvent, Event, GuestRule, Instant, MachineId, Offer, Refusal,
    TransactionId,
};

use crate::host::{Host, Provenance};
use crate::moves::destination::Rejection;
use crate::retries::Task;
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Reserves the resources of an offered domain, or refuses it; returns the event for the ledger, if it is known.
    pub(crate) fn reserve(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        offer: &Offer,
    ) -> Option<Event> {
        let event = match self.admit(transaction, offer) {
            Ok(admission) => DestinationEvent::Reserved {
                admission,
                kept: self.claim_copy(transaction, offer),
            },
            Err(Rejection {
                refusal,
                is_certain,
            }) if is_certain => DestinationEvent::Refused(refusal),
            Err(Rejection { refusal, .. }) => return self.withdraw(now, transaction, refusal),
        };
        Some(Event::Destination(event))
    }

    fn admit(
        &mut self,
        transaction: TransactionId,
        offer: &Offer,
    ) -> Result<AdmissionId, Rejection> {
        let refusal = self.admission_refusal();
        refusal.map_or(Ok(()), |it| Err(Rejection::certain(it)))?;
        let provenance = self.provenance(transaction, offer);
        let provenance = provenance.map_err(Rejection::certain)?;
        let moves = &mut self.moves;
        moves.reserve(&mut self.host, transaction, offer, provenance)
    }

    /// Refuses a domain that root may have admitted, as soon as root has discarded it. Returns the event for the ledger, if
    /// root has done so.
    pub(crate) fn withdraw(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        refusal: Refusal,
    ) -> Option<Event> {
        let discarded = self.moves.discard(&mut self.host, transaction);
        let task = Task::Withdraw(transaction, refusal);
        self.or_retry_later(now, discarded, task)?;
        Some(Event::Destination(DestinationEvent::Refused(refusal)))
    }

    /// The names of the machines in an offer.
    ///
    /// # Errors
    /// The source is a guest whose name is not known.
    fn provenance(&self, transaction: TransactionId, offer: &Offer) -> Result<Provenance, Refusal> {
        let fleet = &self.moves.ledger.local().fleet;
        let peer = self.moves.peer_of(transaction);
        let guest = peer.filter(|peer| !fleet.contains(*peer));
        let unknown = Refusal::Guest(GuestRule::Unknown);
        let named = |guest: MachineId| self.machines.guest_name(guest).ok_or(unknown);
        Ok(Provenance {
            guest: guest.map(named).transpose()?,
            home: offer.home.and_then(|home| self.name_of(home)),
        })
    }

    /// The name of a machine of the fleet.
    fn name_of(&self, machine: MachineId) -> Option<Name> {
        let mut all = self.machines.all();
        all.find(|known| known.id == machine)
            .map(|known| known.name)
    }
}
