//! The faults, and the tests that find them: [`MUTATIONS`].

use super::Finder::{self, Host, Machine};
use super::Mutation;

const MATRIX: Finder = Host("kernel", "syscalls::matrix");
const IPC: Finder = Host("kernel", "ipc");
const TLB: Finder = Host("kernel", "paging");
const RANDOM: Finder = Host("kernel", "objects::tests::random");
const LONG: Finder = Host("kernel", "objects::tests::long");
const DEVICES: Finder = Host("kernel", "objects::tests::devices");
const CONFORMANCE: Finder = Machine("conformance");

macro_rules! mutations {
    ($($name:literal in $file:literal: $before:literal => $after:literal; $harm:literal; $finder:expr;)*) => {
        /// All of them.
        pub const MUTATIONS: &[Mutation] = &[$(Mutation {
            name: $name,
            file: $file,
            before: $before,
            after: $after,
            harm: $harm,
            finder: $finder,
        }),*];
    };
}

mutations! {
    // Rights.
    "domain-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    match domain.state()" => "    match domain.state()";
        "every Domain capability freezes, captures and retires"; MATRIX;
    "pool-rights" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&pool.header)?;" => "    refuse_retired(&pool.header)?;";
        "every Pool capability makes objects"; MATRIX;
    "send-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, rights.into())?;\n    refuse_retired(&endpoint.header)?;" => "    refuse_retired(&endpoint.header)?;";
        "a capability to receive sends"; MATRIX;
    "destroy-right" in "kernel/src/syscalls/lookup.rs":
        "    require(capability, DESTROY)?;\n" => "";
        "every capability ends its object"; MATRIX;
    "write-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE," => "Access::ReadWrite => MemoryRights::READ,";
        "a Memory that may be read is mapped writable"; MATRIX;
    "execute-right" in "kernel/src/syscalls/domain.rs":
        "Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE," => "Access::ReadExecute => MemoryRights::READ,";
        "a Memory that may be read is mapped to be executed"; MATRIX;
    "map-into-right" in "kernel/src/syscalls/pages.rs":
        "lookup::domain(caller, call.into, DomainRights::MAP)?" => "lookup::domain(caller, call.into, DomainRights::empty())?";
        "a captured Memory is mapped into a domain against its holder's will"; MATRIX;
    "dma-right" in "kernel/src/syscalls/pool.rs":
        "PoolRights::CREATE | PoolRights::DMA" => "PoolRights::CREATE";
        "every domain learns bus addresses"; MATRIX;
    "child-dma" in "kernel/src/syscalls/pool.rs":
        "if parent.contains(dma.into()) {" => "if true {";
        "a pool without DMA has children with it"; Host("kernel", "objects::tests::contiguous");
    "supply-right" in "kernel/src/syscalls/memory.rs":
        "lookup::memory(caller, call.giver, MemoryRights::READ)?" => "lookup::memory(caller, call.giver, MemoryRights::empty())?";
        "a Memory is read without the right"; MATRIX;
    "ports-right" in "kernel/src/syscalls/device.rs":
        "lookup::io_ports(caller, call.ports, IoPortsRights::OUT)?" => "lookup::io_ports(caller, call.ports, IoPortsRights::IN)?";
        "ports that may be read are written"; MATRIX;
    "raised-priority" in "kernel/src/syscalls/thread.rs":
        "    if call.priority > caller.priority.get() {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain puts itself above all others"; MATRIX;
    "written-priority" in "kernel/src/syscalls/thread.rs":
        "    if state.priority > u64::from(caller.priority.get()) {\n        return Err(Error::MissingRight);\n    }\n" => "";
        "every domain puts itself above all others"; Host("kernel", "capture::tests");
    "wider-mint" in "capabilities/src/capability.rs":
        "if !self.rights.contains(rights) {" => "if false {";
        "a copy has rights that nobody gave"; Host("capabilities", "");
    "second-badge" in "capabilities/src/capability.rs":
        "if self.badge.is_set() && badge.is_set() {" => "if false {";
        "a client takes on another one's badge"; Host("capabilities", "");
    "copied-reply" in "kernel/src/syscalls/capability.rs":
        "    if matches!(capability.object, Object::Reply(_)) {\n        return Err(Error::WrongKind);\n    }\n" => "";
        "two domains may answer one call"; IPC;

    // Versions.
    "supply-version" in "kernel/src/paging/pages.rs":
        "            supply_page(kernel, memory, first + index, from)?;\n            *has_changed = true;\n" => "            supply_page(kernel, memory, first + index, from)?;\n";
        "a page changed after the last pass is lost by a move"; MATRIX;
    "discard-version" in "kernel/src/syscalls/memory.rs":
        "        memory.header.touch();\n        return Ok(Outcome::Again);" => "        return Ok(Outcome::Again);";
        "a page taken away is there again after a move"; MATRIX;
    "ending-memory-version" in "kernel/src/objects/destroy.rs":
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
    "pager-version" in "kernel/src/kernel.rs":
        "            Holder::Pager(memory) => memory.header.touch()," => "            Holder::Pager(_) => {}";
        "a pager that was revoked is set again after a move"; MATRIX;
    "grow-version" in "kernel/src/objects/create.rs":
        "        .map_err(slot_error)?;\n    domain.touch();\n    Ok(())" => "        .map_err(slot_error)?;\n    Ok(())";
        "slots are missing after a move"; MATRIX;
    "clock-version" in "kernel/src/syscalls/domain.rs":
        "    domain.clock_offset.set(call.offset);\n    domain.touch();\n" => "    domain.clock_offset.set(call.offset);\n";
        "deadlines are off after a move"; MATRIX;
    "interrupt-version" in "kernel/src/kernel.rs":
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
        "(pool.is_retired() || pool.is_ending())" => "pool.is_ending()";
        "objects are made in a domain that has gone elsewhere"; MATRIX;

    // The processor.
    "no-execute" in "kernel/src/memory/address_space.rs":
        "        flags.set(Entry::NO_EXECUTE, !self.execute);\n" => "";
        "all of a user's memory is executable"; CONFORMANCE;
    "read-only" in "kernel/src/memory/address_space.rs":
        "        flags.set(Entry::WRITE, self.write);\n" => "        flags.insert(Entry::WRITE);\n";
        "every mapping is writable"; CONFORMANCE;
    "unmap-flush" in "kernel/src/memory/address_space.rs":
        "        arch::flush_all();\n" => "";
        "what was unmapped is still reached"; TLB;
    "discard-flush" in "kernel/src/memory/unmapped.rs":
        "            arch::flush_all();\n" => "";
        "a page that another domain has now is still reached"; TLB;
    "dirty-flush" in "kernel/src/capture/page_set.rs":
        "        arch::flush_all();\n" => "";
        "a page written after a pass counts as clean, and is lost by a move"; TLB;
    "copy-flush" in "kernel/src/capture/copy.rs":
        "        arch::flush_all();\n" => "";
        "a page written after it was copied counts as clean, and is lost by a move"; Host("kernel", "");
    "direction-flag" in "kernel/src/arch/x86_64/entry.S":
        "    mov rsp, gs:[{stack_top}]\n    cld\n" => "    mov rsp, gs:[{stack_top}]\n";
        "a user makes the kernel copy backwards"; CONFORMANCE;
    "gs-base" in "kernel/src/arch/x86_64/segments.rs":
        "KernelGsBase::write(VirtAddr::new_truncate(context.gs_base.get()));" => "KernelGsBase::write(VirtAddr::new_truncate(context.fs_base.get()));";
        "GS of every thread leads to where its FS does"; CONFORMANCE;
    "gs-selector" in "kernel/src/arch/x86_64/segments.rs":
        "    clear_gs_selector();\n" => "";
        "a selector tells one domain of another"; CONFORMANCE;
    "saved-rbx" in "kernel/src/arch/x86_64/entry.S":
        "    mov [rax + {rbx}], rbx\n    mov [rax + {rcx}], rcx\n" => "    mov [rax + {rcx}], rcx\n";
        "a register is lost at an interrupt"; CONFORMANCE;

    // Time.
    "no-slices" in "kernel/src/scheduler/mod.rs":
        "        if self.slice_end.get().is_some_and(|end| end <= now_ticks) {\n            self.rotate();\n        }\n" => "        let _ = now_ticks;\n";
        "one domain stops all others of its priority"; CONFORMANCE;
    "lowest-first" in "kernel/src/scheduler/mod.rs":
        "            .checked_ilog2()\n            .map(|priority| priority as u8)" => "            .checked_ilog2()\n            .map(|_| self.occupied.get().trailing_zeros() as u8)";
        "low priorities run before high ones"; CONFORMANCE;

    // Messages.
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
    "logged-stops" in "kernel/src/objects/destroy.rs":
        "        if is_logged {\n            return Step::More;\n        }\n" => "        let _ = is_logged;\n";
        "one entry writes a line to the log for each thread whose fault an ending domain was to mend"; Host("kernel", "objects::tests::ending");
    "silent-stop" in "kernel/src/ipc/waiting.rs":
        "        Phase::AwaitingFault { .. } => stop_unanswered(kernel, thread),\n        _ => thread.complete(Err(error))," => "        Phase::AwaitingFault { .. } => {\n            thread.phase.set(Phase::Ready);\n            thread.stopped.set(true);\n        }\n        _ => thread.complete(Err(error)),";
        "a thread stops and nobody knows why"; Host("kernel", "capture::tests");
    "shared-line" in "kernel/src/ipc/interrupt.rs":
        "interrupt.flags.get(), &mut left)" => "interrupt.flags.get(), &mut MET_PER_STEP.clone())";
        "one entry does a whole step for each interrupt that shares a line"; IPC;
    "ending-by-timer" in "kernel/src/capture/freeze.rs":
        "    if step == Step::More {\n        //" => "    if step == Step::More && domain.is_running() {\n        //";
        "a domain that nobody can stop any more runs on in part if its destroyer ends"; Host("kernel", "capture::tests");
    "thaw-turn" in "kernel/src/capture/freeze.rs":
        "domains.insert(domain, arch::ticks());" => "domains.insert(domain, 0);";
        "domains that are thawed again and again keep another frozen beyond its deadline"; Host("kernel", "timer");
    "vector-turn" in "kernel/src/ipc/vectors.rs":
        "        self.next.set(vector.wrapping_add(1));\n" => "";
        "an interrupt whose receivers are never done with holds those of higher vectors up for ever"; IPC;
    "timer-turn" in "kernel/src/timer.rs":
        "        kernel.timer_turn.0.set((done + 1) % JOBS.len());" => "        let _ = done;";
        "those that sleep hold interrupts and thaws up for ever"; Host("kernel", "timer");
    "counted-gifts" in "kernel/src/paging/pages.rs":
        "            looks += LOOKS_PER_GIFT;" => "            looks += 1;";
        "one entry fills as many pages as a table has"; TLB;
    "search-and-work" in "kernel/src/objects/pool.rs":
        "            _ if passed > PASSED_BEFORE_FOUND =>" => "            _ if passed == OBJECTS_PASSED =>";
        "one entry searches for long and then works for long"; LONG;

    // Accounts.
    "uncharged-pages" in "kernel/src/objects/pool.rs":
        "        self.used.set(used - pages);" => "        self.used.set(used - pages.min(1));";
        "a pool never gets back what its children had"; RANDOM;
    "lost-frame" in "kernel/src/memory/allocator.rs":
        "        self.free.set(self.free.get() + 1);" => "";
        "memory is lost with everything that ends"; RANDOM;
    "two-domains" in "kernel/src/objects/create.rs":
        "    if pool.domain.get().is_some() {\n        return Err(Error::InUse);\n    }\n" => "";
        "a second domain takes the place of the first in its pool"; RANDOM;
    "overlap" in "kernel/src/paging/map.rs":
        "request.address < mapping.end()" => "request.address < mapping.start()";
        "two mappings share addresses"; TLB;
    "supply-bounds" in "kernel/src/paging/pages.rs":
        "    if !giver.holds(giver_page, count) {\n        return Err(Error::ArgumentRange);\n    }\n" => "";
        "a page beyond the giver's end is called absent"; MATRIX;
    "directory-bounds" in "kernel/src/memory/page_tables.rs":
        "self.directories.get((page / PAGES_PER_DIRECTORY) as usize)" => "Some(&self.directories[(page / PAGES_PER_DIRECTORY) as usize])";
        "a range without pages at the end of the largest Memory stops the machine"; MATRIX;
    "half-destroyed" in "kernel/src/syscalls/device.rs":
        "        && !memory.is_present(made);" => "        ;";
        "a Memory of a device that is being destroyed is filled again, which stops the machine"; DEVICES;
    "half-destroyed-run" in "kernel/src/paging/pages.rs":
        "                if memory.attribute == Attribute::Contiguous {\n                    return Err(Error::Gone);\n                }\n" => "";
        "a driver gives a device addresses at which its Memory is not"; Host("kernel", "objects::tests::contiguous");
    "zeroed-pages" in "kernel/src/paging/pages.rs":
        "give_page(kernel, memory, leaf, page, Frame::zero)?;" => "give_page(kernel, memory, leaf, page, |_| ())?;";
        "a fresh page shows what another domain left"; CONFORMANCE;

    // Descriptions.
    "described-badge" in "kernel/src/capture/records.rs":
        "        badge: capability.badge.get(),\n" => "";
        "clients of a domain's own services are confused after a move"; Host("kernel", "capture::tests");
    "described-parent" in "kernel/src/capture/records.rs":
        "    parent.map_or(0, |slot| u64::from(slot) + 1)" => "    parent.map_or(0, |_| 0)";
        "a revocation after a move reaches nothing"; Host("kernel", "capture::tests");
}
