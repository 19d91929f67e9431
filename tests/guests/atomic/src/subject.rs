//! The domain that is frozen and rebuilt, [`Subject`], and the driver's objects that it uses, [`Lender`].

use guest_support::worker::share_program;
use guest_workloads::WORKLOADS;
use guest_workloads::board;
use guest_workloads::slots as own;
use guest_workloads::stage::{self, Stage};
use runtime::abi::NO_DEADLINE;
use runtime::abi::kind::{DomainRights, EndpointRights};
use runtime::abi::register::{Access, ObjectId, PageCount};
use runtime::abi::start_page::root_slots;
use runtime::capability::{Domain, Endpoint, Memory, Pool};
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;
use runtime::{Cap, Error, Slot, Start, slots};

/// The number of boards, and of threads.
pub const BOARD_PAGES: u64 = WORKLOADS.len() as u64;

/// The size of the staging Memory: more pages than the kernel copies in one call.
const STAGING_PAGES: PageCount = PageCount(64);

/// The priority of subjects, below the driver's, so that they are preempted as soon as the driver's wait ends.
pub const PRIORITY: u8 = 32;

/// The objects that the driver lends to every subject.
#[derive(Clone, Copy)]
pub struct Lender {
    /// All memory.
    pub pool: Cap<Pool>,
    /// The driver's own domain.
    pub domain: Cap<Domain>,
    /// The endpoint that the driver's second thread serves.
    pub service: Cap<Endpoint>,
    /// The Memory to which a subject's pages are copied.
    pub staging: Cap<Memory>,
    /// The driver's mapping of that Memory.
    pub copies: SharedMemory<'static>,
    /// The rate of the time-stamp counter.
    pub ticks_per_second: u64,
}

impl Lender {
    /// A lender of root's resources.
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
        self.pool.split(PageCount(stage::PAGES))
    }

    /// The slot of an object outside the subject: the service, or a Memory of the program.
    pub fn outsider(&self, id: ObjectId) -> Result<Slot, Error> {
        let image = root_slots::IMAGE.0;
        let all = [self.service.slot(), Slot(image), Slot(image + 1)];
        let is_it = |slot: &Slot| self.domain.identify(*slot) == Ok(id);
        all.into_iter().find(is_it).ok_or(Error::NotThere)
    }
}

/// A domain in a pool of its own.
pub struct Subject {
    /// The pool. Destroying it ends the domain.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The token of the domain's freeze.
    pub token: u64,
}

impl Subject {
    /// Creates a frozen subject whose threads have not run yet.
    pub fn new(lender: &Lender) -> Result<Subject, Error> {
        let pool = lender.subject_pool()?;
        let domain = pool.create_domain()?;
        let token = domain.freeze(NO_DEADLINE)?.token;
        share_program(domain)?;
        let stage = Stage { pool, domain };
        let rights = DomainRights::MAP | DomainRights::CAPTURE;
        let boards = stage.furnish(BOARD_PAGES, rights)?;
        let pages = PageCount(BOARD_PAGES);
        let mapping = Mapping::new(lender.domain, boards, pages, Access::ReadWrite)?;
        for number in 0..WORKLOADS.len() {
            board::initialise(&mapping.memory(), number, lender.ticks_per_second);
        }
        boards.delete()?;
        let send = EndpointRights::SEND;
        domain.install(lender.service, own::OUTSIDE, send, 7)?;
        stage.start(WORKLOADS.into_iter(), PRIORITY)?;
        Ok(Subject {
            pool,
            domain,
            token,
        })
    }

    /// Destroys the subject.
    pub fn end(self) -> Result<(), Error> {
        self.pool.destroy()?;
        // The capability to the domain went with the pool.
        slots::give_back(self.domain.slot());
        Ok(())
    }
}
