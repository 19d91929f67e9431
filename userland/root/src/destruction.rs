//! The pools that are being destroyed: [`Destruction`].
//!
//! A page takes some two hundred instructions, and root has the highest priority, so everything else on the processor would wait for a
//! large pool. So a thread of the lowest priority destroys them, one after the other. On a busy machine that may take as long as the machine
//! is busy: root counts their memory as free, and destroys them itself if the memory is needed.

use alloc::vec::Vec;

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
    pools: Vec<Delegated>,
}

/// A pool that the thread destroys.
///
/// A destruction deletes all capabilities to the pool before it returns the pool's memory, except for the one that was invoked. The thread may
/// be interrupted in between, so root's own may be gone while the pool is not.
#[derive(Debug)]
struct Delegated {
    /// Deletes root's own capability in the end.
    _own: Handle<Pool>,
    /// The thread's capability. It exists as long as the pool does, and the slot is reused only after [`Reaper::collect`].
    capability: Cap<Pool>,
    /// The pool's size, which a destruction does not change.
    pages: u64,
}

impl Destruction {
    /// Creates the thread in root's own domain. If the kernel refuses it, the log has the reason, and pools are destroyed at once.
    pub fn new(domain: Cap<Domain>) -> Destruction {
        let reaper = Reaper::new(domain).inspect_err(|error| {
            log::error!("all memory is destroyed at once, for lack of a thread: {error}");
        });
        Destruction {
            reaper: reaper.ok(),
            pools: Vec::new(),
        }
    }

    /// Has a pool destroyed, of whose domain nothing can run any more.
    pub fn add(&mut self, pool: Handle<Pool>) {
        // Before the thread's next capability may take a slot that is free again.
        self.collect();
        match self.delegate(*pool) {
            Some(capability) => self.pools.push(Delegated {
                pages: pool.report().map_or(0, |report| report.total.0),
                _own: pool,
                capability,
            }),
            None => pool.destroy(),
        }
    }

    /// Passes a pool on to the thread. Returns the thread's capability, or `None` if that has not worked. The thread gets one of its own:
    /// the slot of one that root uses as well might be reused while the thread is in the middle of its call.
    fn delegate(&mut self, pool: Cap<Pool>) -> Option<Cap<Pool>> {
        let reaper = self.reaper.as_mut()?;
        let delegated = pool.mint(PoolRights::DESTROY, 0).ok()?;
        let added = reaper.add(delegated);
        added.map_err(Cap::forget).ok()?;
        Some(delegated)
    }

    /// Destroys the pool that has waited for the longest time, or what is left of it; returns false if there is none. Everything else on
    /// the processor waits meanwhile.
    pub fn finish_oldest(&mut self) -> bool {
        self.collect();
        if self.pools.is_empty() {
            return false;
        }
        let pool = self.pools.remove(0);
        if let Err(error) = pool.capability.destroy_in_place() {
            log::error!("cannot destroy a pool of {} pages: {error}", pool.pages);
        }
        true
    }

    /// The number of pages of the pools that are not destroyed yet.
    pub fn pages(&self) -> u64 {
        let pools = self.pools.iter();
        let existing = pools.filter(|pool| pool.exists());
        existing.map(|pool| pool.pages).sum()
    }

    /// Forgets what is destroyed.
    fn collect(&mut self) {
        if let Some(reaper) = &mut self.reaper {
            reaper.collect();
        }
        self.pools.retain(Delegated::exists);
    }
}

impl Delegated {
    /// Whether the pool is not destroyed.
    fn exists(&self) -> bool {
        let found = self.capability.inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }
}

#[cfg(test)]
mod tests;
