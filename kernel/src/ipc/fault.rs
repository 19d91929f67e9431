//! A thread's fault becomes a message.

use super::standing::handler_of;
use crate::kernel::Kernel;
use crate::log;
use crate::memory::Ref;
use crate::objects::{Fault, Object, Phase, Thread};

/// Sends a fault message through the thread's fault endpoint or a Memory's pager, as the fault says. Without one, or when
/// its domain was retired, the thread stops.
pub fn raise_fault(kernel: &Kernel, thread: Ref<Thread>, fault: Fault) {
    let handler = handler_of(thread, fault);
    match handler.map(|handler| (handler.object, handler.badge.get())) {
        Some((Object::Endpoint(endpoint), badge)) if !endpoint.header.is_retired() => {
            thread.phase.set(Phase::SendingFault {
                endpoint,
                badge,
                fault,
            });
            super::send(kernel, thread, endpoint);
        }
        _ => stop_unhandled(kernel, thread, fault),
    }
}

/// Stops a thread, which is in no queue of an endpoint, at a fault that nobody handles, and logs it.
#[cold]
pub(super) fn stop_unhandled(kernel: &Kernel, thread: Ref<Thread>, fault: Fault) {
    let [kind, what, more] = fault.words;
    let (domain, thread_id, rip) = (
        thread.domain.header.serial,
        thread.header.serial,
        thread.context.rip.get(),
    );
    log!(
        "thread {thread_id} of domain {domain} stops at {rip:#x}: fault {kind}, {what:#x}, {more:#x}"
    );
    thread.phase.set(Phase::Ready);
    super::stop(kernel, thread);
}
