//! A sparse range of pages with one set of page tables: [`MemoryObject`].
//!
//! The pages are stored *as* leaf page tables, whose entries carry every right; mappings link those tables into
//! domains with fewer. So a page supplied once appears in every mapping, and the processor's dirty bits are the
//! same in all of them.
//!
//! ```text
//!   MemoryObject.directories[page / 262144] -> directory[page / 512 % 512] -> leaf table[page % 512] -> page
//! ```

use core::cell::Cell;

use capabilities::{Place, Slot};

use super::{Header, Mapping, Object};
use crate::memory::{Entry, Frame, Holder, Ref, TABLE_ENTRIES, Table, place_of};

/// What a Memory's pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// RAM, page by page.
    Ordinary,
    /// RAM in one run, which a device may write: never captured.
    Contiguous {
        /// The first page.
        first: Frame,
    },
    /// A device's registers.
    Device,
    /// RAM that belongs to no pool: the boot archive.
    Archive,
}

/// Pages that one directory leads to: 1 GiB.
const PAGES_PER_DIRECTORY: u64 = TABLE_ENTRIES * TABLE_ENTRIES;

const DIRECTORIES_MAX: usize = (abi::MEMORY_PAGES_MAX / PAGES_PER_DIRECTORY) as usize;

/// A sparse range of pages.
pub struct MemoryObject {
    /// What all objects have.
    pub header: Header,
    /// How many pages it can hold.
    pub page_count: u64,
    /// What its pages are.
    pub attribute: Attribute,
    /// How many pages are present.
    pub present: Cell<u64>,
    /// Whether a dirty log runs.
    pub logged: Cell<bool>,
    /// Its first mapping.
    pub first_mapping: Cell<Option<Ref<Mapping>>>,
    directories: [Cell<Option<Table>>; DIRECTORIES_MAX],
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
            logged: Cell::new(false),
            first_mapping: Cell::new(None),
            directories: [const { Cell::new(None) }; DIRECTORIES_MAX],
            pager: Slot::empty(Holder::Pager(this).pack()),
        }
    }

    /// The slot of the endpoint that hears of absent pages.
    pub fn pager(&self) -> Place {
        place_of(&self.pager)
    }

    /// Whether a run of pages lies inside.
    pub fn holds(&self, first: u64, count: u64) -> bool {
        first
            .checked_add(count)
            .is_some_and(|end| end <= self.page_count)
    }

    /// The leaf table that a page belongs to, if there is one.
    pub fn leaf(&self, page: u64) -> Option<Table> {
        self.directory(page)
            .get()?
            .child(page / TABLE_ENTRIES % TABLE_ENTRIES)
    }

    /// The frame of a page, if it is present.
    pub fn frame(&self, page: u64) -> Option<Frame> {
        self.leaf(page)?.target(page % TABLE_ENTRIES)
    }

    /// The leaf table that a page belongs to, made if there is none.
    ///
    /// # Errors
    /// What `allocate` fails with; a directory made before stays.
    pub fn ensure_leaf<E>(
        &self,
        page: u64,
        mut allocate: impl FnMut() -> Result<Frame, E>,
    ) -> Result<Table, E> {
        let cell = self.directory(page);
        let directory = match cell.get() {
            Some(directory) => directory,
            None => Table::create(allocate()?),
        };
        cell.set(Some(directory));
        let index = page / TABLE_ENTRIES % TABLE_ENTRIES;
        if let Some(leaf) = directory.child(index) {
            return Ok(leaf);
        }
        let leaf = Table::create(allocate()?);
        directory.set(index, leaf.frame(), Entry::BRANCH);
        Ok(leaf)
    }

    /// Enters an absent page whose leaf table is there.
    pub fn insert(&self, leaf: Table, page: u64, frame: Frame, flags: Entry) {
        leaf.set(page % TABLE_ENTRIES, frame, flags);
        self.present.set(self.present.get() + 1);
    }

    /// Takes a page out. The caller flushes the TLB before the frame gets another use.
    pub fn remove(&self, page: u64) -> Option<Frame> {
        let frame = self.leaf(page)?.clear(page % TABLE_ENTRIES)?;
        self.present.set(self.present.get() - 1);
        Some(frame)
    }

    /// The first page of the first leaf table in the first directory; none when that directory has no more, or there is no
    /// directory.
    pub fn first_leaf(&self) -> Option<u64> {
        let present = |cell: &Cell<Option<Table>>| cell.get().is_some();
        let number = self.directories.iter().position(present)?;
        let directory = self.directories[number].get()?;
        let index = (0..TABLE_ENTRIES).find(|index| directory.target(*index).is_some())?;
        Some(number as u64 * PAGES_PER_DIRECTORY + index * TABLE_ENTRIES)
    }

    /// Takes away the leaf table of a page. None of its pages may be present, and no mapping link it.
    pub fn take_leaf(&self, page: u64) -> Option<Frame> {
        self.directory(page)
            .get()?
            .clear(page / TABLE_ENTRIES % TABLE_ENTRIES)
    }

    /// Takes away the first directory. None of its leaf tables may be left.
    pub fn take_directory(&self) -> Option<Frame> {
        self.directories
            .iter()
            .find_map(Cell::take)
            .map(Table::frame)
    }

    /// Enters a mapping, first.
    pub fn add_mapping(&self, mapping: Ref<Mapping>) {
        let next = self.first_mapping.replace(Some(mapping));
        mapping.next_in_memory.set(next);
        if let Some(next) = next {
            next.previous_in_memory.set(Some(mapping));
        }
    }

    /// Takes a mapping out of the list.
    pub fn remove_mapping(&self, mapping: Ref<Mapping>) {
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

    fn directory(&self, page: u64) -> &Cell<Option<Table>> {
        &self.directories[(page / PAGES_PER_DIRECTORY) as usize]
    }
}
