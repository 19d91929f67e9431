//! What has a deadline: [`Timers`], the threads that wait with one and the domains that are frozen until one.

use core::cell::Cell;

use crate::memory::Ref;
use crate::objects::{Domain, Index, IndexPlace, Indexed, Thread};

/// What can have a deadline.
pub trait Timed: Indexed<Key = u128> {
    /// The deadline in ticks, while it is among the deadlines.
    fn deadline_ticks(&self) -> &Cell<Option<u64>>;
}

/// Things by their deadlines, and among equal ones by their identities.
pub struct Deadlines<T> {
    index: Index<T>,
}

/// Everything that has a deadline.
pub struct Timers {
    /// Threads whose wait ends.
    pub threads: Deadlines<Thread>,
    /// Domains that the kernel thaws, or goes on thawing.
    pub domains: Deadlines<Domain>,
}

impl Timers {
    /// No deadlines.
    pub const fn empty() -> Timers {
        Timers {
            threads: Deadlines::empty(),
            domains: Deadlines::empty(),
        }
    }

    /// The earliest deadline, in ticks.
    pub fn earliest(&self) -> Option<u64> {
        let domain = self.domains.earliest();
        match self.threads.earliest() {
            Some(thread) => Some(domain.map_or(thread, |domain| domain.min(thread))),
            None => domain,
        }
    }
}

impl<T: Timed> Deadlines<T> {
    const fn empty() -> Deadlines<T> {
        Deadlines {
            index: Index::empty(),
        }
    }

    /// The earliest deadline, in ticks.
    pub fn earliest(&self) -> Option<u64> {
        self.index.first()?.deadline_ticks().get()
    }

    /// Enters a thing that has no deadline.
    pub fn insert(&self, thing: Ref<T>, deadline_ticks: u64) {
        thing.deadline_ticks().set(Some(deadline_ticks));
        self.index.insert(thing);
    }

    /// Takes a thing out, if it has a deadline.
    pub fn remove(&self, thing: Ref<T>) {
        if thing.deadline_ticks().get().is_some() {
            self.index.remove(thing);
            thing.deadline_ticks().set(None);
        }
    }

    /// Takes the first thing if its deadline has come.
    pub fn pop_due(&self, now_ticks: u64) -> Option<Ref<T>> {
        let first = self.index.first()?;
        let is_due = first.deadline_ticks().get()? <= now_ticks;
        is_due.then(|| {
            self.remove(first);
            first
        })
    }
}

/// A key in the order of deadlines that no two things share.
fn key(deadline_ticks: &Cell<Option<u64>>, id: u64) -> u128 {
    u128::from(deadline_ticks.get().unwrap_or(u64::MAX)) << u64::BITS | u128::from(id)
}

impl Timed for Thread {
    fn deadline_ticks(&self) -> &Cell<Option<u64>> {
        &self.deadline_ticks
    }
}

impl Indexed for Thread {
    type Key = u128;

    fn key(&self) -> u128 {
        key(&self.deadline_ticks, self.header.id.0)
    }

    fn place(&self) -> &IndexPlace<Thread> {
        &self.timer
    }
}

impl Timed for Domain {
    fn deadline_ticks(&self) -> &Cell<Option<u64>> {
        &self.deadline_ticks
    }
}

impl Indexed for Domain {
    type Key = u128;

    fn key(&self) -> u128 {
        key(&self.deadline_ticks, self.header.id.0)
    }

    fn place(&self) -> &IndexPlace<Domain> {
        &self.timer
    }
}
