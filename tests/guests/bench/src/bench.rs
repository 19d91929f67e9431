//! The resources of every measurement: [`Bench`].

pub use guest_support::failure::Failure;
use runtime::abi::register::{PageCount, Slot};
use runtime::capability::{Domain, Notification, Pool};
use runtime::{Cap, Start};

/// The first scratch slot. The runtime allocates slots from the lowest on, and this guest takes too few to reach this one.
pub const SCRATCH: Slot = Slot(1024);
const SLOTS: u32 = 4096;

/// The resources of every measurement.
pub struct Bench {
    /// All memory.
    pub pool: Cap<Pool>,
    /// This domain.
    pub domain: Cap<Domain>,
    /// The notification that workers signal when they are done.
    pub done: Cap<Notification>,
}

impl Bench {
    /// Takes root's initial capabilities, and grows the table.
    pub fn new(start: &Start) -> Result<Bench, Failure> {
        let pool = start.require::<Pool>("pool");
        let domain = start.require::<Domain>("domain");
        domain.grow(SLOTS)?;
        Ok(Bench {
            pool,
            domain,
            done: pool.create_notification()?,
        })
    }

    /// A pool for one measurement, to be destroyed with everything in it.
    pub fn scratch_pool(&self, pages: u64) -> Result<Cap<Pool>, Failure> {
        Ok(self.pool.split(PageCount(pages))?)
    }
}

/// The scratch slot with this index.
pub fn scratch(index: u32) -> Slot {
    Slot(SCRATCH.0 + index)
}
