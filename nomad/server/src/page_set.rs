//! A set of a Memory's pages: what is still to be sent, or what has been written.

use alloc::vec;
use alloc::vec::Vec;

use nomad_image::CHUNK_PAGES_MAX;

const WORD_BITS: u64 = u64::BITS as u64;
const WORDS_PER_CHUNK: usize = CHUNK_PAGES_MAX / u64::BITS as usize;

/// Pages, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSet {
    words: Vec<u64>,
    page_count: u64,
}

impl PageSet {
    /// No pages of a Memory of this size.
    pub fn new(page_count: u64) -> PageSet {
        PageSet {
            words: vec![0; page_count.div_ceil(WORD_BITS) as usize],
            page_count,
        }
    }

    /// The size of the Memory.
    pub fn page_count(&self) -> u64 {
        self.page_count
    }

    /// How many pages are in it.
    pub fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether this one is.
    pub fn contains(&self, page: u64) -> bool {
        let word = self.words.get((page / WORD_BITS) as usize);
        word.is_some_and(|word| word >> (page % WORD_BITS) & 1 != 0)
    }

    /// Puts a page in. One that the Memory has not is ignored.
    pub fn insert(&mut self, page: u64) {
        if page < self.page_count {
            self.words[(page / WORD_BITS) as usize] |= 1 << (page % WORD_BITS);
        }
    }

    /// Takes a page out.
    pub fn remove(&mut self, page: u64) {
        if page < self.page_count {
            self.words[(page / WORD_BITS) as usize] &= !(1 << (page % WORD_BITS));
        }
    }

    /// Makes it as a bitmap says, bit 0 of byte 0 for `first_page`, a multiple of 64, for the pages that it covers.
    pub fn replace(&mut self, first_page: u64, bitmap: &[u8]) {
        let words = self
            .words
            .iter_mut()
            .skip((first_page / WORD_BITS) as usize);
        words
            .zip(words_of(bitmap))
            .for_each(|(word, bits)| *word = bits);
    }

    /// Puts in what a bitmap says, bit 0 of byte 0 for `first_page`, a multiple of 64.
    pub fn insert_all(&mut self, first_page: u64, bitmap: &[u8]) {
        let words = self
            .words
            .iter_mut()
            .skip((first_page / WORD_BITS) as usize);
        words
            .zip(words_of(bitmap))
            .for_each(|(word, bits)| *word |= bits);
    }

    /// Takes every page out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether a page of the chunk that begins here is in it.
    pub fn touches_chunk(&self, first_page: u64) -> bool {
        self.chunk(first_page).any(|word| word != 0)
    }

    /// Whether the same pages of the chunk that begins here are in it and in another one.
    pub fn agrees_in_chunk(&self, other: &PageSet, first_page: u64) -> bool {
        self.chunk(first_page).eq(other.chunk(first_page))
    }

    fn chunk(&self, first_page: u64) -> impl Iterator<Item = u64> + '_ {
        let first = (first_page / WORD_BITS) as usize;
        let words = self.words.iter().skip(first).take(WORDS_PER_CHUNK);
        words.copied()
    }
}

/// A bitmap's words, the last filled up with zeros.
fn words_of(bitmap: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bitmap.chunks(size_of::<u64>()).map(|chunk| {
        let mut bytes = [0; size_of::<u64>()];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let mut set = PageSet::new(1000);
        for page in [0, 63, 64, 999, 1000, u64::MAX] {
            set.insert(page);
        }
        assert_eq!(set.len(), 4);
        assert!(set.contains(999) && !set.contains(1000));
        set.remove(999);
        assert!(!set.contains(999));
        set.clear();
        assert!(set.is_empty());
    }

    #[test]
    fn takes_bitmaps_in() {
        let mut set = PageSet::new(300);
        [1, 64, 130, 299]
            .into_iter()
            .for_each(|page| set.insert(page));
        set.insert_all(64, &[0b10]);
        assert!(set.contains(64) && set.contains(65) && set.len() == 5);
        set.replace(64, &[0b100, 0, 0, 0, 0, 0, 0, 0, 1]);
        let pages: Vec<u64> = (0..300).filter(|page| set.contains(*page)).collect();
        assert_eq!(pages, [1, 66, 128, 299]);
    }

    #[test]
    fn knows_which_chunks_it_touches() {
        let mut set = PageSet::new(1100);
        set.insert(1024);
        let touched: Vec<bool> = [0, 512, 1024].map(|first| set.touches_chunk(first)).into();
        assert_eq!(touched, [false, false, true]);
        let none = PageSet::new(1100);
        let agrees = [0, 512, 1024].map(|first| set.agrees_in_chunk(&none, first));
        assert_eq!(agrees, [true, true, false]);
    }
}
