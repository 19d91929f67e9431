//! Spawns a domain: the list of calls that build one from a pool, a program and grants.
//!
//! Everything is created from the domain's own pool, so destroying that pool undoes it all, even a spawn that failed halfway.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use abi::kind::{DomainRights, MemoryRights, NotificationRights, PoolRights, ThreadRights};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::start_page::{ARGUMENT_BYTES, Range, StartPage};
use abi::{Error, MEMORY_PAGES_MAX, PAGE_BYTES, PAGES_PER_TABLE};
use runtime::Cap;
use runtime::capability::{Domain, Memory, Notification, Pool, Report, Thread};
use runtime::shared::SharedMemory;

use crate::grant::{Grant, Place};
use crate::handle::Handle;
use crate::image::Image;
use crate::layout::{HEAP, MESSAGE_BUFFER, STACK, START_PAGE};
use crate::machine::Machine;

/// The first slot used; slot 0 stays empty.
const FIRST_SLOT: Slot = Slot(1);
const ONE_PAGE: PageCount = PageCount(1);
/// The pages that a heap leaves to its domain's pool however it grows, for page tables, slots and threads.
const HEAP_LEAVES: u64 = 64;

/// The parameters of a new domain.
#[derive(Debug)]
pub struct Plan<'a> {
    pub image: &'a Image<'a>,
    /// Stack size.
    pub stack: PageCount,
    /// The size of the heap at first.
    pub heap: PageCount,
    /// Priority of its first thread.
    pub priority: u8,
    /// Capabilities beyond those to its own objects.
    pub grants: &'a [Grant<'a>],
    /// Its rights over itself.
    pub domain_rights: DomainRights,
    /// Its rights over its own pool, if any.
    pub pool_rights: Option<PoolRights>,
    /// The address range of its clock page.
    pub clock: Range,
    /// `key=value` lines.
    pub arguments: &'a str,
    pub id: [u8; 16],
    /// The seed of its random numbers.
    pub seed: [u64; 4],
}

impl Plan<'_> {
    /// The start page, complete except for the capabilities.
    fn start_page(&self) -> Box<StartPage> {
        let mut page = Box::new(StartPage {
            heap: Range {
                start: HEAP,
                bytes: self.heap.0 * PAGE_BYTES,
            },
            message_buffer: Range {
                start: MESSAGE_BUFFER,
                bytes: PAGE_BYTES,
            },
            clock: self.clock,
            domain_id: self.id,
            seed: self.seed,
            ..StartPage::EMPTY
        });
        // The manifest's arguments take at most half of the space, root's own a few short lines.
        let count = self.arguments.len().min(ARGUMENT_BYTES);
        page.arguments[..count].copy_from_slice(&self.arguments.as_bytes()[..count]);
        page.argument_bytes = count as u64;
        page
    }
}

/// Root's capabilities to the objects of a domain.
#[derive(Debug)]
pub struct DomainObjects {
    /// Its memory: destroying the pool ends the domain.
    pub pool: Cap<Pool>,
    pub domain: Handle<Domain>,
    /// The notification that its executor waits on.
    pub wake: Handle<Notification>,
}

/// The call of a spawn that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {error}")]
pub struct SpawnError {
    /// The object being created.
    pub object: String,
    /// The kernel's refusal.
    pub error: Error,
}

/// Adds the object being created to a call's error.
fn creating<T>(object: &str, result: Result<T, Error>) -> Result<T, SpawnError> {
    result.map_err(|error| SpawnError {
        object: object.into(),
        error,
    })
}

/// Creates a domain with one stopped thread.
///
/// # Errors
/// The call that failed; the objects created before it are destroyed with the pool.
pub fn spawn(
    machine: &Machine,
    pool: Cap<Pool>,
    plan: &Plan,
) -> Result<(DomainObjects, Handle<Thread>), SpawnError> {
    let objects = DomainObjects {
        pool,
        domain: creating("the domain", pool.create_domain()).map(Handle::new)?,
        wake: creating("the notification `wake`", pool.create_notification()).map(Handle::new)?,
    };
    let thread = creating("the thread", objects.domain.create_thread()).map(Handle::new)?;
    let builder = DomainBuilder {
        machine,
        objects: &objects,
    };
    creating("the program", builder.load(plan.image))?;
    creating("the stack", builder.map_zeroed(STACK, plan.stack))?;
    creating(
        "the message buffer",
        builder.map_zeroed(MESSAGE_BUFFER, ONE_PAGE),
    )?;
    let heap = creating("the heap", builder.create_heap(plan.heap))?;
    let page = builder.install_capabilities(plan, *thread, heap.as_ref())?;
    creating("the start page", builder.start_page(&page))?;
    creating("the thread", prepare(*thread, plan))?;
    Ok((objects, thread))
}

fn prepare(thread: Cap<Thread>, plan: &Plan) -> Result<(), Error> {
    // Aligned as after a call instruction, which pushes a return address.
    let stack_top = STACK + plan.stack.0 * PAGE_BYTES - 8;
    thread.set_priority(plan.priority)?;
    thread.prepare(
        UserAddress(plan.image.entry),
        UserAddress(stack_top),
        START_PAGE,
        UserAddress(MESSAGE_BUFFER),
    )
}

/// The largest heap that a pool can pay for, its leaf tables included, but at least `heap`.
fn heap_pages_max(report: Report, heap: PageCount) -> PageCount {
    let free = report.total.0.saturating_sub(report.spent.0);
    let free = free.saturating_sub(HEAP_LEAVES);
    let most = free - free.div_ceil(PAGES_PER_TABLE + 1);
    PageCount(most.min(MEMORY_PAGES_MAX).max(heap.0))
}

/// A domain's heap: a Memory of which the first pages are populated.
struct HeapMemory {
    memory: Handle<Memory>,
    place: Place,
}

impl HeapMemory {
    /// The right to populate the rest, which lets the heap grow.
    fn grant(&self) -> Grant<'static> {
        Grant {
            place: Some(self.place),
            ..Grant::new("heap", *self.memory, MemoryRights::MANAGE)
        }
    }
}

/// Fills a new domain: memory, start page and capabilities.
struct DomainBuilder<'a> {
    machine: &'a Machine,
    objects: &'a DomainObjects,
}

impl DomainBuilder<'_> {
    fn load(&self, image: &Image) -> Result<(), Error> {
        for segment in &image.segments {
            let content = |memory: SharedMemory| memory.write(0, segment.content);
            self.map_initialized(segment.address, segment.pages, segment.access, content)?;
        }
        Ok(())
    }

    /// Maps zeroed, writable memory.
    fn map_zeroed(&self, address: u64, pages: PageCount) -> Result<(), Error> {
        if pages.0 == 0 {
            return Ok(());
        }
        let memory = Handle::new(self.objects.pool.create_populated_memory(pages)?);
        self.map_memory(*memory, address, pages, Access::ReadWrite)
    }

    /// Creates the heap, as large as the pool can pay for with this many pages at first. It is mapped with its capability.
    fn create_heap(&self, pages: PageCount) -> Result<Option<HeapMemory>, Error> {
        if pages.0 == 0 {
            return Ok(None);
        }
        let pool = self.objects.pool;
        let pages_max = heap_pages_max(pool.report()?, pages);
        let memory = Handle::new(pool.create_memory(pages_max)?);
        memory.populate(PageIndex(0), pages)?;
        let place = Place {
            address: HEAP,
            pages: pages_max,
            access: Access::ReadWrite,
        };
        Ok(Some(HeapMemory { memory, place }))
    }

    fn start_page(&self, page: &StartPage) -> Result<(), Error> {
        let write = |memory: SharedMemory| memory.write(0, &page.to_bytes());
        self.map_initialized(START_PAGE, ONE_PAGE, Access::Read, write)
    }

    /// Maps memory whose content root writes first.
    fn map_initialized(
        &self,
        address: u64,
        pages: PageCount,
        access: Access,
        content: impl FnOnce(SharedMemory),
    ) -> Result<(), Error> {
        let memory = Handle::new(self.objects.pool.create_populated_memory(pages)?);
        self.machine.write_to(*memory, pages, content)?;
        self.map_memory(*memory, address, pages, access)
    }

    /// Maps all of a Memory into the domain.
    fn map_memory(
        &self,
        memory: Cap<Memory>,
        address: u64,
        pages: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        let address = UserAddress(address);
        self.objects
            .domain
            .map(memory, address, PageIndex(0), pages, access)
    }

    /// Installs the domain's capabilities, those to its own objects first, and lists them in the start page.
    fn install_capabilities(
        &self,
        plan: &Plan,
        thread: Cap<Thread>,
        heap: Option<&HeapMemory>,
    ) -> Result<Box<StartPage>, SpawnError> {
        let mut page = plan.start_page();
        let mut slot = FIRST_SLOT;
        for grant in self
            .own_capabilities(plan, thread)
            .iter()
            .chain(plan.grants)
            .chain(&heap.map(HeapMemory::grant))
        {
            creating(grant.name, grant.install(*self.objects.domain, slot))?;
            let added = page.add(grant.name, grant.entry(slot));
            creating(grant.name, added.then_some(()).ok_or(Error::TableFull))?;
            slot = Slot(slot.0 + 1);
        }
        page.first_free_slot = u64::from(slot.0);
        Ok(page)
    }

    /// The capabilities of every domain to its own objects.
    fn own_capabilities(&self, plan: &Plan, thread: Cap<Thread>) -> Vec<Grant<'static>> {
        let thread_rights = ThreadRights::READ | ThreadRights::WRITE | ThreadRights::SCHEDULE;
        let wake_rights = NotificationRights::SIGNAL | NotificationRights::WAIT;
        let mut own = Vec::from([
            Grant::new("domain", *self.objects.domain, plan.domain_rights),
            Grant::new("thread", thread, thread_rights),
            Grant::new("wake", *self.objects.wake, wake_rights),
        ]);
        own.extend(
            plan.pool_rights
                .map(|rights| Grant::new("pool", self.objects.pool, rights)),
        );
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages_max(total: u64, spent: u64, heap: u64) -> u64 {
        let report = Report {
            total: PageCount(total),
            spent: PageCount(spent),
        };
        heap_pages_max(report, PageCount(heap)).0
    }

    #[test]
    fn a_heap_with_its_tables_never_takes_the_last_pages_of_its_pool() {
        for free in [65, 300, 513 + 64, 514 + 64, 5000, 1 << 20] {
            let heap = pages_max(100 + free, 100, 1);
            let tables = heap.div_ceil(PAGES_PER_TABLE);
            assert!(heap + tables + HEAP_LEAVES <= free.max(66), "{free}");
            let more = heap + 1;
            let is_largest = more + more.div_ceil(PAGES_PER_TABLE) + HEAP_LEAVES >= free;
            assert!(is_largest, "{heap} of {free}");
        }
    }

    #[test]
    fn a_heap_is_never_smaller_than_the_manifest_asks() {
        assert_eq!(pages_max(100, 100, 256), 256);
        assert_eq!(pages_max(1000, 900, 256), 256);
        assert_eq!(pages_max(u64::MAX, 0, 256), MEMORY_PAGES_MAX);
    }
}
