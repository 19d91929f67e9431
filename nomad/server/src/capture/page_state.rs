//! What is known of a Memory's pages at both ends: [`PageState`].

use nomad_image::PageChange;

use crate::capture::staging::Content;
use crate::page_set::{ChunkPages, PageSet};

/// The pages of a Memory: which are to be sent, which are there, which the target has.
#[derive(Clone, Debug)]
pub struct PageState {
    /// Those that were written since they were sent.
    pub pending: PageSet,
    /// Those that are there, once the domain stands still.
    pub present: PageSet,
    /// Those that the target was told to have.
    pub known: PageSet,
}

impl PageState {
    /// Of a Memory of this size, of which the target knows nothing.
    pub fn new(page_count: u64) -> PageState {
        let none = PageSet::new(page_count);
        PageState {
            pending: none.clone(),
            present: none.clone(),
            known: none,
        }
    }

    /// The size of the Memory.
    pub fn page_count(&self) -> u64 {
        self.pending.page_count()
    }

    /// Whether the target lacks something of the chunk that begins here, if `present` is what is there.
    pub fn lacks_in_chunk(&self, first_page: u64) -> bool {
        let agree = || self.present.agrees_in_chunk(&self.known, first_page);
        self.pending.touches_chunk(first_page) || !agree()
    }

    /// The pages of a chunk that are to be read while the domain runs: those that were written.
    pub fn written_in_chunk(&self, first_page: u64) -> ChunkPages {
        self.pending.in_chunk(first_page)
    }

    /// The pages of a chunk that are to be read when the domain stands still: those that are there and that the target
    /// lacks.
    pub fn lacking_in_chunk(&self, first_page: u64) -> ChunkPages {
        let [pending, present, known] =
            [&self.pending, &self.present, &self.known].map(|set| set.in_chunk(first_page).0);
        ChunkPages(core::array::from_fn(|word| {
            present[word] & (pending[word] | !known[word])
        }))
    }

    /// The pages of a chunk that the target has and that are not there any more, when the domain stands still.
    pub fn gone_in_chunk(&self, first_page: u64) -> ChunkPages {
        let [present, known] = [&self.present, &self.known].map(|set| set.in_chunk(first_page).0);
        ChunkPages(core::array::from_fn(|word| known[word] & !present[word]))
    }

    /// What the target is to be told of a page whose place in its chunk is `index`. `asked` are the chunk's pages of which it
    /// is known how they are: those that were read, with this content, and those that are gone.
    pub fn change(
        &self,
        page: u64,
        index: usize,
        asked: &ChunkPages,
        content: &Content,
    ) -> PageChange {
        match asked.contains(index) {
            true if content.data.contains(index) => PageChange::Data,
            true if content.zero.contains(index) => PageChange::Zero,
            true if self.known.contains(page) => PageChange::Absent,
            _ => PageChange::Unchanged,
        }
    }

    /// The target is told this of a page. One with data stays pending until it is sent.
    pub fn told(&mut self, page: u64, change: PageChange) {
        match change {
            PageChange::Data => return,
            PageChange::Zero => self.known.insert(page),
            PageChange::Absent => self.known.remove(page),
            PageChange::Unchanged => {}
        }
        self.pending.remove(page);
    }

    /// A page's bytes are sent.
    pub fn sent(&mut self, page: u64) {
        self.pending.remove(page);
        self.known.insert(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PageChange::*;

    /// Page 0 is absent; 1 is new, 2 new and zero, 3 known, 4 known and written, 5 known and gone, 6 gone before it was told of.
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

    /// What reading these pages finds: all but page 2 have data, unless they are not there.
    fn read(wanted: ChunkPages) -> Content {
        let there = [1, 2, 3, 4].into_iter();
        let found = there.filter(|page| wanted.contains(*page as usize));
        Content {
            data: ChunkPages::of(found.clone().filter(|page| *page != 2)),
            zero: ChunkPages::of(found.filter(|page| *page == 2)),
        }
    }

    fn changes(state: &PageState, wanted: ChunkPages, gone: ChunkPages) -> [PageChange; 7] {
        let asked = ChunkPages(core::array::from_fn(|word| wanted.0[word] | gone.0[word]));
        let content = read(wanted);
        core::array::from_fn(|page| state.change(page as u64, page, &asked, &content))
    }

    fn changes_standing_still(state: &PageState) -> [PageChange; 7] {
        changes(state, state.lacking_in_chunk(0), state.gone_in_chunk(0))
    }

    #[test]
    fn the_target_is_told_what_it_does_not_know() {
        let expected = [Unchanged, Data, Zero, Unchanged, Data, Absent, Unchanged];
        assert_eq!(changes_standing_still(&state()), expected);
        let state = state();
        let running = changes(&state, state.written_in_chunk(0), ChunkPages::default());
        assert_eq!(running, expected);
    }

    #[test]
    fn a_page_that_nobody_wrote_may_go_unnoticed_until_the_domain_stands_still() {
        let mut state = state();
        state.pending.remove(5);
        let running = changes(&state, state.written_in_chunk(0), ChunkPages::default());
        assert_eq!(running[5], Unchanged);
        assert_eq!(changes_standing_still(&state)[5], Absent);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut state = state();
        assert!(state.lacks_in_chunk(0) && !state.lacks_in_chunk(512));
        for (page, change) in (0..).zip(changes_standing_still(&state)) {
            state.told(page, change);
        }
        assert!(state.lacks_in_chunk(0), "data is yet to be sent");
        [1, 4].into_iter().for_each(|page| state.sent(page));
        assert!(!state.lacks_in_chunk(0) && state.pending.is_empty());
        assert_eq!(changes_standing_still(&state), [Unchanged; 7]);
    }

    #[test]
    fn a_page_that_nobody_wrote_is_told_of_too() {
        let mut state = PageState::new(600);
        state.present.insert(513);
        assert!(state.lacks_in_chunk(512));
        assert_eq!(state.lacking_in_chunk(512), ChunkPages::of([1]));
    }
}
