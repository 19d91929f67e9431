//! Bitmaps of a Memory's present pages and of its dirty pages, for a bounded number of pages at a time.
//!
//! Reading the dirty pages clears the processor's dirty bits, and flushes the TLB before it returns. So a write after that marks
//! its page dirty again. A leaf table that was not in use since the last pass has no dirty page, and its entries are not read: the
//! processor marks the link through which it reaches a leaf table (SDM volume 3, 4.8).

use abi::calls::PageSet;
use abi::message::{DATA_BYTES, DATA_OFFSET};
use abi::{Error, PAGES_PER_TABLE};

use crate::arch;
use crate::memory::{Entry, Frame, LeafTable, Ref};
use crate::objects::{Attribute, MemoryObject};

const _: () = assert!(PAGES_PER_TABLE / 8 <= DATA_BYTES as u64);

const WORD_BITS: u64 = 64;

/// Writes the bitmap of at most `count` pages from `first` on into the data of a message buffer; returns the number of pages
/// that it covers. It ends at the end of the leaf table. Dirty pages in it are marked clean.
///
/// # Errors
/// [`Error::Misaligned`] unless `first` begins a leaf table, [`Error::ArgumentRange`] beyond the Memory;
/// [`Error::WrongState`] unless the Memory is ordinary; [`Error::InUse`] for a token that is not the log's.
pub fn read_page_set(
    memory: Ref<MemoryObject>,
    log: u64,
    first: u64,
    count: u64,
    which: PageSet,
    buffer: Frame,
) -> Result<u64, Error> {
    if memory.attribute != Attribute::Ordinary {
        return Err(Error::WrongState);
    }
    if !first.is_multiple_of(PAGES_PER_TABLE) {
        return Err(Error::Misaligned);
    }
    if first >= memory.page_count {
        return Err(Error::ArgumentRange);
    }
    if which == PageSet::Dirty {
        memory.check_log(log)?;
    }
    let covered = count.min(PAGES_PER_TABLE).min(memory.page_count - first);
    let leaf = match which {
        PageSet::Present => memory.leaf(first),
        PageSet::Dirty => leaf_in_use(memory, first, covered),
    };
    for (index, start) in (0..covered).step_by(WORD_BITS as usize).enumerate() {
        let word = match (leaf, which) {
            (None, _) => 0,
            (Some(leaf), PageSet::Present) => {
                word_of(start, covered, |page| is_present(leaf, page))
            }
            (Some(leaf), PageSet::Dirty) => word_of(start, covered, |page| take_dirty(leaf, page)),
        };
        buffer.write_word(DATA_OFFSET + index as u64 * 8, word);
    }
    if which == PageSet::Dirty && leaf.is_some() {
        arch::flush_all();
    }
    Ok(covered)
}

/// The leaf table that begins with the page `first`, unless none of its pages can be dirty. If `covered` includes the whole table,
/// the marks of its use are removed, so the caller has to mark all of its pages clean.
fn leaf_in_use(memory: Ref<MemoryObject>, first: u64, covered: u64) -> Option<LeafTable> {
    let leaf = memory.leaf(first)?;
    let is_whole = covered == PAGES_PER_TABLE.min(memory.page_count - first);
    if !is_whole {
        return Some(leaf);
    }
    if !memory.take_use(first) {
        return None;
    }
    arch::flush_all();
    Some(leaf)
}

/// The bits of the pages from `start` on and below `end`. `bit_of` must not see a page beyond `end`, which would be marked
/// clean without being reported.
#[inline(always)]
fn word_of(start: u64, end: u64, bit_of: impl Fn(u64) -> bool) -> u64 {
    let bits = |count| (0..count).fold(0, |word, bit| word | u64::from(bit_of(start + bit)) << bit);
    // All words but the last are full, and the compiler unrolls the loop for a full word.
    if end - start >= WORD_BITS {
        bits(WORD_BITS)
    } else {
        bits(end - start)
    }
}

#[inline(always)]
fn is_present(leaf: LeafTable, index: u64) -> bool {
    leaf.flags(index).contains(Entry::PRESENT)
}

/// Marks a page clean; returns whether it was dirty. Only a dirty page takes a locked operation.
#[inline(always)]
fn take_dirty(leaf: LeafTable, index: u64) -> bool {
    let is_dirty = leaf.flags(index).contains(Entry::PRESENT | Entry::DIRTY);
    if is_dirty {
        leaf.remove_marks(index, Entry::DIRTY);
    }
    is_dirty
}
