//! A word of flags: [`Notification`].

use core::cell::Cell;

use abi::Error;
use capabilities::Place;

use super::{Header, Object, Pool, Step, Thread, create, end_one_wait};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::scheduler::Queue;

/// Raised flags, and the threads that wait for one.
pub struct Notification {
    pub header: Header,
    /// The flags that were raised and have not been received yet.
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

/// Creates a notification without flags.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`].
pub fn create_notification(
    kernel: &Kernel,
    pool: Ref<Pool>,
    into: Place,
) -> Result<Ref<Notification>, Error> {
    create(kernel, pool, into, Object::Notification, |header, _| {
        Notification::new(header)
    })
}

/// Ends the wait of one thread.
pub fn dismantle_notification(kernel: &Kernel, notification: Ref<Notification>) -> Step {
    end_one_wait(kernel, notification.waiters.first())
}
