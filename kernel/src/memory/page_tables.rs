//! The tables of a Memory: [`PageTables`], and one [`LeafTable`] of them.
//!
//! ```text
//!   directories[page / 262144] -> directory[page / 512 % 512] -> leaf table[page % 512] -> page
//! ```
//!
//! The processor walks the leaf tables through the links in domains' page directories, and marks the links that it uses. It never
//! walks the directories here. Their entries have marks too: the kernel marks a leaf table as used when it inserts or writes pages,
//! or removes a link that is marked as used.

use core::cell::Cell;

#[cfg(test)]
use crate::arch::PhysAddr;

use super::{Entry, ForeignRun, Frame, OwnedFrame, TABLE_ENTRIES, Table, Unmapped};

/// Pages per directory: 1 GiB.
const PAGES_PER_DIRECTORY: u64 = TABLE_ENTRIES * TABLE_ENTRIES;

const DIRECTORIES_MAX: usize = (abi::MEMORY_PAGES_MAX / PAGES_PER_DIRECTORY) as usize;

/// The directories and leaf tables of a Memory, and their frames.
#[derive(Debug)]
pub struct PageTables {
    directories: [Cell<Option<Table>>; DIRECTORIES_MAX],
}

/// A table of 512 pages of a Memory. Pages are named by their number in the Memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafTable(pub(super) Table);

impl LeafTable {
    /// The frame of a page, if the page is present and RAM.
    #[inline]
    pub fn frame(self, page: u64) -> Option<Frame> {
        self.0.target(page % TABLE_ENTRIES)
    }

    /// The flags of a page's entry.
    #[inline]
    pub fn flags(self, page: u64) -> Entry {
        self.0.flags(page % TABLE_ENTRIES)
    }

    /// Marks a page as accessed or dirty, as the processor does.
    pub fn add_marks(self, page: u64, marks: Entry) {
        self.0.add_flags(page % TABLE_ENTRIES, marks & Entry::MARKS);
    }

    /// Removes the accessed or the dirty mark of a page; returns the flags that its entry had.
    #[inline]
    pub fn remove_marks(self, page: u64, marks: Entry) -> Entry {
        self.0
            .remove_flags(page % TABLE_ENTRIES, marks & Entry::MARKS)
    }

    /// Inserts an absent page.
    #[inline]
    pub fn insert(self, page: u64, frame: OwnedFrame, flags: Entry) {
        self.0.adopt(page % TABLE_ENTRIES, frame, flags);
    }

    /// Reserves a frame for a page, which stays absent until [`LeafTable::make_present`].
    pub fn reserve(self, page: u64, frame: OwnedFrame) {
        self.0.adopt(page % TABLE_ENTRIES, frame, Entry::empty());
    }

    /// Makes a page present in its reserved frame, filled with zeros; false if none is reserved, or the page is present.
    pub fn make_present(self, page: u64, flags: Entry) -> bool {
        self.0.make_present(page % TABLE_ENTRIES, flags)
    }

    /// Inserts an absent page of a run, whose frame the table does not own.
    #[inline]
    pub fn insert_foreign(self, page: u64, run: &ForeignRun, flags: Entry) {
        let mut flags = flags.difference(Entry::OWNED);
        flags.set(Entry::NOT_RAM, !run.is_ram());
        self.0.refer(page % TABLE_ENTRIES, run.page(page), flags);
    }

    /// Removes a page, present or reserved; returns the flags that its entry had.
    #[inline]
    pub fn remove(self, page: u64, unmapped: &mut Unmapped) -> Option<Entry> {
        let (flags, frame) = self.0.take(page % TABLE_ENTRIES)?;
        unmapped.add(frame);
        Some(flags)
    }
}

#[cfg(test)]
impl LeafTable {
    /// A page's entry.
    pub fn entry(self, page: u64) -> u64 {
        self.0.frame().read_word(page % TABLE_ENTRIES * 8)
    }

    /// The address of that entry.
    pub fn address_of(self, page: u64) -> PhysAddr {
        self.0.frame().address() + page % TABLE_ENTRIES * 8
    }
}

impl PageTables {
    /// No tables.
    pub const fn new() -> PageTables {
        PageTables {
            directories: [const { Cell::new(None) }; DIRECTORIES_MAX],
        }
    }

    /// The leaf table of a page, if there is one; `None` for a page beyond the largest Memory.
    #[inline]
    pub fn leaf(&self, page: u64) -> Option<LeafTable> {
        self.directory(page)?
            .get()?
            .child(page / TABLE_ENTRIES % TABLE_ENTRIES)
            .map(LeafTable)
    }

    /// The leaf table of a page, created if there is none, and marked as used.
    ///
    /// # Errors
    /// The error of `allocate`. A directory that was created before the error stays.
    ///
    /// # Panics
    /// For a page beyond the largest Memory.
    pub fn ensure_leaf<E>(
        &self,
        page: u64,
        mut allocate: impl FnMut() -> Result<OwnedFrame, E>,
    ) -> Result<LeafTable, E> {
        let cell = self.directory(page).expect("the page is the Memory's");
        let directory = match cell.get() {
            Some(directory) => directory,
            None => Table::create(allocate()?),
        };
        cell.set(Some(directory));
        let index = page / TABLE_ENTRIES % TABLE_ENTRIES;
        let leaf = directory.ensure_child(index, allocate)?;
        directory.mark_accessed(index);
        Ok(LeafTable(leaf))
    }

    /// Marks the leaf table of a page as used, if there is one.
    #[inline]
    pub fn mark_used(&self, page: u64) {
        let index = page / TABLE_ENTRIES % TABLE_ENTRIES;
        if let Some(directory) = self.directory(page).and_then(Cell::get)
            && directory.is_used(index)
        {
            directory.mark_accessed(index);
        }
    }

    /// Removes that mark; returns whether it was set.
    pub fn take_use(&self, page: u64) -> bool {
        let directory = self.directory(page).and_then(Cell::get);
        directory
            .is_some_and(|directory| directory.take_accessed(page / TABLE_ENTRIES % TABLE_ENTRIES))
    }

    /// The first page of the first leaf table in the first directory; `None` if that directory is empty, or no directory exists.
    pub fn first_leaf(&self) -> Option<u64> {
        let present = |cell: &Cell<Option<Table>>| cell.get().is_some();
        let number = self.directories.iter().position(present)?;
        let directory = self.directories[number].get()?;
        let index = (0..TABLE_ENTRIES).find(|index| directory.is_used(*index))?;
        Some(number as u64 * PAGES_PER_DIRECTORY + index * TABLE_ENTRIES)
    }

    /// Removes the leaf table of a page. None of its pages may be present or reserved, and no mapping may link it.
    pub fn take_leaf(&self, page: u64) -> Option<Unmapped> {
        self.directory(page)?
            .get()?
            .clear(page / TABLE_ENTRIES % TABLE_ENTRIES)
            .map(Unmapped::one)
    }

    /// Removes the first directory, which must be empty. No processor walks directories, so no TLB flush is needed.
    pub fn take_directory(&self) -> Option<OwnedFrame> {
        self.directories
            .iter()
            .find_map(Cell::take)
            .map(Table::into_frame)
    }

    #[inline]
    fn directory(&self, page: u64) -> Option<&Cell<Option<Table>>> {
        self.directories.get((page / PAGES_PER_DIRECTORY) as usize)
    }
}

impl Default for PageTables {
    fn default() -> Self {
        PageTables::new()
    }
}
