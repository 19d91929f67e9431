//! Sending a thread's fault as a message.

use core::fmt;

use capabilities::Capability;

use crate::kernel::Kernel;
use crate::log;
use crate::memory::Ref;
use crate::objects::{Fault, Object, Phase, Thread};

/// The capability through which a fault message goes, if there is one.
pub type Handler = Option<Capability<Object>>;

/// Sends a fault message through `handler`, the capability in the slot of the thread's fault endpoint or a Memory's pager,
/// depending on the fault. Without one, or when its domain was retired, the thread stops.
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

/// Stops a thread, which is in no endpoint's queue, at an unhandled fault, and logs it.
#[cold]
pub(super) fn stop_unhandled(kernel: &Kernel, thread: Ref<Thread>, fault: Fault) {
    let [kind, what, more] = fault.words;
    stop_for(
        kernel,
        thread,
        format_args!("fault {kind}, {what:#x}, {more:#x}"),
    );
}

/// Stops a thread whose fault message can no longer be answered, and logs it.
#[cold]
pub(super) fn stop_unanswered(kernel: &Kernel, thread: Ref<Thread>) {
    stop_for(
        kernel,
        thread,
        format_args!("nobody answers its fault message"),
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
