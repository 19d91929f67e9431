//! A Memory of a captured domain: its dirty log, and the pages that are still to be sent.

use abi::register::{ObjectId, PageCount, PageIndex};
use runtime::capability::{Domain, PageBitmap};
use runtime::{Cap, Error};

use crate::capture::staging::Source;
use nomad_shell::page_set::PageSet;
use nomad_shell::page_state::PageState;
use nomad_shell::returns::Visited;

/// A Memory of the domain.
#[derive(Debug)]
pub struct Captured {
    /// The source of its pages.
    pub source: Source,
    /// The state of its pages, here and at the destination.
    pub pages: PageState,
    /// Whether the image has announced it.
    pub is_announced: bool,
    /// The position of the Memory that this one continues: the destination has kept that Memory's pages.
    pub continues: Option<u32>,
}

/// The dirty log of a Memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    pub memory: ObjectId,
    /// Its token. It is void as soon as another log of this Memory is begun.
    pub token: u64,
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
            continues: None,
        };
        collect(&mut captured.pages.pending, |first, count| {
            domain.present_pages(memory, first, count)
        })?;
        Ok(captured)
    }

    /// Continues the dirty log of a Memory: the destination has the pages that were present when the log was begun.
    ///
    /// # Errors
    /// The error of `DomainPages`; [`Error::InUse`] if another owner has begun a log.
    pub fn continued(domain: Cap<Domain>, visited: Visited<Log>) -> Result<Captured, Error> {
        let Log { memory, token } = visited.log;
        let mut captured = Captured {
            source: Source {
                domain,
                memory,
                log: token,
            },
            pages: PageState::continuing(visited.present),
            is_announced: false,
            continues: Some(visited.position),
        };
        captured.collect_dirty()?;
        let mut present = PageSet::new(captured.pages.page_count());
        collect(&mut present, |first, count| {
            domain.present_pages(memory, first, count)
        })?;
        captured.pages.announce_discarded(&present);
        Ok(captured)
    }

    /// Whether it is to be announced although none of its pages is to be sent.
    pub fn continues_unannounced(&self) -> bool {
        self.continues.is_some() && !self.is_announced
    }

    /// Adds the pages that were written since the last call. They count as clean from now on, so call this before the pages
    /// are read.
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
    for_each_bitmap(into.page_count(), read, |first, bits| {
        into.insert_all(first, bits);
    })
}

/// Reads all bitmaps of a Memory of this size, and passes on the first page and the bits of each.
///
/// # Errors
/// The error of `read`.
pub fn for_each_bitmap(
    page_count: u64,
    read: impl Fn(PageIndex, PageCount) -> Result<PageBitmap, Error>,
    mut act: impl FnMut(u64, &[u8]),
) -> Result<(), Error> {
    let mut first = 0;
    while first < page_count {
        let bitmap = read(PageIndex(first), PageCount(page_count - first))?;
        act(first, bitmap.bits());
        // An empty bitmap would be a bug of the kernel, and must not make this loop endless.
        first += bitmap.page_count.0.max(1);
    }
    Ok(())
}
