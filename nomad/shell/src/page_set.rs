//! A set of a Memory's pages: those still to be sent, or those that were written.

use alloc::vec;
use alloc::vec::Vec;

use nomad_image::CHUNK_PAGES_MAX;

/// Pages per word of a set.
pub const PAGES_PER_WORD: u64 = u64::BITS as u64;
const WORDS_PER_CHUNK: usize = CHUNK_PAGES_MAX / u64::BITS as usize;

/// A set of pages of one chunk; bit 0 of the first word is the chunk's first page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChunkPages(pub [u64; WORDS_PER_CHUNK]);

impl ChunkPages {
    /// The set of these pages, numbered from the chunk's first. Numbers beyond the chunk are ignored.
    pub fn of(pages: impl IntoIterator<Item = u64>) -> ChunkPages {
        let mut words = [0; WORDS_PER_CHUNK];
        for page in pages {
            if let Some(word) = words.get_mut((page / PAGES_PER_WORD) as usize) {
                *word |= 1 << (page % PAGES_PER_WORD);
            }
        }
        ChunkPages(words)
    }

    /// Whether it has the page of this number.
    pub fn contains(&self, index: usize) -> bool {
        let bits = u64::BITS as usize;
        let word = self.0.get(index / bits);
        word.is_some_and(|word| word >> (index % bits) & 1 != 0)
    }

    /// The pages of this set and of another one of the same chunk.
    pub fn union(&self, other: &ChunkPages) -> ChunkPages {
        ChunkPages(core::array::from_fn(|word| self.0[word] | other.0[word]))
    }
}

/// A set of page numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageSet {
    words: Vec<u64>,
    page_count: u64,
}

impl PageSet {
    /// The empty set for a Memory of this size.
    pub fn new(page_count: u64) -> PageSet {
        PageSet {
            words: vec![0; page_count.div_ceil(PAGES_PER_WORD) as usize],
            page_count,
        }
    }

    /// The size of the Memory.
    pub fn page_count(&self) -> u64 {
        self.page_count
    }

    /// The number of bytes that its pages take in memory, without the structure itself.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// The number of pages in it.
    pub fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Whether it has no page.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether it has this page.
    pub fn contains(&self, page: u64) -> bool {
        let word = self.words.get((page / PAGES_PER_WORD) as usize);
        word.is_some_and(|word| word >> (page % PAGES_PER_WORD) & 1 != 0)
    }

    /// Adds a page. A page beyond the Memory is ignored.
    pub fn insert(&mut self, page: u64) {
        if page < self.page_count {
            self.words[(page / PAGES_PER_WORD) as usize] |= 1 << (page % PAGES_PER_WORD);
        }
    }

    /// Removes a page.
    pub fn remove(&mut self, page: u64) {
        if page < self.page_count {
            self.words[(page / PAGES_PER_WORD) as usize] &= !(1 << (page % PAGES_PER_WORD));
        }
    }

    /// Adds the pages of a bitmap; bit 0 of byte 0 is `first_page`, a multiple of 64.
    pub fn insert_all(&mut self, first_page: u64, bitmap: &[u8]) {
        let words = self
            .words
            .iter_mut()
            .skip((first_page / PAGES_PER_WORD) as usize);
        words
            .zip(words_of(bitmap))
            .for_each(|(word, bits)| *word |= bits);
    }

    /// Adds the pages of another set of the same Memory.
    pub fn insert_set(&mut self, other: &PageSet) {
        let words = self.words.iter_mut().zip(&other.words);
        words.for_each(|(word, bits)| *word |= bits);
    }

    /// Adds the pages of `those` that are not in `others`. All are sets of the same Memory.
    pub fn insert_difference(&mut self, those: &PageSet, others: &PageSet) {
        let differences = those.words.iter().zip(&others.words);
        let words = self.words.iter_mut().zip(differences);
        words.for_each(|(word, (those, others))| *word |= those & !others);
    }

    /// Removes all pages.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether the set has a page of the chunk that begins here.
    pub fn touches_chunk(&self, first_page: u64) -> bool {
        self.chunk(first_page).any(|word| word != 0)
    }

    /// Whether this set and another one have the same pages of the chunk that begins here.
    pub fn agrees_in_chunk(&self, other: &PageSet, first_page: u64) -> bool {
        self.chunk(first_page).eq(other.chunk(first_page))
    }

    /// The pages of the chunk that begins here.
    pub fn in_chunk(&self, first_page: u64) -> ChunkPages {
        let mut pages = ChunkPages::default();
        let words = pages.0.iter_mut().zip(self.chunk(first_page));
        words.for_each(|(word, bits)| *word = bits);
        pages
    }

    fn chunk(&self, first_page: u64) -> impl Iterator<Item = u64> + '_ {
        let first = (first_page / PAGES_PER_WORD) as usize;
        let words = self.words.iter().skip(first).take(WORDS_PER_CHUNK);
        words.copied()
    }
}

/// A bitmap's words, the last one padded with zeros.
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
    fn contains_the_pages_that_were_inserted() {
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
    fn inserts_bitmaps() {
        let mut set = PageSet::new(300);
        [1, 64, 130, 299]
            .into_iter()
            .for_each(|page| set.insert(page));
        set.insert_all(64, &[0b10]);
        assert!(set.contains(64) && set.contains(65) && set.len() == 5);
        set.insert_all(128, &[1, 0, 0, 0, 0, 0, 0, 0, 1]);
        let pages: Vec<u64> = (0..300).filter(|page| set.contains(*page)).collect();
        assert_eq!(pages, [1, 64, 65, 128, 130, 192, 299]);
    }

    #[test]
    fn the_pages_of_a_chunk_are_numbered_from_its_first() {
        let mut set = PageSet::new(600);
        [3, 512, 599].into_iter().for_each(|page| set.insert(page));
        assert_eq!(set.in_chunk(0), ChunkPages::of([3]));
        let last = set.in_chunk(512);
        assert_eq!(last, ChunkPages::of([0, 87, 512]));
        assert!(last.contains(87) && !last.contains(3) && !last.contains(512));
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
