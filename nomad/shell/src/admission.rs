//! The admission of a domain that another machine offers, after the ledger has accepted the offer.

use identity::Name;
use nomad_protocol::{
    AdmissionId, DestinationEvent, GuestRule, MachineId, Offer, Refusal, TransactionId,
};

use crate::host::{Host, Provenance};
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Reserves the resources of an offered domain, or refuses it.
    pub(crate) fn reserve(
        &mut self,
        transaction: TransactionId,
        offer: &Offer,
    ) -> DestinationEvent {
        match self.admit(transaction, offer) {
            Ok(admission) => DestinationEvent::Reserved {
                admission,
                kept: self.claim_copy(transaction, offer),
            },
            Err(refusal) => DestinationEvent::Refused(refusal),
        }
    }

    fn admit(&mut self, transaction: TransactionId, offer: &Offer) -> Result<AdmissionId, Refusal> {
        self.admission_refusal().map_or(Ok(()), Err)?;
        let provenance = self.provenance(transaction, offer)?;
        let moves = &mut self.moves;
        moves.reserve(&mut self.host, transaction, offer, provenance)
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
