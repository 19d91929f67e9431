//! A domain's upper page tables: [`AddressSpace`].
//!
//! The tables of three levels belong to the domain (PML4, PDPT, PD). The tables of the fourth level, the leaf tables, belong
//! to Memories and are *linked* into page directories, 2 MiB per link. The link's flags limit the domain's access, since the
//! processor intersects the rights of all levels. The PDPT's entry for a page directory counts the links in that directory.
//! So a directory that earlier mappings left empty is skipped in one step.
//!
//! ```text
//!   domain:  PML4 -> PDPT -> PD -+-link r-x-> leaf table of Memory A
//!                                +-link rw--> leaf table of Memory B <-link r---- another domain's PD
//! ```

use core::cell::Cell;

use super::{Entry, Frame, LeafTable, OwnedFrame, Table, Unmapped};
use crate::arch::{self, PhysAddr};

/// The accesses that a link allows beyond reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRights {
    /// Writing.
    pub write: bool,
    /// Executing.
    pub execute: bool,
}

impl LinkRights {
    fn flags(self) -> Entry {
        let mut flags = Entry::PRESENT | Entry::USER;
        flags.set(Entry::WRITE, self.write);
        flags.set(Entry::NO_EXECUTE, !self.execute);
        flags
    }
}

/// The result of a page-table walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The page's frame.
    pub frame: Frame,
    /// Whether the mapping allows writing.
    pub write: bool,
    leaf: LeafTable,
    /// The page directory with the link to the leaf table.
    directory: Table,
}

impl Translation {
    /// Marks the page at the translated address as accessed and dirty, and the link to its table as used, as the processor does
    /// when it writes.
    #[inline(always)]
    pub fn mark_written(self, address: u64) {
        self.directory.mark_accessed(index_at(address, 1));
        self.leaf.add_marks(index_at(address, 0), Entry::MARKS);
    }
}

/// A domain's upper tables.
#[derive(Debug)]
pub struct AddressSpace {
    root: Table,
    is_dismantled: Cell<bool>,
}

impl AddressSpace {
    /// An address space without user mappings.
    pub fn create(frame: OwnedFrame) -> AddressSpace {
        let root = Table::create(frame);
        arch::install_kernel_half(root.frame().address());
        AddressSpace {
            root,
            is_dismantled: Cell::new(false),
        }
    }

    /// The address for the CR3 register.
    pub fn root(&self) -> PhysAddr {
        self.root.frame().address()
    }

    /// Links a leaf table at an address (a multiple of 2 MiB). Missing tables on the path are created with `allocate`, and stay
    /// in the address space even if a later allocation fails.
    ///
    /// # Errors
    /// The error of `allocate`.
    pub fn link<E>(
        &self,
        address: u64,
        leaf: LeafTable,
        rights: LinkRights,
        mut allocate: impl FnMut() -> Result<OwnedFrame, E>,
    ) -> Result<(), E> {
        let middle = self
            .root
            .ensure_child(index_at(address, 3), &mut allocate)?;
        let directory = middle.ensure_child(index_at(address, 2), &mut allocate)?;
        let leaf = leaf.0.frame().address();
        directory.refer(index_at(address, 1), leaf, rights.flags());
        middle.count_up(index_at(address, 2));
        Ok(())
    }

    /// Removes the links from an address (a multiple of 2 MiB) up to `end`, and flushes every core's TLB. Calls `used` with the
    /// address of each removed link that is marked as used. Examines at most `most` entries; returns the address to
    /// continue at.
    pub fn unlink(&self, address: u64, end: u64, most: u64, used: impl Fn(u64)) -> u64 {
        let (mut next, mut looks) = (address, 0);
        while next < end && looks < most {
            next = self.unlink_in_directory(next, end, most, &mut looks, &used);
        }
        arch::flush_all();
        next
    }

    /// Removes the links in one page directory from an address up to `end`; returns the next address at which there may be a
    /// link. Stops when `looks`, the number of examined entries and directories, exceeds `most`.
    #[inline]
    fn unlink_in_directory(
        &self,
        address: u64,
        end: u64,
        most: u64,
        looks: &mut u64,
        used: impl Fn(u64),
    ) -> u64 {
        let after = |level| (address | (span(level) - 1)) + 1;
        *looks += 1;
        let Some(middle) = self.root.child(index_at(address, 3)) else {
            return after(3);
        };
        let number = index_at(address, 2);
        let Some(directory) = middle.child(number) else {
            return after(2);
        };
        let (links, stop) = (middle.count(number), end.min(after(2)));
        let (mut next, mut removed) = (address, 0);
        while next < stop && removed < links && *looks <= most {
            if let Some((flags, kept)) = directory.take(index_at(next, 1)) {
                assert!(kept.is_none(), "a leaf table belongs to its Memory");
                if flags.contains(Entry::ACCESSED) {
                    used(next);
                }
                removed += 1;
            }
            next += span(1);
            *looks += 1;
        }
        middle.count_down(number, removed);
        if removed == links { after(2) } else { next }
    }

    /// Whether a leaf table is linked at an address.
    pub fn is_linked(&self, address: u64) -> bool {
        self.directory(address)
            .is_some_and(|directory| directory.target(index_at(address, 1)).is_some())
    }

    /// Walks the tables to a page of RAM.
    pub fn translate(&self, address: u64) -> Option<Translation> {
        let directory = self.directory(address)?;
        let link = index_at(address, 1);
        let leaf = LeafTable(directory.child(link)?);
        let frame = leaf.frame(index_at(address, 0))?;
        let write = directory.flags(link).contains(Entry::WRITE);
        Some(Translation {
            frame,
            write,
            leaf,
            directory,
        })
    }

    /// Removes the accessed mark of the link at an address, if there is a link; returns whether the mark was set. A processor that
    /// uses the link sets it, and so does [`Translation::mark_written`]. Until the next flush of every core's TLB, a processor may
    /// use the link without setting the mark.
    pub fn take_use(&self, address: u64) -> bool {
        let directory = self.directory(address);
        directory.is_some_and(|directory| directory.take_accessed(index_at(address, 1)))
    }

    /// Removes one of the domain's tables, the root last; `None` when nothing is left. All links must have been removed, and no
    /// thread of the domain may be loaded.
    pub fn dismantle(&self) -> Option<Unmapped> {
        if self.is_dismantled.get() {
            return None;
        }
        for top in 0..Self::USER_ENTRIES {
            let Some(middle) = self.root.child(top) else {
                continue;
            };
            return (0..super::TABLE_ENTRIES)
                .find_map(|index| middle.clear(index))
                .or_else(|| self.root.clear(top))
                .map(Unmapped::one);
        }
        self.is_dismantled.set(true);
        Some(Unmapped::one(self.root.into_frame()))
    }

    /// The root's entries for the user half.
    const USER_ENTRIES: u64 = 256;

    #[inline]
    fn directory(&self, address: u64) -> Option<Table> {
        self.root
            .child(index_at(address, 3))?
            .child(index_at(address, 2))
    }
}

/// The index of an address in a table of this level: 0 is the leaf, 3 the root.
fn index_at(address: u64, level: u32) -> u64 {
    address >> (12 + 9 * level) & (super::TABLE_ENTRIES - 1)
}

/// Bytes that an entry of a table of this level covers.
fn span(level: u32) -> u64 {
    1 << (12 + 9 * level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::fake;
    use crate::memory::{FrameAllocator, PageTables};

    const AT: u64 = 0x7f_c060_0000;

    const READ: LinkRights = LinkRights {
        write: false,
        execute: true,
    };
    const WRITE: LinkRights = LinkRights {
        write: true,
        execute: false,
    };

    fn space() -> (FrameAllocator, AddressSpace) {
        fake::Machine::new(4);
        let frames = FrameAllocator::new(&fake::boot_information().memory);
        let space = AddressSpace::create(frames.allocate().expect("a frame"));
        (frames, space)
    }

    #[test]
    fn a_page_appears_through_every_link_with_that_links_rights() {
        let (frames, space) = space();
        let mut allocate = || frames.allocate().ok_or(());
        let tables = PageTables::new();
        let leaf = tables.ensure_leaf(3, &mut allocate).expect("room");
        let page = allocate().expect("a frame");
        let view = page.view();
        space.link(AT, leaf, READ, &mut allocate).expect("room");
        space
            .link(AT + 0x20_0000, leaf, WRITE, &mut allocate)
            .expect("room");
        assert!(space.translate(AT + 0x3000).is_none());
        leaf.insert(3, page, Entry::LEAF);
        let first = space.translate(AT + 0x3123).expect("mapped");
        let second = space.translate(AT + 0x20_3123).expect("mapped");
        assert_eq!((first.frame, first.write), (view, false));
        assert_eq!((second.frame, second.write), (view, true));
        assert_eq!(space.unlink(AT, AT + 0x20_0000, 9, |_| ()), AT + 0x20_0000);
        assert!(space.translate(AT + 0x3123).is_none());
        assert!(space.is_linked(AT + 0x20_0000));
    }

    #[test]
    fn a_page_directory_without_links_is_skipped_in_one_step() {
        const GIB: u64 = 1 << 30;
        let (frames, space) = space();
        let mut allocate = || frames.allocate().ok_or(());
        let tables = PageTables::new();
        let leaf = tables.ensure_leaf(0, &mut allocate).expect("room");
        let last = GIB + 511 * 0x20_0000;
        for address in [GIB, last] {
            space
                .link(address, leaf, READ, &mut allocate)
                .expect("room");
        }
        // The last link is in the last entry.
        assert_eq!(
            space.unlink(GIB, 4 * GIB, 100, |_| ()),
            GIB + 100 * 0x20_0000
        );
        assert!(!space.is_linked(GIB) && space.is_linked(last));
        assert_eq!(space.unlink(GIB + 0x20_0000, 4 * GIB, 511, |_| ()), 2 * GIB);
        assert!(!space.is_linked(last));
        space.link(last, leaf, READ, &mut allocate).expect("room");
        space.unlink(last, last + 0x20_0000, 1, |_| ());
        assert_eq!(space.unlink(GIB, 2 * GIB, 1, |_| ()), 2 * GIB);
    }

    #[test]
    fn dismantling_returns_every_table_exactly_once() {
        fake::Machine::new(4);
        let frames = FrameAllocator::new(&fake::boot_information().memory);
        let free = frames.free();
        let space = AddressSpace::create(frames.allocate().expect("a frame"));
        let tables = PageTables::new();
        let mut allocate = || frames.allocate().ok_or(());
        let leaf = tables.ensure_leaf(0, &mut allocate).expect("room");
        for address in [0, AT, 0x40_0000_0000] {
            space
                .link(address, leaf, WRITE, &mut allocate)
                .expect("room");
            space.unlink(address, address + 1, 1, |_| ());
        }
        let release = |unmapped: Unmapped| {
            unmapped.flush().for_each(|frame| frames.release(frame));
        };
        release(tables.take_leaf(0).expect("the leaf table"));
        frames.release(tables.take_directory().expect("the directory"));
        while let Some(table) = space.dismantle() {
            release(table);
        }
        assert_eq!(frames.free(), free);
        assert!(space.dismantle().is_none());
    }
}
