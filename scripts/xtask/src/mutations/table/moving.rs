//! Faults in the code that a move depends on: versions, retirement, descriptions and the page transport.

use super::{MATRIX, TLB};
use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const GRANTING: Finder = Host("kernel", "capture::tests::granting");
const SENDER: Finder = Host("nomad-transport", "sender");
const RECEIVER: Finder = Host("nomad-transport", "receiver");
const PACER: Finder = Host("nomad-transport", "pacer");
const PATH_MTU: Finder = Host("nomad-transport", "path_mtu");
const TRANSPORT: Finder = Host("nomad-transport", "");
const LINK: Finder = Suite("nomad-transport", "link");
const HOSTILE: Finder = Suite("nomad-transport", "hostile");

mutations! {
    // Versions.
    "supply-version" in "kernel/src/paging/pages.rs":
        "            supply_page(kernel, memory, first + index, from)?;\n            *has_changed = true;\n" => "            supply_page(kernel, memory, first + index, from)?;\n";
        "a move loses a page that is supplied after its last copy"; MATRIX;
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
        "a thread that is stopped during a move runs on after it"; MATRIX;
    "schedule-version" in "kernel/src/syscalls/thread.rs":
        "    thread.priority.set(call.priority);\n    thread.domain.touch();\n" => "    thread.priority.set(call.priority);\n";
        "a move loses a change of a thread's priority"; MATRIX;
    "install-version" in "kernel/src/syscalls/domain.rs":
        "call.rights)?;\n    domain.touch();\n" => "call.rights)?;\n";
        "a move loses a reply right"; MATRIX;
    "pager-version" in "kernel/src/objects/emptied.rs":
        "            Holder::Pager(memory) => memory.header.touch()," => "            Holder::Pager(_) => {}";
        "after a move, a Memory has a pager again that was revoked"; MATRIX;
    "grow-version" in "kernel/src/objects/domain/lifecycle.rs":
        "        .map_err(slot_error)?;\n    domain.touch();\n    Ok(())" => "        .map_err(slot_error)?;\n    Ok(())";
        "slots that a domain gets during a move are missing after it"; MATRIX;
    "clock-version" in "kernel/src/syscalls/domain.rs":
        "    domain.clock_offset.set(call.offset);\n    domain.touch();\n" => "    domain.clock_offset.set(call.offset);\n";
        "deadlines are wrong after a move"; MATRIX;
    "reaped-version" in "kernel/src/objects/emptied.rs":
        "Holder::Table { domain, .. } => {\n                domain.touch();" => "Holder::Table { .. } => {";
        "a domain arrives with a capability that it has lost since its slots were read"; Host("kernel", "capture::tests::retiring");
    "interrupt-version" in "kernel/src/objects/emptied.rs":
        "Holder::InterruptNotification(interrupt) => interrupt.header.touch()," => "Holder::InterruptNotification(_) => {}";
        "the removal of an interrupt's binding changes a frozen domain, but not its version number"; MATRIX;

    // Retirement.
    "retired-objects" in "kernel/src/syscalls/lookup.rs":
        "    if header.is_retired() {\n        Err(Error::Gone)" => "    if false && header.is_retired() {\n        Err(Error::Gone)";
        "outsiders can use the objects of a retired domain"; MATRIX;
    "retired-domain" in "kernel/src/syscalls/lookup.rs":
        "        DomainState::Retired if rights.intersects(CHANGING) => Err(Error::Gone),\n" => "";
        "a retired domain can still be changed"; MATRIX;
    "retired-pool" in "kernel/src/syscalls/lookup.rs":
        "(pool.is_retired() || pool.header.is_being_destroyed())" => "pool.header.is_being_destroyed()";
        "objects can be created in a retired domain"; MATRIX;

    // Descriptions.
    "described-badge" in "kernel/src/capture/records.rs":
        "        badge: capability.badge.get(),\n" => "";
        "a domain's services mistake one client for another after a move"; Host("kernel", "capture::tests");
    "described-parent" in "kernel/src/capture/records.rs":
        "    parent.map_or(0, |slot| u64::from(slot) + 1)" => "    parent.map_or(0, |_| 0)";
        "a revocation has no effect after a move"; Host("kernel", "capture::tests");

    "copy-of-dma" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.into) {";
        "memory that a device writes is copied as if it did not change"; Host("kernel", "capture::tests::attributes");
    "copy-into-archive" in "kernel/src/capture/copy.rs":
        "        if !is_ordinary(self.memory) || !is_ordinary(self.into) {" => "        if !is_ordinary(self.memory) {";
        "pages can be copied into DMA memory, and into the boot archive, which every domain can read"; Host("kernel", "capture::tests::attributes");
    "granted-by-the-living" in "kernel/src/capture/grant.rs":
        "        if !self.domain.is_retired() || !memories" => "        if !memories";
        "a running domain loses its pages"; GRANTING;
    "granted-dma" in "kernel/src/capture/grant.rs":
        "        let memories = [self.source, self.target];\n        let is_ordinary = |memory: &Ref<MemoryObject>| memory.attribute == Attribute::Ordinary;" => "        let memories = [self.source, self.target];\n        let is_ordinary = |memory: &Ref<MemoryObject>| memory.attribute != Attribute::Device;";
        "a domain gets a page that a device still writes"; GRANTING;
    "granted-to-the-end" in "kernel/src/capture/grant.rs":
        "            .try_for_each(|memory| check_alive(Object::Memory(memory)))" => "            .try_for_each(|_| Ok(()))";
        "a Memory can be filled as fast as its destruction empties it"; GRANTING;
    "granted-twice" in "kernel/src/capture/grant.rs":
        "            if is_in(leaf, page) && !existing.is_some_and(|target| is_in(target, page)) {" => "            if is_in(leaf, page) {";
        "a page for which the target has one already panics the kernel"; GRANTING;
    "granted-charge" in "kernel/src/capture/grant.rs":
        "        to_pool.charge(pages.len() as u64)?;\n" => "";
        "a pool gets pages that it does not pay for"; GRANTING;
    "granted-refund" in "kernel/src/capture/grant.rs":
        "        from_pool.refund(pages.len() as u64);\n" => "";
        "the memory of every granted page is lost to the pool that it came from"; GRANTING;
    "granted-clean" in "kernel/src/capture/grant.rs":
        "target.insert(to, *page, frame, Entry::LEAF);" => "target.insert(to, *page, frame, Entry::LEAF.difference(Entry::MARKS));";
        "the next move of a domain loses its granted pages"; GRANTING;
    "granted-version" in "kernel/src/capture/grant.rs":
        "        target.header.touch();\n" => "";
        "a domain is retired although it got pages after it was read"; GRANTING;
    "granted-flush" in "kernel/src/memory/unmapped.rs":
        "            arch::flush_all();\n" => "";
        "a granted page is still accessible through its former Memory"; GRANTING;
    "granted-and-restored" in "kernel/src/capture/retire.rs":
        "    if !domain.is_restorable() {" => "    if !domain.is_retired() {";
        "a domain runs again without the pages that it has granted"; GRANTING;
    "granted-unread" in "kernel/src/syscalls/pages.rs":
        "    let rights = DomainRights::RETIRE | DomainRights::CAPTURE;" => "    let rights = DomainRights::RETIRE;";
        "a capability without CAPTURE shows the pages of a retired domain"; MATRIX;
    "granted-unmanaged" in "kernel/src/syscalls/pages.rs":
        "lookup::memory(caller, call.target, MemoryRights::MANAGE)?" => "lookup::memory(caller, call.target, MemoryRights::empty())?";
        "every capability to a Memory lets its holder spend the pages of the Memory's pool"; MATRIX;
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
        "the second move of a domain shifts its clock by the difference between two machines' clocks"; Host("kernel", "capture::tests::records");
    "described-present" in "kernel/src/capture/records.rs":
        "            record.present = memory.present.get();\n" => "";
        "the estimated size of a move is zero"; Host("kernel", "capture::tests::attributes");
    "unretired-for-ever" in "kernel/src/capture/retire.rs":
        "    set_owner(kernel, domain, deadline);" => "    set_owner(kernel, domain, deadline.filter(|_| false));";
        "a domain whose retirement was undone stays frozen forever if the caller fails before the thaw"; Host("kernel", "capture::tests::freezing");
    "thaw-version" in "kernel/src/capture/freeze.rs":
        "    domain.touch();\n    domain.set_state(DomainState::Running);" => "    domain.set_state(DomainState::Running);";
        "a thaw does not change the version number of a domain without threads"; Host("kernel", "capture::tests::freezing");
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
    "links-before-flush" in "kernel/src/capture/page_set.rs":
        "    if !memory.take_use(first) {\n        return None;\n    }\n    arch::flush_all();\n" => "    if !memory.take_use(first) {\n        return None;\n    }\n";
        "with a second core, a page is lost that is written through a cached link during a pass"; TLB;
    "part-of-a-table" in "kernel/src/capture/page_set.rs":
        "    if !is_whole {\n        return Some(leaf);\n    }\n" => "";
        "a pass over a part of a leaf table loses the dirty pages of the rest"; Host("kernel", "capture::tests::copying");
    "inserted-page" in "kernel/src/memory/page_tables.rs":
        "        directory.mark_accessed(index);\n        Ok(LeafTable(leaf))" => "        Ok(LeafTable(leaf))";
        "a move loses pages that were populated since the last pass"; TLB;
    "removed-link" in "kernel/src/paging/map.rs":
        "            memory.mark_used(mapping.page_at(address));" => "            let _ = (memory, address);";
        "a move loses pages that were written through a mapping that is gone"; TLB;
    "many-mappings" in "kernel/src/objects/memory.rs":
        "        is_used || mapping.is_some()" => "        is_used";
        "a move loses pages of a Memory with more mappings than a pass examines"; TLB;
    "unmarked-link" in "kernel/src/memory/address_space.rs":
        "        self.directory.mark_accessed(index_at(address, 1));\n" => "";
        "a move loses pages that the kernel writes as message buffers"; Host("kernel", "capture::tests::copying");
    "bitmap-length" in "kernel/src/capture/page_set.rs":
        "    let covered = count.min(PAGES_PER_TABLE).min(memory.page_count - first);" => "    let covered = count.min(PAGES_PER_TABLE);";
        "DomainPages claims to cover pages beyond the Memory's end"; TLB;
    "readers-count" in "kernel/src/memory/slots.rs":
        "if may_write && memory.is_foreign_to(domain) =>" => "if memory.is_foreign_to(domain) =>";
        "a domain whose Memory others can read cannot move"; Host("kernel", "capture::tests");

    "stolen-bookmark" in "kernel/src/capture/parent.rs":
        "    if is_marked && search.entry.get() == Some(entry) {" => "    if is_marked && Some(entry).is_some() {";
        "if two callers take turns in describing a domain, each gets parents that the other searched for"; Host("kernel", "capture::tests::derivation");
    "stale-parent" in "kernel/src/capture/parent.rs":
        "            version: self.domain.version()," => "            version: 0,";
        "a slot that was emptied and filled again is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "second-retirement" in "kernel/src/capture/retire.rs":
        "    domain.pending_waiters.set(PendingWaiters::ALL);\n" => "";
        "a second retirement leaves outsiders waiting forever"; Host("kernel", "capture::tests::retiring");
    "dropped-flags" in "kernel/src/arch/context.rs":
        " | 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;" => ";";
        "a domain that single-steps itself stops doing so after a move"; Host("kernel", "capture::tests::states");
    "device-version" in "kernel/src/objects/memory/lifecycle.rs":
        "        page = next;\n    }\n    memory.header.touch();\n" => "        page = next;\n    }\n";
        "a device's Memory gets pages between capture and retirement, but the domain's version number does not change"; Host("kernel", "capture::tests::versions");
    "pass-beyond" in "kernel/src/capture/page_set.rs":
        "        bits(end - start)" => "        bits(WORD_BITS)";
        "pages beyond the requested range are marked clean without being reported"; Host("kernel", "capture::tests::copying");
    "described-while-running" in "kernel/src/capture/describe.rs":
        "    if !domain.is_quiescent() {" => "    if false {";
        "in a running domain, a slot that was emptied and filled again is described with its old parent"; Host("kernel", "capture::tests::derivation");
    "longer-wait-first" in "kernel/src/scheduler/timers.rs":
        "            Some(thread) => Some(domain.map_or(thread, |domain| domain.min(thread)))," => "            Some(thread) => Some(thread),";
        "a domain stays frozen past its deadline if a thread has a later one"; Host("kernel", "capture::tests::freezing");
    "view-of-the-dying" in "kernel/src/paging/map.rs":
        "    if !request.is_capture {" => "    if true {";
        "a debugger cannot map a Memory whose destruction was interrupted by the freeze"; Host("kernel", "capture::tests::copying");
    "late-thaw" in "kernel/src/capture/freeze.rs":
        "is_some_and(|due| due <= now_ticks)" => "is_some_and(|due| due < now_ticks)";
        "a freeze whose deadline is the current tick makes the timer fire repeatedly"; Host("kernel", "capture::tests::freezing");

    // The transport of pages: the receiver.
    "known-prefix" in "nomad/transport/src/receiver.rs":
        "match data.bytes.get(known as usize..) {" => "match data.bytes.get((known as usize).min(0)..) {";
        "bytes that arrive twice are passed on twice"; HOSTILE;
    "beyond-the-window" in "nomad/transport/src/receiver.rs":
        "        if count == 0 || count as u64 > most {" => "        if count == 0 {";
        "a peer overwrites bytes that have not been passed on"; HOSTILE;
    "too-many-gaps" in "nomad/transport/src/receiver.rs":
        "        if is_new_gap && self.early.len() >= RANGES_MAX {" => "        if false {";
        "a peer can make the receiver store one range per received byte"; RECEIVER;
    "window-end" in "nomad/transport/src/receiver.rs":
        "data.bytes.split_at(count.min(WINDOW_BYTES - at));" => "data.bytes.split_at(count);";
        "a datagram that wraps around in the receive buffer crashes the migration server"; LINK;
    "urgent-data" in "nomad/transport/src/receiver.rs":
        "let is_due = data.is_urgent || is_known" => "let is_due = is_known";
        "the end of each round is acknowledged 2 ms late"; RECEIVER;
    "known-data" in "nomad/transport/src/receiver.rs":
        "data.is_urgent || is_known || self" => "data.is_urgent || self";
        "a sender whose acknowledgement was lost waits longer than necessary for the next one"; HOSTILE;
    "bytes-per-acknowledgement" in "nomad/transport/src/receiver.rs":
        " || self.unacknowledged >= BYTES_PER_ACK;" => ";";
        "a fast stream is acknowledged only every 2 ms, so that its sender sends in bursts"; RECEIVER;
    "counted-for-ever" in "nomad/transport/src/receiver.rs":
        "        (self.ack_due, self.unacknowledged) = (None, 0);" => "        self.ack_due = None;";
        "every datagram is acknowledged individually"; RECEIVER;
    "postponed-acknowledgement" in "nomad/transport/src/receiver.rs":
        "Some(self.ack_due.map_or(due, |earlier| earlier.min(due)));" => "Some(due);";
        "each datagram postpones the acknowledgement of those before it"; RECEIVER;

    // The transport of pages: the sender.
    "written-beyond-the-room" in "nomad/transport/src/sender.rs":
        "        let count = bytes.len().min(self.room());" => "        let count = bytes.len();";
        "the sender exceeds the receiver's window, so that bytes are dropped and sent again"; HOSTILE;
    "older-acknowledgement" in "nomad/transport/src/sender.rs":
        "        if ack.next >= self.base {\n" => "        if true {\n";
        "a stream to a restarted receiver is never abandoned"; HOSTILE;
    "never-sent" in "nomad/transport/src/sender.rs":
        "        if end > self.next {\n" => "        if false {\n";
        "an acknowledgement of bytes that were never sent crashes the migration server"; HOSTILE;
    "crumbs" in "nomad/transport/src/sender.rs":
        "!range.is_empty() && self.arrived.len() <= RANGES_MAX" => "!range.is_empty()";
        "a peer can make the sender send datagrams of one byte"; HOSTILE;
    "found-again" in "nomad/transport/src/sender.rs":
        "                self.lost.remove(range.clone());\n                self.arrived" => "                self.arrived";
        "bytes that counted as lost are sent again although they have arrived"; SENDER;
    "lost-and-arrived" in "nomad/transport/src/sender.rs":
        "let known = (self.base > 0).then_some(0..self.base);" => "let known = None::<Range<u64>>;";
        "bytes that the reply to a probe acknowledges are sent again as lost, which crashes the migration server"; LINK;
    "karn" in "nomad/transport/src/sender.rs":
        "        if !newest.is_repeat {" => "        if true {";
        "the acknowledgement of a repeated datagram distorts the measured round-trip time"; SENDER;
    "urgent-last" in "nomad/transport/src/sender.rs":
        "is_urgent: is_probe || is_last," => "is_urgent: is_probe,";
        "the last datagram of a round is acknowledged late"; SENDER;
    "urgent-probe" in "nomad/transport/src/sender.rs":
        "is_urgent: is_probe || is_last," => "is_urgent: is_last,";
        "a probe is acknowledged late"; SENDER;
    "hasty-probes" in "nomad/transport/src/sender.rs":
        "self.round_trip.timeout_us() << self.probes.min(16);" => "self.round_trip.timeout_us();";
        "a stream is abandoned after the network fails for one second"; LINK;

    // The transport of pages: losses.
    "lost-at-once" in "nomad/transport/src/in_flight.rs":
        "sent.at < newest && now.us_since(sent.at) >= patience_us;" => "sent.at < newest;";
        "datagrams that are merely reordered are sent again"; SENDER;
    "not-overtaken" in "nomad/transport/src/in_flight.rs":
        "sent.at < newest && now.us_since(sent.at) >= patience_us;" => "now.us_since(sent.at) >= patience_us;";
        "datagrams count as lost because their acknowledgement is late"; SENDER;
    "rest-of-a-datagram" in "nomad/transport/src/in_flight.rs":
        "                lost.insert(sent.range.start.max(range.start)..sent.range.end);\n" => "";
        "if a probe repeats the start of a datagram, the rest of it is never sent again"; HOSTILE;
    "least-for-ever" in "nomad/transport/src/round_trip.rs":
        " || now.us_since(at) > LEAST_VALID_US;" => ";";
        "a path whose round-trip time has grown is never fully used again"; TRANSPORT;
    "ranges-of-an-acknowledgement" in "nomad/transport/src/datagram.rs":
        "    (ranges.len() <= RANGES_MAX)\n" => "    true\n";
        "a peer can make the sender store any number of ranges"; TRANSPORT;
    "empty-range" in "nomad/transport/src/datagram.rs":
        "        (start < end).then_some(start..end)" => "        Some(start..end)";
        "an acknowledgement with an empty range crashes the migration server"; TRANSPORT;

    // The transport of pages: the rate.
    "startup-without-end" in "nomad/transport/src/pacer.rs":
        "            State::Startup if is_full => State::Drain,\n" => "";
        "a move keeps the queues of the path full"; PACER;
    "drain-without-end" in "nomad/transport/src/pacer.rs":
        "            State::Drain if in_flight <= product + SLACK => State::Cruise(2),\n" => "";
        "a move uses only a third of the path's bandwidth"; LINK;
    "no-catching-up" in "nomad/transport/src/pacer.rs":
        "self.next_send.max(before(now, BURST_US));" => "self.next_send.max(now);";
        "on a busy processor, a sender that is late never catches up, and measures an ever lower rate"; LINK;
    "burst-without-end" in "nomad/transport/src/pacer.rs":
        "self.next_send.max(before(now, BURST_US));" => "self.next_send;";
        "a stream that was idle exceeds the operator's limit"; PACER;
    "operators-limit" in "nomad/transport/src/pacer.rs":
        "self.rate_max.map_or(rate, |most| rate.min(most)).max(1)" => "rate.max(1)";
        "the operator's limit has no effect"; LINK;
    "limited-rate" in "nomad/transport/src/pacer.rs":
        "        if is_limited && rate <= self.measured_rate() {" => "        if false {";
        "a stream that had few bytes to send stays slow when it has many"; PACER;
    "rates-for-ever" in "nomad/transport/src/pacer.rs":
        "            self.rates[self.round] = 0;\n" => "";
        "a move floods a path that has become slower"; PACER;

    // The transport of pages: the longest datagram.
    "two-trials" in "nomad/transport/src/path_mtu.rs":
        "self.trial.is_none() && next" => "next";
        "several datagrams of a size that is being tried are in flight at once"; PATH_MTU;
    "trial-without-bytes" in "nomad/transport/src/path_mtu.rs":
        " && next <= available;" => ";";
        "a datagram size is tried with too few bytes to fill a datagram: the trial never completes, and no other begins"; PATH_MTU;
    "long-for-ever" in "nomad/transport/src/path_mtu.rs":
        "            self.current = BASE;" => "";
        "a stream is abandoned when its path no longer carries long datagrams"; LINK;
    "silent-trial" in "nomad/transport/src/path_mtu.rs":
        "        if let Some(bytes) = self.trial {\n            self.record_lost(bytes);\n        }\n" => "";
        "after the trial of a datagram size is lost in an outage, no size is tried again"; PATH_MTU;
    "endless-trials" in "nomad/transport/src/path_mtu.rs":
        "                (self.too_long, self.lost_trials) = (bytes, 0);\n" => "";
        "a datagram size that the path does not carry is tried again and again"; PATH_MTU;
}
