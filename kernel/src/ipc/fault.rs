//! A thread's fault becomes a message.

use capabilities::{Place, Storage};

use crate::kernel::Kernel;
use crate::log;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Fault, Object, Phase, Thread};

/// Sends a fault message through the endpoint capability at `through`: a thread's fault endpoint, or a Memory's
/// pager. Without one, or when it has gone elsewhere, the thread stops, and the log says so.
pub fn raise_fault(kernel: &Kernel, thread: Ref<Thread>, through: Place, fault: Fault) {
    let capability = SlotStorage.slot(through).capability();
    match capability.map(|capability| (capability.object, capability.badge.get())) {
        Some((Object::Endpoint(endpoint), badge)) if !endpoint.header.is_retired() => {
            super::send(
                kernel,
                thread,
                endpoint,
                Phase::SendingFault {
                    endpoint,
                    badge,
                    fault,
                },
            );
        }
        _ => {
            let [kind, what, more] = fault.words;
            let (domain, thread_id, rip) = (
                thread.domain.header.id.0,
                thread.header.id.0,
                thread.context.rip.get(),
            );
            log!(
                "thread {thread_id} of domain {domain} stops at {rip:#x}: fault {kind}, {what:#x}, {more:#x}"
            );
            super::stop(kernel, thread);
        }
    }
}
