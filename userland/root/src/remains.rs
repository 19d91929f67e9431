//! The memory of domains that have left, until the migration server has destroyed it: [`Remains`].
//!
//! The migration server may keep it for the case that a domain comes back. So root destroys the oldest of it whenever memory is short for
//! the pool of a domain that starts or arrives, and then keeps some pages free for the other objects that the domain needs ([`Remains::split`]). It
//! reports the memory as free.

use alloc::vec::Vec;

use abi::Error;
use abi::kind::PoolRights;
use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::{Kind, Pool};
use runtime::protocol::{DomainId, Name};

use crate::handle::Handle;
use crate::machine::Machine;

/// The pages of the machine that are kept free when a pool is made, if kept memory can be destroyed for that. A domain that starts or arrives
/// needs objects of root beside its pool: a port's ring of 129 pages, a clock page, and 16 pages of records at most.
const HEADROOM: u64 = 512;

/// The pools of domains that have left, the oldest first.
#[derive(Debug, Default)]
pub struct Remains(Vec<Remainder>);

/// A pool, and the migration server's capability for it, which root copies to it.
#[derive(Debug)]
struct Remainder {
    domain: Name,
    id: DomainId,
    pool: Handle<Pool>,
    destroyable: Handle<Pool>,
}

impl Remains {
    /// Adds the pool of a domain that has left. Returns the capability for the migration server, which permits only to destroy it.
    ///
    /// # Errors
    /// The kernel's refusal of that capability. Then the pool is destroyed.
    pub fn add(
        &mut self,
        (domain, id): (Name, DomainId),
        pool: Cap<Pool>,
    ) -> Result<Cap<Pool>, Error> {
        self.0.retain(Remainder::exists);
        let pool = Handle::new(pool);
        match pool.mint(PoolRights::DESTROY, 0) {
            Ok(destroyable) => {
                self.0.push(Remainder {
                    domain,
                    id,
                    pool,
                    destroyable: Handle::new(destroyable),
                });
                Ok(destroyable)
            }
            Err(error) => {
                pool.destroy();
                Err(error)
            }
        }
    }

    /// The capability for the pool that this domain has left, unless that is destroyed.
    pub fn find(&self, id: DomainId) -> Option<Cap<Pool>> {
        let mut all = self.0.iter().rev();
        let found = all.find(|remainder| remainder.id == id && remainder.exists());
        found.map(|remainder| *remainder.destroyable)
    }

    /// Makes a pool of this many pages. If the machine has too few, destroys the pools that have been left for the longest time, unless
    /// even all of them would be too little.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn split(&mut self, machine: &Machine, pages: PageCount) -> Result<Cap<Pool>, Error> {
        let is_short = |free: u64| free < pages.0.saturating_add(HEADROOM);
        while let Some(free) = free_pages(machine)
            && is_short(free)
            && free.saturating_add(self.pages()) >= pages.0
            && self.destroy_oldest()
        {}
        machine.pool.split(pages)
    }

    /// Destroys the pool that has been left for the longest time; returns false if there is none.
    fn destroy_oldest(&mut self) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let Remainder { domain, pool, .. } = self.0.remove(0);
        log::info!("the memory that was kept of {domain} is needed");
        pool.destroy();
        true
    }

    /// The number of pages of the pools that root may destroy.
    pub fn pages(&self) -> u64 {
        let reports = self.0.iter().map(|remainder| remainder.pool.report());
        reports.flatten().map(|report| report.total.0).sum()
    }

    /// Destroys all pools that are left, because the migration server has ended.
    pub fn destroy_all(&mut self) {
        for remainder in self.0.drain(..) {
            remainder.pool.destroy();
        }
    }
}

/// The pages of the machine that no pool has; `None` if the kernel does not report them.
fn free_pages(machine: &Machine) -> Option<u64> {
    let report = machine.pool.report().ok()?;
    Some(report.total.0.saturating_sub(report.spent.0))
}

impl Remainder {
    fn exists(&self) -> bool {
        let found = self.pool.inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }
}
