//! A word of flags: [`Notification`].

use core::cell::Cell;

use super::{Header, Thread};
use crate::memory::Ref;
use crate::scheduler::Queue;

/// Raised flags, and the threads that wait for one.
pub struct Notification {
    pub header: Header,
    /// The flags that were raised and not yet taken.
    pub flags: Cell<u64>,
    /// Waiting threads; while there are any, no flag is raised.
    pub waiters: Queue,
    /// The thread whose `Receive` the flags also complete.
    pub bound: Cell<Option<Ref<Thread>>>,
}

impl Notification {
    pub fn new(header: Header) -> Notification {
        Notification {
            header,
            flags: Cell::new(0),
            waiters: Queue::new(),
            bound: Cell::new(None),
        }
    }
}
