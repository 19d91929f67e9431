//! A heap of reproducible words, so that any damage is detectable.
//!
//! ```text
//! word i of the heap    splitmix64(i), except:
//! page k < working      word 0 = n, word 511 = !n, where the n-th dirtying was the last one of this page
//! word 8 of the heap    the counter
//! ```
//!
//! Dirtying cycles through the working pages; the n-th, counted from one, dirties page (n - 1) mod working.

use alloc::vec::Vec;
use core::fmt;

/// The number of words in a page.
pub const WORDS_PER_PAGE: usize = 512;

/// The index of the heap's word that holds the counter.
const COUNTER_WORD: usize = 8;

/// Spreads requests over the read-only pages.
const SPREAD: u64 = 2_654_435_761;

#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u64; WORDS_PER_PAGE]);

/// The heap.
pub struct Pages {
    pages: Vec<Page>,
    working_count: usize,
    dirtied: u64,
    replies: u64,
}

/// The reason a heap could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagesError {
    /// The working pages are none or all.
    Counts {
        /// The total number of pages.
        page_count: usize,
        /// The number of working pages.
        working_count: usize,
    },
    /// The domain's heap is too small for this many pages.
    Memory(usize),
}

/// The `index`-th number of the generator.
pub fn splitmix64(index: u64) -> u64 {
    let mut word = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

impl Page {
    fn new(index: usize) -> Page {
        let first = (index * WORDS_PER_PAGE) as u64;
        Page(core::array::from_fn(|word| splitmix64(first + word as u64)))
    }

    fn mark(&mut self, dirtying: u64) {
        self.0[0] = dirtying;
        self.0[WORDS_PER_PAGE - 1] = !dirtying;
    }
}

impl Pages {
    /// Creates a heap.
    ///
    /// # Errors
    /// [`PagesError`].
    pub fn try_new(page_count: usize, working_count: usize) -> Result<Pages, PagesError> {
        if working_count == 0 || working_count >= page_count {
            return Err(PagesError::Counts {
                page_count,
                working_count,
            });
        }
        let mut pages = Vec::new();
        pages
            .try_reserve_exact(page_count)
            .map_err(|_| PagesError::Memory(page_count))?;
        pages.extend((0..page_count).map(Page::new));
        for page in &mut pages[..working_count] {
            page.mark(0);
        }
        pages[0].0[COUNTER_WORD] = 0;
        Ok(Pages {
            pages,
            working_count,
            dirtied: 0,
            replies: 0,
        })
    }

    /// The number of pages.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// The number of dirtyings so far.
    pub fn dirtied(&self) -> u64 {
        self.dirtied
    }

    /// Dirties the next working page.
    pub fn dirty_next(&mut self) {
        let index = (self.dirtied % self.working_count as u64) as usize;
        self.dirtied += 1;
        self.pages[index].mark(self.dirtied);
    }

    /// Increments the counter in the heap and returns it.
    pub fn raise_counter(&mut self) -> u64 {
        let counter = &mut self.pages[0].0[COUNTER_WORD];
        *counter = counter.wrapping_add(1);
        self.replies += 1;
        *counter
    }

    /// The sum of the read-only page that this sequence number selects.
    pub fn checksum(&self, sequence: u64) -> u64 {
        let read_only = (self.pages.len() - self.working_count) as u64;
        let index = self.working_count + (sequence.wrapping_mul(SPREAD) % read_only) as usize;
        let words = &self.pages[index].0;
        words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
    }

    /// The working page that this sequence number selects.
    pub fn working_page(&self, sequence: u64) -> usize {
        (sequence % self.working_count as u64) as usize
    }

    /// Whether every word of a page has its expected value.
    pub fn is_sound(&self, index: usize) -> bool {
        let mut expected = Page::new(index);
        if index < self.working_count {
            expected.mark(self.last_dirtying(index as u64));
        }
        if index == 0 {
            expected.0[COUNTER_WORD] = self.replies;
        }
        expected.0 == self.pages[index].0
    }

    /// The number of the last dirtying of this working page; zero for none.
    fn last_dirtying(&self, index: u64) -> u64 {
        match self.dirtied.checked_sub(index + 1) {
            Some(since_first) => self.dirtied - since_first % self.working_count as u64,
            None => 0,
        }
    }
}

impl fmt::Display for PagesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PagesError::Counts {
                page_count,
                working_count,
            } => write!(
                formatter,
                "a heap of {page_count} pages cannot have a working set of {working_count}"
            ),
            PagesError::Memory(page_count) => write!(
                formatter,
                "the domain's heap is too small for {page_count} pages"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(pages: &Pages) -> Vec<usize> {
        (0..pages.count())
            .filter(|index| !pages.is_sound(*index))
            .collect()
    }

    #[test]
    fn the_generator_is_splitmix64() {
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(splitmix64(1), 0x910a_2dec_8902_5cc1);
    }

    #[test]
    fn stays_sound_through_any_number_of_dirtyings_and_replies() {
        let mut pages = Pages::try_new(8, 3).unwrap();
        for round in 1..=20 {
            pages.dirty_next();
            assert_eq!(pages.raise_counter(), round);
            assert!(damaged(&pages).is_empty());
        }
        assert_eq!(pages.dirtied(), 20);
        assert_eq!(
            pages.pages[1].0[0], 20,
            "the twentieth dirtied page 19 mod 3"
        );
    }

    #[test]
    fn every_kind_of_damage_is_detected() {
        let mut pages = Pages::try_new(8, 3).unwrap();
        (0..5).for_each(|_| pages.dirty_next());
        pages.pages[0].0[COUNTER_WORD] += 1;
        pages.pages[1].0[0] -= 3;
        pages.pages[2].0[300] ^= 1;
        pages.pages[7].0[511] ^= 1 << 63;
        assert_eq!(damaged(&pages), [0, 1, 2, 7]);
        assert_eq!(
            [1, 4, 2].map(|sequence| pages.working_page(sequence)),
            [1, 1, 2]
        );
    }

    #[test]
    fn the_checksum_is_that_of_a_read_only_page() {
        let pages = Pages::try_new(4, 3).unwrap();
        let expected =
            (3 * 512..4 * 512).fold(0_u64, |sum, index| sum.wrapping_add(splitmix64(index)));
        for sequence in [0, 1, 77, u64::MAX] {
            assert_eq!(pages.checksum(sequence), expected);
        }
    }

    #[test]
    fn rejects_a_working_set_of_none_or_all() {
        assert!(Pages::try_new(4, 0).is_err());
        assert!(Pages::try_new(4, 4).is_err());
    }
}
