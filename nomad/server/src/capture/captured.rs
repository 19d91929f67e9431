//! A Memory of a captured domain: its dirty log, and which of its pages are still to be sent.

use abi::register::{ObjectId, PageCount, PageIndex};
use runtime::capability::{Domain, PageBitmap};
use runtime::{Cap, Error};

use crate::capture::page_state::PageState;
use crate::capture::staging::Source;
use crate::page_set::PageSet;

/// A Memory of the domain's own.
#[derive(Debug)]
pub struct Captured {
    /// What its pages are read from.
    pub source: Source,
    /// What is known of them.
    pub pages: PageState,
    /// Whether the image knows of it.
    pub is_announced: bool,
}

impl Captured {
    /// A Memory of this size. Its dirty log begins: all pages that are present now are to be sent, and each that comes
    /// later is dirty.
    ///
    /// # Errors
    /// What `DomainBeginLog` and `DomainPages` say.
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

    /// Adds the pages that were written since the last time.
    ///
    /// They count as clean from now on; so this comes before they are read.
    ///
    /// # Errors
    /// What `DomainPages` says; [`Error::InUse`] if another has taken the log over.
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

    /// Reads which pages are present.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn collect_present(&mut self) -> Result<(), Error> {
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
        // No progress would be a mistake of the kernel's.
        first += bitmap.page_count.0.max(1);
    }
    Ok(())
}
