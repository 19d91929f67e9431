//! Faults in the code for messages, replies, faults and flags.

use super::{IPC, LONG, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    "unsent-words" in "kernel/src/ipc/transfer.rs":
        "word & mask" => "word";
        "registers of the sender leak to the receiver"; IPC;
    "repeated-first-frame" in "userland/runtime/src/net/listeners.rs":
        "        if self.admitted.iter().any(|(known, _)| *known == client) {\n            return Passage::Dropped;\n        }\n" => "";
        "a frame that the wire repeats makes a second connection of a client's, and the first is reset"; Host("runtime", "net::listeners");
    "message-dirty" in "kernel/src/ipc/transfer.rs":
        "    there.mark_written(address);\n" => "";
        "a move loses a received message"; TLB;
    "read-only-buffer" in "kernel/src/ipc/transfer.rs":
        ".filter(|there| there.write)" => ".filter(|_| true)";
        "the kernel writes to memory that is read-only for the user"; Host("kernel", "syscalls::tests");
    "used-receive-slot" in "kernel/src/ipc/transfer.rs":
        "            .filter(|place| !taken(*place))\n" => "";
        "two capabilities of a message are put into one slot"; Host("kernel", "");
    "kept-right" in "kernel/src/syscalls/message.rs":
        "        Err(_) if SlotStorage.slot(right).is_empty() => None," => "        Err(Error::Gone | Error::EmptySlot) if message.info.capabilities() > 0 || SlotStorage.slot(right).is_empty() => None,";
        "if a server's reply names a missing capability, its client keeps waiting, and the server receives no more calls"; IPC;
    "dying-capability-sent" in "kernel/src/ipc/transfer.rs":
        "check_alive(capability.object).map_err(|_| Error::EmptySlot)," => "check_alive(capability.object),";
        "sending a capability whose object is being destroyed fails with the error for a receiver that is gone"; Host("kernel", "objects::tests::outrun");
    "stale-reply" in "kernel/src/ipc/reply.rs":
        "caller.call_number.get() == call_number && " => "";
        "a reply to an older call is delivered to a newer one"; Host("kernel", "capture::tests::phases");

    "revoked-receiver" in "kernel/src/ipc/rendezvous.rs":
        "if !may_receive(receiver) {" => "if false {";
        "a message is delivered to a thread whose right to receive was revoked"; IPC;
    "revoked-sender" in "kernel/src/ipc/rendezvous.rs":
        "if !may_send(sender) {" => "if false {";
        "a message is received from a thread whose right to send was revoked"; IPC;
    "revoked-waiter" in "kernel/src/ipc/notify.rs":
        "if may_wait(waiter) {" => "if true {";
        "flags are delivered to a thread whose right to wait was revoked"; IPC;
    "grant" in "kernel/src/ipc/reply.rs":
        "    rights.contains(EndpointRights::GRANT.into())" => "    rights.contains(EndpointRights::empty().into())";
        "a channel without GRANT passes capabilities"; IPC;
    "trap-unanswered" in "kernel/src/ipc/waiting.rs":
        "            stop_without_reply(kernel, thread);\n        }\n        Phase::AwaitingFault { is_trap: false }" => "            thread.phase.set(Phase::Ready);\n        }\n        Phase::AwaitingFault { is_trap: false }";
        "a thread continues after a breakpoint to which its debugger has not replied"; Host("kernel", "capture::tests");
    "trap-written" in "kernel/src/capture/thread_state.rs":
        "Awaits::TrapReply => Phase::AwaitingFault { is_trap: true }," => "Awaits::TrapReply => Phase::AwaitingFault { is_trap: false },";
        "after a move a breakpoint is treated as a fault, and its instruction is executed again"; Host("kernel", "capture::tests");
    "logged-stops" in "kernel/src/objects/domain/lifecycle.rs":
        "        if is_logged {\n            return Step::More;\n        }\n" => "        let _ = is_logged;\n";
        "one kernel entry logs a line for each thread whose fault handler is being destroyed"; Host("kernel", "objects::tests::ending");
    "silent-stop" in "kernel/src/ipc/waiting.rs":
        "        Phase::AwaitingFault { .. } => stop_without_reply(kernel, thread),\n        _ => thread.complete(Err(error))," => "        Phase::AwaitingFault { .. } => {\n            thread.phase.set(Phase::Ready);\n            thread.stopped.set(true);\n        }\n        _ => thread.complete(Err(error)),";
        "a thread stops without a line in the log"; Host("kernel", "capture::tests");
    "shared-line" in "kernel/src/ipc/interrupt.rs":
        "interrupt.flags.get(), &mut left)" => "interrupt.flags.get(), &mut PEERS_PER_STEP.clone())";
        "one kernel entry does a whole step of work for each interrupt that shares a line"; IPC;
    "ending-by-timer" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() && domain.state() != DomainState::Destroying => Some(arch::ticks()),";
        "some threads of a partly destroyed domain run on if the thread that was destroying it is gone"; Host("kernel", "capture::tests");
    "thaw-turn" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() => Some(0),";
        "domains that are thawed repeatedly keep another domain frozen beyond its deadline"; Host("kernel", "timer");
    "vector-turn" in "kernel/src/ipc/vectors.rs":
        "        self.next.set(vector.wrapping_add(1));\n" => "";
        "an interrupt that never runs out of receivers blocks the interrupts of higher vectors forever"; IPC;
    "timer-turn" in "kernel/src/timer.rs":
        "        kernel.timer_turn.0.set((done + 1) % JOBS.len());" => "        let _ = done;";
        "expiring waits block interrupts and thaws forever"; Host("kernel", "timer");
    "cheap-insertions" in "kernel/src/paging/pages.rs":
        "        looks += LOOKS_PER_INSERTION;" => "        looks += 1;";
        "one kernel entry populates all pages of a table"; TLB;
    "search-and-work" in "kernel/src/objects/pool.rs":
        "            _ if passed > PASSED_BEFORE_FOUND =>" => "            _ if passed == OBJECTS_PER_STEP =>";
        "one kernel entry makes a long search and then also a long step of work"; LONG;

    "fault-badge" in "kernel/src/ipc/authority.rs":
        ".is_some_and(|held| held.object == Object::Endpoint(endpoint) && held.badge.get() == badge)" => ".is_some_and(|held| held.object == Object::Endpoint(endpoint) && badge == badge)";
        "a queued fault message arrives with a badge that is no longer that of the thread's fault endpoint"; Host("kernel", "ipc::tests::faults");
    "fault-page" in "kernel/src/ipc/authority.rs":
        "            (mapping.page_at(address) == page).then(|| memory.pager())" => "            Some(memory.pager()).filter(|_| page <= u64::MAX)";
        "a pager receives the number of a page that belongs to another Memory, mapped earlier at the same address"; Host("kernel", "ipc::tests::faults");
    "logged-together" in "kernel/src/capture/freeze.rs":
        "        if is_logged {" => "        if is_logged && limit == 0 {";
        "one step of a freeze logs eight lines with interrupts off"; Host("kernel", "capture::tests::settling");
    "revoked-bound" in "kernel/src/ipc/notify.rs":
        "        if may_receive(receiver) {" => "        if true {";
        "flags are delivered to a receiver whose right to receive was revoked"; IPC;
    "fault-to-the-retired" in "kernel/src/ipc/fault.rs":
        " if !endpoint.header.is_retired() => {" => " => {";
        "a thread whose fault handler has moved away waits forever"; Host("kernel", "capture::tests");

    "stale-reply-right" in "kernel/src/syscalls/message.rs":
        "        Err(_) if SlotStorage.slot(right).is_empty() => None," => "        Err(Error::EmptySlot) if SlotStorage.slot(right).is_empty() => None,";
        "when a client moves, its server's ReplyAndReceive fails, and the server's loop ends"; Host("kernel", "capture::tests::retiring");
    "logged-destruction" in "kernel/src/ipc/reply.rs":
        "    if caller.header.is_retired() || caller.domain.state() == DomainState::Destroying {" => "    if caller.header.is_retired() || (false && caller.domain.state() == DomainState::Destroying) {";
        "a line is logged for each thread of a domain that is being destroyed"; Host("kernel", "objects::tests::ending");
    "stopped-together" in "kernel/src/capture/freeze.rs":
        "        settle(kernel, domain, limit);\n        Step::More\n" => "        settle(kernel, domain, limit)\n";
        "one step of a destruction stops a thread and logs a line in each of 30 nested pools"; Host("kernel", "objects::tests::ending");
    "freeze-without-freezer" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() && domain.state() != DomainState::Frozen => Some(arch::ticks()),";
        "threads of a partly frozen domain run forever if the thread that was freezing it is gone"; Host("kernel", "capture::tests::settling");
    "own-freeze" in "kernel/src/capture/freeze.rs":
        "    if caller.domain == domain {\n        return Err(Error::Oneself);\n    }\n    match" => "    let _ = caller;\n    match";
        "a thread freezes itself in the middle of its call"; Host("kernel", "capture::tests::settling");
    "waiters-of-the-destroyed" in "kernel/src/capture/freeze.rs":
        "        DomainState::Destroying if has_waiters => Some(arch::ticks()),\n" => "        DomainState::Destroying if has_waiters => None,\n";
        "outsiders wait forever for a retired domain if its destruction was abandoned"; Host("kernel", "capture::tests::retiring");
    "retired-interrupt" in "kernel/src/ipc/interrupt.rs":
        "Object::Notification(notification) if !notification.header.is_retired() => {" => "Object::Notification(notification) => {";
        "a device raises flags in a retired domain, which ends an outsider's wait"; Host("kernel", "capture::tests::retiring");
    "bound-again" in "kernel/src/syscalls/device.rs":
        "            ipc::deliver(kernel, interrupt.vector);\n" => "";
        "an interrupt that arrives while its notification is retired is lost for the next driver"; Host("kernel", "capture::tests::retiring");
    "unbound-interrupt" in "kernel/src/ipc/interrupt.rs":
        "            continue;\n        };\n        if signal_within(" => "            interrupt.is_undelivered.set(false);\n            continue;\n        };\n        if signal_within(";
        "an interrupt between two bindings is lost"; Host("kernel", "objects::tests::interrupts");
    "repeated-message" in "kernel/src/objects/interrupt.rs":
        "            InterruptState::InService | InterruptState::Repeated => InterruptState::Repeated,\n" => "            InterruptState::InService | InterruptState::Repeated => {\n                self.is_undelivered.set(true);\n                InterruptState::Repeated\n            }\n";
        "a device's messages wake its driver before it has acknowledged the last one, so that no other domain runs"; Host("kernel", "objects::tests::interrupts");
    "forgotten-message" in "kernel/src/ipc/interrupt.rs":
        "        interrupt.arrive();\n        deliver(kernel, interrupt.vector);\n" => "";
        "an interrupt that arrives before the last one is acknowledged is lost, and its driver waits forever"; Host("kernel", "objects::tests::interrupts");
    "repeated-is-not-in-service" in "kernel/src/objects/interrupt.rs":
        "matches!(self, Self::InService | Self::Repeated)" => "self == Self::InService";
        "a level-triggered line is unmasked while a driver has not acknowledged it"; Host("kernel", "objects::tests::interrupts");
    "kept-interrupt" in "kernel/src/capture/retire.rs":
        "    ipc::deliver_undelivered(kernel);\n" => "";
        "a driver whose retirement was undone waits forever for an interrupt that arrived while it was retired"; Host("kernel", "capture::tests::retiring");
    "lost-link" in "kernel/src/scheduler/queue.rs":
        "            Some(first) => first.link.previous.set(Some(thread))," => "            Some(_) => {}";
        "a preempted thread is lost when the next thread in its queue stops"; Host("kernel", "objects::tests");
    "retired-sharer" in "kernel/src/ipc/interrupt.rs":
        "        let Some(notification) = bound_notification(interrupt) else {\n            continue;" => "        let Some(notification) = bound_notification(interrupt) else {\n            return;";
        "a device is blocked if another device on its line has a retired driver"; Host("kernel", "objects::tests::interrupts");
    "late-interrupt" in "kernel/src/ipc/interrupt.rs":
        "            kernel.scheduler.arm_at(arch::ticks());\n        }\n" => "        }\n";
        "an interrupt that arrived while a domain was retired waits for the end of a slice, or forever on an idle machine"; Host("kernel", "objects::tests::interrupts");
    "sharers-together" in "kernel/src/ipc/interrupt.rs":
        "        if interrupts.any(" => "        if interrupts.all(";
        "an interrupt that arrived while a domain was retired is lost if another one on its line was delivered"; Host("kernel", "objects::tests::interrupts");
    "left-over-interrupts" in "kernel/src/timer.rs":
        "        kernel.scheduler.arm_at(now);\n" => "";
        "interrupts that one kernel entry did not deliver wait for the next unrelated deadline"; Host("kernel", "timer::tests");
    "reply-to-the-dying" in "kernel/src/ipc/reply.rs":
        "    crate::objects::check_alive(Object::Thread(caller))?;\n" => "";
        "the destruction of a thread never ends while another one creates reply rights to it"; Host("kernel", "capture::tests::derivation");
    "bound-twice" in "kernel/src/syscalls/thread.rs":
        "        return Err(Error::InUse);\n" => "";
        "a thread is not woken if its notification is bound to a second thread"; IPC;
}
