//! Synchronous rendezvous: [`Endpoint`].

use super::Header;
use crate::scheduler::Queue;

/// Where senders and receivers meet. At most one of the queues is not empty.
pub struct Endpoint {
    /// What all objects have.
    pub header: Header,
    /// Threads that want to send, first come first served.
    pub senders: Queue,
    /// Threads that want to receive.
    pub receivers: Queue,
}

impl Endpoint {
    /// An endpoint at which nobody waits.
    pub fn new(header: Header) -> Endpoint {
        Endpoint {
            header,
            senders: Queue::new(),
            receivers: Queue::new(),
        }
    }
}
