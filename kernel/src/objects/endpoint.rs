//! Synchronous rendezvous: [`Endpoint`].

use abi::Error;
use capabilities::Place;

use super::{Header, Object, Pool, Step, create, end_one_wait};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::scheduler::Queue;

/// A rendezvous of senders and receivers. At most one of its queues is not empty.
pub struct Endpoint {
    pub header: Header,
    /// Threads that wait to send, in FIFO order.
    pub senders: Queue,
    /// Threads that wait to receive.
    pub receivers: Queue,
}

impl Endpoint {
    pub fn new(header: Header) -> Endpoint {
        Endpoint {
            header,
            senders: Queue::new(),
            receivers: Queue::new(),
        }
    }
}

/// Creates an endpoint without waiting threads.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`].
pub fn create_endpoint(
    kernel: &Kernel,
    pool: Ref<Pool>,
    into: Place,
) -> Result<Ref<Endpoint>, Error> {
    create(kernel, pool, into, Object::Endpoint, |header, _| {
        Endpoint::new(header)
    })
}

/// Ends the wait of one sender or receiver.
pub fn dismantle_endpoint(kernel: &Kernel, endpoint: Ref<Endpoint>) -> Step {
    end_one_wait(
        kernel,
        endpoint.senders.first().or(endpoint.receivers.first()),
    )
}
