//! A word of flags: [`Notification`].

use core::cell::Cell;

use super::{Header, Thread};
use crate::memory::Ref;
use crate::scheduler::Queue;

/// Flags that are raised, and the threads that wait for one.
pub struct Notification {
    /// What all objects have.
    pub header: Header,
    /// The flags raised and not yet taken.
    pub flags: Cell<u64>,
    /// Threads that wait; while there are any, no flag is raised.
    pub waiters: Queue,
    /// The thread whose `Receive` the flags also end.
    pub bound: Cell<Option<Ref<Thread>>>,
}

impl Notification {
    /// A notification without flags.
    pub fn new(header: Header) -> Notification {
        Notification {
            header,
            flags: Cell::new(0),
            waiters: Queue::new(),
            bound: Cell::new(None),
        }
    }
}
