//! The domain that is frozen and rebuilt: [`Subject`], and its birth.

use runtime::abi::kind::{
    DomainRights, EndpointRights, MemoryRights, NotificationRights, PoolRights, ThreadRights,
};
use runtime::abi::register::{Access, ObjectId, PageCount, UserAddress};
use runtime::abi::start_page::root_slots;
use runtime::abi::{NO_DEADLINE, PAGE_BYTES};
use runtime::capability::{Domain, Endpoint, Kind, Memory, Notification, Pool};
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;
use runtime::{Cap, Error, Slot, Start, slots};

use crate::board::{self, BOARDS, BUFFERS};
use crate::long_calls::{
    FILLED_ADDRESS, FILLED_COUNT, PAGES_ADDRESS, PAGES_COUNT, SOURCE_ADDRESS, SOURCE_COUNT,
};
use crate::slots as own;
use crate::workloads::{FAULTING, HELD, HOLE_ADDRESS, HOLE_PAGES, NOTIFIED, WORKLOADS};

/// How many boards there are, and message buffers.
pub const BOARD_PAGES: u64 = WORKLOADS.len() as u64;

/// Where the stacks are.
const STACKS: u64 = 8 << 30;
const STACK_PAGES: u64 = 3;

/// Pages that the kernel copies in one call, and more.
const STAGING_PAGES: PageCount = PageCount(64);

/// Pages of a subject's pool.
const PAGES: u64 = 512;
/// Subjects run below the driver, so that it takes over as soon as its wait ends.
pub const PRIORITY: u8 = 32;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
}

/// What the driver lends to every subject.
#[derive(Clone, Copy)]
pub struct Lender {
    /// All memory.
    pub pool: Cap<Pool>,
    /// The driver's own domain.
    pub domain: Cap<Domain>,
    /// The endpoint that the driver's second thread serves.
    pub service: Cap<Endpoint>,
    /// Where a subject's pages are copied to.
    pub staging: Cap<Memory>,
    /// The same, as the driver sees it.
    pub copies: SharedMemory<'static>,
    /// The rate of the time-stamp counter.
    pub ticks_per_second: u64,
}

impl Lender {
    /// What root has.
    pub fn new(start: &Start) -> Result<Lender, Error> {
        let (pool, domain) = (start.require::<Pool>("pool"), start.require("domain"));
        let staging = pool.create_populated_memory(STAGING_PAGES)?;
        let copies = Mapping::new(domain, staging, STAGING_PAGES, Access::Read)?.leak();
        Ok(Lender {
            pool,
            domain,
            staging,
            copies,
            service: pool.create_endpoint()?,
            ticks_per_second: start.page().ticks_per_second,
        })
    }

    /// A pool for a subject.
    pub fn subject_pool(&self) -> Result<Cap<Pool>, Error> {
        self.pool.split(PageCount(PAGES))
    }

    /// The outsider of this identity: the service, or a Memory of the program.
    pub fn outsider(&self, id: ObjectId) -> Result<Slot, Error> {
        let image = image().map(|(memory, ..)| memory.slot());
        let all = [self.service.slot(), image[0], image[1]];
        let is_it = |slot: &Slot| self.domain.identify(*slot) == Ok(id);
        all.into_iter().find(is_it).ok_or(Error::NotThere)
    }
}

/// A domain in a pool of its own.
pub struct Subject {
    /// Its memory, and with that its life.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The token of the freeze that it is in.
    pub token: u64,
}

impl Subject {
    /// Makes a subject whose threads have not begun, frozen.
    pub fn new(lender: &Lender) -> Result<Subject, Error> {
        let pool = lender.subject_pool()?;
        let domain = pool.create_domain()?;
        let token = domain.freeze(NO_DEADLINE)?.token;
        let subject = Subject {
            pool,
            domain,
            token,
        };
        for (memory, address, pages, access) in image() {
            subject.map(memory, address, pages, access)?;
        }
        let boards = subject.make_memory(BOARDS, BOARD_PAGES)?;
        let mapping = Mapping::new(
            lender.domain,
            boards,
            PageCount(BOARD_PAGES),
            Access::ReadWrite,
        )?;
        for number in 0..WORKLOADS.len() {
            board::begin(&mapping.memory(), number, lender.ticks_per_second);
        }
        boards.delete()?;
        let stack_pages = BOARD_PAGES * STACK_PAGES;
        for (address, pages) in [(STACKS, stack_pages), (BUFFERS, BOARD_PAGES)] {
            subject.make_memory(address, pages)?.delete()?;
        }
        domain.grow(own::TABLE_SLOTS)?;
        subject.fill_table(lender)?;
        subject.lend_memories()?;
        let (faults, bell) = (pool.create_endpoint()?, pool.create_notification()?);
        subject.make_threads(faults, bell)?;
        let rights = EndpointRights::SEND | EndpointRights::RECEIVE;
        subject.hand_over(faults, own::FAULTS, rights)?;
        subject.hand_over(bell, own::BELL, NotificationRights::SIGNAL)?;
        Ok(subject)
    }

    /// Ends it.
    pub fn end(self) -> Result<(), Error> {
        self.pool.destroy()?;
        // The pool took the domain along, so that the slot is empty.
        slots::give_back(self.domain.slot());
        Ok(())
    }

    /// Maps the whole of a Memory.
    fn map(
        &self,
        memory: Cap<Memory>,
        address: u64,
        pages: u64,
        access: Access,
    ) -> Result<(), Error> {
        let address = UserAddress(address);
        self.domain
            .map(memory, address, PageCount(0), PageCount(pages), access)
    }

    fn make_memory(&self, address: u64, pages: u64) -> Result<Cap<Memory>, Error> {
        let memory = self.pool.create_populated_memory(PageCount(pages))?;
        self.map(memory, address, pages, Access::ReadWrite)?;
        Ok(memory)
    }

    fn fill_table(&self, lender: &Lender) -> Result<(), Error> {
        let both = NotificationRights::SIGNAL | NotificationRights::WAIT;
        for slot in [own::PING, own::PONG, own::SILENCE, own::BELL_HEARD] {
            self.hand_over(self.pool.create_notification()?, slot, both)?;
        }
        let rights = EndpointRights::SEND | EndpointRights::RECEIVE;
        for slot in [
            own::INSIDE,
            own::HOLDER,
            own::REVOKED,
            own::MARK,
            own::LETTERS,
            own::MANY,
        ] {
            self.hand_over(self.pool.create_endpoint()?, slot, rights)?;
        }
        let grants = rights | EndpointRights::GRANT;
        self.hand_over(self.pool.create_endpoint()?, own::LONG, grants)?;
        let (map, create) = (
            DomainRights::MAP | DomainRights::CAPTURE,
            PoolRights::CREATE,
        );
        self.domain.install(self.domain, own::DOMAIN, map, 0)?;
        self.domain.install(self.pool, own::POOL, create, 0)?;
        self.domain
            .install(lender.service, own::OUTSIDE, EndpointRights::SEND, 7)?;
        let signal = NotificationRights::SIGNAL.into();
        self.domain.derive(own::PING, own::PING_SIGNAL, signal, 0)
    }

    /// Gives it Memories without pages, or with some.
    fn lend_memories(&self) -> Result<(), Error> {
        let hole = self.pool.create_memory(PageCount(HOLE_PAGES))?;
        self.map(hole, HOLE_ADDRESS, HOLE_PAGES, Access::ReadWrite)?;
        self.hand_over(hole, own::HOLE, MemoryRights::MANAGE)?;
        let paged = self.pool.create_memory(PageCount(1))?;
        let readable = MemoryRights::MANAGE | MemoryRights::READ;
        self.hand_over(paged, own::PAGED, readable)?;
        let filled = self.pool.create_memory(PageCount(FILLED_COUNT))?;
        self.map(filled, FILLED_ADDRESS, FILLED_COUNT, Access::ReadWrite)?;
        self.hand_over(filled, own::FILLED, readable)?;
        let source = self.pool.create_memory(PageCount(SOURCE_COUNT))?;
        self.map(source, SOURCE_ADDRESS, SOURCE_COUNT, Access::ReadWrite)?;
        for page in (0..SOURCE_COUNT).filter(|page| own::SOURCE_PRESENT >> page & 1 != 0) {
            source.populate(PageCount(page), PageCount(1))?;
        }
        self.hand_over(source, own::SOURCE, MemoryRights::READ)?;
        let (pages, pager) = (
            self.pool.create_memory(PageCount(PAGES_COUNT))?,
            self.pool.create_endpoint()?,
        );
        self.map(pages, PAGES_ADDRESS, PAGES_COUNT, Access::ReadWrite)?;
        pages.set_pager(Some(pager))?;
        self.hand_over(pages, own::PAGES, MemoryRights::MANAGE)?;
        self.hand_over(pager, own::PAGER, EndpointRights::RECEIVE)
    }

    /// The subject has it from now on, and the driver has not.
    fn hand_over<T: Kind>(&self, what: Cap<T>, to: Slot, rights: T::Rights) -> Result<(), Error> {
        self.domain.install(what, to, rights, 0)?;
        what.delete()
    }

    fn make_threads(&self, faults: Cap<Endpoint>, bell: Cap<Notification>) -> Result<(), Error> {
        for (number, (_, workload)) in (0..).zip(WORKLOADS) {
            let thread = self.domain.create_thread()?;
            // As after a call: a return address would be on the stack.
            let top = STACKS + (number + 1) * STACK_PAGES * PAGE_BYTES - 8;
            let (instruction, board) = (workload as *const () as u64, BOARDS + number * PAGE_BYTES);
            thread.set_priority(PRIORITY)?;
            thread.prepare(
                UserAddress(instruction),
                UserAddress(top),
                board,
                UserAddress(BUFFERS + number * PAGE_BYTES),
            )?;
            if number == FAULTING as u64 {
                thread.set_fault_endpoint(Some(faults))?;
            }
            if number == NOTIFIED as u64 {
                thread.bind(Some(bell))?;
            }
            let held_in = [(FAULTING, own::FAULTING_THREAD), (HELD, own::HELD_THREAD)];
            for (_, slot) in held_in.iter().filter(|(held, _)| *held as u64 == number) {
                self.domain.install(thread, *slot, ThreadRights::RUN, 0)?;
            }
            thread.start()?;
            thread.delete()?;
        }
        Ok(())
    }
}

/// The driver's program, which its subjects share: the kernel made a Memory of each segment, in their order.
fn image() -> [(Cap<Memory>, u64, u64, Access); 2] {
    let code = (&raw const __text_start as u64, &raw const __text_end as u64);
    let constants = (
        &raw const __rodata_start as u64,
        &raw const __rodata_end as u64,
    );
    let segment = |index: u32, (start, end): (u64, u64), access| {
        let memory = Cap::from_slot(Slot(root_slots::IMAGE.0 + index));
        (memory, start, (end - start).div_ceil(PAGE_BYTES), access)
    };
    [
        segment(0, code, Access::ReadExecute),
        segment(1, constants, Access::Read),
    ]
}
