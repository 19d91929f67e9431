//! A domain that the script exchanges messages with: [`Peer`].

use guest_support::worker::{PRIORITY, Page, Worker};
use runtime::abi::MessageInfo;
use runtime::abi::calls::{Call, Receive, Reply};
use runtime::capability::{Domain, Endpoint, Notification, Pool};
use runtime::system_call::invoke;
use runtime::{Cap, Error, Slot, slots};

/// The slots of the peer's table: the endpoint that it serves, the one that it calls, and the reply right.
const SERVED: Slot = Slot(2);
const CALLED: Slot = Slot(3);
const REPLY: Slot = Slot(4);

/// The number of pages for the peer's endpoint and second thread.
const MORE: u64 = 16;

/// A domain with a thread that replies and one that calls.
pub struct Peer {
    worker: Worker,
    /// The endpoint that the peer serves.
    pub endpoint: Cap<Endpoint>,
}

/// Replies to every message until the endpoint is gone.
extern "C" fn replies(page: Page) -> ! {
    let receive = Receive::new(SERVED, Some(REPLY));
    let reply = Reply::new(REPLY, MessageInfo::EMPTY, [0; 4]);
    while invoke(receive).is_ok() {
        // The reply fails if the message was not a call, or if the caller is gone.
        let _ = invoke(reply);
    }
    page.rest()
}

/// Calls until a call fails.
extern "C" fn calls(page: Page) -> ! {
    let call = Call::new(CALLED, MessageInfo::EMPTY, [0; 4]);
    while invoke(call).is_ok() {}
    page.rest()
}

impl Peer {
    /// Creates and starts the peer in a pool of its own. `own` is the guest's domain, `done` the guest's notification, and `called` the
    /// endpoint that the peer calls.
    pub fn new(
        pool: Cap<Pool>,
        own: Cap<Domain>,
        done: Cap<Notification>,
        called: Cap<Endpoint>,
    ) -> Result<Peer, Error> {
        let mut worker = Worker::new(pool, own, done, MORE)?;
        let endpoint = worker.pool.create_endpoint()?;
        worker.give(endpoint, SERVED)?;
        worker.give(called, CALLED)?;
        worker.start(replies)?;
        let caller = worker.another_thread()?;
        worker.start_thread(1, caller, calls, PRIORITY)?;
        caller.erase().delete()?;
        Ok(Peer { worker, endpoint })
    }

    /// Destroys the peer.
    pub fn end(self) -> Result<(), Error> {
        self.worker.end()?;
        // The endpoint went with the pool, unless the script had destroyed it before.
        slots::give_back(self.endpoint.slot());
        Ok(())
    }
}
