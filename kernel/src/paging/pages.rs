//! Adding pages to a Memory, and removing them: populate, supply, discard. Each handles a bounded number of pages and returns
//! its progress.

use core::ops::Range;

use abi::{Error, PAGES_PER_TABLE};

use crate::kernel::Kernel;
use crate::memory::{Entry, Frame, LeafTable, Ref, Unmapped};
use crate::objects::{Attribute, MemoryObject, Object, check_alive};

/// The maximum number of pages that one step inserts or overwrites.
const PAGES_PER_STEP: u64 = 16;

/// The maximum number of pages that one step examines if all are present.
const LOOKS_PER_STEP: u64 = 512;

/// The cost of inserting a page, in examined pages. One budget covers both, so that no step inserts the maximum and also
/// examines the maximum.
const LOOKS_PER_INSERTION: u64 = LOOKS_PER_STEP / PAGES_PER_STEP;

/// Inserts zeroed pages where a Memory has none, within the leaf table of the first page; returns the number of pages handled.
///
/// # Errors
/// [`Error::WrongState`] for memory of a device or of the boot archive; [`Error::ArgumentRange`], [`Error::PoolEmpty`];
/// [`Error::Gone`] for a Memory that is being destroyed. Otherwise others could insert pages as fast as they are removed, and
/// a contiguous Memory could get frames at addresses that its device does not know.
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
    check_alive(Object::Memory(memory))?;
    if count == 0 {
        return Ok(0);
    }
    let pool = memory.pool();
    // A contiguous Memory has all its tables, and a frame for each page.
    let leaf = memory.ensure_leaf(first, || kernel.take_frame(pool))?;
    let count = count.min(PAGES_PER_TABLE - first % PAGES_PER_TABLE);
    as_one_change(memory, |has_changed| {
        populate_leaf(kernel, memory, leaf, first..first + count, has_changed)
    })
}

/// Inserts zeroed pages where a leaf table has none, as far as the budget of one step permits.
#[inline]
fn populate_leaf(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    leaf: LeafTable,
    pages: Range<u64>,
    has_changed: &mut bool,
) -> Result<u64, Error> {
    let mut looks = 0;
    for page in pages.clone() {
        if looks >= LOOKS_PER_STEP {
            return Ok(page - pages.start);
        }
        if leaf.flags(page).contains(Entry::PRESENT) {
            looks += 1;
            continue;
        }
        // A page with a reserved frame needs none from the pool.
        if !memory.make_present(leaf, page) {
            insert_page(kernel, memory, leaf, page, Frame::zero)?;
        }
        *has_changed = true;
        looks += LOOKS_PER_INSERTION;
    }
    Ok(pages.end - pages.start)
}

/// Copies pages of `source` into a Memory; returns their number.
///
/// # Errors
/// As [`populate`]; [`Error::WrongState`] also for a contiguous Memory and for a device's source; [`Error::PageAbsent`] if
/// the source lacks a page.
pub fn supply(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    first: u64,
    count: u64,
    source: Ref<MemoryObject>,
    source_page: u64,
) -> Result<u64, Error> {
    check_range(memory, first, count)?;
    check_alive(Object::Memory(memory))?;
    if source.attribute == Attribute::Device {
        return Err(Error::WrongState);
    }
    if !source.holds(source_page, count) {
        return Err(Error::ArgumentRange);
    }
    let count = count.min(PAGES_PER_STEP);
    as_one_change(memory, |has_changed| {
        for index in 0..count {
            let from = source.frame(source_page + index).ok_or(Error::PageAbsent)?;
            supply_page(kernel, memory, first + index, from)?;
            *has_changed = true;
        }
        Ok(count)
    })
}

/// Makes a page of a Memory a copy of a frame, whether it is present or not.
fn supply_page(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    page: u64,
    from: Frame,
) -> Result<(), Error> {
    if memory.is_present(page) {
        memory.write_page(page, from);
        return Ok(());
    }
    let pool = memory.pool();
    let leaf = memory.ensure_leaf(page, || kernel.take_frame(pool))?;
    insert_page(kernel, memory, leaf, page, |frame| frame.copy_from(from))
}

/// Runs a step that may change a Memory's pages. Counts all its changes as one, even if it fails after some of them, because
/// counting is slow in deeply nested pools. The step sets its argument when it changes a page.
fn as_one_change(
    memory: Ref<MemoryObject>,
    step: impl FnOnce(&mut bool) -> Result<u64, Error>,
) -> Result<u64, Error> {
    let mut has_changed = false;
    let result = step(&mut has_changed);
    if has_changed {
        memory.header.touch();
    }
    result
}

/// Removes pages: examines `count` entries of one leaf table and removes at most `most` pages. Returns whether it removed any.
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
    kernel.return_unmapped(memory.pool(), unmapped);
    taken != 0
}

/// The maximum number of pages that one step removes.
pub const DISCARD_MAX: usize = Unmapped::MAX;

/// Inserts an absent page, which `fill` initializes before it can be accessed.
fn insert_page(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    leaf: LeafTable,
    page: u64,
    fill: impl FnOnce(Frame),
) -> Result<(), Error> {
    let frame = kernel.take_frame(memory.pool())?;
    fill(frame.view());
    memory.insert(leaf, page, frame, Entry::LEAF);
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
