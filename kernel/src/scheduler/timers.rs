//! What has a deadline: [`Timers`], the threads that wait with one and the domains that are frozen until one.

use core::cell::Cell;

use crate::memory::Ref;
use crate::objects::{Domain, Heap, HeapPlace, Heaped, Thread};

/// What can have a deadline.
pub trait Timed: Heaped {
    /// The deadline in ticks, while it is among the deadlines.
    fn deadline_ticks(&self) -> &Cell<Option<u64>>;
}

/// Things by their deadlines.
pub struct Deadlines<T> {
    heap: Heap<T>,
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
            heap: Heap::empty(),
        }
    }

    /// The earliest deadline, in ticks.
    pub fn earliest(&self) -> Option<u64> {
        self.heap.first()?.deadline_ticks().get()
    }

    /// Enters a thing that has no deadline.
    pub fn insert(&self, thing: Ref<T>, deadline_ticks: u64) {
        thing.deadline_ticks().set(Some(deadline_ticks));
        self.heap.insert(thing);
    }

    /// Takes a thing out, if it has a deadline.
    pub fn remove(&self, thing: Ref<T>) {
        if thing.deadline_ticks().get().is_some() {
            self.heap.remove(thing);
            thing.deadline_ticks().set(None);
        }
    }

    /// Takes the first thing if its deadline has come.
    pub fn pop_due(&self, now_ticks: u64) -> Option<Ref<T>> {
        let first = self.heap.first()?;
        let is_due = first.deadline_ticks().get()? <= now_ticks;
        is_due.then(|| {
            self.remove(first);
            first
        })
    }
}

impl Timed for Thread {
    fn deadline_ticks(&self) -> &Cell<Option<u64>> {
        &self.deadline_ticks
    }
}

impl Heaped for Thread {
    fn key(&self) -> u64 {
        self.deadline_ticks.get().unwrap_or(u64::MAX)
    }

    fn heap_place(&self) -> &HeapPlace<Thread> {
        &self.timer
    }
}

impl Timed for Domain {
    fn deadline_ticks(&self) -> &Cell<Option<u64>> {
        &self.deadline_ticks
    }
}

impl Heaped for Domain {
    fn key(&self) -> u64 {
        self.deadline_ticks.get().unwrap_or(u64::MAX)
    }

    fn heap_place(&self) -> &HeapPlace<Domain> {
        &self.timer
    }
}
