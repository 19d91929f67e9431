//! An intrusive FIFO queue of threads: [`Queue`].

use core::cell::Cell;

use crate::memory::Ref;
use crate::objects::Thread;

/// Threads in order. A thread is in at most one queue.
#[derive(Debug, Default)]
pub struct Queue {
    head: Cell<Option<Ref<Thread>>>,
    tail: Cell<Option<Ref<Thread>>>,
}

impl Queue {
    pub const fn new() -> Queue {
        Queue {
            head: Cell::new(None),
            tail: Cell::new(None),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    pub fn first(&self) -> Option<Ref<Thread>> {
        self.head.get()
    }

    /// Appends a thread that is in no queue.
    pub fn push(&self, thread: Ref<Thread>) {
        assert!(
            !thread.link.queued.replace(true),
            "a thread is in one queue at a time"
        );
        let last = self.tail.replace(Some(thread));
        thread.link.previous.set(last);
        match last {
            Some(last) => last.link.next.set(Some(thread)),
            None => self.head.set(Some(thread)),
        }
    }

    /// Prepends a thread that is in no queue.
    pub fn push_front(&self, thread: Ref<Thread>) {
        assert!(
            !thread.link.queued.replace(true),
            "a thread is in one queue at a time"
        );
        let first = self.head.replace(Some(thread));
        thread.link.next.set(first);
        match first {
            Some(first) => first.link.previous.set(Some(thread)),
            None => self.tail.set(Some(thread)),
        }
    }

    pub fn pop(&self) -> Option<Ref<Thread>> {
        let thread = self.head.get()?;
        self.remove(thread);
        Some(thread)
    }

    /// Removes a thread that is in this queue.
    pub fn remove(&self, thread: Ref<Thread>) {
        assert!(
            thread.link.queued.replace(false),
            "a thread that leaves a queue was in it"
        );
        let (previous, next) = (thread.link.previous.take(), thread.link.next.take());
        match previous {
            Some(previous) => previous.link.next.set(next),
            None => self.head.set(next),
        }
        match next {
            Some(next) => next.link.previous.set(previous),
            None => self.tail.set(previous),
        }
    }
}
