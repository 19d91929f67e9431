//! Giving a Memory pages, and taking them: populate, supply, discard. Each does a bounded number of pages and says how
//! far it came.

use abi::Error;

use crate::kernel::Kernel;
use crate::memory::{Entry, Frame, Ref, Unmapped};
use crate::objects::{Attribute, MemoryObject, Pool};

/// Pages that one step gives.
const PAGES_PER_STEP: u64 = 16;

/// Entries that one step looks at.
const ENTRIES_PER_STEP: u64 = 512;

/// Gives a Memory zeroed pages where it has none; returns how many pages of the range it has dealt with.
///
/// # Errors
/// [`Error::WrongState`] for a device's memory, [`Error::ArgumentRange`], [`Error::PoolEmpty`].
pub fn populate(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    first: u64,
    count: u64,
) -> Result<u64, Error> {
    if !matches!(
        memory.attribute,
        Attribute::Ordinary | Attribute::Contiguous
    ) {
        return Err(Error::WrongState);
    }
    if !memory.holds(first, count) {
        return Err(Error::ArgumentRange);
    }
    let mut given = 0;
    for page in first..first + count.min(ENTRIES_PER_STEP) {
        if !memory.is_present(page) {
            // A page that has a frame already needs none of the pool.
            if !memory.reveal(page) {
                give_page(kernel, memory, page, Frame::zero)?;
            }
            given += 1;
        }
        if given == PAGES_PER_STEP {
            return Ok(page + 1 - first);
        }
    }
    Ok(count.min(ENTRIES_PER_STEP))
}

/// Copies pages of `giver` into a Memory; returns how many.
///
/// # Errors
/// As [`populate`]; [`Error::PageAbsent`] if the giver lacks a page.
pub fn supply(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    first: u64,
    count: u64,
    giver: Ref<MemoryObject>,
    giver_page: u64,
) -> Result<u64, Error> {
    check_range(memory, first, count)?;
    if giver.attribute == Attribute::Device {
        return Err(Error::WrongState);
    }
    if !giver.holds(giver_page, count) {
        return Err(Error::ArgumentRange);
    }
    for index in 0..count.min(PAGES_PER_STEP) {
        let from = giver.frame(giver_page + index).ok_or(Error::PageAbsent)?;
        let page = first + index;
        match memory.frame(page) {
            Some(_) => {
                memory.write_page(page, from);
                memory.header.touch();
            }
            None => give_page(kernel, memory, page, |frame| frame.copy_from(from))?,
        }
    }
    Ok(count.min(PAGES_PER_STEP))
}

/// Takes pages away, looking at `count` entries of one leaf table and taking at most `most`; returns whether there
/// were any.
pub fn discard(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    first: u64,
    count: u64,
    most: usize,
) -> bool {
    let Some(leaf) = memory.leaf(first) else {
        return false;
    };
    let mut unmapped = Unmapped::none();
    let mut taken = 0;
    for page in first..(first + count).min(memory.page_count) {
        if taken == most.min(DISCARD_MAX) {
            break;
        }
        taken += usize::from(memory.remove(leaf, page, &mut unmapped));
    }
    kernel.return_unmapped(pool_of(memory), unmapped);
    taken != 0
}

/// Most pages that one step takes.
pub const DISCARD_MAX: usize = Unmapped::MAX;

/// Gives an absent page, which `fill` fills before anybody sees it.
fn give_page(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    page: u64,
    fill: impl FnOnce(Frame),
) -> Result<(), Error> {
    let pool = pool_of(memory);
    let leaf = memory.ensure_leaf(page, || kernel.take_frame(pool))?;
    let frame = kernel.take_frame(pool)?;
    fill(frame.view());
    memory.insert(leaf, page, frame, Entry::LEAF);
    memory.header.touch();
    Ok(())
}

fn check_range(memory: Ref<MemoryObject>, first: u64, count: u64) -> Result<(), Error> {
    if memory.attribute != Attribute::Ordinary {
        return Err(Error::WrongState);
    }
    if memory.holds(first, count) {
        Ok(())
    } else {
        Err(Error::ArgumentRange)
    }
}

fn pool_of(memory: Ref<MemoryObject>) -> Ref<Pool> {
    memory.header.pool.expect("a Memory has a pool")
}
