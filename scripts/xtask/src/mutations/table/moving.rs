//! What a move depends on: versions, retirement, descriptions.

use super::{MATRIX, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    // Versions.
    "supply-version" in "kernel/src/paging/pages.rs":
        "            supply_page(kernel, memory, first + index, from)?;\n            *has_changed = true;\n" => "            supply_page(kernel, memory, first + index, from)?;\n";
        "a page changed after the last pass is lost by a move"; MATRIX;
    "discard-version" in "kernel/src/syscalls/memory.rs":
        "        memory.header.touch();\n        return Ok(Outcome::Again);" => "        return Ok(Outcome::Again);";
        "a page taken away is there again after a move"; MATRIX;
    "ending-memory-version" in "kernel/src/objects/memory/lifecycle.rs":
        "            memory.header.touch();\n            return Step::More;" => "            return Step::More;";
        "a Memory that is being destroyed moves with some of its pages"; Host("kernel", "capture::tests");
    "ending-thread-version" in "kernel/src/objects/destroy.rs":
        "                ipc::stop(kernel, thread);\n                thread.domain.touch();\n" => "                ipc::stop(kernel, thread);\n";
        "a thread that is being destroyed here runs on elsewhere"; Host("kernel", "capture::tests");
    "write-version" in "kernel/src/capture/thread_state.rs":
        "    thread.domain.touch();\n" => "";
        "registers written from outside are lost by a move"; MATRIX;
    "stop-version" in "kernel/src/syscalls/thread.rs":
        "    ipc::stop(kernel, thread);\n    thread.domain.touch();\n" => "    ipc::stop(kernel, thread);\n";
        "a stop is lost by a move"; MATRIX;
    "schedule-version" in "kernel/src/syscalls/thread.rs":
        "    thread.priority.set(call.priority);\n    thread.domain.touch();\n" => "    thread.priority.set(call.priority);\n";
        "a priority is lost by a move"; MATRIX;
    "install-version" in "kernel/src/syscalls/domain.rs":
        "call.rights)?;\n    domain.touch();\n" => "call.rights)?;\n";
        "a right to answer is lost by a move"; MATRIX;
    "pager-version" in "kernel/src/objects/emptied.rs":
        "            Holder::Pager(memory) => memory.header.touch()," => "            Holder::Pager(_) => {}";
        "a pager that was revoked is set again after a move"; MATRIX;
    "grow-version" in "kernel/src/objects/domain/lifecycle.rs":
        "        .map_err(slot_error)?;\n    domain.touch();\n    Ok(())" => "        .map_err(slot_error)?;\n    Ok(())";
        "slots are missing after a move"; MATRIX;
    "clock-version" in "kernel/src/syscalls/domain.rs":
        "    domain.clock_offset.set(call.offset);\n    domain.touch();\n" => "    domain.clock_offset.set(call.offset);\n";
        "deadlines are off after a move"; MATRIX;
    "interrupt-version" in "kernel/src/objects/emptied.rs":
        "Holder::InterruptNotification(interrupt) => interrupt.header.touch()," => "Holder::InterruptNotification(_) => {}";
        "an interrupt's binding changes unseen"; MATRIX;

    // Retirement.
    "retired-objects" in "kernel/src/syscalls/lookup.rs":
        "    if header.is_retired() {\n        Err(Error::Gone)" => "    if false && header.is_retired() {\n        Err(Error::Gone)";
        "outsiders use what has gone elsewhere"; MATRIX;
    "retired-domain" in "kernel/src/syscalls/lookup.rs":
        "        DomainState::Retired if rights.intersects(CHANGING) => Err(Error::Gone),\n" => "";
        "a domain that has gone elsewhere is changed"; MATRIX;
    "retired-pool" in "kernel/src/syscalls/lookup.rs":
        "(pool.is_retired() || pool.header.is_being_destroyed())" => "pool.header.is_being_destroyed()";
        "objects are made in a domain that has gone elsewhere"; MATRIX;

    // Descriptions.
    "described-badge" in "kernel/src/capture/records.rs":
        "        badge: capability.badge.get(),\n" => "";
        "clients of a domain's own services are confused after a move"; Host("kernel", "capture::tests");
    "described-parent" in "kernel/src/capture/records.rs":
        "    parent.map_or(0, |slot| u64::from(slot) + 1)" => "    parent.map_or(0, |_| 0)";
        "a revocation after a move reaches nothing"; Host("kernel", "capture::tests");

    "copy-of-dma" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.into) {";
        "memory that a device writes is copied as if it stood still"; Host("kernel", "capture::tests::attributes");
    "copy-into-archive" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.memory) {";
        "a copy is stored into DMA memory and into the boot archive, which everybody reads"; Host("kernel", "capture::tests::attributes");
    "bitmap-of-dma" in "kernel/src/capture/page_set.rs":
        "    if memory.attribute != Attribute::Ordinary {\n        return Err(Error::WrongState);\n    }\n" => "";
        "a dirty log of memory that a device writes past the dirty bits: its pages are lost by a move"; Host("kernel", "capture::tests::attributes");
    "described-dma" in "kernel/src/capture/records.rs":
        "                Attribute::Contiguous => 1," => "                Attribute::Contiguous => 0,";
        "a domain with DMA memory is offered for a move as if it had none"; Host("kernel", "capture::tests::attributes");
    "described-first-page" in "kernel/src/capture/records.rs":
        "        first_page: mapping.first_page.get()," => "        first_page: 0,";
        "a mapping of the second half of a Memory shows the first half after a move"; Host("kernel", "capture::tests::records");
    "described-clock" in "kernel/src/capture/records.rs":
        "            record.attribute = domain.clock_offset.get().cast_unsigned();\n" => "";
        "the second move of a domain sets its clock by the difference of two machines' times"; Host("kernel", "capture::tests::records");
    "described-present" in "kernel/src/capture/records.rs":
        "            record.present = memory.present.get();\n" => "";
        "a move's estimate is nothing"; Host("kernel", "capture::tests::attributes");
    "unretired-for-ever" in "kernel/src/capture/retire.rs":
        "    set_owner(kernel, domain, deadline);" => "    set_owner(kernel, domain, deadline.filter(|_| false));";
        "a retirement that was undone leaves the domain standing still for ever if the one who undid it ends"; Host("kernel", "capture::tests::freezing");
    "thaw-version" in "kernel/src/capture/freeze.rs":
        "    domain.touch();\n    domain.set_state(DomainState::Running);" => "    domain.set_state(DomainState::Running);";
        "a domain without threads has the version after a thaw that it had before"; Host("kernel", "capture::tests::freezing");
    "any-version" in "kernel/src/capture/retire.rs":
        "    if domain.version() != version {\n        return Err(Error::VersionMoved);\n    }\n" => "";
        "a domain is retired that changed since it was read"; Host("kernel", "capture::tests");
    "unsettled-retire" in "kernel/src/capture/retire.rs":
        "    if !domain.is_quiescent() {\n        return Err(Error::WrongState);\n    }\n" => "";
        "a domain is retired while some of its threads run"; Host("kernel", "capture::tests");
    "retired-deadline" in "kernel/src/capture/retire.rs":
        "    kernel.scheduler.timers.domains.remove(domain);\n    domain.retire();" => "    domain.retire();";
        "the kernel panics at the deadline of a retired domain"; Host("kernel", "capture::tests");
    "flags-of-the-retired" in "kernel/src/ipc/notify.rs":
        "        Some(notification) if !notification.header.is_retired() => take_flags(notification)," => "        Some(notification) => take_flags(notification),";
        "an outsider takes flags out of a domain behind its commit point"; Host("kernel", "capture::tests");
    "copied-then-cleaned" in "kernel/src/capture/copy.rs":
        "    let cleaned = if log == 0 { 0 } else { pages.clean(tried) };\n    let Read { data, zero } = pages.copy(tried, into, into_page);" => "    let Read { data, zero } = pages.copy(tried, into, into_page);\n    let cleaned = if log == 0 { 0 } else { pages.clean(tried) };";
        "with a second core, a store between copy and clean is lost"; Host("kernel", "capture::tests::copying");
    "bitmap-length" in "kernel/src/capture/page_set.rs":
        "    let covered = count.min(PAGES_PER_TABLE).min(memory.page_count - first);" => "    let covered = count.min(PAGES_PER_TABLE);";
        "DomainPages claims to cover pages that the Memory cannot hold"; TLB;
    "readers-count" in "kernel/src/memory/slots.rs":
        "if may_write && memory.is_foreign_to(domain) =>" => "if memory.is_foreign_to(domain) =>";
        "a domain whose Memory others may read cannot move"; Host("kernel", "capture::tests");

    "stolen-bookmark" in "kernel/src/capture/parent.rs":
        "    if is_marked && ascent.entry.get() == Some(entry) {" => "    if is_marked && Some(entry).is_some() {";
        "two that describe a domain by turns get each other's parents"; Host("kernel", "capture::tests::derivation");
    "stale-parent" in "kernel/src/capture/parent.rs":
        "            version: self.domain.version()," => "            version: 0,";
        "a slot that was filled again is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "silent-second" in "kernel/src/capture/retire.rs":
        "    domain.pending_waiters.set(PendingWaiters::ALL);\n" => "";
        "after a retirement that was undone the next one leaves outsiders waiting for ever"; Host("kernel", "capture::tests::retiring");
    "dropped-flags" in "kernel/src/arch/context.rs":
        " | 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;" => ";";
        "a domain that single-steps itself no longer does after a move"; Host("kernel", "capture::tests::states");
    "device-version" in "kernel/src/objects/memory/lifecycle.rs":
        "        page = next;\n    }\n    memory.header.touch();\n" => "        page = next;\n    }\n";
        "a Memory of a device has fewer pages in what was read of its domain than when that was retired"; Host("kernel", "capture::tests::versions");
    "pass-beyond" in "kernel/src/capture/page_set.rs":
        "        bits(end - start)" => "        bits(WORD_BITS)";
        "pages beyond those that were asked for become clean without being in the answer"; Host("kernel", "capture::tests::copying");
    "described-while-running" in "kernel/src/capture/describe.rs":
        "    if !domain.is_quiescent() {" => "    if false {";
        "a slot of a running domain that was filled again is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "longer-wait-first" in "kernel/src/scheduler/timers.rs":
        "            Some(thread) => Some(domain.map_or(thread, |domain| domain.min(thread)))," => "            Some(thread) => Some(thread),";
        "a thread that sleeps for longer keeps a domain frozen beyond its deadline"; Host("kernel", "capture::tests::freezing");
    "view-of-the-ending" in "kernel/src/paging/map.rs":
        "    if !request.is_capture {" => "    if true {";
        "a debugger does not see a Memory whose destruction was interrupted by the freeze"; Host("kernel", "capture::tests::copying");
    "late-thaw" in "kernel/src/capture/freeze.rs":
        "is_some_and(|due| due <= now_ticks)" => "is_some_and(|due| due < now_ticks)";
        "a domain whose freeze ends at this very tick has the timer fire again and again"; Host("kernel", "capture::tests::freezing");
}
