//! A sparse range of pages with one set of page tables: [`MemoryObject`].
//!
//! The pages are stored *as* leaf page tables ([`PageTables`]), whose entries grant every right. Mappings link those tables
//! into domains, with fewer rights. So a page supplied once appears in every mapping, and all mappings share the processor's
//! dirty bits.

mod lifecycle;

use core::cell::Cell;

use abi::Error;
use capabilities::{Place, Slot};

use super::{Domain, Header, Mapping, Object, Pool};
use crate::memory::{
    Entry, ForeignRun, Frame, Holder, LeafTable, OwnedFrame, PageTables, Ref, Unmapped, place_of,
};

pub use lifecycle::{
    Contiguous, create_contiguous, create_memory, create_memory_of, create_tables_of,
    dismantle_memory, fill,
};

/// The kind of a Memory's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// RAM, page by page.
    Ordinary,
    /// Contiguous RAM. It is never captured, because a device may write it. Its frames are reserved from the beginning;
    /// pages are absent until they are populated.
    Contiguous,
    /// A device's registers or memory.
    Device,
    /// RAM that belongs to no pool: the boot archive.
    Archive,
}

/// The number of mappings whose links one pass over a leaf table examines. The tables of a Memory with more mappings always count
/// as used.
const LINKS_EXAMINED_MAX: usize = 16;

/// A sparse range of pages.
pub struct MemoryObject {
    pub header: Header,
    /// Its size in pages.
    pub page_count: u64,
    pub attribute: Attribute,
    /// The number of present pages.
    pub present: Cell<u64>,
    /// The number of capabilities with WRITE, and of writable mappings, of domains other than its own.
    writers: Cell<u64>,
    /// The token of its dirty log; zero before the first log.
    log: Cell<u64>,
    pub first_mapping: Cell<Option<Ref<Mapping>>>,
    tables: PageTables,
    pager: Slot<Object>,
}

impl MemoryObject {
    /// A Memory without pages.
    pub fn new(
        header: Header,
        page_count: u64,
        attribute: Attribute,
        this: Ref<MemoryObject>,
    ) -> MemoryObject {
        MemoryObject {
            header,
            page_count,
            attribute,
            present: Cell::new(0),
            writers: Cell::new(0),
            log: Cell::new(0),
            first_mapping: Cell::new(None),
            tables: PageTables::new(),
            pager: Slot::empty(Holder::Pager(this).pack()),
        }
    }

    /// The slot of the endpoint that receives messages about absent pages.
    pub fn pager(&self) -> Place {
        place_of(&self.pager)
    }

    /// The pool that pays for its pages.
    pub fn pool(&self) -> Ref<Pool> {
        self.header.pool.expect("every Memory has a pool")
    }

    /// Whether the Memory's pool is not this domain's.
    pub fn is_foreign_to(&self, domain: Ref<Domain>) -> bool {
        self.header.pool != Some(domain.pool())
    }

    /// The number of capabilities and mappings through which domains other than its own can write it.
    pub fn writers(&self) -> u64 {
        self.writers.get()
    }

    /// Counts a writer. This counts as a change to the Memory's own domain, since writers decide whether that domain may
    /// move.
    pub fn add_writer(&self) {
        self.writers.set(self.writers.get() + 1);
        self.header.touch();
    }

    pub fn remove_writer(&self) {
        let writers = self.writers.get().checked_sub(1);
        self.writers
            .set(writers.expect("a removed writer was counted"));
        self.header.touch();
    }

    /// Begins a dirty log and returns its token; the previous log ends.
    pub fn begin_log(&self) -> u64 {
        self.log.set(self.log.get() + 1);
        self.log.get()
    }

    /// Checks that a token is the current log's.
    ///
    /// # Errors
    /// [`Error::InUse`] if the log was taken over, or there never was such a log.
    pub fn check_log(&self, token: u64) -> Result<(), Error> {
        if token != 0 && token == self.log.get() {
            Ok(())
        } else {
            Err(Error::InUse)
        }
    }

    /// Marks the leaf table of a page as used.
    pub fn mark_used(&self, page: u64) {
        self.tables.mark_used(page);
    }

    /// Whether pages of a leaf table, which begins with the page `first`, may be dirty: the kernel has marked the table as used, or
    /// the processor has used a link to it. Removes these marks. The caller then has to flush every core's TLB and to mark all
    /// pages of the table clean, in this order: a processor may have cached a link, and marks pages dirty through it without
    /// marking the link again.
    pub fn take_use(&self, first: u64) -> bool {
        let mut is_used = self.tables.take_use(first);
        let mut mapping = self.first_mapping.get();
        for _ in 0..LINKS_EXAMINED_MAX {
            let Some(current) = mapping else {
                return is_used;
            };
            let address = current.address_of(first);
            is_used |= address.is_some_and(|address| current.domain.space.take_use(address));
            mapping = current.next_in_memory.get();
        }
        // The links of further mappings keep their marks, so with further mappings the table counts as used in every call.
        is_used || mapping.is_some()
    }

    /// Whether a range of pages lies inside.
    pub fn holds(&self, first: u64, count: u64) -> bool {
        first
            .checked_add(count)
            .is_some_and(|end| end <= self.page_count)
    }

    /// A page's leaf table, if there is one.
    pub fn leaf(&self, page: u64) -> Option<LeafTable> {
        self.tables.leaf(page)
    }

    /// The frame of a page, if it is present and RAM.
    pub fn frame(&self, page: u64) -> Option<Frame> {
        self.leaf(page)?.frame(page)
    }

    /// Whether a page is present.
    pub fn is_present(&self, page: u64) -> bool {
        self.leaf(page)
            .is_some_and(|leaf| leaf.flags(page).contains(Entry::PRESENT))
    }

    /// A page's leaf table, created if there is none. It is marked as used, since the caller inserts pages into it.
    ///
    /// # Errors
    /// The error of `allocate`. A directory that was created before the error stays.
    pub fn ensure_leaf<E>(
        &self,
        page: u64,
        allocate: impl FnMut() -> Result<OwnedFrame, E>,
    ) -> Result<LeafTable, E> {
        self.tables.ensure_leaf(page, allocate)
    }

    /// Inserts an absent page into its leaf table.
    pub fn insert(&self, leaf: LeafTable, page: u64, frame: OwnedFrame, flags: Entry) {
        leaf.insert(page, frame, flags);
        self.present.set(self.present.get() + 1);
    }

    /// Overwrites a page, if it is present, with a copy of a frame. A page that the kernel writes is dirty.
    pub fn write_page(&self, page: u64, from: Frame) {
        if let Some(leaf) = self.leaf(page)
            && let Some(frame) = leaf.frame(page)
        {
            self.mark_used(page);
            leaf.add_marks(page, Entry::DIRTY);
            frame.copy_from(from);
        }
    }

    /// As [`MemoryObject::insert`], for a page of a run that belongs to no pool.
    #[inline]
    pub fn insert_foreign(&self, leaf: LeafTable, page: u64, run: &ForeignRun, flags: Entry) {
        leaf.insert_foreign(page, run, flags);
        self.present.set(self.present.get() + 1);
    }

    /// Makes a page present in its reserved frame, filled with zeros; false if none is reserved, or the page is present.
    pub fn make_present(&self, leaf: LeafTable, page: u64) -> bool {
        let is_new = leaf.make_present(page, Entry::LEAF);
        if is_new {
            self.present.set(self.present.get() + 1);
        }
        is_new
    }

    /// Removes a present or reserved page from its leaf table; false if it is neither.
    #[inline]
    pub fn remove(&self, leaf: LeafTable, page: u64, unmapped: &mut Unmapped) -> bool {
        let removed = leaf.remove(page, unmapped);
        if removed.is_some_and(|flags| flags.contains(Entry::PRESENT)) {
            self.present.set(self.present.get() - 1);
        }
        removed.is_some()
    }

    /// The first page of the first leaf table in the first directory; none when that directory is empty, or there is no
    /// directory.
    pub fn first_leaf(&self) -> Option<u64> {
        self.tables.first_leaf()
    }

    /// Removes the leaf table of a page. None of its pages may be present or reserved, and no mapping may link it.
    pub fn take_leaf(&self, page: u64) -> Option<Unmapped> {
        self.tables.take_leaf(page)
    }

    /// Removes the first directory, which must be empty.
    pub fn take_directory(&self) -> Option<OwnedFrame> {
        self.tables.take_directory()
    }

    /// Adds a mapping at the front of the list.
    pub fn add_mapping(&self, mapping: Ref<Mapping>) {
        if mapping.writes_from_outside(self) {
            self.add_writer();
        }
        let next = self.first_mapping.replace(Some(mapping));
        mapping.next_in_memory.set(next);
        if let Some(next) = next {
            next.previous_in_memory.set(Some(mapping));
        }
    }

    pub fn remove_mapping(&self, mapping: Ref<Mapping>) {
        if mapping.writes_from_outside(self) {
            self.remove_writer();
        }
        let (previous, next) = (
            mapping.previous_in_memory.take(),
            mapping.next_in_memory.take(),
        );
        match previous {
            Some(previous) => previous.next_in_memory.set(next),
            None => self.first_mapping.set(next),
        }
        if let Some(next) = next {
            next.previous_in_memory.set(previous);
        }
    }
}
