//! Creating and destroying a Memory.

use abi::{Error, PAGES_PER_TABLE};
use capabilities::Place;

use crate::kernel::Kernel;
use crate::memory::{ALIGNMENT_MAX, Entry, ForeignRun, Ref, RunRequest, RunSearch};
use crate::objects::{Attribute, MemoryObject, Object, Pool, Step, check_free, create, pool_of};
use crate::paging;

/// Creates a Memory without pages.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`]; [`Error::ArgumentRange`] for a size of zero or more than
/// [`abi::MEMORY_PAGES_MAX`].
pub fn create_memory(
    kernel: &Kernel,
    pool: Ref<Pool>,
    pages: u64,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    if pages == 0 || pages > abi::MEMORY_PAGES_MAX {
        return Err(Error::ArgumentRange);
    }
    create(kernel, pool, into, Object::Memory, |header, this| {
        MemoryObject::new(header, pages, attribute, this)
    })
}

/// Creates, in one step, a Memory from pages that belong to no pool: the boot archive's.
///
/// # Errors
/// As [`create_tables_of`].
pub fn create_memory_of(
    kernel: &Kernel,
    pool: Ref<Pool>,
    run: ForeignRun,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    let memory = create_tables_of(kernel, pool, run.count(), attribute, into)?;
    fill(memory, &run, 0, run.count(), Entry::LEAF);
    Ok(memory)
}

/// Creates a Memory with tables for all of its pages but without pages.
///
/// # Errors
/// As [`create_memory`]; when the pool cannot pay for the tables, there is no Memory.
pub fn create_tables_of(
    kernel: &Kernel,
    pool: Ref<Pool>,
    pages: u64,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    check_room_for_run(pool, pages, 0)?;
    let memory = create_memory(kernel, pool, pages, attribute, into)?;
    for leaf in 0..pages.div_ceil(abi::PAGES_PER_TABLE) {
        memory.ensure_leaf(leaf * abi::PAGES_PER_TABLE, || kernel.take_frame(pool))?;
    }
    Ok(memory)
}

/// Inserts `count` pages of a run, from page `first` on, into a Memory that has tables for them.
pub fn fill(memory: Ref<MemoryObject>, run: &ForeignRun, first: u64, count: u64, flags: Entry) {
    let end = first + count;
    let mut page = first;
    while page < end {
        let leaf = memory.leaf(page).expect("the Memory has all its tables");
        let next = end.min(page + abi::PAGES_PER_TABLE - page % abi::PAGES_PER_TABLE);
        (page..next).for_each(|page| memory.insert_foreign(leaf, page, run, flags));
        page = next;
    }
    memory.header.touch();
}

/// The result of a step of creating a contiguous Memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contiguous {
    /// It was created, and begins at this bus address.
    Made(u64),
    /// No run lies below this address; the search continues there.
    Searching(u64),
}

/// Creates a Memory of contiguous frames. They are reserved and paid for; populating the Memory makes them present.
///
/// # Errors
/// As [`create_memory_of`]; [`Error::PoolEmpty`] also when no run is long enough; [`Error::ArgumentRange`] for zero or more than
/// `CONTIGUOUS_PAGES_MAX` pages, and for an alignment that is not a power of two up to `ALIGNMENT_MAX`.
pub fn create_contiguous(
    kernel: &Kernel,
    pool: Ref<Pool>,
    request: RunRequest,
    into: Place,
) -> Result<Contiguous, Error> {
    check_free(into)?;
    let RunRequest {
        count, alignment, ..
    } = request;
    if count == 0 || count > CONTIGUOUS_PAGES_MAX {
        return Err(Error::ArgumentRange);
    }
    if !alignment.is_power_of_two() || alignment > ALIGNMENT_MAX {
        return Err(Error::ArgumentRange);
    }
    check_room_for_run(pool, count, count)?;
    let run = match kernel.frames.allocate_run(request) {
        RunSearch::Found(run) => run,
        RunSearch::Absent => return Err(Error::PoolEmpty),
        RunSearch::Unfinished(from) => return Ok(Contiguous::Searching(from)),
    };
    let address = run.address().as_u64();
    pool.charge(count)?;
    let memory = create_memory(kernel, pool, count, Attribute::Contiguous, into)?;
    let leaf = memory.ensure_leaf(0, || kernel.take_frame(pool))?;
    (0..)
        .zip(run)
        .for_each(|(page, frame)| leaf.reserve(page, frame));
    Ok(Contiguous::Made(address))
}

/// Checks that a pool can pay for a Memory with tables for a run of `count` pages, and for `frames` more.
fn check_room_for_run(pool: Ref<Pool>, count: u64, frames: u64) -> Result<(), Error> {
    let leaves = count.div_ceil(abi::PAGES_PER_TABLE);
    let directories = leaves.div_ceil(abi::PAGES_PER_TABLE);
    if pool.limit - pool.used() < 1 + leaves + directories + frames {
        return Err(Error::PoolEmpty);
    }
    Ok(())
}

/// The maximum size of a contiguous Memory: one leaf table, since the step that finds its frames also inserts all of them.
const CONTIGUOUS_PAGES_MAX: u64 = abi::PAGES_PER_TABLE;

/// The maximum number of pages that one step releases.
const PAGES_PER_STEP: usize = 32;

/// Does one step of releasing the parts of a Memory: mappings, pager, pages, tables, directories.
pub fn dismantle_memory(kernel: &Kernel, memory: Ref<MemoryObject>) -> Step {
    if let Some(mapping) = memory.first_mapping.get() {
        let _ = kernel.empty_step(mapping.slot());
        return Step::More;
    }
    let _ = kernel.empty_slot(memory.pager());
    let pool = pool_of(Object::Memory(memory));
    if let Some(page) = memory.first_leaf() {
        if paging::discard(kernel, memory, page, PAGES_PER_TABLE, PAGES_PER_STEP) {
            memory.header.touch();
            return Step::More;
        }
        if let Some(table) = memory.take_leaf(page) {
            kernel.return_unmapped(pool, table);
        }
        return Step::More;
    }
    match memory.take_directory() {
        Some(directory) => {
            kernel.return_frame(pool, directory);
            Step::More
        }
        None => Step::Done,
    }
}
