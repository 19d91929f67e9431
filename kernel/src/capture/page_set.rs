//! Which of a Memory's pages are present, which were written: bitmaps of a bounded number of pages.
//!
//! A dirty pass clears the processor's dirty bits and flushes the TLB before it returns, so that a page read after
//! that is no older than its clean bit.

use abi::calls::PageSet;
use abi::message::{DATA_BYTES, DATA_OFFSET};
use abi::{Error, PAGES_PER_TABLE};

use crate::arch;
use crate::memory::{Entry, Frame, LeafTable, Ref};
use crate::objects::{Attribute, MemoryObject};

/// Pages that one call covers: four leaf tables.
const PAGES_PER_CALL: u64 = 4 * PAGES_PER_TABLE;

const _: () = assert!(PAGES_PER_CALL / 8 <= DATA_BYTES as u64);

const WORD_BITS: u64 = 64;

/// Writes the bitmap of at most `count` pages from `first` on into the data of a message buffer; returns how many pages
/// it covers.
///
/// # Errors
/// [`Error::Misaligned`] unless `first` begins a leaf table, [`Error::ArgumentRange`] beyond the Memory;
/// [`Error::WrongState`] for memory that a device may write.
pub fn read_page_set(
    memory: Ref<MemoryObject>,
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
    let first_pass = !memory.logged.get();
    match which {
        PageSet::EndLog => {
            memory.logged.set(false);
            return Ok(0);
        }
        PageSet::Dirty | PageSet::Present => {}
    }
    let covered = count.min(PAGES_PER_CALL).min(memory.page_count - first);
    for (index, start) in (first..first + covered)
        .step_by(WORD_BITS as usize)
        .enumerate()
    {
        let word = memory.leaf(start).map_or(0, |leaf| {
            word_of(leaf, start % PAGES_PER_TABLE, which, first_pass)
        });
        buffer.write_word(DATA_OFFSET + index as u64 * 8, word);
    }
    if which == PageSet::Dirty {
        arch::flush_all();
        // The first pass is over when it has seen the last page.
        memory
            .logged
            .set(!first_pass || first + covered == memory.page_count);
    }
    Ok(covered)
}

fn word_of(leaf: LeafTable, first: u64, which: PageSet, first_pass: bool) -> u64 {
    let bit = |index: u64| {
        let in_set = match which {
            PageSet::Dirty => {
                let had = leaf.remove_marks(first + index, Entry::DIRTY);
                had.contains(Entry::PRESENT) && (first_pass || had.contains(Entry::DIRTY))
            }
            _ => leaf.flags(first + index).contains(Entry::PRESENT),
        };
        u64::from(in_set) << index
    };
    (0..WORD_BITS).map(bit).fold(0, |word, bit| word | bit)
}
