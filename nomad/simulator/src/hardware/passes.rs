//! The passes over a leaving domain's pages: which pages are read, announced and sent. The decisions are those of
//! `nomad_shell::page_state`, and the fake kernel replies as the real one does.

use nomad_image::PageMap;
use nomad_protocol::LocalFailure;
use nomad_shell::page_set::ChunkPages;
use nomad_shell::page_state::{Content, PageState, Scope};

use super::Hardware;
use super::transit::Outgoing;
use crate::kernel::NO_DOMAIN;
use crate::machine::Mutant;
use crate::memory::{Memory, ZERO};
use crate::stream::StreamItem;

/// The first page of a domain's only chunk.
const CHUNK: u64 = 0;

/// A pass over the pages of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pass {
    scope: Scope,
    /// The pages that were read and are still to be sent, once the chunk was announced.
    staged: Option<Vec<(usize, u64)>>,
}

impl Outgoing {
    /// Whether a part of the present round was sent.
    pub(super) fn has_sent_round_part(&self) -> bool {
        let pass = self.pass.as_ref();
        pass.is_some_and(|pass| pass.scope == Scope::Round && pass.staged.is_some())
    }
}

impl Hardware {
    /// Starts the dirty log of a leaving domain, all of whose present pages are to be sent; or ends it.
    pub(super) fn log_pages(&mut self, outgoing: &mut Outgoing, is_on: bool) {
        (outgoing.pages, outgoing.pass) = (None, None);
        outgoing.is_continuing = false;
        let Some(domain) = self.kernel.domains.get_mut(&outgoing.id) else {
            return;
        };
        let count = domain.contents.pages.page_count();
        domain.dirty = is_on.then(|| vec![false; count]);
        domain.written = None;
        if is_on {
            let mut pages = PageState::new(count as u64);
            let present = domain.contents.pages.present();
            present.for_each(|page| pages.pending.insert(page as u64));
            outgoing.pages = Some(pages);
        }
    }

    /// The number of pages that are to be sent now. The server collects them at this point already.
    pub(super) fn count_dirty(&self, outgoing: &Outgoing) -> u64 {
        let domain = self.kernel.domains.get(&outgoing.id);
        let dirty = domain.and_then(|domain| domain.dirty.as_ref());
        let (Some(dirty), Some(pages)) = (dirty, &outgoing.pages) else {
            return 0;
        };
        let is_to_be_sent =
            |(page, is_dirty): &(u64, &bool)| **is_dirty || pages.pending.contains(*page);
        (0..).zip(dirty).filter(is_to_be_sent).count() as u64
    }

    /// Adds the pages written since the last call; returns the number of pages that are to be sent now.
    fn collect_dirty(&mut self, outgoing: &mut Outgoing) -> u64 {
        let domain = self.kernel.domains.get_mut(&outgoing.id);
        let (Some(domain), Some(pages)) = (domain, &mut outgoing.pages) else {
            return 0;
        };
        let dirty = domain.take_dirty().into_iter();
        dirty.for_each(|page| pages.pending.insert(page as u64));
        pages.pending.len()
    }

    /// Begins a pass; returns the number of pages that are to be sent. Unlike the server, it collects the dirty pages only
    /// now, so that an exploration has fewer states.
    pub(super) fn begin_pass(&mut self, outgoing: &mut Outgoing, scope: Scope) -> u64 {
        let count = self.collect_dirty(outgoing);
        let domain = self.kernel.domains.get(&outgoing.id);
        if let (Scope::Freeze, Some(domain), Some(pages)) = (scope, domain, &mut outgoing.pages) {
            self.parts.collect_present(&domain.contents.pages, pages);
        }
        let staged = None;
        outgoing.pass = Some(Pass { scope, staged });
        count
    }

    /// The next piece of a pass, and whether there are more.
    pub(super) fn continue_pass(
        &mut self,
        outgoing: &mut Outgoing,
    ) -> Result<(StreamItem, bool), LocalFailure> {
        let domain = self.kernel.domains.get(&outgoing.id).ok_or(NO_DOMAIN)?;
        let (Some(pass), Some(pages)) = (&mut outgoing.pass, &mut outgoing.pages) else {
            return Err(LocalFailure::BadImage);
        };
        let memory = &domain.contents.pages;
        let map = match pass.staged {
            None => Some(pass.announce(memory, pages)),
            Some(_) => None,
        };
        let staged = pass.staged.get_or_insert_default();
        let rest = staged.len().saturating_sub(self.parts.copy_pages);
        let sent = staged.split_off(rest);
        let is_over = staged.is_empty();
        for (page, _) in &sent {
            pages.record_sent(*page as u64);
        }
        Ok((StreamItem::Pages(map, sent), !is_over))
    }
}

impl super::Parts {
    /// Determines which pages of a frozen domain are present, after the dirty ones were collected.
    fn collect_present(&self, memory: &Memory, pages: &mut PageState) {
        let is_known = pages.has_lost_none(memory.present().count() as u64);
        if !is_known && self.mutant != Mutant::FreezeForgetsDiscards {
            pages.present.clear();
            let present = memory.present();
            present.for_each(|page| pages.present.insert(page as u64));
        }
    }
}

impl Pass {
    /// Reads the pages that are to be announced, and stages those with data; returns the changes.
    fn announce(&mut self, memory: &Memory, pages: &mut PageState) -> PageMap {
        let [wanted, gone] = pages.pages_to_announce(self.scope, CHUNK);
        let read = (0..memory.page_count()).filter(|page| wanted.contains(*page));
        let read: Vec<(usize, u64)> = read
            .filter_map(|page| Some((page, memory.get(page)?)))
            .collect();
        let (zero, data): (Vec<_>, Vec<_>) =
            read.into_iter().partition(|(_, page)| Some(*page) == ZERO);
        let set =
            |pages: &[(usize, u64)]| ChunkPages::of(pages.iter().map(|(page, _)| *page as u64));
        let content = Content {
            data: set(&data),
            zero: set(&zero),
        };
        self.staged = Some(data);
        pages.announce_chunk(CHUNK, &wanted.union(&gone), &content)
    }
}
