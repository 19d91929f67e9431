//! The pools that are being destroyed: [`Destruction`].
//!
//! A page takes some two hundred instructions, and root has the highest priority, so everything else on the processor would wait for a
//! large pool. So a thread of the lowest priority destroys them, one after the other. On a busy machine that may take as long as the machine
//! is busy: root counts their memory as free, and destroys them itself if the memory is needed.

use alloc::vec::Vec;

use abi::Error;
use abi::kind::PoolRights;
use runtime::Cap;
use runtime::capability::{Domain, Kind, Pool};
use runtime::reaper::Reaper;

use crate::handle::Handle;

/// The pools that are being destroyed, the oldest first.
#[derive(Debug, Default)]
pub struct Destruction {
    /// The thread. Without one, pools are destroyed at once.
    reaper: Option<Reaper>,
    pools: Vec<Handle<Pool>>,
}

impl Destruction {
    /// Creates the thread in root's own domain.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn with_thread(domain: Cap<Domain>) -> Result<Destruction, Error> {
        Ok(Destruction {
            reaper: Some(Reaper::new(domain)?),
            pools: Vec::new(),
        })
    }

    /// Has a pool destroyed, of whose domain nothing can run any more.
    pub fn add(&mut self, pool: Handle<Pool>) {
        self.collect();
        match self.delegate(*pool) {
            true => self.pools.push(pool),
            false => pool.destroy(),
        }
    }

    /// Passes a pool on to the thread; returns whether that has worked. The thread gets a capability of its own: the slot of one that root
    /// uses as well might be reused while the thread is in the middle of its call.
    fn delegate(&mut self, pool: Cap<Pool>) -> bool {
        let Some(reaper) = &mut self.reaper else {
            return false;
        };
        let Ok(delegated) = pool.mint(PoolRights::DESTROY, 0) else {
            return false;
        };
        let added = reaper.add(delegated);
        added.map_err(Cap::forget).is_ok()
    }

    /// Destroys the pool that has waited for the longest time, or what is left of it; returns false if there is none. Everything else on
    /// the processor waits meanwhile.
    pub fn finish_oldest(&mut self) -> bool {
        self.collect();
        if self.pools.is_empty() {
            return false;
        }
        self.pools.remove(0).destroy();
        true
    }

    /// The number of pages of the pools that are not destroyed yet.
    pub fn pages(&self) -> u64 {
        let reports = self.pools.iter().map(|pool| pool.report());
        reports.flatten().map(|report| report.total.0).sum()
    }

    /// Forgets what is destroyed.
    fn collect(&mut self) {
        if let Some(reaper) = &mut self.reaper {
            reaper.collect();
        }
        self.pools.retain(exists);
    }
}

/// Whether a pool is not destroyed.
fn exists(pool: &Handle<Pool>) -> bool {
    let found = pool.inspect();
    found.is_ok_and(|found| found.kind == Pool::KIND)
}

#[cfg(test)]
mod tests;
