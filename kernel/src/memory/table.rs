//! A frame of 512 page-table entries: [`Table`] (Intel SDM volume 3, 4.5).
//!
//! The processor sets the accessed and dirty bits of entries at any time, so every change is one locked
//! read-modify-write.

use core::sync::atomic::{AtomicU64, Ordering};

use bitflags::bitflags;

use super::Frame;
use crate::arch::PhysAddr;

/// Entries in a table.
pub const TABLE_ENTRIES: u64 = 512;

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

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
        /// With `UNCACHED`: no caching.
        const WRITE_THROUGH = 1 << 3;
        /// No caching.
        const UNCACHED = 1 << 4;
        /// The processor has used it.
        const ACCESSED = 1 << 5;
        /// The page was written.
        const DIRTY = 1 << 6;
        /// Executing is not allowed.
        const NO_EXECUTE = 1 << 63;
    }
}

impl Entry {
    /// A page of a Memory: every right, and born dirty, since nobody else has seen it yet.
    pub const LEAF: Entry = Entry::PRESENT
        .union(Entry::WRITE)
        .union(Entry::USER)
        .union(Entry::ACCESSED)
        .union(Entry::DIRTY);

    /// A device's page.
    pub const DEVICE: Entry = Entry::LEAF
        .union(Entry::UNCACHED)
        .union(Entry::WRITE_THROUGH);

    /// A table between the root and the links: every right.
    pub const BRANCH: Entry = Entry::PRESENT.union(Entry::WRITE).union(Entry::USER);
}

/// A page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(Frame);

impl Table {
    /// Makes an empty table of a frame that has no other use.
    pub fn create(frame: Frame) -> Table {
        frame.zero();
        Table(frame)
    }

    /// The frame.
    pub fn frame(self) -> Frame {
        self.0
    }

    /// The table below, if this entry has one.
    pub fn child(self, index: u64) -> Option<Table> {
        self.target(index).map(Table)
    }

    /// The frame that an entry refers to, if it is present.
    pub fn target(self, index: u64) -> Option<Frame> {
        let entry = self.entries()[index as usize].load(Ordering::Relaxed);
        (entry & Entry::PRESENT.bits() != 0)
            .then(|| Frame::containing(PhysAddr::new(entry & ADDRESS)))
    }

    /// The flags of an entry.
    pub fn flags(self, index: u64) -> Entry {
        Entry::from_bits_truncate(self.entries()[index as usize].load(Ordering::Relaxed))
    }

    /// Fills an empty entry.
    pub fn set(self, index: u64, frame: Frame, flags: Entry) {
        self.entries()[index as usize]
            .store(frame.address().as_u64() | flags.bits(), Ordering::Release);
    }

    /// Empties an entry; returns the frame it referred to.
    pub fn clear(self, index: u64) -> Option<Frame> {
        let entry = self.entries()[index as usize].swap(0, Ordering::AcqRel);
        (entry & Entry::PRESENT.bits() != 0)
            .then(|| Frame::containing(PhysAddr::new(entry & ADDRESS)))
    }

    /// Adds flags to a present entry.
    pub fn add_flags(self, index: u64, flags: Entry) {
        self.entries()[index as usize].fetch_or(flags.bits(), Ordering::AcqRel);
    }

    /// Removes flags; returns those the entry had.
    pub fn remove_flags(self, index: u64, flags: Entry) -> Entry {
        Entry::from_bits_truncate(
            self.entries()[index as usize].fetch_and(!flags.bits(), Ordering::AcqRel),
        )
    }

    fn entries(&self) -> &[AtomicU64; TABLE_ENTRIES as usize] {
        // SAFETY: only `create` and entries of tables make a `Table`, so the frame holds 512 entries; the module's
        // invariant keeps it a table while one refers to it.
        unsafe { &*self.0.pointer().cast() }
    }
}
