//! A Memory of a captured domain: a read-only view of it, and which of its pages are still to be sent.

use abi::PAGE_BYTES;
use abi::calls::PageSet as Which;
use abi::register::{ObjectId, PageCount};
use nomad_image::{CHUNK_PAGES_MAX, PAGE_BYTES as PAGE_LENGTH};
use runtime::capability::Domain;
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;
use runtime::{Cap, Error};

use crate::capture::page_state::PageState;
use crate::page_set::PageSet;

/// Bytes of a page that are looked at together when zeros are searched for.
const PIECE_BYTES: usize = 64;

/// A view of a Memory.
#[derive(Debug)]
pub struct View(Mapping);

impl View {
    /// Maps a Memory of `domain` into this domain, `own`.
    ///
    /// # Errors
    /// What `DomainMapCaptured` says.
    pub fn new(
        own: Cap<Domain>,
        domain: Cap<Domain>,
        memory: ObjectId,
        pages: u64,
    ) -> Result<View, Error> {
        let map = |address| domain.map_captured(memory, own, address);
        Mapping::with(own, PageCount(pages), map).map(View)
    }

    /// Copies a page, which may be written meanwhile.
    pub fn read(&self, page: u64, into: &mut [u8; PAGE_LENGTH]) {
        self.0.memory().read((page * PAGE_BYTES) as usize, into);
    }

    /// Whether a page is full of zeros.
    pub fn is_zero(&self, page: u64) -> bool {
        let start = (page * PAGE_BYTES) as usize;
        let mut piece = [0; PIECE_BYTES];
        (0..PAGE_LENGTH).step_by(PIECE_BYTES).all(|offset| {
            self.0.memory().read(start + offset, &mut piece);
            piece == [0; PIECE_BYTES]
        })
    }

    /// The memory itself.
    pub fn memory(&self) -> SharedMemory<'_> {
        self.0.memory()
    }
}

/// A Memory of the domain's own.
#[derive(Debug)]
pub struct Captured {
    /// Which.
    pub id: ObjectId,
    /// Its pages.
    pub view: View,
    /// What is known of them.
    pub pages: PageState,
    /// Whether the image knows of it.
    pub is_announced: bool,
}

impl Captured {
    /// A Memory of this size of which everything is still to be sent.
    ///
    /// # Errors
    /// What `DomainMapCaptured` says.
    pub fn new(
        own: Cap<Domain>,
        domain: Cap<Domain>,
        id: ObjectId,
        pages: u64,
    ) -> Result<Captured, Error> {
        Ok(Captured {
            id,
            view: View::new(own, domain, id, pages)?,
            pages: PageState::new(pages),
            is_announced: false,
        })
    }

    /// Adds the pages that were written since the last time, all that are present at the first.
    ///
    /// They count as clean from now on; so this comes before they are read.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn collect_dirty(&mut self, domain: Cap<Domain>) -> Result<(), Error> {
        collect(domain, self.id, Which::Dirty, &mut self.pages.pending)
    }

    /// Reads which pages are there, of the chunk that begins here.
    ///
    /// A page that is absent must not be touched: this is asked right before pages are read, while the domain stands
    /// still.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn refresh_present(&mut self, domain: Cap<Domain>, first_page: u64) -> Result<(), Error> {
        let count = PageCount(CHUNK_PAGES_MAX as u64);
        let bitmap = domain.pages(self.id, PageCount(first_page), count, Which::Present)?;
        self.pages.present.replace(first_page, bitmap.bits());
        Ok(())
    }

    /// Reads which pages are there.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn collect_present(&mut self, domain: Cap<Domain>) -> Result<(), Error> {
        self.pages.present.clear();
        collect(domain, self.id, Which::Present, &mut self.pages.present)
    }

    /// Ends the dirty log.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn end_log(&self, domain: Cap<Domain>) -> Result<(), Error> {
        end_log(domain, self.id)
    }
}

/// Ends the dirty log of a Memory.
///
/// # Errors
/// What `DomainPages` says.
pub fn end_log(domain: Cap<Domain>, memory: ObjectId) -> Result<(), Error> {
    let ended = domain.pages(memory, PageCount(0), PageCount(0), Which::EndLog);
    ended.map(|_| ())
}

fn collect(
    domain: Cap<Domain>,
    id: ObjectId,
    which: Which,
    into: &mut PageSet,
) -> Result<(), Error> {
    let mut first = 0;
    while first < into.page_count() {
        let rest = PageCount(into.page_count() - first);
        let bitmap = domain.pages(id, PageCount(first), rest, which)?;
        into.insert_all(first, bitmap.bits());
        // No progress would be a mistake of the kernel's.
        first += bitmap.page_count.0.max(1);
    }
    Ok(())
}
