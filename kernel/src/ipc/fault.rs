//! Sending a thread's fault as a message.

use core::fmt;

use capabilities::Capability;

use crate::kernel::Kernel;
use crate::log;
use crate::memory::Ref;
use crate::objects::{Fault, Object, Phase, Thread};

/// The capability through which a fault message is sent, if there is one.
pub type Handler = Option<Capability<Object>>;

/// Sends a fault message through `handler`: the capability in the slot of the thread's fault endpoint or of a Memory's pager,
/// depending on the fault. The thread stops if there is no handler, or if the endpoint belongs to a retired domain.
pub fn raise_fault(kernel: &Kernel, thread: Ref<Thread>, fault: Fault, handler: Handler) {
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

/// Stops a thread at an unhandled fault, and logs it. The thread must be in no endpoint's queue.
#[cold]
pub(super) fn stop_unhandled(kernel: &Kernel, thread: Ref<Thread>, fault: Fault) {
    let [kind, what, more] = fault.words;
    stop_for(
        kernel,
        thread,
        format_args!("fault {kind}, {what:#x}, {more:#x}"),
    );
}

/// Stops a thread whose fault message can get no reply any more, and logs it.
#[cold]
pub(super) fn stop_without_reply(kernel: &Kernel, thread: Ref<Thread>) {
    stop_for(
        kernel,
        thread,
        format_args!("its fault message can get no reply"),
    );
}

fn stop_for(kernel: &Kernel, thread: Ref<Thread>, reason: fmt::Arguments) {
    let (domain, thread_id, rip) = (
        thread.domain.header.serial,
        thread.header.serial,
        thread.context.rip.get(),
    );
    log!("thread {thread_id} of domain {domain} stops at {rip:#x}: {reason}");
    thread.phase.set(Phase::Ready);
    super::stop(kernel, thread);
}
