//! User code's access to memory: a walk of the active tables, and a TLB.
//!
//! The TLB holds what a processor may hold: the translations of the active root, and the tables on the way to them. It
//! behaves as adversely as the architecture permits. Entries stay until the kernel flushes them or activates another root.
//! After a flush it walks again at once to every page that it held, as a speculating processor may. So a missing flush, or a
//! flush before the change of the table, leaves a stale translation. A later access uses that translation, or
//! [`frame_released`] detects it. That function also overwrites the released frame, so that a test notices a later use.

use super::machine::{Machine, State, with};
use super::memory::PAGE;
use crate::arch::PhysAddr;
use std::collections::BTreeMap;

const PRESENT: u64 = 1 << 0;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// A kind of access by user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UserAccess {
    Load,
    Store,
    Fetch,
}

/// The page fault that an access raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The processor's error code.
    pub error: u64,
}

/// The rights that all entries on the path grant.
#[derive(Clone, Copy)]
struct Rights {
    write: bool,
    user: bool,
    execute: bool,
}

impl Rights {
    const ALL: Self = Self {
        write: true,
        user: true,
        execute: true,
    };

    fn and(self, entry: u64) -> Self {
        Self {
            write: self.write && entry & WRITE != 0,
            user: self.user && entry & USER != 0,
            execute: self.execute && entry & NO_EXECUTE == 0,
        }
    }

    fn allow(self, access: UserAccess) -> bool {
        self.user
            && match access {
                UserAccess::Load => true,
                UserAccess::Store => self.write,
                UserAccess::Fetch => self.execute,
            }
    }
}

/// The path to the leaf table of a 2 MiB region: the tables below the root, the leaf table last.
#[derive(Clone, Copy)]
struct Branch {
    tables: [u64; 3],
    rights: Rights,
}

/// The translation of one page.
#[derive(Clone, Copy)]
struct Page {
    frame: u64,
    rights: Rights,
    dirty: bool,
}

/// The cached translations of the active root.
#[derive(Default)]
pub(super) struct Tlb {
    branches: BTreeMap<u64, Branch>,
    pages: BTreeMap<u64, Page>,
}

/// The first address of the region of a leaf table.
fn region_of(address: u64) -> u64 {
    address & !0x1f_ffff
}

fn page_of(address: u64) -> u64 {
    address & !0xfff
}

fn fault(access: UserAccess, entry_is_present: bool) -> PageFault {
    let cause = match access {
        UserAccess::Load => 0,
        UserAccess::Store => 1 << 1,
        UserAccess::Fetch => 1 << 4,
    };
    PageFault {
        error: u64::from(entry_is_present) | cause | 1 << 2,
    }
}

impl State {
    /// Empties the TLB, since another root is active.
    pub(super) fn forget_translations(&mut self) {
        self.tlb = Tlb::default();
    }

    /// Flushes all cached tables, and one page or all; then walks to the flushed pages again.
    pub(super) fn flush_translations(&mut self, page: Option<u64>) {
        let regions: Vec<u64> = self.tlb.branches.keys().copied().collect();
        let flushed = |known: &u64| page.is_none_or(|page| page == *known);
        let pages: Vec<u64> = self.tlb.pages.keys().copied().filter(flushed).collect();
        self.tlb.branches.clear();
        pages.iter().for_each(|page| {
            self.tlb.pages.remove(page);
        });
        regions.into_iter().for_each(|region| {
            let _ = self.branch(region);
        });
        pages.into_iter().for_each(|page| {
            let _ = self.walk(page);
        });
    }

    /// Translates an address for an access, and sets the accessed and dirty bits that the processor would set.
    fn access(&mut self, address: u64, access: UserAccess) -> Result<u64, PageFault> {
        let page = page_of(address);
        let known = self.tlb.pages.get(&page).copied();
        let mut there = match known {
            Some(there) => there,
            None => self.walk(page).ok_or(fault(access, false))?,
        };
        if !there.rights.allow(access) {
            // A processor removes a translation that led to a fault.
            self.tlb.pages.remove(&page);
            return Err(fault(access, true));
        }
        if access == UserAccess::Store && !there.dirty {
            self.tlb.pages.remove(&page);
            there = self.walk(page).ok_or(fault(access, false))?;
            self.mark(page, ACCESSED | DIRTY);
            there.dirty = true;
            self.tlb.pages.insert(page, there);
        } else if known.is_none() {
            self.mark(page, ACCESSED);
        }
        Ok(there.frame + (address - page))
    }

    /// Walks to a page and caches it; `None` if it is absent.
    fn walk(&mut self, page: u64) -> Option<Page> {
        let branch = self.branch(page)?;
        let entry = self.entry(branch.tables[2], page >> 12)?;
        let there = Page {
            frame: entry & ADDRESS,
            rights: branch.rights.and(entry),
            dirty: entry & DIRTY != 0,
        };
        self.tlb.pages.insert(page, there);
        Some(there)
    }

    /// The path to the leaf table of an address, cached or walked anew; `None` if a table is absent.
    fn branch(&mut self, address: u64) -> Option<Branch> {
        let region = region_of(address);
        if let Some(branch) = self.tlb.branches.get(&region) {
            return Some(*branch);
        }
        let mut table = self.active?.as_u64();
        let mut rights = Rights::ALL;
        let mut tables = [0; 3];
        for (below, shift) in tables.iter_mut().zip([39, 30, 21]) {
            let entry = self.entry(table, address >> shift)?;
            if entry & USER == 0 {
                // The kernel's half, whose tables are not frames of the arena.
                return None;
            }
            rights = rights.and(entry);
            // A processor caches only entries that are marked as accessed.
            self.add_flags(table, address >> shift, ACCESSED);
            table = entry & ADDRESS;
            *below = table;
        }
        let branch = Branch { tables, rights };
        self.tlb.branches.insert(region, branch);
        Some(branch)
    }

    /// Sets flags in the leaf entry of a page just walked to.
    fn mark(&mut self, page: u64, flags: u64) {
        let branch = self.branch(page).expect("it was just walked to");
        self.add_flags(branch.tables[2], page >> 12, flags);
    }

    fn add_flags(&mut self, table: u64, index: u64, flags: u64) {
        let at = self.entry_at(table, index);
        // SAFETY: an aligned word of the arena, which only this thread uses.
        unsafe { at.write(at.read() | flags) }
    }

    /// An entry of a table, if it is present.
    fn entry(&self, table: u64, index: u64) -> Option<u64> {
        // SAFETY: an aligned word of the arena, which only this thread uses.
        let entry = unsafe { self.entry_at(table, index).read() };
        (entry & PRESENT != 0).then_some(entry)
    }

    fn entry_at(&self, table: u64, index: u64) -> *mut u64 {
        self.arena.at(PhysAddr::new(table + index % 512 * 8)).cast()
    }

    /// An address whose cached translation leads to a frame.
    fn leading_to(&self, frame: u64) -> Option<u64> {
        let pages = self.tlb.pages.iter();
        let branches = self.tlb.branches.iter();
        pages
            .filter(|(_, page)| page.frame == frame)
            .map(|(address, _)| *address)
            .chain(
                branches
                    .filter(|(_, branch)| branch.tables.contains(&frame))
                    .map(|(address, _)| *address),
            )
            .next()
    }
}

/// The byte that fills a released frame: not a valid address, flag or kind of object.
const RELEASED: u8 = 0xdb;

/// Reports that a frame is released; its content is overwritten.
///
/// # Panics
/// If the processor may still reach it through the active tables or the TLB.
pub fn frame_released(frame: PhysAddr) {
    with(|state| {
        assert_ne!(
            state.active,
            Some(frame),
            "the active root table is released"
        );
        let from = state.leading_to(frame.as_u64());
        assert_eq!(
            from, None,
            "{frame:?} is released while the TLB leads to it"
        );
        // SAFETY: a whole page of the arena, which only this thread uses; its owner does not use it any more.
        unsafe { state.arena.at(frame).write_bytes(RELEASED, PAGE) };
    });
}

impl Machine {
    /// Acts as user code that reads, writes or executes at an address, as the active tables and the TLB permit; returns the
    /// physical address.
    pub fn access(&self, address: u64, access: UserAccess) -> Result<PhysAddr, PageFault> {
        with(|state| state.access(address, access)).map(PhysAddr::new)
    }

    /// Reads a word of physical memory.
    pub fn read(&self, address: PhysAddr) -> u64 {
        // SAFETY: callers got the address from `access`, for an aligned word of the arena, which only this thread uses.
        with(|state| unsafe { state.arena.at(address).cast::<u64>().read() })
    }

    /// Writes a word of physical memory.
    pub fn write(&self, address: PhysAddr, value: u64) {
        // SAFETY: as in `read`.
        with(|state| unsafe { state.arena.at(address).cast::<u64>().write(value) });
    }
}
