//! Threads that wait with a deadline: [`Timers`].

use crate::memory::Ref;
use crate::objects::{Index, IndexPlace, Indexed, Thread};

/// Threads by their deadlines, and among equal ones by their identities.
pub struct Timers {
    threads: Index<Thread>,
}

impl Indexed for Thread {
    type Key = u128;

    fn key(&self) -> u128 {
        let deadline = self.deadline_ticks.get().unwrap_or(u64::MAX);
        u128::from(deadline) << u64::BITS | u128::from(self.header.id.0)
    }

    fn place(&self) -> &IndexPlace<Thread> {
        &self.timer
    }
}

impl Timers {
    /// No deadlines.
    pub const fn empty() -> Timers {
        Timers {
            threads: Index::empty(),
        }
    }

    /// The earliest deadline, in ticks.
    pub fn earliest(&self) -> Option<u64> {
        self.threads.first()?.deadline_ticks.get()
    }

    /// Enters a thread that has no deadline.
    pub fn insert(&self, thread: Ref<Thread>, deadline_ticks: u64) {
        thread.deadline_ticks.set(Some(deadline_ticks));
        self.threads.insert(thread);
    }

    /// Takes a thread out, if it has a deadline.
    pub fn remove(&self, thread: Ref<Thread>) {
        if thread.deadline_ticks.get().is_some() {
            self.threads.remove(thread);
            thread.deadline_ticks.set(None);
        }
    }

    /// Takes the first thread if its deadline has come.
    pub fn pop_due(&self, now_ticks: u64) -> Option<Ref<Thread>> {
        let first = self.threads.first()?;
        let is_due = first.deadline_ticks.get()? <= now_ticks;
        is_due.then(|| {
            self.remove(first);
            first
        })
    }
}
