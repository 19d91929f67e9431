//! Messages, answers, faults and flags.

use super::{IPC, LONG, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    "unsaid-words" in "kernel/src/ipc/transfer.rs":
        "word & mask" => "word";
        "registers of a sender are told to its receiver"; IPC;
    "message-dirty" in "kernel/src/ipc/transfer.rs":
        "    leaf.add_marks(index, Entry::DIRTY | Entry::ACCESSED);\n" => "";
        "a message received is lost by a move"; TLB;
    "read-only-buffer" in "kernel/src/ipc/transfer.rs":
        ".filter(|there| there.write)" => ".filter(|_| true)";
        "the kernel writes to memory that the user may not write"; Host("kernel", "syscalls::tests");
    "used-receive-slot" in "kernel/src/ipc/transfer.rs":
        "            .filter(|place| !taken(*place))\n" => "";
        "two capabilities of a message meet in one slot"; Host("kernel", "");
    "kept-right" in "kernel/src/syscalls/message.rs":
        "        Err(_) if SlotStorage.slot(right).is_empty() => None," => "        Err(Error::Gone | Error::EmptySlot) if message.info.capabilities() > 0 || SlotStorage.slot(right).is_empty() => None,";
        "a server whose answer lacks a capability leaves its client waiting, and receives no call any more"; IPC;
    "ending-sent" in "kernel/src/ipc/transfer.rs":
        "check_alive(capability.object).map_err(|_| Error::EmptySlot)," => "check_alive(capability.object),";
        "a sender takes the end of a capability for the end of the receiver"; Host("kernel", "objects::tests::outrun");
    "stale-reply" in "kernel/src/ipc/reply.rs":
        "caller.call_number.get() == call_number && " => "";
        "an answer to an older call is taken for one to the newer"; Host("kernel", "capture::tests::phases");

    "revoked-receiver" in "kernel/src/ipc/rendezvous.rs":
        "if !may_receive(receiver) {" => "if false {";
        "a message goes to a thread whose right to receive was revoked"; IPC;
    "revoked-sender" in "kernel/src/ipc/rendezvous.rs":
        "if !may_send(sender) {" => "if false {";
        "a message comes from a thread whose right to send was revoked"; IPC;
    "revoked-waiter" in "kernel/src/ipc/notify.rs":
        "if may_wait(waiter) {" => "if true {";
        "flags go to a thread whose right to wait was revoked"; IPC;
    "grant" in "kernel/src/ipc/reply.rs":
        "    rights.contains(EndpointRights::GRANT.into())" => "    rights.contains(EndpointRights::empty().into())";
        "a channel for data passes capabilities"; IPC;
    "trap-unanswered" in "kernel/src/ipc/waiting.rs":
        "            stop_unanswered(kernel, thread);\n        }\n        Phase::AwaitingFault { is_trap: false }" => "            thread.phase.set(Phase::Ready);\n        }\n        Phase::AwaitingFault { is_trap: false }";
        "a thread goes on behind a breakpoint as if its debugger had answered"; Host("kernel", "capture::tests");
    "trap-written" in "kernel/src/capture/thread_state.rs":
        "Awaits::TrapAnswer => Phase::AwaitingFault { is_trap: true }," => "Awaits::TrapAnswer => Phase::AwaitingFault { is_trap: false },";
        "a move takes a breakpoint for a fault, whose instruction is executed again"; Host("kernel", "capture::tests");
    "logged-stops" in "kernel/src/objects/domain/lifecycle.rs":
        "        if is_logged {\n            return Step::More;\n        }\n" => "        let _ = is_logged;\n";
        "one entry writes a line to the log for each thread whose fault an ending domain was to mend"; Host("kernel", "objects::tests::ending");
    "silent-stop" in "kernel/src/ipc/waiting.rs":
        "        Phase::AwaitingFault { .. } => stop_unanswered(kernel, thread),\n        _ => thread.complete(Err(error))," => "        Phase::AwaitingFault { .. } => {\n            thread.phase.set(Phase::Ready);\n            thread.stopped.set(true);\n        }\n        _ => thread.complete(Err(error)),";
        "a thread stops and nobody knows why"; Host("kernel", "capture::tests");
    "shared-line" in "kernel/src/ipc/interrupt.rs":
        "interrupt.flags.get(), &mut left)" => "interrupt.flags.get(), &mut PEERS_PER_STEP.clone())";
        "one entry does a whole step for each interrupt that shares a line"; IPC;
    "ending-by-timer" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() && domain.state() != DomainState::Destroying => Some(arch::ticks()),";
        "a domain that nobody can stop any more runs on in part if its destroyer ends"; Host("kernel", "capture::tests");
    "thaw-turn" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() => Some(0),";
        "domains that are thawed again and again keep another frozen beyond its deadline"; Host("kernel", "timer");
    "vector-turn" in "kernel/src/ipc/vectors.rs":
        "        self.next.set(vector.wrapping_add(1));\n" => "";
        "an interrupt whose receivers are never done with holds those of higher vectors up for ever"; IPC;
    "timer-turn" in "kernel/src/timer.rs":
        "        kernel.timer_turn.0.set((done + 1) % JOBS.len());" => "        let _ = done;";
        "those that sleep hold interrupts and thaws up for ever"; Host("kernel", "timer");
    "counted-gifts" in "kernel/src/paging/pages.rs":
        "            looks += LOOKS_PER_INSERTION;" => "            looks += 1;";
        "one entry fills as many pages as a table has"; TLB;
    "search-and-work" in "kernel/src/objects/pool.rs":
        "            _ if passed > PASSED_BEFORE_FOUND =>" => "            _ if passed == OBJECTS_PER_STEP =>";
        "one entry searches for long and then works for long"; LONG;

    "fault-badge" in "kernel/src/ipc/authority.rs":
        ".is_some_and(|held| held.object == Object::Endpoint(endpoint) && held.badge.get() == badge)" => ".is_some_and(|held| held.object == Object::Endpoint(endpoint) && badge == badge)";
        "a fault message that waits arrives with a badge that its thread does not have any more"; Host("kernel", "ipc::tests::faults");
    "fault-page" in "kernel/src/ipc/authority.rs":
        "            (mapping.page_at(address) == page).then(|| memory.pager())" => "            Some(memory.pager()).filter(|_| page <= u64::MAX)";
        "a pager receives the number of a page that another Memory had at that address"; Host("kernel", "ipc::tests::faults");
    "logged-together" in "kernel/src/capture/freeze.rs":
        "        if is_logged {" => "        if is_logged && limit == 0 {";
        "one step of a freeze writes eight lines of the log with interrupts off"; Host("kernel", "capture::tests::settling");
    "revoked-bound" in "kernel/src/ipc/notify.rs":
        "        if may_receive(receiver) {" => "        if true {";
        "flags go to a receiver whose right was revoked"; IPC;
    "unheard-fault" in "kernel/src/ipc/fault.rs":
        " if !endpoint.header.is_retired() => {" => " => {";
        "a thread faults to a domain that has gone elsewhere, and waits for ever"; Host("kernel", "capture::tests");

    "stale-ends-loop" in "kernel/src/syscalls/message.rs":
        "        Err(_) if SlotStorage.slot(right).is_empty() => None," => "        Err(Error::EmptySlot) if SlotStorage.slot(right).is_empty() => None,";
        "a client that goes elsewhere ends the loop of its server"; Host("kernel", "capture::tests::retiring");
    "logged-end" in "kernel/src/ipc/reply.rs":
        "    if caller.header.is_retired() || caller.domain.state() == DomainState::Destroying {" => "    if caller.header.is_retired() || (false && caller.domain.state() == DomainState::Destroying) {";
        "threads of a domain that is being destroyed write a line to the log each"; Host("kernel", "objects::tests::ending");
    "stopped-together" in "kernel/src/capture/freeze.rs":
        "        settle(kernel, domain, limit);\n        Step::More\n" => "        settle(kernel, domain, limit)\n";
        "one step of a destruction stops a thread, and writes a line of the log, in each of 30 pools inside each other"; Host("kernel", "objects::tests::ending");
    "freezer-gone" in "kernel/src/capture/freeze.rs":
        "        _ if !domain.is_settled() => Some(arch::ticks())," => "        _ if !domain.is_settled() && domain.state() != DomainState::Frozen => Some(arch::ticks()),";
        "threads of a frozen domain run for ever when its freezer has ended half-way"; Host("kernel", "capture::tests::settling");
    "own-freeze" in "kernel/src/capture/freeze.rs":
        "    if caller.domain == domain {\n        return Err(Error::Oneself);\n    }\n    match" => "    let _ = caller;\n    match";
        "a thread stops itself in the middle of its call"; Host("kernel", "capture::tests::settling");
    "untold-at-the-end" in "kernel/src/capture/freeze.rs":
        "        DomainState::Destroying if !has_no_waiters => Some(arch::ticks()),\n" => "        DomainState::Destroying if !has_no_waiters => None,\n";
        "outsiders wait for ever for a retired domain whose destruction was given up"; Host("kernel", "capture::tests::retiring");
    "retired-interrupt" in "kernel/src/ipc/interrupt.rs":
        "Object::Notification(notification) if !notification.header.is_retired() => {" => "Object::Notification(notification) => {";
        "a device raises flags in a domain that has gone elsewhere, and ends an outsider's wait through it"; Host("kernel", "capture::tests::retiring");
    "bound-again" in "kernel/src/syscalls/device.rs":
        "            ipc::deliver(kernel, interrupt.vector);\n" => "";
        "an interrupt that came while its notification was retired is lost for the driver that it is bound to next"; Host("kernel", "capture::tests::retiring");
    "unbound-interrupt" in "kernel/src/ipc/interrupt.rs":
        "            continue;\n        };\n        if signal_within(" => "            interrupt.is_undelivered.set(false);\n            continue;\n        };\n        if signal_within(";
        "an interrupt that comes between two bindings is lost"; Host("kernel", "objects::tests::interrupts");
    "kept-interrupt" in "kernel/src/capture/retire.rs":
        "    ipc::deliver_undelivered(kernel);\n" => "";
        "a driver whose retirement was undone waits for ever for an interrupt that came meanwhile"; Host("kernel", "capture::tests::retiring");
    "lost-link" in "kernel/src/scheduler/queue.rs":
        "            Some(first) => first.link.previous.set(Some(thread))," => "            Some(_) => {}";
        "a thread that was preempted is lost when the one behind it stops"; Host("kernel", "objects::tests");
    "retired-sharer" in "kernel/src/ipc/interrupt.rs":
        "        let Some(notification) = bound_notification(interrupt) else {\n            continue;" => "        let Some(notification) = bound_notification(interrupt) else {\n            return;";
        "a device is silent since another one's driver, which shares its line, has bound its interrupt to a domain that has gone elsewhere"; Host("kernel", "objects::tests::interrupts");
    "late-interrupt" in "kernel/src/ipc/interrupt.rs":
        "            kernel.scheduler.arm_at(arch::ticks());\n        }\n" => "        }\n";
        "an interrupt that came while a domain was retired waits for the end of a slice, or for ever on an idle machine"; Host("kernel", "objects::tests::interrupts");
    "sharers-together" in "kernel/src/ipc/interrupt.rs":
        "        if interrupts.any(" => "        if interrupts.all(";
        "an interrupt that came while a domain was retired is lost if another one of its line was delivered"; Host("kernel", "objects::tests::interrupts");
    "left-over-interrupts" in "kernel/src/timer.rs":
        "        kernel.scheduler.arm_at(now);\n" => "";
        "interrupts that one entry did not deliver wait for the next deadline of somebody else"; Host("kernel", "timer::tests");
    "answer-to-the-ending" in "kernel/src/ipc/reply.rs":
        "    crate::objects::check_alive(Object::Thread(caller))?;\n" => "";
        "the destruction of a thread does not end while another makes rights to answer it"; Host("kernel", "capture::tests::derivation");
    "bound-twice" in "kernel/src/syscalls/thread.rs":
        "        return Err(Error::InUse);\n" => "";
        "a thread whose notification is bound to another one as well is not woken by its flags"; IPC;
}
