//! Copies pages of a domain's Memory into a Memory of the reader.
//!
//! A running domain can be read only by copying, because it may discard a page at any time. A copy reports such a page as
//! absent; a reader that maps the Memory would fault. Within a step, the dirty bit of a page is cleared and flushed before
//! the page is copied. So a write after the copy marks the page dirty again.

use abi::{Error, PAGES_PER_TABLE};

use crate::arch;
use crate::memory::{Entry, LeafTable, Ref};
use crate::objects::{Attribute, MemoryObject};

/// The maximum number of pages that one call reads. Checking whether a page is full of zeros, and copying it, takes up to
/// 1,400 instructions.
const PAGES_PER_CALL: usize = 8;

/// The number of pages that a mask covers. They are in one leaf table.
const MASK_PAGES: u64 = u64::BITS as u64;

const _: () = assert!(PAGES_PER_TABLE.is_multiple_of(MASK_PAGES));

/// The pages to copy, and the destination.
#[derive(Clone, Copy, Debug)]
pub struct CopyRequest {
    /// The Memory to read.
    pub memory: Ref<MemoryObject>,
    /// The token of that Memory's dirty log, or zero.
    pub log: u64,
    /// The first page of the mask.
    pub first_page: u64,
    /// The mask of the pages to copy.
    pub wanted: u64,
    /// The Memory for the copies.
    pub into: Ref<MemoryObject>,
    /// The page for the first copy.
    pub into_page: u64,
}

/// The result of one call: masks of pages. A wanted page in none of them is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Not read yet.
    pub remaining: u64,
    /// Copied, packed densely.
    pub data: u64,
    /// Full of zeros, and not copied.
    pub zero: u64,
}

/// Reads the first wanted pages, at most [`PAGES_PER_CALL`]. Stops at a page that has to be copied and has no destination page.
///
/// # Errors
/// [`Error::WrongState`] unless both Memories are ordinary; [`Error::Misaligned`], [`Error::ArgumentRange`];
/// [`Error::InUse`] for a token that is not the log's; [`Error::PageAbsent`] if the first present page has to be copied and
/// the page at `into_page` is absent. After an error nothing has changed.
pub fn copy_pages(request: CopyRequest) -> Result<Copied, Error> {
    request.check()?;
    let CopyRequest {
        memory,
        log,
        first_page,
        wanted,
        into,
        into_page,
    } = request;
    let Some(leaf) = memory.leaf(first_page) else {
        return Ok(Copied::default());
    };
    let pages = Mask {
        leaf,
        first: first_page,
    };
    let present = pages.present_among(wanted);
    if present == 0 {
        return Ok(Copied::default());
    }
    let tried = lowest(present, PAGES_PER_CALL);
    let cleaned = if log == 0 { 0 } else { pages.clean(tried) };
    let Read { data, zero } = pages.copy(tried, into, into_page);
    let read = data | zero;
    pages.mark_dirty(cleaned & !read);
    if read == 0 {
        return Err(Error::PageAbsent);
    }
    if data != 0 {
        into.header.touch();
    }
    Ok(Copied {
        remaining: present & !read,
        data,
        zero,
    })
}

impl CopyRequest {
    fn check(&self) -> Result<(), Error> {
        let is_ordinary = |memory: Ref<MemoryObject>| memory.attribute == Attribute::Ordinary;
        if !is_ordinary(self.memory) || !is_ordinary(self.into) {
            return Err(Error::WrongState);
        }
        if !self.first_page.is_multiple_of(MASK_PAGES) {
            return Err(Error::Misaligned);
        }
        let count = MASK_PAGES - u64::from(self.wanted.leading_zeros());
        if !self.memory.holds(self.first_page, count) || !self.into.holds(self.into_page, 0) {
            return Err(Error::ArgumentRange);
        }
        match self.log {
            0 => Ok(()),
            log => self.memory.check_log(log),
        }
    }
}

/// The pages of a leaf table that a mask covers.
#[derive(Clone, Copy)]
struct Mask {
    leaf: LeafTable,
    first: u64,
}

impl Mask {
    fn present_among(self, wanted: u64) -> u64 {
        mask_of(bits(wanted).filter(|bit| {
            let flags = self.leaf.flags(self.first + bit);
            flags.contains(Entry::PRESENT)
        }))
    }

    /// Marks pages clean, on every core, before they are read; returns the mask of those that were dirty.
    fn clean(self, tried: u64) -> u64 {
        let was_dirty = |bit: &u64| {
            let flags = self.leaf.remove_marks(self.first + bit, Entry::DIRTY);
            flags.contains(Entry::DIRTY)
        };
        let cleaned = mask_of(bits(tried).filter(was_dirty));
        arch::flush_all();
        cleaned
    }

    /// Marks pages dirty again if they were marked clean but then not read.
    fn mark_dirty(self, pages: u64) {
        for bit in bits(pages) {
            self.leaf.add_marks(self.first + bit, Entry::DIRTY);
        }
    }

    /// Copies the pages that are not full of zeros to the pages from `into_page` on. Stops when the next of these is absent.
    fn copy(self, tried: u64, into: Ref<MemoryObject>, into_page: u64) -> Read {
        let mut read = Read { data: 0, zero: 0 };
        for bit in bits(tried) {
            let Some(from) = self.leaf.frame(self.first + bit) else {
                continue;
            };
            if from.is_zero() {
                read.zero |= 1 << bit;
                continue;
            }
            let page = into_page + u64::from(read.data.count_ones());
            if into.frame(page).is_none() {
                break;
            }
            into.write_page(page, from);
            read.data |= 1 << bit;
        }
        read
    }
}

/// The pages read, as masks.
struct Read {
    /// Copied.
    data: u64,
    /// Full of zeros.
    zero: u64,
}

/// The positions of a mask's bits, ascending.
fn bits(mask: u64) -> impl Iterator<Item = u64> {
    let rest = |mask: &u64| Some(mask & (mask - 1)).filter(|rest| *rest != 0);
    let masks = core::iter::successors(Some(mask).filter(|mask| *mask != 0), rest);
    masks.map(|mask| u64::from(mask.trailing_zeros()))
}

/// The lowest bits of a mask, at most `count`.
fn lowest(mask: u64, count: usize) -> u64 {
    mask_of(bits(mask).take(count))
}

fn mask_of(bits: impl Iterator<Item = u64>) -> u64 {
    bits.fold(0, |mask, bit| mask | 1 << bit)
}
