//! Domains that return to the machine that they came from. That machine still has the pages that were not written meanwhile.
//!
//! ```text
//!   machine A: a domain leaves as incarnation n                machine B: it arrives, and runs as n + 1
//!     destroyed here: a copy is kept       (`kept`)              a visit is recorded                  (`visits`)
//!     offered from B: Admit names n        <--- Offer ---        it is to move to A
//!     the copy's pages are moved           ---- Admit n -->      visit from A, of n + 1: only written pages are sent
//! ```
//!
//! Both sides compare the domain, its incarnation and the other machine. A copy and a visit are used at most once: whatever
//! the outcome of the move, the copy is no longer complete and the visit's log has been read.

mod kept;
mod visits;

use alloc::vec::Vec;

use identity::Incarnation;
use nomad_protocol::{Event, Instant, Offer, TransactionId};

pub use kept::{COPIES_MAX, Departure, KEEP_US, KeptCopies};
pub use visits::{Arrival, VISITS_BYTES, VISITS_MAX, Visited, Visits};

use crate::host::Host;
use crate::output::Output;
use crate::shell::Shell;

/// What a machine remembers of moves that have ended, in case a domain moves back: `K` stands for a copy that the host keeps, `L` for
/// the dirty log of a Memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Returns<K, L> {
    /// The copies of domains that have left.
    pub kept: KeptCopies<K>,
    /// Copies that are to be destroyed when there is time.
    pub given_up: Vec<K>,
    /// The domains that have arrived.
    pub visits: Visits<L>,
}

impl<K, L> Default for Returns<K, L> {
    fn default() -> Self {
        Returns {
            kept: KeptCopies::default(),
            given_up: Vec::new(),
            visits: Visits::default(),
        }
    }
}

impl<H: Host> Shell<H> {
    /// Keeps the copy of a domain that has left under this transaction, and gives up those that it replaces.
    pub(crate) fn keep_copy(&mut self, now: Instant, transaction: TransactionId, copy: H::Kept) {
        let Some(entry) = self.moves.entry(transaction) else {
            return self.give_up_copy(copy);
        };
        let departure = Departure {
            domain: entry.offer.domain,
            incarnation: entry.offer.incarnation,
            to: entry.peer,
        };
        for replaced in self.returns.kept.insert(now, departure, copy) {
            self.give_up_copy(replaced);
        }
    }

    /// Moves the pages of the kept copy of a domain into the arriving domain, if the domain had left for the machine from
    /// which it now arrives, and has been nowhere else. Returns the copy's incarnation if all pages have moved. The copy is
    /// given up in any case, unless it is younger than the offer.
    pub(crate) fn claim_copy(
        &mut self,
        transaction: TransactionId,
        offer: &Offer,
    ) -> Option<Incarnation> {
        let from = self.moves.peer_of(transaction)?;
        let kept = &mut self.returns.kept;
        let (copy, departed_as) = kept.claim(offer.domain, from, offer.incarnation)?;
        let incoming = self.moves.incoming(transaction);
        // Root may have destroyed the copy because it needed the memory, perhaps for this very domain.
        let incoming = incoming.filter(|_| departed_as.is_some() && self.host.exists(&copy));
        let given = incoming.map(|incoming| self.host.give_kept(incoming, &copy));
        if let Some(Err(failure)) = given {
            log::warn!("{} sends all of its pages: {failure}", offer.name);
        }
        self.give_up_copy(copy);
        departed_as.filter(|_| given == Some(Ok(())))
    }

    /// Has a copy destroyed when there is time.
    fn give_up_copy(&mut self, copy: H::Kept) {
        self.returns.given_up.push(copy);
        self.emit(Output::DestroyCopy);
    }

    /// Destroys one of the copies that were given up, for [`Output::DestroyCopy`].
    pub fn destroy_copy(&mut self) {
        if let Some(copy) = self.returns.given_up.pop() {
            self.host.destroy_kept(copy);
        }
    }

    /// Gives up the copies that were kept for long enough.
    pub(crate) fn give_up_old_copies(&mut self, now: Instant) {
        for old in self.returns.kept.take_expired(now) {
            self.give_up_copy(old);
        }
    }

    /// Records the visit of a domain that has arrived under this transaction, and runs.
    pub(crate) fn record_visit(&mut self, transaction: TransactionId) {
        let Some(entry) = self.moves.entry(transaction) else {
            return;
        };
        let arrival = Arrival {
            domain: entry.offer.domain,
            incarnation: entry.offer.incarnation.next(),
            from: entry.peer,
        };
        let incoming = self.moves.incoming(transaction);
        if let Some(memories) = incoming.and_then(|incoming| self.host.take_logs(incoming)) {
            self.returns.visits.insert(arrival, memories);
        }
    }

    /// Prevents the recording of a visit for an arriving domain: an operator has decided that it runs, although the source
    /// may have retired it at another freeze.
    pub(crate) fn prevent_visit(&mut self, transaction: TransactionId) {
        if let Some(incoming) = self.moves.incoming(transaction) {
            self.host.take_logs(incoming);
        }
    }

    /// Begins to log the pages that a leaving domain writes. If the destination keeps the copy from before the domain's visit
    /// here, continues the logs of the visit instead. Returns the event for the ledger if that fails.
    pub(crate) fn start_dirty_log(
        &mut self,
        transaction: TransactionId,
        kept: Option<Incarnation>,
    ) -> Option<Event> {
        let entry = self.moves.entry(transaction)?;
        let here = Arrival {
            domain: entry.offer.domain,
            incarnation: entry.offer.incarnation,
            from: entry.peer,
        };
        // The visit is over in any case, since new logs may begin.
        let visit = self.returns.visits.take(here.domain);
        let is_usable = |arrival: Arrival| {
            arrival == here && kept.map(Incarnation::next) == Some(here.incarnation)
        };
        let memories = visit.and_then(|(arrival, memories)| is_usable(arrival).then_some(memories));
        let outgoing = self.moves.outgoing(transaction)?;
        let started = self
            .host
            .start_dirty_log(outgoing, memories.unwrap_or_default());
        started.err().map(Event::Failed)
    }
}
