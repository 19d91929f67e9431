//! The memory of domains that have left, until it is destroyed: [`Remains`].
//!
//! The migration server may have it kept for the case that a domain comes back. When it no longer does, or ends, the memory is
//! destroyed in the background ([`Destruction`]), and so is that of other domains that have ended. Whenever memory is short for
//! the pool of a domain that starts or arrives, root destroys what it needs itself, the oldest first, and then keeps some pages free for
//! small objects that the domain needs ([`Remains::split`]). It does the same for the domain's other Memories ([`Remains::make`]). It reports
//! all of this memory as free.

use alloc::vec::Vec;

use abi::Error;
use abi::kind::PoolRights;
use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::Pool;
use runtime::protocol::{DomainId, Incarnation, Name};

use crate::destruction::Destruction;
use crate::handle::Handle;
use crate::machine::Machine;

/// The pages of the machine that are kept free when a pool is made, if memory can be destroyed for that. A domain that starts or arrives
/// needs objects of root beside its pool, such as endpoints and slots for capabilities. Most domains' rings fit, too.
const HEADROOM: u64 = 512;

/// The memory of domains that have left or ended.
#[derive(Debug, Default)]
pub struct Remains {
    /// The pools that the migration server may keep, the oldest first.
    kept: Vec<Remainder>,
    /// The pools that are being destroyed.
    pub destruction: Destruction,
}

/// The domain that has left, and its incarnation then.
type CopyName = (DomainId, Incarnation);

/// A pool, and the migration server's capability for it, which root copies to it.
#[derive(Debug)]
struct Remainder {
    domain: Name,
    copy: CopyName,
    pool: Handle<Pool>,
    shown: Handle<Pool>,
}

impl Remains {
    /// Adds the pool of a domain that has left, and has that of an older copy of it destroyed. Returns the capability for the migration
    /// server, which permits nothing: it shows whether the pool still exists.
    ///
    /// # Errors
    /// The kernel's refusal of that capability. Then the pool is destroyed.
    pub fn add(
        &mut self,
        domain: Name,
        copy: CopyName,
        pool: Cap<Pool>,
    ) -> Result<Cap<Pool>, Error> {
        self.give_up(|(id, _)| id == copy.0);
        match pool.mint(PoolRights::empty(), 0) {
            Ok(shown) => {
                self.kept.push(Remainder {
                    domain,
                    copy,
                    pool: Handle::new(pool),
                    shown: Handle::new(shown),
                });
                Ok(shown)
            }
            Err(error) => {
                self.destruction.add(Handle::new(pool));
                Err(error)
            }
        }
    }

    /// The capability for the pool that this domain has left, unless that is destroyed.
    pub fn find(&self, id: DomainId) -> Option<Cap<Pool>> {
        let mut all = self.kept.iter().rev();
        let found = all.find(|remainder| remainder.copy.0 == id);
        found.map(|remainder| *remainder.shown)
    }

    /// Has the pool destroyed that the domain has left as this incarnation.
    pub fn reclaim(&mut self, copy: CopyName) {
        self.give_up(|other| other == copy);
    }

    fn give_up(&mut self, is_it: impl Fn(CopyName) -> bool) {
        let given_up = self.kept.extract_if(.., |remainder| is_it(remainder.copy));
        for remainder in given_up {
            self.destruction.add(remainder.pool);
        }
    }

    /// Has all pools destroyed, because the migration server has ended.
    pub fn reclaim_all(&mut self) {
        for remainder in self.kept.drain(..) {
            self.destruction.add(remainder.pool);
        }
    }

    /// Makes a pool of this many pages. If the machine has too few, finishes the destructions in progress, and then destroys the pools that have
    /// been left for the longest time, unless even all of them would be too little.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn split(&mut self, machine: &Machine, pages: PageCount) -> Result<Cap<Pool>, Error> {
        let is_short = |free: u64| free < pages.0.saturating_add(HEADROOM);
        while let Some(free) = free_pages(machine)
            && is_short(free)
            && free.saturating_add(self.pages()) >= pages.0
            && self.free_oldest()
        {}
        machine.pool.split(pages)
    }

    /// Makes an object in the machine's own pool. As long as the machine has too few pages for it, finishes the destructions in progress, and
    /// then destroys the pools that have been left for the longest time.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn make<T>(&mut self, mut object: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            match object() {
                Err(Error::PoolEmpty) if self.free_oldest() => {}
                made => return made,
            }
        }
    }

    /// Finishes the oldest destruction in progress, or destroys the pool that has been left for the longest time; returns false if there is
    /// neither.
    fn free_oldest(&mut self) -> bool {
        self.destruction.finish_oldest() || self.destroy_oldest()
    }

    /// Destroys the pool that has been left for the longest time; returns false if there is none.
    fn destroy_oldest(&mut self) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        let Remainder { domain, pool, .. } = self.kept.remove(0);
        log::info!("the memory that was kept of {domain} is needed");
        pool.destroy();
        true
    }

    /// The number of pages of the pools that root may destroy, or that are being destroyed.
    pub fn pages(&self) -> u64 {
        let reports = self.kept.iter().map(|remainder| remainder.pool.report());
        let kept: u64 = reports.flatten().map(|report| report.total.0).sum();
        kept.saturating_add(self.destruction.pages())
    }
}

/// The pages of the machine that no pool has; `None` if the kernel does not report them.
fn free_pages(machine: &Machine) -> Option<u64> {
    let report = machine.pool.report().ok()?;
    Some(report.total.0.saturating_sub(report.spent.0))
}
