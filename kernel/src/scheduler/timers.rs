//! Threads that wait with a deadline: [`Timers`], a list in the order of their deadlines.

use core::cell::Cell;

use crate::memory::Ref;
use crate::objects::Thread;

/// Threads with deadlines, the earliest first.
///
/// Entering one costs a step for every earlier one: fine for tens of sleepers, which is what a machine has when
/// each domain sleeps through one notification.
#[derive(Debug, Default)]
pub struct Timers {
    head: Cell<Option<Ref<Thread>>>,
}

impl Timers {
    /// No deadlines.
    pub const fn new() -> Timers {
        Timers {
            head: Cell::new(None),
        }
    }

    /// The earliest deadline, in ticks.
    pub fn earliest(&self) -> Option<u64> {
        self.head.get().map(|thread| thread.deadline_ticks.get())
    }

    /// Enters a thread that is not in the list.
    pub fn insert(&self, thread: Ref<Thread>, deadline_ticks: u64) {
        thread.deadline_ticks.set(deadline_ticks);
        thread.timer.queued.set(true);
        let mut before = None;
        let mut behind = self.head.get();
        while let Some(other) = behind.filter(|other| other.deadline_ticks.get() <= deadline_ticks)
        {
            before = behind;
            behind = other.timer.next.get();
        }
        self.link(before, thread);
        thread.timer.next.set(behind);
        if let Some(other) = behind {
            other.timer.previous.set(Some(thread));
        }
    }

    /// Takes a thread out, if it is in the list.
    pub fn remove(&self, thread: Ref<Thread>) {
        if !thread.timer.queued.replace(false) {
            return;
        }
        let (previous, next) = (thread.timer.previous.take(), thread.timer.next.take());
        match previous {
            Some(previous) => previous.timer.next.set(next),
            None => self.head.set(next),
        }
        if let Some(next) = next {
            next.timer.previous.set(previous);
        }
    }

    /// Takes the first thread if its deadline has come.
    pub fn pop_due(&self, now_ticks: u64) -> Option<Ref<Thread>> {
        let thread = self
            .head
            .get()
            .filter(|thread| thread.deadline_ticks.get() <= now_ticks)?;
        self.remove(thread);
        Some(thread)
    }

    fn link(&self, before: Option<Ref<Thread>>, thread: Ref<Thread>) {
        thread.timer.previous.set(before);
        match before {
            Some(before) => before.timer.next.set(Some(thread)),
            None => self.head.set(Some(thread)),
        }
    }
}
