//! A page map: the change of each page of a chunk, in two bits per page.
//!
//! Absent and zero pages cost these bits and nothing else.

use alloc::vec;
use alloc::vec::Vec;

use crate::CHUNK_PAGES_MAX;

/// The change of a page in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageChange {
    /// The page is as before.
    Unchanged = 0,
    /// There is no page.
    Absent = 1,
    /// The page is full of zeros.
    Zero = 2,
    /// The page's bytes follow the map.
    Data = 3,
}

/// The changes of a chunk's pages: page `i` in bits `2i % 8` and up of byte `i / 4`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageMap {
    bits: Vec<u8>,
    page_count: usize,
}

impl PageMap {
    /// A map of this many pages, all unchanged; `None` beyond [`CHUNK_PAGES_MAX`].
    pub fn try_new(page_count: usize) -> Option<PageMap> {
        (page_count <= CHUNK_PAGES_MAX).then(|| PageMap {
            bits: vec![0; PageMap::bytes_for(page_count)],
            page_count,
        })
    }

    /// Decodes a map; `None` if the number of bytes is wrong or bits beyond the last page are set.
    pub fn from_bytes(page_count: usize, bytes: &[u8]) -> Option<PageMap> {
        let fits = page_count <= CHUNK_PAGES_MAX && bytes.len() == PageMap::bytes_for(page_count);
        let map = fits.then(|| PageMap {
            bits: bytes.to_vec(),
            page_count,
        })?;
        let padding = map.bits.len() * 4;
        (page_count..padding)
            .all(|page| map.at(page) == PageChange::Unchanged)
            .then_some(map)
    }

    /// The size of a map of this many pages.
    pub fn bytes_for(page_count: usize) -> usize {
        page_count.div_ceil(4)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// The number of pages that it covers.
    pub fn page_count(&self) -> usize {
        self.page_count
    }

    /// The change of a page; pages beyond the end are unchanged.
    pub fn get(&self, page: usize) -> PageChange {
        if page < self.page_count {
            self.at(page)
        } else {
            PageChange::Unchanged
        }
    }

    /// Sets the change of a page. Pages beyond the end are ignored.
    pub fn set(&mut self, page: usize, change: PageChange) {
        if page < self.page_count {
            let shift = page % 4 * 2;
            let byte = &mut self.bits[page / 4];
            *byte = *byte & !(3 << shift) | (change as u8) << shift;
        }
    }

    /// The pages with this change, ascending.
    pub fn pages(&self, change: PageChange) -> impl Iterator<Item = usize> + '_ {
        (0..self.page_count).filter(move |page| self.at(*page) == change)
    }

    /// The number of pages whose bytes follow.
    pub fn data_pages(&self) -> usize {
        self.pages(PageChange::Data).count()
    }

    /// The runs of pages, as (first, count), whose change satisfies a predicate.
    pub fn runs(&self, mut holds: impl FnMut(PageChange) -> bool) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for page in (0..self.page_count).filter(|page| holds(self.at(*page))) {
            match runs.last_mut() {
                Some((first, count)) if *first + *count == page => *count += 1,
                _ => runs.push((page, 1)),
            }
        }
        runs
    }

    fn at(&self, page: usize) -> PageChange {
        match self.bits[page / 4] >> (page % 4 * 2) & 3 {
            0 => PageChange::Unchanged,
            1 => PageChange::Absent,
            2 => PageChange::Zero,
            _ => PageChange::Data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(changes: &[PageChange]) -> PageMap {
        let mut map = PageMap::try_new(changes.len()).expect("fits");
        for (page, change) in changes.iter().enumerate() {
            map.set(page, *change);
        }
        map
    }

    #[test]
    fn stores_each_page_independently() {
        use PageChange::*;
        let changes = [Data, Zero, Absent, Unchanged, Data];
        let map = map(&changes);
        assert!(
            changes
                .iter()
                .enumerate()
                .all(|(page, change)| map.get(page) == *change)
        );
        assert_eq!(map.data_pages(), 2);
        assert_eq!(PageMap::from_bytes(5, map.as_bytes()), Some(map));
    }

    #[test]
    fn refuses_bits_beyond_the_last_page() {
        assert_eq!(PageMap::from_bytes(1, &[0b0100]), None);
        assert_eq!(PageMap::from_bytes(5, &[0]), None);
        assert_eq!(PageMap::from_bytes(CHUNK_PAGES_MAX + 1, &[0; 129]), None);
    }

    #[test]
    fn finds_runs() {
        use PageChange::*;
        let map = map(&[Data, Zero, Absent, Data, Data]);
        assert_eq!(
            map.runs(|change| matches!(change, Data | Zero)),
            [(0, 2), (3, 2)]
        );
    }
}
