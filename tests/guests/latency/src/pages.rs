//! Long kernel operations on large Memories.

use runtime::abi::record::List;
use runtime::abi::register::{ObjectId, PageCount, PageIndex, UserAddress};
use runtime::abi::{MEMORY_PAGES_MAX, PAGES_PER_TABLE};
use runtime::capability::{BusRange, Cache, Domain, Memory, WantedPages};
use runtime::{Cap, Error};

use crate::stage::{MAP_STEP, PLAYGROUND, Stage, describe, map};

const GIB_PAGES: u64 = 1 << 18;
const PAGE_BYTES: u64 = 4096;
/// The number of leaf tables that are linked when a mapping is created.
const LINKS: u64 = 64;
/// The size of the address range of one entry of a domain's root table.
const ROOT_STEP: u64 = 1 << 39;
const DENSE_PAGES: u64 = 4096;
const CONTIGUOUS_PAGES: u64 = 512;
/// The maximum number of pages of a device's Memory.
pub const DEVICE_PAGES: u64 = 8192;
/// An address above the machine's memory and below the firmware's.
pub const DEVICE_ADDRESS: u64 = 0xb000_0000;

/// Pages far apart, each with tables of its own.
pub fn sparse(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(1024)?;
    let memory = pool.create_memory(PageCount(MEMORY_PAGES_MAX))?;
    let places = (0..MEMORY_PAGES_MAX).step_by(GIB_PAGES as usize);
    for page in places.clone() {
        memory.populate(PageIndex(page), PageCount(1))?;
    }
    map(stage.domain, memory, PLAYGROUND, MEMORY_PAGES_MAX)?;
    for page in places {
        touch(PLAYGROUND + page * PAGE_BYTES);
    }
    stage.domain.unmap(UserAddress(PLAYGROUND))?;
    memory.discard(PageIndex(0), PageCount(MEMORY_PAGES_MAX))?;
    pool.destroy()
}

/// Maps a Memory with as many tables as a mapping links at once. It is mapped at an address that needs the most upper
/// tables, into a domain that has no mapping records yet.
pub fn linked(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(256)?;
    let domain = pool.create_domain()?;
    let count = PageCount(LINKS * PAGES_PER_TABLE);
    let memory = pool.create_memory(count)?;
    for link in 0..LINKS {
        memory.populate(PageIndex(link * PAGES_PER_TABLE), PageCount(1))?;
    }
    map(domain, memory, ROOT_STEP - LINKS / 2 * MAP_STEP, count.0)?;
    pool.destroy()
}

/// Adjacent pages, which a capture reads.
pub fn dense(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(DENSE_PAGES + 256)?;
    let domain = pool.create_domain()?;
    let memory = pool.create_memory(PageCount(DENSE_PAGES))?;
    memory.populate(PageIndex(0), PageCount(DENSE_PAGES))?;
    map(stage.domain, memory, PLAYGROUND, DENSE_PAGES)?;
    map(domain, memory, PLAYGROUND, DENSE_PAGES)?;
    for page in 1..=DENSE_PAGES {
        // The last byte of a page is nonzero, so that a search for a nonzero word passes over the whole page.
        touch(PLAYGROUND + page * PAGE_BYTES - 1);
    }
    let last = describe(domain, List::Objects)?;
    capture(stage, domain, last)?;
    memory.discard(PageIndex(0), PageCount(DENSE_PAGES / 2))?;
    stage.domain.unmap(UserAddress(PLAYGROUND))?;
    pool.destroy()
}

/// Reads the Memory's sets of pages and copies the pages, as a capture does.
fn capture(stage: &Stage, domain: Cap<Domain>, memory: ObjectId) -> Result<(), Error> {
    let copy = stage.pool.create_populated_memory(PageCount(64))?;
    let log = domain.begin_log(memory)?;
    for first in (0..DENSE_PAGES).step_by(PAGES_PER_TABLE as usize) {
        let (first, count) = (PageIndex(first), PageCount(PAGES_PER_TABLE));
        domain.present_pages(memory, first, count)?;
        domain.take_dirty_pages(memory, log, first, count)?;
    }
    for first in (0..DENSE_PAGES).step_by(64) {
        let mut wanted = WantedPages {
            memory,
            log,
            first_page: PageIndex(first),
            mask: u64::MAX,
        };
        while wanted.mask != 0 {
            wanted.mask = domain.read_pages(wanted, copy, PageIndex(0))?.remaining;
        }
    }
    copy.destroy()
}

/// Copies from one Memory to another.
pub fn supply(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(2048)?;
    let pages = PageCount(512);
    let source: Cap<Memory> = pool.create_populated_memory(pages)?;
    let taker = pool.create_memory(pages)?;
    taker.supply(PageIndex(0), pages, source, PageIndex(0))?;
    source.destroy()?;
    pool.destroy()
}

/// Contiguous memory, as for a driver's rings.
pub fn contiguous(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(CONTIGUOUS_PAGES + 64)?;
    let (memory, _) = pool.create_contiguous_memory(PageCount(CONTIGUOUS_PAGES), BusRange::ALL)?;
    map(stage.domain, memory, PLAYGROUND, CONTIGUOUS_PAGES)?;
    touch(PLAYGROUND);
    memory.destroy()?;
    pool.destroy()
}

/// The largest Memory of a device.
pub fn device(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(64)?;
    let pages = PageCount(DEVICE_PAGES);
    let memory =
        stage
            .hardware
            .create_device_memory(pool, DEVICE_ADDRESS, pages, Cache::Uncached)?;
    map(stage.domain, memory, PLAYGROUND, DEVICE_PAGES)?;
    memory.destroy()?;
    pool.destroy()
}

/// Writes a byte of a page that is mapped.
pub fn touch(address: u64) {
    // SAFETY: the scene has mapped a Memory there, whose page is present; nothing in Rust refers to it.
    unsafe { (address as *mut u8).write_volatile(1) }
}
