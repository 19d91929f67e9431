//! The resources of every measurement: [`Bench`]; and the reason one can fail: [`Failure`].

use core::fmt;

use runtime::abi::register::{PageCount, Slot};
use runtime::capability::{Domain, Notification, Pool};
use runtime::{Cap, Error, Start};

/// The first of the slots that the runtime does not hand out, because nothing here takes that many from it.
pub const SCRATCH: Slot = Slot(1024);
const SLOTS: u32 = 4096;

/// The reason a figure could not be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused something.
    Refused(Error),
    /// A worker did not finish: the kernel's log has the reason.
    Stuck,
    /// A worker used the vector registers, although the figure is not about them.
    VectorsUsed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => write!(formatter, "the kernel refused: {error}"),
            Failure::Stuck => formatter.write_str("a worker did not come to its end"),
            Failure::VectorsUsed => formatter.write_str("a worker used the vector registers"),
        }
    }
}

/// The resources of every measurement.
pub struct Bench {
    /// All memory.
    pub pool: Cap<Pool>,
    /// The conductor's own domain.
    pub domain: Cap<Domain>,
    /// The notification that workers signal when they are done.
    pub done: Cap<Notification>,
}

impl Bench {
    /// Takes what the kernel gave to root, and makes room in the table.
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

    /// Memory for one measurement. It ends with everything in it.
    pub fn scratch_pool(&self, pages: u64) -> Result<Cap<Pool>, Failure> {
        Ok(self.pool.split(PageCount(pages))?)
    }
}

/// The scratch slot with this index.
pub fn scratch(index: u32) -> Slot {
    Slot(SCRATCH.0 + index)
}
