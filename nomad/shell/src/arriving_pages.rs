//! The pages of an arriving Memory: [`ArrivingPages`] applies the changes that a page stream announces to [`Pages`].

use nomad_image::{PageChange, PageMap};

use crate::page_set::PageSet;

/// The pages of a Memory.
pub trait Pages {
    /// The error of the kernel.
    type Error;

    /// Makes pages present, `count` of them from `first` on. A page that was absent is filled with zeros; any other page
    /// keeps its content.
    ///
    /// # Errors
    /// The error of the kernel.
    fn populate(&mut self, first: u64, count: u64) -> Result<(), Self::Error>;

    /// Makes pages absent, `count` of them from `first` on.
    ///
    /// # Errors
    /// The error of the kernel.
    fn discard(&mut self, first: u64, count: u64) -> Result<(), Self::Error>;

    /// Fills a page that is present with zeros.
    fn clear(&mut self, page: u64);
}

/// The state of an arriving Memory's pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrivingPages {
    /// Pages that may have data. All other pages are zero or absent.
    written: PageSet,
    present: PageSet,
}

impl ArrivingPages {
    /// A Memory of this size, all of whose pages are absent.
    pub fn new(page_count: u64) -> ArrivingPages {
        ArrivingPages {
            written: PageSet::new(page_count),
            present: PageSet::new(page_count),
        }
    }

    /// Adds pages of a kept copy, which have any content.
    pub fn insert_kept(&mut self, pages: &PageSet) {
        self.written.insert_set(pages);
        self.present.insert_set(pages);
    }

    /// The pages that are present.
    pub fn present(&self) -> &PageSet {
        &self.present
    }

    /// Applies a chunk. Pages with data are populated now, and written when their bytes arrive.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn apply<P: Pages>(
        &mut self,
        first_page: u64,
        map: &PageMap,
        pages: &mut P,
    ) -> Result<(), P::Error> {
        let at = |page: usize| first_page + page as u64;
        for (first, count) in map.runs(|change| change == PageChange::Absent) {
            pages.discard(at(first), count as u64)?;
            for page in (first..first + count).map(at) {
                self.written.remove(page);
                self.present.remove(page);
            }
        }
        let is_there = |change| matches!(change, PageChange::Zero | PageChange::Data);
        for (first, count) in map.runs(is_there) {
            pages.populate(at(first), count as u64)?;
            (first..first + count).for_each(|page| self.present.insert(at(page)));
        }
        for page in map.pages(PageChange::Zero).map(at) {
            if self.written.contains(page) {
                pages.clear(page);
                self.written.remove(page);
            }
        }
        map.pages(PageChange::Data)
            .for_each(|page| self.written.insert(at(page)));
        Ok(())
    }

    /// Whether no page may have data.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::convert::Infallible;

    use super::*;

    /// The pages that were cleared.
    #[derive(Default)]
    struct Cleared(Vec<u64>);

    impl Pages for Cleared {
        type Error = Infallible;

        fn populate(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
            Ok(())
        }

        fn discard(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
            Ok(())
        }

        fn clear(&mut self, page: u64) {
            self.0.push(page);
        }
    }

    fn map(changes: &[PageChange]) -> PageMap {
        let mut map = PageMap::try_new(changes.len()).expect("a chunk");
        let changes = changes.iter().enumerate();
        changes.for_each(|(page, change)| map.set(page, *change));
        map
    }

    #[test]
    fn knows_which_pages_are_present() {
        use PageChange::*;
        let mut arriving = ArrivingPages::new(8);
        for changes in [
            [Data, Zero, Data, Unchanged],
            [Unchanged, Unchanged, Absent, Zero],
        ] {
            let Ok(()) = arriving.apply(0, &map(&changes), &mut Cleared::default());
        }
        let present: Vec<u64> = (0..8)
            .filter(|page| arriving.present().contains(*page))
            .collect();
        assert_eq!(present, [0, 1, 3]);
    }

    #[test]
    fn a_page_of_a_kept_copy_is_cleared_if_it_is_zero_now() {
        use PageChange::*;
        let mut arriving = ArrivingPages::new(8);
        let mut kept = PageSet::new(8);
        [1, 2].into_iter().for_each(|page| kept.insert(page));
        arriving.insert_kept(&kept);
        let mut pages = Cleared::default();
        let Ok(()) = arriving.apply(0, &map(&[Zero, Zero, Unchanged]), &mut pages);
        assert_eq!(pages.0, [1]);
        let present: Vec<u64> = (0..8)
            .filter(|page| arriving.present().contains(*page))
            .collect();
        assert_eq!(present, [0, 1, 2]);
    }
}
