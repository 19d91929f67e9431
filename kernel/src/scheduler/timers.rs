//! The deadlines of waiting threads and of frozen domains: [`Timers`].

use core::cell::Cell;

use crate::collections::{Heap, HeapElement, HeapLink};
use crate::memory::Ref;
use crate::objects::{Domain, Thread};

/// An object that can have a deadline.
pub trait Timed: HeapElement {
    /// The deadline in ticks, while the object is in [`Deadlines`].
    fn deadline_ticks(&self) -> &Cell<Option<u64>>;
}

/// Objects by deadline.
pub struct Deadlines<T> {
    heap: Heap<T>,
}

/// All deadlines.
pub struct Timers {
    /// Threads to wake.
    pub threads: Deadlines<Thread>,
    /// Domains to thaw, or to continue freezing, thawing or destroying.
    pub domains: Deadlines<Domain>,
}

impl Timers {
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

    /// Sets the deadline of an object that has none.
    pub fn insert(&self, object: Ref<T>, deadline_ticks: u64) {
        object.deadline_ticks().set(Some(deadline_ticks));
        self.heap.insert(object);
    }

    /// Removes an object's deadline, if it has one.
    pub fn remove(&self, object: Ref<T>) {
        if object.deadline_ticks().get().is_some() {
            self.heap.remove(object);
            object.deadline_ticks().set(None);
        }
    }

    /// Takes the first object if its deadline has passed.
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

impl HeapElement for Thread {
    fn key(&self) -> u64 {
        self.deadline_ticks.get().unwrap_or(u64::MAX)
    }

    fn heap_link(&self) -> &HeapLink<Thread> {
        &self.timer
    }
}

impl Timed for Domain {
    fn deadline_ticks(&self) -> &Cell<Option<u64>> {
        &self.deadline_ticks
    }
}

impl HeapElement for Domain {
    fn key(&self) -> u64 {
        self.deadline_ticks.get().unwrap_or(u64::MAX)
    }

    fn heap_link(&self) -> &HeapLink<Domain> {
        &self.timer
    }
}
