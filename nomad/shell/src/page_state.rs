//! The state of a leaving Memory's pages, here and at the destination, and the changes to be sent: [`PageState`].

use abi::Error;
use nomad_image::{CHUNK_PAGES_MAX, PageChange, PageMap};

use crate::page_set::{ChunkPages, PageSet};

/// The pages that a pass covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The pending pages of a running domain.
    Round,
    /// All pages of a frozen domain that differ from those at the destination.
    Freeze,
}

impl Scope {
    /// The result of a call on a Memory, or `None` if the Memory has ended, which can happen only while the domain
    /// runs. The destination learns of that from the description, which lacks the Memory.
    ///
    /// # Errors
    /// Any other error of the kernel.
    pub fn unless_gone<T>(self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Err(Error::NotThere) if self == Scope::Round => Ok(None),
            result => result.map(Some),
        }
    }
}

/// The content of the pages of a chunk that were read. Pages in neither set are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The pages that were copied.
    pub data: ChunkPages,
    /// The pages that are all zeros.
    pub zero: ChunkPages,
}

/// Three sets of a Memory's pages: those to be sent, those that are present, and those that the destination knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageState {
    /// Pages to be sent: those never sent, and those written since.
    pub pending: PageSet,
    /// Pages that are present. Known only once the domain is frozen.
    pub present: PageSet,
    /// Pages that the destination has.
    pub known: PageSet,
}

impl PageState {
    /// A Memory of this size, of which the destination knows nothing.
    pub fn new(page_count: u64) -> PageState {
        let none = PageSet::new(page_count);
        PageState {
            pending: none.clone(),
            present: none.clone(),
            known: none,
        }
    }

    /// A Memory of which the destination has these pages, and none was written since.
    pub fn continuing(known: PageSet) -> PageState {
        let page_count = known.page_count();
        PageState {
            known,
            ..PageState::new(page_count)
        }
    }

    /// Has the next round announce the pages that the destination has and that are no longer present here; `present` are
    /// those that are. So the destination frees pages that it has kept, before other pages need their memory.
    pub fn announce_discarded(&mut self, present: &PageSet) {
        self.pending.insert_difference(&self.known, present);
    }

    /// The size of the Memory.
    pub fn page_count(&self) -> u64 {
        self.pending.page_count()
    }

    /// Whether no page is present or to be sent.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty() && self.pending.is_empty()
    }

    /// Records the pages that are known or pending as present; returns whether that is right. `count` pages are present, and each
    /// of them is known or pending, since a new page is dirty. So if the numbers are equal, the domain has discarded none of
    /// these pages.
    pub fn has_lost_none(&mut self, count: u64) -> bool {
        self.present.clear();
        self.present.insert_set(&self.known);
        self.present.insert_set(&self.pending);
        self.present.len() == count
    }

    /// Whether the chunk that begins here may have a change to send.
    pub fn concerns_chunk(&self, scope: Scope, first_page: u64) -> bool {
        match scope {
            Scope::Round => self.pending.touches_chunk(first_page),
            Scope::Freeze => self.lacks_in_chunk(first_page),
        }
    }

    /// The pages of a chunk that are to be read, and those that are known to be gone.
    pub fn pages_to_announce(&self, scope: Scope, first_page: u64) -> [ChunkPages; 2] {
        match scope {
            Scope::Round => [self.written_in_chunk(first_page), ChunkPages::default()],
            Scope::Freeze => [
                self.lacking_in_chunk(first_page),
                self.gone_in_chunk(first_page),
            ],
        }
    }

    /// The changes to announce for a chunk. `examined` are its pages whose state is known here: the pages that were read, with this
    /// content, and the pages that are gone. Records that they are announced.
    pub fn announce_chunk(
        &mut self,
        first_page: u64,
        examined: &ChunkPages,
        content: &Content,
    ) -> PageMap {
        let rest = self.page_count() - first_page;
        let count = (CHUNK_PAGES_MAX as u64).min(rest) as usize;
        let mut map = PageMap::try_new(count).expect("a chunk is no longer than that");
        for index in 0..count {
            let page = first_page + index as u64;
            let change = self.change(page, index, examined, content);
            map.set(index, change);
            self.record_announced(page, change);
        }
        map
    }

    /// Whether the destination lacks pages of the chunk that begins here, or has some that are no longer present.
    fn lacks_in_chunk(&self, first_page: u64) -> bool {
        let agree = || self.present.agrees_in_chunk(&self.known, first_page);
        self.pending.touches_chunk(first_page) || !agree()
    }

    /// The pages of a chunk to be read while the domain runs: those that were written.
    fn written_in_chunk(&self, first_page: u64) -> ChunkPages {
        self.pending.in_chunk(first_page)
    }

    /// The pages of a chunk to be read once the domain is frozen: those that are present and that the destination lacks.
    fn lacking_in_chunk(&self, first_page: u64) -> ChunkPages {
        let [pending, present, known] =
            [&self.pending, &self.present, &self.known].map(|set| set.in_chunk(first_page).0);
        ChunkPages(core::array::from_fn(|word| {
            present[word] & (pending[word] | !known[word])
        }))
    }

    /// The pages of a chunk that the destination has and that are no longer present, once the domain is frozen.
    fn gone_in_chunk(&self, first_page: u64) -> ChunkPages {
        let [present, known] = [&self.present, &self.known].map(|set| set.in_chunk(first_page).0);
        ChunkPages(core::array::from_fn(|word| known[word] & !present[word]))
    }

    /// The change to announce for the page at `index` of its chunk.
    fn change(
        &self,
        page: u64,
        index: usize,
        examined: &ChunkPages,
        content: &Content,
    ) -> PageChange {
        if !examined.contains(index) {
            PageChange::Unchanged
        } else if content.data.contains(index) {
            PageChange::Data
        } else if content.zero.contains(index) {
            PageChange::Zero
        } else if self.known.contains(page) {
            PageChange::Absent
        } else {
            PageChange::Unchanged
        }
    }

    /// Records that a change was announced. A page with data stays pending until it is sent.
    fn record_announced(&mut self, page: u64, change: PageChange) {
        match change {
            PageChange::Data => return,
            PageChange::Zero => self.known.insert(page),
            PageChange::Absent => self.known.remove(page),
            PageChange::Unchanged => {}
        }
        self.pending.remove(page);
    }

    /// Records that a page's bytes were sent.
    pub fn record_sent(&mut self, page: u64) {
        self.pending.remove(page);
        self.known.insert(page);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use PageChange::*;

    /// Page 0 is absent; 1 is new, 2 new and zero, 3 known, 4 known and written, 5 known and gone, 6 gone and never announced.
    fn state() -> PageState {
        let mut state = PageState::new(600);
        let sets = [
            (&mut state.present, &[1, 2, 3, 4][..]),
            (&mut state.known, &[3, 4, 5]),
            (&mut state.pending, &[1, 2, 4, 5, 6]),
        ];
        for (set, pages) in sets {
            pages.iter().for_each(|page| set.insert(*page));
        }
        state
    }

    /// The content of these pages: all but page 2 have data, unless they are absent.
    fn read(wanted: ChunkPages) -> Content {
        let there = [1, 2, 3, 4].into_iter();
        let found = there.filter(|page| wanted.contains(*page as usize));
        Content {
            data: ChunkPages::of(found.clone().filter(|page| *page != 2)),
            zero: ChunkPages::of(found.filter(|page| *page == 2)),
        }
    }

    fn changes(state: &PageState, wanted: ChunkPages, gone: ChunkPages) -> [PageChange; 7] {
        let examined = ChunkPages(core::array::from_fn(|word| wanted.0[word] | gone.0[word]));
        let content = read(wanted);
        core::array::from_fn(|page| state.change(page as u64, page, &examined, &content))
    }

    fn changes_frozen(state: &PageState) -> [PageChange; 7] {
        changes(state, state.lacking_in_chunk(0), state.gone_in_chunk(0))
    }

    #[test]
    fn changes_that_the_destination_does_not_know_are_announced() {
        let expected = [Unchanged, Data, Zero, Unchanged, Data, Absent, Unchanged];
        assert_eq!(changes_frozen(&state()), expected);
        let state = state();
        let running = changes(&state, state.written_in_chunk(0), ChunkPages::default());
        assert_eq!(running, expected);
    }

    #[test]
    fn a_page_that_was_not_written_may_go_unnoticed_until_the_freeze() {
        let mut state = state();
        state.pending.remove(5);
        let running = changes(&state, state.written_in_chunk(0), ChunkPages::default());
        assert_eq!(running[5], Unchanged);
        assert_eq!(changes_frozen(&state)[5], Absent);
    }

    #[test]
    fn a_change_is_announced_once() {
        let mut state = state();
        assert!(state.lacks_in_chunk(0) && !state.lacks_in_chunk(512));
        for (page, change) in (0..).zip(changes_frozen(&state)) {
            state.record_announced(page, change);
        }
        assert!(state.lacks_in_chunk(0), "data is yet to be sent");
        [1, 4].into_iter().for_each(|page| state.record_sent(page));
        assert!(!state.lacks_in_chunk(0) && state.pending.is_empty());
        assert_eq!(changes_frozen(&state), [Unchanged; 7]);
    }

    #[test]
    fn the_present_pages_are_the_known_and_pending_ones_if_the_counts_are_equal() {
        let mut state = state();
        assert!(!state.has_lost_none(4), "pages 5 and 6 are gone");
        assert!(state.has_lost_none(6));
        let present: Vec<u64> = (0..600)
            .filter(|page| state.present.contains(*page))
            .collect();
        assert_eq!(present, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn of_a_memory_that_continues_only_what_changed_is_announced() {
        let mut known = PageSet::new(600);
        [1, 2, 3].into_iter().for_each(|page| known.insert(page));
        let mut state = PageState::continuing(known);
        assert!(!state.concerns_chunk(Scope::Round, 0));
        state.pending.insert(2);
        assert_eq!(state.written_in_chunk(0), ChunkPages::of([2]));
        state.present.insert_set(&state.known.clone());
        state.present.remove(3);
        assert_eq!(state.lacking_in_chunk(0), ChunkPages::of([2]));
        assert_eq!(state.gone_in_chunk(0), ChunkPages::of([3]));
    }

    #[test]
    fn pages_that_were_discarded_since_are_announced_while_the_domain_runs() {
        let [mut known, mut present] = [(); 2].map(|()| PageSet::new(600));
        [3, 4, 5].into_iter().for_each(|page| known.insert(page));
        [1, 4].into_iter().for_each(|page| present.insert(page));
        let mut state = PageState::continuing(known);
        state.announce_discarded(&present);
        let [wanted, gone] = state.pages_to_announce(Scope::Round, 0);
        let map = state.announce_chunk(0, &wanted.union(&gone), &Content::default());
        assert_eq!(map.pages(Absent).collect::<Vec<_>>(), [3, 5]);
        assert!(state.pending.is_empty());
        assert_eq!(state.known.len(), 1);
    }

    #[test]
    fn a_page_that_was_not_written_is_announced_too() {
        let mut state = PageState::new(600);
        state.present.insert(513);
        assert!(state.lacks_in_chunk(512));
        assert_eq!(state.lacking_in_chunk(512), ChunkPages::of([1]));
    }

    #[test]
    fn the_last_chunk_is_as_long_as_the_rest() {
        let mut pages = PageState::new(600);
        let content = Content {
            data: ChunkPages::of([1]),
            zero: ChunkPages::of([2]),
        };
        let map = pages.announce_chunk(512, &ChunkPages::of([1, 2, 3]), &content);
        assert_eq!(map.page_count(), 88);
        let changes: Vec<PageChange> = (0..4).map(|page| map.get(page)).collect();
        assert_eq!(changes, [Unchanged, Data, Zero, Unchanged]);
    }
}
