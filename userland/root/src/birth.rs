//! A domain's birth: the list of calls that make one from a pool, a program and what it is granted.
//!
//! Everything is made from the domain's own pool, so that destroying that pool undoes it all, also a birth that
//! failed halfway.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::kind::{DomainRights, NotificationRights, PoolRights, ThreadRights};
use abi::register::{Access, PageCount, Slot, UserAddress};
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

/// The first slot of a domain that holds something; slot 0 stays empty.
const FIRST_SLOT: Slot = Slot(1);
const ONE_PAGE: PageCount = PageCount(1);

/// What a domain is made from.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The program.
    pub image: &'a Image<'a>,
    /// The pages of its stack.
    pub stack: PageCount,
    /// The pages of its heap.
    pub heap: PageCount,
    /// Its thread's priority.
    pub priority: u8,
    /// What it gets beside what is its own.
    pub grants: &'a [Grant<'a>],
    /// The rights it has over itself.
    pub domain_rights: DomainRights,
    /// The rights it has over its own pool, if any.
    pub pool_rights: Option<PoolRights>,
    /// Where its clock page is mapped.
    pub clock: Range,
    /// `key=value` lines.
    pub arguments: &'a str,
    /// Its id.
    pub id: [u8; 16],
    /// Random bits for it.
    pub seed: [u64; 4],
}

impl Plan<'_> {
    /// A start page that says everything but the capabilities.
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
        // The manifest's are at most half of what fits, root's own a few short ones.
        let count = self.arguments.len().min(ARGUMENT_BYTES);
        page.arguments[..count].copy_from_slice(&self.arguments.as_bytes()[..count]);
        page.argument_bytes = count as u64;
        page
    }
}

/// What a living domain consists of, as root's capabilities.
#[derive(Debug)]
pub struct Body {
    /// Its memory: to destroy it is to end the domain.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Handle<Domain>,
    /// Its word of flags.
    pub wake: Handle<Notification>,
}

/// Which call of a birth failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stillborn {
    /// What was being made.
    pub what: String,
    /// Why not.
    pub error: Error,
}

impl fmt::Display for Stillborn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.error)
    }
}

/// Says what was being made when a call failed.
fn making<T>(what: &str, result: Result<T, Error>) -> Result<T, Stillborn> {
    result.map_err(|error| Stillborn {
        what: what.into(),
        error,
    })
}

/// Makes a domain with a stopped thread.
///
/// # Errors
/// Which call failed; what was made until then ends with the pool.
pub fn bear(
    machine: &Machine,
    pool: Cap<Pool>,
    plan: &Plan,
) -> Result<(Body, Handle<Thread>), Stillborn> {
    let body = Body {
        pool,
        domain: making("the domain", pool.create_domain()).map(Handle::new)?,
        wake: making("the notification `wake`", pool.create_notification()).map(Handle::new)?,
    };
    let thread = making("the thread", body.domain.create_thread()).map(Handle::new)?;
    let maker = Maker {
        machine,
        body: &body,
    };
    making("the program", maker.load(plan.image))?;
    making("the stack", maker.fresh(STACK, plan.stack))?;
    making("the heap", maker.fresh(HEAP, plan.heap))?;
    making("the message buffer", maker.fresh(MESSAGE_BUFFER, ONE_PAGE))?;
    let page = maker.give(plan, *thread)?;
    making("the start page", maker.start_page(&page))?;
    making("the thread", prepare(*thread, plan))?;
    Ok((body, thread))
}

fn prepare(thread: Cap<Thread>, plan: &Plan) -> Result<(), Error> {
    // As after a call: a return address would be on the stack.
    let stack_top = STACK + plan.stack.0 * PAGE_BYTES - 8;
    thread.set_priority(plan.priority)?;
    thread.prepare(
        UserAddress(plan.image.entry),
        UserAddress(stack_top),
        START_PAGE,
        UserAddress(MESSAGE_BUFFER),
    )
}

/// Fills a domain with what it is born with.
struct Maker<'a> {
    machine: &'a Machine,
    body: &'a Body,
}

impl Maker<'_> {
    fn load(&self, image: &Image) -> Result<(), Error> {
        for segment in &image.segments {
            let content = |memory: SharedMemory| memory.write(0, segment.content);
            self.map(segment.address, segment.pages, segment.access, content)?;
        }
        Ok(())
    }

    /// Zeroed memory to read and write.
    fn fresh(&self, address: u64, pages: PageCount) -> Result<(), Error> {
        if pages.0 == 0 {
            return Ok(());
        }
        let memory = Handle::new(self.body.pool.create_populated_memory(pages)?);
        self.place(*memory, address, pages, Access::ReadWrite)
    }

    fn start_page(&self, page: &StartPage) -> Result<(), Error> {
        let write = |memory: SharedMemory| memory.write(0, &page.to_bytes());
        self.map(START_PAGE, ONE_PAGE, Access::Read, write)
    }

    /// Memory that root writes first.
    fn map(
        &self,
        address: u64,
        pages: PageCount,
        access: Access,
        content: impl FnOnce(SharedMemory),
    ) -> Result<(), Error> {
        let memory = Handle::new(self.body.pool.create_populated_memory(pages)?);
        self.machine.write_to(*memory, pages, content)?;
        self.place(*memory, address, pages, access)
    }

    /// Maps a Memory into the domain.
    fn place(
        &self,
        memory: Cap<Memory>,
        address: u64,
        pages: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        let address = UserAddress(address);
        self.body
            .domain
            .map(memory, address, PageCount(0), pages, access)
    }

    /// Gives the domain its capabilities, its own first, and writes them down.
    fn give(&self, plan: &Plan, thread: Cap<Thread>) -> Result<Box<StartPage>, Stillborn> {
        let mut page = plan.start_page();
        let mut slot = FIRST_SLOT;
        for grant in self.own(plan, thread).iter().chain(plan.grants) {
            making(grant.name, grant.give(*self.body.domain, slot))?;
            let added = page.add(grant.name, grant.entry(slot));
            making(grant.name, added.then_some(()).ok_or(Error::TableFull))?;
            slot = Slot(slot.0 + 1);
        }
        page.first_free_slot = u64::from(slot.0);
        Ok(page)
    }

    /// What every domain has of itself.
    fn own(&self, plan: &Plan, thread: Cap<Thread>) -> Vec<Grant<'static>> {
        let thread_rights = ThreadRights::READ | ThreadRights::WRITE | ThreadRights::SCHEDULE;
        let wake_rights = NotificationRights::SIGNAL | NotificationRights::WAIT;
        let mut own = Vec::from([
            Grant::new("domain", *self.body.domain, plan.domain_rights),
            Grant::new("thread", thread, thread_rights),
            Grant::new("wake", *self.body.wake, wake_rights),
        ]);
        own.extend(
            plan.pool_rights
                .map(|rights| Grant::new("pool", self.body.pool, rights)),
        );
        own
    }
}
