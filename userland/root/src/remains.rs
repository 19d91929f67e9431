//! The memory of domains that have left, until the migration server has destroyed it: [`Remains`].
//!
//! The migration server may keep it for the case that a domain comes back. So root destroys the oldest of it whenever a pool for
//! another domain cannot be made otherwise, and reports it as free.

use alloc::vec::Vec;

use abi::Error;
use abi::kind::PoolRights;
use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::{Kind, Pool};
use runtime::protocol::Name;

use crate::handle::Handle;
use crate::machine::Machine;

/// The pools of domains that have left, the oldest first.
#[derive(Debug, Default)]
pub struct Remains(Vec<Remainder>);

/// A pool, and the migration server's capability for it, which root copies to it.
#[derive(Debug)]
struct Remainder {
    domain: Name,
    pool: Handle<Pool>,
    destroyable: Handle<Pool>,
}

impl Remains {
    /// Adds the pool of a domain that has left. Returns the capability for the migration server, which permits only to destroy it.
    ///
    /// # Errors
    /// The kernel's refusal of that capability. Then the pool is destroyed.
    pub fn add(&mut self, domain: Name, pool: Cap<Pool>) -> Result<Cap<Pool>, Error> {
        self.0.retain(Remainder::exists);
        let pool = Handle::new(pool);
        match pool.mint(PoolRights::DESTROY, 0) {
            Ok(destroyable) => {
                self.0.push(Remainder {
                    domain,
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

    /// The capability for the pool of the domain of this name that has left last, unless that is destroyed.
    pub fn find(&self, domain: Name) -> Option<Cap<Pool>> {
        let mut all = self.0.iter().rev();
        let found = all.find(|remainder| remainder.domain == domain && remainder.exists());
        found.map(|remainder| *remainder.destroyable)
    }

    /// Makes a pool of this many pages. If the machine has too few, destroys the pools that have been left for the longest time.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn split(&mut self, machine: &Machine, pages: PageCount) -> Result<Cap<Pool>, Error> {
        loop {
            match machine.pool.split(pages) {
                Err(Error::PoolEmpty) if !self.0.is_empty() => self.destroy_oldest(),
                made => return made,
            }
        }
    }

    fn destroy_oldest(&mut self) {
        let Remainder { domain, pool, .. } = self.0.remove(0);
        log::info!("the memory that was kept of {domain} is needed");
        pool.destroy();
    }

    /// The number of pages of all pools that are left.
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

impl Remainder {
    fn exists(&self) -> bool {
        let found = self.pool.inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }
}
