//! The pages of an arriving Memory: [`ArrivingPages`] applies the changes that a page stream announces to [`Pages`].

use nomad_image::{PageChange, PageMap};

use crate::page_set::PageSet;

/// The pages of a Memory.
pub trait Pages {
    /// The error of the kernel.
    type Error;

    /// Makes pages present, `count` of them from `first` on. A page that was absent is zero, and another keeps its content.
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
    /// Pages that were written with data. All other pages are zero or absent.
    written: PageSet,
}

impl ArrivingPages {
    /// A Memory of this size, all of whose pages are absent.
    pub fn new(page_count: u64) -> ArrivingPages {
        ArrivingPages {
            written: PageSet::new(page_count),
        }
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
            (first..first + count).for_each(|page| self.written.remove(at(page)));
        }
        let is_there = |change| matches!(change, PageChange::Zero | PageChange::Data);
        for (first, count) in map.runs(is_there) {
            pages.populate(at(first), count as u64)?;
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

    /// Whether no page was written with data.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }
}
