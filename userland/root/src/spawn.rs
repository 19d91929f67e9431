//! Spawns a domain: the list of calls that build one from a pool, a program and grants.
//!
//! Everything is created from the domain's own pool, so destroying that pool undoes it all, even a spawn that failed halfway.

mod heap;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use abi::kind::{DomainRights, NotificationRights, PoolRights, ThreadRights};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::start_page::{ARGUMENT_BYTES, Range, StartPage};
use abi::{Error, PAGE_BYTES};
use runtime::Cap;
use runtime::capability::{Domain, Memory, Notification, Pool, Thread};
use runtime::shared::SharedMemory;

use crate::grant::Grant;
use crate::handle::Handle;
use crate::image::Image;
use crate::layout::{HEAP, MESSAGE_BUFFER, STACK, START_PAGE};
use crate::machine::Machine;

use heap::HeapMemory;

/// The first slot used; slot 0 stays empty.
const FIRST_SLOT: Slot = Slot(1);
const ONE_PAGE: PageCount = PageCount(1);

/// The parameters of a new domain.
#[derive(Debug)]
pub struct Plan<'a> {
    pub image: &'a Image<'a>,
    /// The size of its stack.
    pub stack: PageCount,
    /// The size of the heap that it is promised.
    pub heap: PageCount,
    /// The priority of its first thread.
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
        add_arguments(&mut page, self.arguments);
        page
    }
}

/// Adds `key=value` lines to a start page. The manifest's take at most half of the space, and root's own are usually short. A line that
/// does not fit is left out as a whole.
fn add_arguments(page: &mut StartPage, lines: &str) {
    for (key, value) in lines.lines().filter_map(|line| line.split_once('=')) {
        if !page.add_argument(key, format_args!("{value}")) {
            log::error!("{ARGUMENT_BYTES} bytes have no room for the argument {key}={value}");
        }
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

/// The failed call of a spawn.
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
    let heap = creating("the heap", HeapMemory::create(pool, plan.heap))?;
    let page = builder.install_capabilities(plan, *thread, heap.as_ref())?;
    creating("the start page", builder.start_page(&page))?;
    if let Some(heap) = heap {
        creating("the heap", heap.check(pool))?;
    }
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
            .chain(&heap.map(HeapMemory::grant))
            .chain(plan.grants)
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
    use alloc::format;

    use super::*;

    #[test]
    fn an_argument_that_does_not_fit_is_left_out_as_a_whole() {
        let mut page = StartPage::EMPTY;
        let long = "x".repeat(ARGUMENT_BYTES - 10);
        let lines = format!("machine=a\nmaker={long}\nip=10.0.0.1/24\n");
        add_arguments(&mut page, &lines);
        assert_eq!(page.arguments(), "machine=a\nip=10.0.0.1/24\n");
    }
}
