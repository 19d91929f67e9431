//! Versions, retirement and descriptions, on which a move depends.

use super::{MATRIX, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    // Versions.
    "supply-version" in "kernel/src/paging/pages.rs":
        "            supply_page(kernel, memory, first + index, from)?;\n            *has_changed = true;\n" => "            supply_page(kernel, memory, first + index, from)?;\n";
        "a move loses a page changed after the last pass"; MATRIX;
    "discard-version" in "kernel/src/syscalls/memory.rs":
        "        memory.header.touch();\n        return Ok(Outcome::Again);" => "        return Ok(Outcome::Again);";
        "a discarded page reappears after a move"; MATRIX;
    "ending-memory-version" in "kernel/src/objects/memory/lifecycle.rs":
        "            memory.header.touch();\n            return Step::More;" => "            return Step::More;";
        "a partly destroyed Memory moves with only some of its pages"; Host("kernel", "capture::tests");
    "ending-thread-version" in "kernel/src/objects/destroy.rs":
        "                ipc::stop(kernel, thread);\n                thread.domain.touch();\n" => "                ipc::stop(kernel, thread);\n";
        "a thread that was being destroyed runs on after a move"; Host("kernel", "capture::tests");
    "write-version" in "kernel/src/capture/thread_state.rs":
        "    thread.domain.touch();\n" => "";
        "a move loses registers written from outside"; MATRIX;
    "stop-version" in "kernel/src/syscalls/thread.rs":
        "    ipc::stop(kernel, thread);\n    thread.domain.touch();\n" => "    ipc::stop(kernel, thread);\n";
        "a move loses the stop of a thread"; MATRIX;
    "schedule-version" in "kernel/src/syscalls/thread.rs":
        "    thread.priority.set(call.priority);\n    thread.domain.touch();\n" => "    thread.priority.set(call.priority);\n";
        "a move loses a change of priority"; MATRIX;
    "install-version" in "kernel/src/syscalls/domain.rs":
        "call.rights)?;\n    domain.touch();\n" => "call.rights)?;\n";
        "a move loses a reply right"; MATRIX;
    "pager-version" in "kernel/src/objects/emptied.rs":
        "            Holder::Pager(memory) => memory.header.touch()," => "            Holder::Pager(_) => {}";
        "a revoked pager is set again after a move"; MATRIX;
    "grow-version" in "kernel/src/objects/domain/lifecycle.rs":
        "        .map_err(slot_error)?;\n    domain.touch();\n    Ok(())" => "        .map_err(slot_error)?;\n    Ok(())";
        "slots are missing after a move"; MATRIX;
    "clock-version" in "kernel/src/syscalls/domain.rs":
        "    domain.clock_offset.set(call.offset);\n    domain.touch();\n" => "    domain.clock_offset.set(call.offset);\n";
        "deadlines are off after a move"; MATRIX;
    "interrupt-version" in "kernel/src/objects/emptied.rs":
        "Holder::InterruptNotification(interrupt) => interrupt.header.touch()," => "Holder::InterruptNotification(_) => {}";
        "the binding of an interrupt changes without a new version"; MATRIX;

    // Retirement.
    "retired-objects" in "kernel/src/syscalls/lookup.rs":
        "    if header.is_retired() {\n        Err(Error::Gone)" => "    if false && header.is_retired() {\n        Err(Error::Gone)";
        "outsiders use the objects of a retired domain"; MATRIX;
    "retired-domain" in "kernel/src/syscalls/lookup.rs":
        "        DomainState::Retired if rights.intersects(CHANGING) => Err(Error::Gone),\n" => "";
        "a retired domain is changed"; MATRIX;
    "retired-pool" in "kernel/src/syscalls/lookup.rs":
        "(pool.is_retired() || pool.header.is_being_destroyed())" => "pool.header.is_being_destroyed()";
        "objects are created in a retired domain"; MATRIX;

    // Descriptions.
    "described-badge" in "kernel/src/capture/records.rs":
        "        badge: capability.badge.get(),\n" => "";
        "clients of a domain's own services are confused after a move"; Host("kernel", "capture::tests");
    "described-parent" in "kernel/src/capture/records.rs":
        "    parent.map_or(0, |slot| u64::from(slot) + 1)" => "    parent.map_or(0, |_| 0)";
        "a revocation has no effect after a move"; Host("kernel", "capture::tests");

    "copy-of-dma" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.into) {";
        "memory that a device writes is copied as if it did not change"; Host("kernel", "capture::tests::attributes");
    "copy-into-archive" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.memory) {";
        "pages are copied into DMA memory and into the boot archive, which everyone can read"; Host("kernel", "capture::tests::attributes");
    "bitmap-of-dma" in "kernel/src/capture/page_set.rs":
        "    if memory.attribute != Attribute::Ordinary {\n        return Err(Error::WrongState);\n    }\n" => "";
        "a move loses pages that a device writes without setting dirty bits"; Host("kernel", "capture::tests::attributes");
    "described-dma" in "kernel/src/capture/records.rs":
        "                Attribute::Contiguous => 1," => "                Attribute::Contiguous => 0,";
        "a domain with DMA memory is offered as movable"; Host("kernel", "capture::tests::attributes");
    "described-first-page" in "kernel/src/capture/records.rs":
        "        first_page: mapping.first_page.get()," => "        first_page: 0,";
        "a mapping of the second half of a Memory shows the first half after a move"; Host("kernel", "capture::tests::records");
    "described-clock" in "kernel/src/capture/records.rs":
        "            record.attribute = domain.clock_offset.get().cast_unsigned();\n" => "";
        "the second move of a domain shifts its clock by the difference of two machines' clocks"; Host("kernel", "capture::tests::records");
    "described-present" in "kernel/src/capture/records.rs":
        "            record.present = memory.present.get();\n" => "";
        "the estimated size of a move is zero"; Host("kernel", "capture::tests::attributes");
    "unretired-for-ever" in "kernel/src/capture/retire.rs":
        "    set_owner(kernel, domain, deadline);" => "    set_owner(kernel, domain, deadline.filter(|_| false));";
        "an unretired domain stays frozen forever if its unretirer is gone"; Host("kernel", "capture::tests::freezing");
    "thaw-version" in "kernel/src/capture/freeze.rs":
        "    domain.touch();\n    domain.set_state(DomainState::Running);" => "    domain.set_state(DomainState::Running);";
        "a thaw does not change the version of a domain without threads"; Host("kernel", "capture::tests::freezing");
    "any-version" in "kernel/src/capture/retire.rs":
        "    if domain.version() != version {\n        return Err(Error::VersionMoved);\n    }\n" => "";
        "a domain is retired although it changed after it was read"; Host("kernel", "capture::tests");
    "unsettled-retire" in "kernel/src/capture/retire.rs":
        "    if !domain.is_quiescent() {\n        return Err(Error::WrongState);\n    }\n" => "";
        "a domain is retired while some of its threads run"; Host("kernel", "capture::tests");
    "retired-deadline" in "kernel/src/capture/retire.rs":
        "    kernel.scheduler.timers.domains.remove(domain);\n    domain.retire();" => "    domain.retire();";
        "the kernel panics at the deadline of a retired domain"; Host("kernel", "capture::tests");
    "flags-of-the-retired" in "kernel/src/ipc/notify.rs":
        "        Some(notification) if !notification.header.is_retired() => take_flags(notification)," => "        Some(notification) => take_flags(notification),";
        "an outsider takes flags from a domain after its commit point"; Host("kernel", "capture::tests");
    "copied-then-cleaned" in "kernel/src/capture/copy.rs":
        "    let cleaned = if log == 0 { 0 } else { pages.clean(tried) };\n    let Read { data, zero } = pages.copy(tried, into, into_page);" => "    let Read { data, zero } = pages.copy(tried, into, into_page);\n    let cleaned = if log == 0 { 0 } else { pages.clean(tried) };";
        "with a second core, a store between copying and clearing the dirty bit is lost"; Host("kernel", "capture::tests::copying");
    "bitmap-length" in "kernel/src/capture/page_set.rs":
        "    let covered = count.min(PAGES_PER_TABLE).min(memory.page_count - first);" => "    let covered = count.min(PAGES_PER_TABLE);";
        "DomainPages claims to cover pages beyond the Memory's end"; TLB;
    "readers-count" in "kernel/src/memory/slots.rs":
        "if may_write && memory.is_foreign_to(domain) =>" => "if memory.is_foreign_to(domain) =>";
        "a domain whose Memory others can read cannot move"; Host("kernel", "capture::tests");

    "stolen-bookmark" in "kernel/src/capture/parent.rs":
        "    if is_marked && search.entry.get() == Some(entry) {" => "    if is_marked && Some(entry).is_some() {";
        "two callers that describe a domain alternately get each other's parents"; Host("kernel", "capture::tests::derivation");
    "stale-parent" in "kernel/src/capture/parent.rs":
        "            version: self.domain.version()," => "            version: 0,";
        "a refilled slot is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "second-retirement" in "kernel/src/capture/retire.rs":
        "    domain.pending_waiters.set(PendingWaiters::ALL);\n" => "";
        "a second retirement leaves outsiders waiting forever"; Host("kernel", "capture::tests::retiring");
    "dropped-flags" in "kernel/src/arch/context.rs":
        " | 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;" => ";";
        "a domain that single-steps itself stops doing so after a move"; Host("kernel", "capture::tests::states");
    "device-version" in "kernel/src/objects/memory/lifecycle.rs":
        "        page = next;\n    }\n    memory.header.touch();\n" => "        page = next;\n    }\n";
        "a device's Memory gets pages between capture and retirement without a new version"; Host("kernel", "capture::tests::versions");
    "pass-beyond" in "kernel/src/capture/page_set.rs":
        "        bits(end - start)" => "        bits(WORD_BITS)";
        "pages beyond the requested range are marked clean without being reported"; Host("kernel", "capture::tests::copying");
    "described-while-running" in "kernel/src/capture/describe.rs":
        "    if !domain.is_quiescent() {" => "    if false {";
        "a refilled slot of a running domain is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "longer-wait-first" in "kernel/src/scheduler/timers.rs":
        "            Some(thread) => Some(domain.map_or(thread, |domain| domain.min(thread)))," => "            Some(thread) => Some(thread),";
        "a thread with a later deadline keeps a domain frozen beyond its own"; Host("kernel", "capture::tests::freezing");
    "view-of-the-dying" in "kernel/src/paging/map.rs":
        "    if !request.is_capture {" => "    if true {";
        "a debugger cannot map a Memory whose destruction was interrupted by the freeze"; Host("kernel", "capture::tests::copying");
    "late-thaw" in "kernel/src/capture/freeze.rs":
        "is_some_and(|due| due <= now_ticks)" => "is_some_and(|due| due < now_ticks)";
        "a freeze that ends at this very tick makes the timer fire repeatedly"; Host("kernel", "capture::tests::freezing");
}
