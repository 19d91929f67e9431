//! A frame of 512 page-table entries: [`Table`] (Intel SDM volume 3, 4.5).
//!
//! The processor sets the accessed and dirty bits of present entries at any time, so every change of such an entry is one
//! locked read-modify-write.

use core::sync::atomic::{AtomicU64, Ordering};

use bitflags::bitflags;

use super::{Frame, OwnedFrame};
use crate::arch::PhysAddr;

/// Entries in a table.
pub const TABLE_ENTRIES: u64 = 512;

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The bits of an entry for a lower table that hold the number of entries in use there. The processor ignores them (SDM
/// volume 3, table 4-17).
const COUNT: u64 = 0x3ff << COUNT_SHIFT;
const COUNT_SHIFT: u32 = 52;

bitflags! {
    /// The flags of an entry that the kernel uses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Entry: u64 {
        /// The entry refers to a frame.
        const PRESENT = 1 << 0;
        /// Writing is allowed.
        const WRITE = 1 << 1;
        /// User code may use it.
        const USER = 1 << 2;
        /// With `UNCACHED`: no caching. Alone: write combining.
        const WRITE_THROUGH = 1 << 3;
        /// No caching.
        const UNCACHED = 1 << 4;
        /// The processor has used the entry.
        const ACCESSED = 1 << 5;
        /// The page was written.
        const DIRTY = 1 << 6;
        /// The entry owns the frame, until it is cleared. The processor ignores this flag.
        const OWNED = 1 << 9;
        /// The page is not RAM, so the kernel never accesses it. The processor ignores this flag too.
        const NOT_RAM = 1 << 10;
        /// Executing is not allowed.
        const NO_EXECUTE = 1 << 63;
    }
}

impl Entry {
    /// A page of a Memory. It has every right, and is dirty from the start, since no copy of it exists yet.
    pub const LEAF: Entry = Entry::PRESENT
        .union(Entry::WRITE)
        .union(Entry::USER)
        .union(Entry::ACCESSED)
        .union(Entry::DIRTY);

    /// The flags that the processor sets when it uses a page.
    pub const MARKS: Entry = Entry::ACCESSED.union(Entry::DIRTY);

    /// A device's page.
    pub const DEVICE: Entry = Entry::LEAF
        .union(Entry::UNCACHED)
        .union(Entry::WRITE_THROUGH);

    /// A device's page with write combining: boot code gives `WRITE_THROUGH` alone this meaning.
    pub const DEVICE_COMBINING: Entry = Entry::LEAF.union(Entry::WRITE_THROUGH);

    /// The entry for a table between the root and the links. It grants every right.
    pub const BRANCH: Entry = Entry::PRESENT.union(Entry::WRITE).union(Entry::USER);
}

/// A page table. Other modules see only the structures that are made of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table(Frame);

impl Table {
    /// Creates an empty table, which owns the frame.
    pub(super) fn create(frame: OwnedFrame) -> Table {
        frame.view().zero();
        Table(frame.view())
    }

    /// The table's frame. The table's owner calls this once, when it no longer uses the table.
    pub(super) fn into_frame(self) -> OwnedFrame {
        OwnedFrame::new(self.0)
    }

    pub(super) fn frame(self) -> Frame {
        self.0
    }

    /// The table below, if this entry has one.
    #[inline]
    pub(super) fn child(self, index: u64) -> Option<Table> {
        self.target(index).map(Table)
    }

    /// The table below, created if there is none.
    ///
    /// # Errors
    /// The error of `allocate`.
    #[inline]
    pub(super) fn ensure_child<E>(
        self,
        index: u64,
        mut allocate: impl FnMut() -> Result<OwnedFrame, E>,
    ) -> Result<Table, E> {
        if let Some(child) = self.child(index) {
            return Ok(child);
        }
        let frame = allocate()?;
        let child = Table(frame.view());
        child.0.zero();
        self.adopt(index, frame, Entry::BRANCH);
        Ok(child)
    }

    /// The frame that an entry refers to, if it is present and RAM.
    #[inline]
    pub(super) fn target(self, index: u64) -> Option<Frame> {
        const KINDS: Entry = Entry::PRESENT.union(Entry::NOT_RAM);
        let entry = self.entry(index).load(Ordering::Relaxed);
        (entry & KINDS.bits() == Entry::PRESENT.bits())
            .then(|| Frame::containing(PhysAddr::new(entry & ADDRESS)))
    }

    /// Whether an entry is not empty.
    #[inline]
    pub(super) fn is_used(self, index: u64) -> bool {
        self.entry(index).load(Ordering::Relaxed) != 0
    }

    /// The flags of an entry.
    #[inline]
    pub(super) fn flags(self, index: u64) -> Entry {
        Entry::from_bits_truncate(self.entry(index).load(Ordering::Relaxed))
    }

    /// The count in the entry for a lower table.
    #[inline]
    pub(super) fn count(self, index: u64) -> u64 {
        (self.entry(index).load(Ordering::Relaxed) & COUNT) >> COUNT_SHIFT
    }

    /// Adds one to the count in an entry. The result must not exceed 1,023.
    #[inline]
    pub(super) fn count_up(self, index: u64) {
        self.entry(index)
            .fetch_add(1 << COUNT_SHIFT, Ordering::AcqRel);
    }

    /// Subtracts `less` from the count in an entry, which must be at least `less`.
    #[inline]
    pub(super) fn count_down(self, index: u64, less: u64) {
        self.entry(index)
            .fetch_sub(less << COUNT_SHIFT, Ordering::AcqRel);
    }

    /// Fills an empty entry, which then owns the frame.
    #[inline]
    pub(super) fn adopt(self, index: u64, frame: OwnedFrame, flags: Entry) {
        self.refer(index, frame.address(), flags | Entry::OWNED);
    }

    /// Fills an empty entry with a frame that it does not own.
    #[inline]
    pub(super) fn refer(self, index: u64, address: PhysAddr, flags: Entry) {
        let entry = self.entry(index);
        assert_eq!(
            entry.load(Ordering::Relaxed),
            0,
            "an entry that is filled has to be empty"
        );
        entry.store(address.as_u64() | flags.bits(), Ordering::Release);
    }

    /// Empties an entry; returns the frame that it owned.
    #[inline]
    pub(super) fn clear(self, index: u64) -> Option<OwnedFrame> {
        let (_, frame) = self.take(index)?;
        frame
    }

    /// Empties an entry unless it is empty; returns its flags, and the frame that it owned.
    #[inline]
    pub(super) fn take(self, index: u64) -> Option<(Entry, Option<OwnedFrame>)> {
        if !self.is_used(index) {
            return None;
        }
        let entry = self.entry(index).swap(0, Ordering::AcqRel);
        let frame = (entry & Entry::OWNED.bits() != 0)
            .then(|| OwnedFrame::new(Frame::containing(PhysAddr::new(entry & ADDRESS))));
        Some((Entry::from_bits_truncate(entry), frame))
    }

    /// Makes an entry's reserved frame present, filled with zeros; false if the entry has none.
    pub(super) fn make_present(self, index: u64, flags: Entry) -> bool {
        const KINDS: Entry = Entry::PRESENT.union(Entry::OWNED);
        let entry = self.entry(index).load(Ordering::Relaxed);
        let is_reserved = entry & KINDS.bits() == Entry::OWNED.bits();
        if is_reserved {
            Frame::containing(PhysAddr::new(entry & ADDRESS)).zero();
            self.add_flags(index, flags);
        }
        is_reserved
    }

    /// Adds flags to an entry that is not empty.
    #[inline]
    pub(super) fn add_flags(self, index: u64, flags: Entry) {
        self.entry(index).fetch_or(flags.bits(), Ordering::AcqRel);
    }

    /// Removes flags; returns the flags that the entry had.
    #[inline]
    pub(super) fn remove_flags(self, index: u64, flags: Entry) -> Entry {
        Entry::from_bits_truncate(self.entry(index).fetch_and(!flags.bits(), Ordering::AcqRel))
    }

    /// Marks a present entry as accessed.
    #[inline]
    pub(super) fn mark_accessed(self, index: u64) {
        if !self.flags(index).contains(Entry::ACCESSED) {
            self.add_flags(index, Entry::ACCESSED);
        }
    }

    /// Removes the accessed mark of an entry, empty or not; returns whether it was set.
    #[inline]
    pub(super) fn take_accessed(self, index: u64) -> bool {
        let is_accessed = self.flags(index).contains(Entry::ACCESSED);
        if is_accessed {
            self.remove_flags(index, Entry::ACCESSED);
        }
        is_accessed
    }

    #[inline(always)]
    fn entry(&self, index: u64) -> &AtomicU64 {
        // SAFETY: only `create` and entries of tables yield a `Table`, so the frame holds 512 entries. By the module's invariant
        // it stays a table while a `Table` refers to it.
        let entries: &[AtomicU64; TABLE_ENTRIES as usize] = unsafe { &*self.0.pointer().cast() };
        &entries[index as usize]
    }
}
