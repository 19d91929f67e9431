//! The logs of domains that have arrived, and the copies from which they continue if they return.

use nomad_protocol::LocalFailure;
use nomad_shell::page_state::PageState;
use nomad_shell::returns::Visited;

use super::Hardware;
use super::remains::present_set;
use super::transit::{Incoming, Outgoing};
use crate::machine::Mutant;
use crate::memory::Memory;

impl Hardware {
    /// Continues the log of a visit. Returns whether there was one.
    pub(super) fn continue_log(
        &mut self,
        outgoing: &mut Outgoing,
        visited: Vec<Visited<()>>,
    ) -> bool {
        let domain = self.kernel.domains.get_mut(&outgoing.id);
        let log = domain.as_ref().and_then(|domain| domain.written.clone());
        let (Some(domain), Some(log), Some(visited)) = (domain, log, visited.into_iter().next())
        else {
            return false;
        };
        domain.written = None;
        domain.dirty = Some(match self.parts.mutant {
            Mutant::VisitForgetsPages => vec![false; log.len()],
            _ => log,
        });
        let mut pages = PageState::continuing(visited.present);
        pages.announce_discarded(&present_set(&domain.contents.pages));
        outgoing.pages = Some(pages);
        outgoing.is_continuing = true;
        true
    }

    /// Has an arriving domain continue from the copy that was kept when it left.
    pub(super) fn continue_copy(&self, incoming: &mut Incoming) -> Result<(), LocalFailure> {
        incoming.pages = incoming.kept.take().ok_or(LocalFailure::BadImage)?;
        incoming.arriving.insert_kept(&present_set(&incoming.pages));
        Ok(())
    }

    /// Ends a round of an arriving domain: kept pages that do not continue are destroyed, and its pages are logged from now on.
    pub(super) fn log_arriving(&self, incoming: &mut Incoming) {
        incoming.kept = None;
        incoming.logged = Some(incoming.pages.clone());
    }
}

impl Incoming {
    /// The pages that were written since its last round, if they are logged.
    pub(super) fn written(&self) -> Option<Vec<bool>> {
        let logged = self.logged.as_ref()?;
        let is_written = |page| {
            self.pages
                .get(page)
                .is_some_and(|_| self.differs(logged, page))
        };
        Some((0..logged.page_count()).map(is_written).collect())
    }

    fn differs(&self, logged: &Memory, page: usize) -> bool {
        self.pages.get(page) != logged.get(page)
    }
}
