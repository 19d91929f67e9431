//! Calls that first search for an object, past as many others as one step of a search passes, and then have long work to do.

use runtime::abi::calls::{DomainDescribe, DomainPages, PageSet};
use runtime::abi::record::List;
use runtime::abi::register::{Access, ObjectId, PageCount, PageIndex, Slot, UserAddress};
use runtime::abi::{MEMORY_PAGES_MAX, PAGE_BYTES, PAGES_PER_TABLE};
use runtime::capability::{Domain, Memory, Pool, Thread, WantedPages};
use runtime::{Cap, Error};

use crate::actors::{FIRST_SLOT, call_with_new_buffer};
use crate::pages::touch;
use crate::stage::{MAP_STEP, PLAYGROUND, Stage, copy, map};

/// The number of threads: with two more objects, as many as one step of a search passes over.
const THREADS: usize = 253;
/// The number of mapping records of a domain.
const MAPPINGS: u64 = 525;
/// The number of pages that one call copies.
const COPIED: u64 = 8;
/// The number of older siblings of the pager's capability.
const SIBLINGS: u32 = 1500;
/// The number of pages of a child pool with a Memory whose last pages are present.
const CHILD_PAGES: u64 = 128;

/// A domain with idle threads, and a Memory that comes after them in the pool's list.
struct Subject {
    pool: Cap<Pool>,
    domain: Cap<Domain>,
    first_thread: Cap<Thread>,
    memory: Cap<Memory>,
}

impl Subject {
    fn new(stage: &Stage) -> Result<Subject, Error> {
        let pool = stage.split(2048)?;
        let domain = pool.create_domain()?;
        let first_thread = domain.create_thread()?;
        for _ in 1..THREADS {
            domain.create_thread()?.delete()?;
        }
        let memory = pool.create_populated_memory(PageCount(PAGES_PER_TABLE))?;
        Ok(Subject {
            pool,
            domain,
            first_thread,
            memory,
        })
    }

    /// Rewinds the search, so that the next one starts before the first thread.
    fn rewind(&self, stage: &Stage) -> Result<(), Error> {
        let first = stage.domain.identify(self.first_thread.slot())?;
        match self.domain.begin_log(first) {
            Err(Error::WrongKind) => Ok(()),
            other => other.and(Err(Error::WrongKind)),
        }
    }
}

/// A capture finds the Memory and reads its dirty pages, the parent of its pager's capability, and pages of another Memory.
pub fn captured(stage: &Stage) -> Result<(), Error> {
    let subject = Subject::new(stage)?;
    let memory = stage.domain.identify(subject.memory.slot())?;
    take_dirty_pages(stage, &subject, memory)?;
    describe_pager(stage, &subject, memory)?;
    read_mapped(stage, &subject)?;
    subject.pool.destroy()
}

fn take_dirty_pages(stage: &Stage, subject: &Subject, memory: ObjectId) -> Result<(), Error> {
    let log = subject.domain.begin_log(memory)?;
    let call = DomainPages {
        domain: Slot(FIRST_SLOT),
        memory,
        log,
        first_page: PageIndex(0),
        page_count: PageCount(PAGES_PER_TABLE),
        which: PageSet::Dirty,
    };
    subject.rewind(stage)?;
    expect(call_with_new_buffer(stage, subject.domain, call)? == [PAGES_PER_TABLE, memory.0])
}

fn describe_pager(stage: &Stage, subject: &Subject, memory: ObjectId) -> Result<(), Error> {
    let pager = stage.pool.create_endpoint()?;
    copy(pager.slot(), 0..SIBLINGS)?;
    subject.memory.set_pager(Some(pager))?;
    let call = DomainDescribe {
        domain: Slot(FIRST_SLOT),
        list: List::Held,
        cursor: memory.0,
    };
    subject.rewind(stage)?;
    expect(call_with_new_buffer(stage, subject.domain, call)? == [1, u64::MAX])?;
    pager.destroy()
}

/// The copied pages are zero except for their end, and the record of their mapping is among the last.
fn read_mapped(stage: &Stage, subject: &Subject) -> Result<(), Error> {
    let pages = PageCount(COPIED);
    let mapped = stage.pool.create_populated_memory(pages)?;
    map(stage.domain, mapped, PLAYGROUND, COPIED)?;
    for page in 1..=COPIED {
        touch(PLAYGROUND + page * PAGE_BYTES - 1);
    }
    stage.domain.unmap(UserAddress(PLAYGROUND))?;
    map(subject.domain, mapped, PLAYGROUND, COPIED)?;
    for index in 1..MAPPINGS {
        let at = UserAddress(PLAYGROUND + index * MAP_STEP);
        let (memory, all) = (subject.memory, PageCount(PAGES_PER_TABLE));
        subject
            .domain
            .map(memory, at, PageIndex(0), all, Access::Read)?;
    }
    let wanted = WantedPages {
        memory: stage.domain.identify(mapped.slot())?,
        log: 0,
        first_page: PageIndex(0),
        mask: (1 << COPIED) - 1,
    };
    let copies = stage.pool.create_populated_memory(pages)?;
    subject.rewind(stage)?;
    let read = subject.domain.read_pages(wanted, copies, PageIndex(0))?;
    expect(read.data == wanted.mask)?;
    copies.destroy()?;
    mapped.destroy()
}

/// Destroys a child pool that comes after many objects in the list. The search for the first object to destroy in it is long
/// too.
pub fn child(stage: &Stage) -> Result<(), Error> {
    let subject = Subject::new(stage)?;
    let child = subject.pool.split(PageCount(CHILD_PAGES))?;
    let id = stage.domain.identify(child.slot())?;
    let memory = child.create_memory(PageCount(MEMORY_PAGES_MAX))?;
    let last = PageCount(32);
    memory.populate(PageIndex(MEMORY_PAGES_MAX - last.0), last)?;
    subject.rewind(stage)?;
    subject.pool.destroy_child(id)?;
    subject.pool.destroy()
}

fn expect(is_so: bool) -> Result<(), Error> {
    is_so.then_some(()).ok_or(Error::WrongState)
}
