//! A Memory of a captured domain: its dirty log, and the pages that are still to be sent.

use abi::register::{ObjectId, PageCount, PageIndex};
use runtime::capability::{Domain, PageBitmap};
use runtime::{Cap, Error};

use crate::capture::staging::Source;
use nomad_shell::page_set::PageSet;
use nomad_shell::page_state::PageState;

/// A Memory of the domain.
#[derive(Debug)]
pub struct Captured {
    /// The source of its pages.
    pub source: Source,
    /// The state of its pages, here and at the destination.
    pub pages: PageState,
    /// Whether the image has announced it.
    pub is_announced: bool,
}

impl Captured {
    /// Begins the dirty log of a Memory of this size. All pages that are present now are to be sent, and each page that
    /// is added later is dirty.
    ///
    /// # Errors
    /// The errors of `DomainBeginLog` and `DomainPages`.
    pub fn new(domain: Cap<Domain>, memory: ObjectId, pages: u64) -> Result<Captured, Error> {
        let log = domain.begin_log(memory)?;
        let source = Source {
            domain,
            memory,
            log,
        };
        let mut captured = Captured {
            source,
            pages: PageState::new(pages),
            is_announced: false,
        };
        collect(&mut captured.pages.pending, |first, count| {
            domain.present_pages(memory, first, count)
        })?;
        Ok(captured)
    }

    /// Adds the pages that were written since the last call.
    /// They count as clean from now on, so call this before they are read.
    ///
    /// # Errors
    /// The error of `DomainPages`; [`Error::InUse`] if another owner has taken the log over.
    pub fn collect_dirty(&mut self) -> Result<(), Error> {
        let Source {
            domain,
            memory,
            log,
        } = self.source;
        collect(&mut self.pages.pending, |first, count| {
            domain.take_dirty_pages(memory, log, first, count)
        })
    }

    /// Determines which pages of a frozen domain are present, after the dirty ones were collected. `count` is the number of
    /// present pages.
    ///
    /// # Errors
    /// The error of `DomainPages`.
    pub fn collect_present(&mut self, count: u64) -> Result<(), Error> {
        if self.pages.has_lost_none(count) {
            return Ok(());
        }
        let Source { domain, memory, .. } = self.source;
        self.pages.present.clear();
        collect(&mut self.pages.present, |first, count| {
            domain.present_pages(memory, first, count)
        })
    }
}

/// Adds the pages of all bitmaps of a Memory.
fn collect(
    into: &mut PageSet,
    read: impl Fn(PageIndex, PageCount) -> Result<PageBitmap, Error>,
) -> Result<(), Error> {
    let mut first = 0;
    while first < into.page_count() {
        let bitmap = read(PageIndex(first), PageCount(into.page_count() - first))?;
        into.insert_all(first, bitmap.bits());
        // An empty bitmap would be a bug of the kernel, and must not make this loop endless.
        first += bitmap.page_count.0.max(1);
    }
    Ok(())
}
