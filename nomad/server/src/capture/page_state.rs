//! What is known of a Memory's pages at both ends: [`PageState`].

use nomad_image::PageChange;

use crate::page_set::PageSet;

/// The pages of a Memory: which are to be sent, which are there, which the target has.
#[derive(Clone, Debug)]
pub struct PageState {
    /// Those that were written since they were sent.
    pub pending: PageSet,
    /// Those that are there, as far as that was asked.
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

    /// What the target is to be told of a page.
    pub fn change(&self, page: u64, is_zero: impl FnOnce() -> bool) -> PageChange {
        let (is_there, is_known) = (self.present.contains(page), self.known.contains(page));
        match is_there {
            false if is_known => PageChange::Absent,
            true if is_known && !self.pending.contains(page) => PageChange::Unchanged,
            true if is_zero() => PageChange::Zero,
            true => PageChange::Data,
            false => PageChange::Unchanged,
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

    fn changes(state: &PageState) -> [PageChange; 7] {
        core::array::from_fn(|page| state.change(page as u64, || page == 2))
    }

    #[test]
    fn the_target_is_told_what_it_does_not_know() {
        let expected = [Unchanged, Data, Zero, Unchanged, Data, Absent, Unchanged];
        assert_eq!(changes(&state()), expected);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut state = state();
        assert!(state.lacks_in_chunk(0) && !state.lacks_in_chunk(512));
        for (page, change) in (0..).zip(changes(&state)) {
            state.told(page, change);
        }
        assert!(state.lacks_in_chunk(0), "data is yet to be sent");
        [1, 4].into_iter().for_each(|page| state.sent(page));
        assert!(!state.lacks_in_chunk(0) && state.pending.is_empty());
        assert_eq!(changes(&state), [Unchanged; 7]);
    }

    #[test]
    fn a_page_that_nobody_wrote_is_told_of_too() {
        let mut state = PageState::new(600);
        state.present.insert(513);
        assert!(state.lacks_in_chunk(512));
        assert_eq!(state.change(513, || true), Zero);
    }
}
