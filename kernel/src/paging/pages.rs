//! Giving a Memory pages, and taking them: populate, supply, discard. Each does a bounded number of pages and says how
//! far it came.

use abi::{Error, PAGES_PER_TABLE};

use crate::kernel::Kernel;
use crate::memory::{Entry, Frame, LeafTable, Ref, Unmapped};
use crate::objects::{Attribute, MemoryObject, Object, Pool, check_lasting};

/// Pages that one step gives or overwrites at most.
const PAGES_PER_STEP: u64 = 16;

/// Pages that one step looks at, if all of them are there already.
const LOOKS_PER_STEP: u64 = 512;

/// Looks that a page costs which is given: both are counted together, so that no step does as much as is allowed of each.
const LOOKS_PER_GIFT: u64 = LOOKS_PER_STEP / PAGES_PER_STEP;

/// Gives a Memory zeroed pages where it has none, in the leaf table of the first one; returns how many pages of the range it has
/// dealt with.
///
/// # Errors
/// [`Error::WrongState`] for a device's memory, [`Error::ArgumentRange`], [`Error::PoolEmpty`]; [`Error::Gone`] for a Memory that
/// is being destroyed: others could give it pages as fast as they are taken away, and a contiguous one would get a frame that
/// is not at the address that a device was given.
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
    check_lasting(Object::Memory(memory))?;
    if count == 0 {
        return Ok(0);
    }
    let pool = pool_of(memory);
    // A contiguous Memory has all its tables, and a frame for each page.
    let leaf = memory.ensure_leaf(first, || kernel.take_frame(pool))?;
    let count = count.min(PAGES_PER_TABLE - first % PAGES_PER_TABLE);
    as_one_change(memory, |has_changed| {
        let mut looks = 0;
        for page in first..first + count {
            if looks >= LOOKS_PER_STEP {
                return Ok(page - first);
            }
            if leaf.flags(page).contains(Entry::PRESENT) {
                looks += 1;
                continue;
            }
            // A page that has a frame already needs none of the pool.
            if !memory.reveal(leaf, page) {
                give_page(kernel, memory, leaf, page, Frame::zero)?;
            }
            *has_changed = true;
            looks += LOOKS_PER_GIFT;
        }
        Ok(count)
    })
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
    check_lasting(Object::Memory(memory))?;
    if giver.attribute == Attribute::Device {
        return Err(Error::WrongState);
    }
    if !giver.holds(giver_page, count) {
        return Err(Error::ArgumentRange);
    }
    let count = count.min(PAGES_PER_STEP);
    as_one_change(memory, |has_changed| {
        for index in 0..count {
            let from = giver.frame(giver_page + index).ok_or(Error::PageAbsent)?;
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
    let pool = pool_of(memory);
    let leaf = memory.ensure_leaf(page, || kernel.take_frame(pool))?;
    give_page(kernel, memory, leaf, page, |frame| frame.copy_from(from))
}

/// Does a step that changes a Memory's pages and reports whether it did, and counts one change however many there were,
/// also when it fails behind some: counting takes long deep inside of pools.
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
    leaf: LeafTable,
    page: u64,
    fill: impl FnOnce(Frame),
) -> Result<(), Error> {
    let frame = kernel.take_frame(pool_of(memory))?;
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

fn pool_of(memory: Ref<MemoryObject>) -> Ref<Pool> {
    memory.header.pool.expect("a Memory has a pool")
}
