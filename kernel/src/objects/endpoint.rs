//! Synchronous rendezvous: [`Endpoint`].

use super::Header;
use crate::scheduler::Queue;

/// Where senders and receivers meet. At most one of the queues is not empty.
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
