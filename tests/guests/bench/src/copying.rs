//! Reading a domain: the largest copy of one call, and the largest bitmap.

use runtime::Cap;
use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::{DomainPages, DomainReadPages, PageSet};
use runtime::abi::record::{List, ObjectRecord};
use runtime::abi::register::{Access, ObjectId, PageCount, PageIndex};
use runtime::capability::Memory;
use runtime::mapping::Mapping;
use runtime::system_call::invoke;

use crate::bench::{Bench, Failure};
use crate::measure::sampled;
use crate::objects::Refusals;
use crate::worker::Worker;

/// The number of pages that one call copies.
const PAGES: u64 = 8;
/// The number of pages that one bitmap covers.
const BITMAP_PAGES: u64 = 512;
/// The number of pages for tables and records.
const SPARE_PAGES: u64 = 64;

/// Copying eight pages in which only the last word is nonzero.
pub fn read_pages(bench: &Bench) -> Result<u64, Failure> {
    let read = Read::new(bench, PAGES)?;
    let staging = bench.pool.create_populated_memory(PageCount(PAGES))?;
    read.write_last_words(bench)?;
    let request = DomainReadPages {
        domain: read.worker.domain.slot(),
        memory: read.id,
        log: read.log,
        first_page: PageIndex(0),
        wanted: (1 << PAGES) - 1,
        into: staging.slot(),
        into_page: PageIndex(0),
    };
    let refusals = Refusals::default();
    let value = sampled(|_| refusals.note(invoke(request)), |_| {});
    read.worker.end()?;
    staging.destroy()?;
    refusals.or(value)
}

/// Taking the dirty bits of 512 pages, all of them dirty.
pub fn take_dirty_pages(bench: &Bench) -> Result<u64, Failure> {
    let read = Read::new(bench, BITMAP_PAGES)?;
    let request = DomainPages {
        domain: read.worker.domain.slot(),
        memory: read.id,
        log: read.log,
        first_page: PageIndex(0),
        page_count: PageCount(BITMAP_PAGES),
        which: PageSet::Dirty,
    };
    let refusals = Refusals::default();
    let value = sampled(
        |_| refusals.note(invoke(request)),
        |_| {
            let (all, none) = (PageCount(BITMAP_PAGES), PageIndex(0));
            // New pages are dirty.
            refusals.note(read.memory.discard(none, all));
            refusals.note(read.memory.populate(none, all));
        },
    );
    read.worker.end()?;
    refusals.or(value)
}

/// A domain with a Memory that is read.
struct Read {
    worker: Worker,
    memory: Cap<Memory>,
    id: ObjectId,
    log: u64,
}

impl Read {
    fn new(bench: &Bench, pages: u64) -> Result<Read, Failure> {
        let worker = Worker::with_pages(bench, pages + SPARE_PAGES)?;
        let memory = worker.pool.create_populated_memory(PageCount(pages))?;
        // One call lists all of the few objects, and the Memory was created last.
        let objects = worker.domain.describe(List::Objects, 0)?.records;
        let last = objects.last().map(ObjectRecord::from_words);
        let id = ObjectId(last.unwrap_or_default().id);
        let log = worker.domain.begin_log(id)?;
        Ok(Read {
            worker,
            memory,
            id,
            log,
        })
    }

    fn write_last_words(&self, bench: &Bench) -> Result<(), Failure> {
        let (pages, access) = (PageCount(PAGES), Access::ReadWrite);
        let mapping = Mapping::new(bench.domain, self.memory, pages, access)?;
        for page in 1..=PAGES {
            let last = (page * PAGE_BYTES) as usize - size_of::<u64>();
            mapping.memory().write(last, &page.to_le_bytes());
        }
        Ok(())
    }
}
