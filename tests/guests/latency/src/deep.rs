//! Long kernel operations in the innermost of many nested pools: one entry into the kernel makes a long search and then many
//! changes.

use runtime::Error;
use runtime::abi::calls::MemoryCreateContiguous;
use runtime::abi::register::{PageCount, PageIndex, Slot};
use runtime::abi::{MEMORY_PAGES_MAX, PAGES_PER_TABLE};
use runtime::capability::Cache;
use runtime::system_call::invoke;

use crate::nest::Nest;
use crate::pages::{DEVICE_ADDRESS, DEVICE_PAGES};
use crate::stage::{Stage, scratch};

/// The number of pages that one step removes, after all others of a leaf table.
const LAST_PAGES: u64 = 64;
/// The number of places that one step of a search for contiguous frames checks.
const PLACES: u32 = 32;
const RUN: u64 = 512;
/// The number of endpoints that, with their domain, a search may pass in an entry that then has long work to do.
const OBJECTS_PASSED: usize = 15;

/// Pages are created and removed behind as many others as one step passes over.
pub fn pages(stage: &Stage) -> Result<(), Error> {
    let nest = Nest::new(stage, 4 * PAGES_PER_TABLE)?;
    let (none, all) = (PageIndex(0), PageCount(PAGES_PER_TABLE));
    let memory = nest.innermost.create_memory(all)?;
    for present in (0..PAGES_PER_TABLE).step_by(16) {
        memory.populate(none, PageCount(present))?;
        memory.populate(none, all)?;
        memory.discard(PageIndex(present), PageCount(PAGES_PER_TABLE - present))?;
    }
    memory.populate(none, all)?;
    let taker = nest.innermost.create_memory(all)?;
    // Once for absent pages, and once for present ones.
    taker.supply(none, all, memory, none)?;
    taker.supply(none, all, memory, none)?;
    memory.discard(none, PageCount(PAGES_PER_TABLE - LAST_PAGES))?;
    memory.discard(none, all)?;
    nest.end()
}

/// Moves pages out of the innermost pool, whose domain is retired, into that of another nest. The first step also
/// searches for the source and makes the target's tables. In the others, the target has some of the pages already.
pub fn granted(stage: &Stage) -> Result<(), Error> {
    let from = Nest::new(stage, 2 * PAGES_PER_TABLE)?;
    let to = Nest::new(stage, 2 * PAGES_PER_TABLE)?;
    let (none, all) = (PageIndex(0), PageCount(PAGES_PER_TABLE));
    for _ in 0..OBJECTS_PASSED {
        from.innermost.create_endpoint()?.delete()?;
    }
    let source = from.innermost.create_populated_memory(all)?;
    let memory = stage.domain.identify(source.slot())?;
    from.retire_innermost()?;
    for present in (0..PAGES_PER_TABLE).step_by(64) {
        let target = to.innermost.create_memory(all)?;
        target.populate(none, PageCount(present))?;
        from.domain.grant_pages(memory, target, none, all)?;
        target.destroy()?;
    }
    from.end()?;
    to.end()
}

/// Destroys a Memory whose only pages are its last ones, in the last leaf table of its last directory.
pub fn last_pages(stage: &Stage) -> Result<(), Error> {
    let nest = Nest::new(stage, 256)?;
    let memory = nest.innermost.create_memory(PageCount(MEMORY_PAGES_MAX))?;
    let last = PageCount(LAST_PAGES);
    memory.populate(PageIndex(MEMORY_PAGES_MAX - LAST_PAGES), last)?;
    memory.destroy()?;
    nest.end()
}

/// Memories of a device's pages, and of contiguous frames behind runs that are one frame too short.
pub fn runs(stage: &Stage) -> Result<(), Error> {
    let nest = Nest::new(stage, u64::from(PLACES + 2) * RUN * 2)?;
    let pages = PageCount(DEVICE_PAGES);
    let device = stage.hardware.create_device_memory(
        nest.innermost,
        DEVICE_ADDRESS,
        pages,
        Cache::Uncached,
    )?;
    device.destroy()?;
    let create = |pages, into| {
        invoke(MemoryCreateContiguous {
            pool: nest.innermost.slot(),
            pages: PageCount(pages),
            into,
            alignment: PageCount(1),
            from: 0,
            below: u64::MAX,
        })
    };
    let short = |index| scratch(2 * index);
    for index in 0..PLACES {
        create(RUN - 1, short(index))?;
        // This frame separates the short run from the next one.
        create(1, scratch(2 * index + 1))?;
    }
    for index in 0..PLACES {
        destroy(short(index))?;
        let long = scratch(2 * PLACES);
        create(RUN, long)?;
        destroy(long)?;
    }
    nest.end()
}

fn destroy(object: Slot) -> Result<(), Error> {
    invoke(runtime::abi::calls::Destroy { object })
}
