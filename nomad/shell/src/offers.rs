//! The beginning of a move from this machine, at an operator's command or as a part of a drain.

use alloc::format;
use alloc::string::String;
use core::fmt;

use identity::Name;
use nomad_image::Verdict;
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{GuestRule, Instant, MachineId, Offer, OfferError, TransactionId};

use crate::host::{DomainSummary, Host};
use crate::shell::Shell;

/// The reason a move cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BeginError {
    /// The domain cannot be found or examined, for this reason.
    Domain(String),
    /// It holds an object that does not move.
    Held(Verdict),
    /// It cannot be offered.
    Offer(OfferError),
}

impl BeginError {
    /// The error as an operator reads it.
    pub(crate) fn text(&self, name: Name) -> String {
        match self {
            BeginError::Domain(reason) => reason.clone(),
            BeginError::Held(verdict) => format!("{name} cannot move: {verdict}"),
            BeginError::Offer(error) => format!("{name} cannot be offered: {error}"),
        }
    }
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BeginError::Domain(reason) => f.write_str(reason),
            BeginError::Held(verdict) => verdict.fmt(f),
            BeginError::Offer(error) => error.fmt(f),
        }
    }
}

impl<H: Host> Shell<H> {
    /// Offers a domain to another machine; `None` if the destination is neither of the fleet nor a guest.
    ///
    /// # Errors
    /// [`BeginError`].
    pub(crate) fn begin_move(
        &mut self,
        now: Instant,
        name: Name,
        destination: Option<MachineId>,
        options: MoveOptions,
    ) -> Result<TransactionId, BeginError> {
        let found = self.host.look_up(name);
        let mut found = found.map_err(BeginError::Domain)?;
        let verdicts = self.host.judge(&mut found);
        let mut verdicts = verdicts.map_err(BeginError::Domain)?.into_iter();
        if let Some(verdict) = verdicts.find(|verdict| verdict.refusal().is_some()) {
            return Err(BeginError::Held(verdict));
        }
        let destination = destination.ok_or(BeginError::Offer(OfferError::NotInFleet))?;
        let transaction = TransactionId(self.host.draw());
        let summary = self.host.summary(&found);
        if self.is_on_another_guest(&summary, destination) {
            let rule = GuestRule::OnAnotherGuest;
            return Err(BeginError::Offer(OfferError::Guest(rule)));
        }
        let offer = self.offer_of(name, destination, summary);
        let outgoing = self.host.begin_move(name, found);
        let outgoing = outgoing.map_err(BeginError::Domain)?;
        let (route, terms) = ((transaction, destination), (offer, self.goals, options));
        let offered = self.moves.offer(now, route, outgoing, terms);
        offered.map_err(BeginError::Offer)?;
        Ok(transaction)
    }

    /// Whether the destination is a guest, and root remembers another one that may have a copy.
    fn is_on_another_guest(&self, summary: &DomainSummary, destination: MachineId) -> bool {
        let fleet = &self.moves.ledger.local().fleet;
        let is_another = |guest| Some(guest) != self.machines.guest_name(destination);
        !fleet.contains(destination) && summary.guest.is_some_and(is_another)
    }

    fn offer_of(&self, name: Name, destination: MachineId, summary: DomainSummary) -> Offer {
        let local = self.moves.ledger.local();
        Offer {
            domain: summary.domain,
            incarnation: summary.incarnation,
            name,
            sizes: summary.sizes,
            versions: self.versions,
            cpu: local.support.cpu,
            fleet: local.fleet.id(),
            home: summary.home.and_then(|home| self.machines.id_of(home)),
            has_package: summary.has_package,
            guest: self.machines.guest_name(destination),
        }
    }
}
