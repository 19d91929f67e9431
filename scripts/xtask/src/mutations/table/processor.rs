//! Faults in the code for the processor and time.

use super::{CONFORMANCE, TLB};
use crate::mutations::Finder::{Host, Machine};
use crate::mutations::Mutation;

mutations! {
    // The processor.
    "no-execute" in "kernel/src/memory/address_space.rs":
        "        flags.set(Entry::NO_EXECUTE, !self.execute);\n" => "";
        "all user memory is executable"; CONFORMANCE;
    "read-only" in "kernel/src/memory/address_space.rs":
        "        flags.set(Entry::WRITE, self.write);\n" => "        flags.insert(Entry::WRITE);\n";
        "every mapping is writable"; CONFORMANCE;
    "unmap-flush" in "kernel/src/memory/address_space.rs":
        "        arch::flush_all();\n" => "";
        "an unmapped page is still accessible"; TLB;
    "discard-flush" in "kernel/src/memory/unmapped.rs":
        "            arch::flush_all();\n" => "";
        "a page that now belongs to another domain is still accessible"; TLB;
    "dirty-flush" in "kernel/src/capture/page_set.rs":
        "        arch::flush_all();\n" => "";
        "a page written after its dirty bit was cleared counts as clean, and a move loses the change"; TLB;
    "copy-flush" in "kernel/src/capture/copy.rs":
        "        arch::flush_all();\n" => "";
        "a page written after it was copied counts as clean, and a move loses the change"; Host("kernel", "");
    "direction-flag" in "kernel/src/arch/x86_64/entry.S":
        "    mov rsp, gs:[{stack_top}]\n    cld\n" => "    mov rsp, gs:[{stack_top}]\n";
        "user code makes the kernel copy backwards"; CONFORMANCE;
    "gs-base" in "kernel/src/arch/x86_64/segments.rs":
        "KernelGsBase::write(VirtAddr::new_truncate(context.gs_base.get()));" => "KernelGsBase::write(VirtAddr::new_truncate(context.fs_base.get()));";
        "the GS base of every thread is set to its FS base"; CONFORMANCE;
    "gs-selector" in "kernel/src/arch/x86_64/segments.rs":
        "    clear_gs_selector();\n" => "";
        "a segment selector leaks from one domain to another"; CONFORMANCE;
    "saved-rbx" in "kernel/src/arch/x86_64/entry.S":
        "    mov [rax + {rbx}], rbx\n    mov [rax + {rcx}], rcx\n" => "    mov [rax + {rcx}], rcx\n";
        "an interrupt loses the value of RBX"; CONFORMANCE;
    "suspended-by-a-call" in "kernel/src/arch/x86_64/cpu.rs":
        "            | RFlags::ALIGNMENT_CHECK\n" => "";
        "a thread that sets the flag AC suspends SMAP in its system calls"; Machine("latency");
    "suspended-by-an-exception" in "kernel/src/arch/x86_64/entry.rs":
        "if cpu::has(Features::SMAP) {" => "if false && cpu::has(Features::SMAP) {";
        "a thread that sets the flag AC suspends SMAP in its faults and in interrupts"; Machine("latency");
    "nmi-stack" in "kernel/src/arch/x86_64/descriptors.rs":
        "= [1, 2, 8, 18];" => "= [1, 18, 8, 18];";
        "an NMI right after SYSCALL uses the user's stack in the kernel"; Machine("processor");
    "executable-data" in "kernel/src/arch/x86_64/boot/tables.rs":
        "Flags = COMMON.union(Flags::WRITABLE).union(Flags::NO_EXECUTE);" => "Flags = COMMON.union(Flags::WRITABLE);";
        "all of memory is executable in the kernel"; Machine("processor");
    "image-in-direct-map" in "kernel/src/arch/x86_64/boot/tables.rs":
        "        memory.remove_pages(image());\n" => "";
        "the kernel's code is writable by another mapping"; Machine("processor");
    "mapped-guards" in "kernel/src/arch/x86_64/boot/tables.rs":
        "if !is_guard(page) {" => "if true {";
        "a stack overflow overwrites another stack"; Machine("processor");
    "numeric-error" in "kernel/src/arch/x86_64/cpu.rs":
        "                | Cr0Flags::NUMERIC_ERROR\n" => "";
        "x87 exceptions are never delivered"; CONFORMANCE;
    "stale-level-line" in "kernel/src/arch/level_lines.rs":
        "            slot.take_if(|gsi| *gsi == line.gsi);\n" => "            let _ = slot;\n";
        "a line that has moved to another vector is still masked by interrupts at the old vector"; Host("kernel", "arch::level_lines");
    "anywhere-an-io-apic" in "kernel/src/arch/io_apics.rs":
        "} else if is_possible(address) {" => "} else if is_possible(address) || true {";
        "the kernel writes to memory as if it were an I/O APIC's registers"; Host("kernel", "arch::io_apics");
    "absent-io-apic" in "kernel/src/arch/io_apics.rs":
        "        if [version, last] == [u8::MAX; 2] {" => "        if false {";
        "the log blames the lines of an I/O APIC that is not there"; Host("kernel", "arch::io_apics");
    "claimed-lines" in "kernel/src/arch/io_apics.rs":
        "self.first <= other.last() && other.first <= self.last()" => "self.first == other.first";
        "an interrupt is routed at a controller whose line it is not"; Host("kernel", "arch::io_apics");
    "more-lines-than-registers" in "kernel/src/arch/io_apics.rs":
        "count > LINES_MAX || " => "";
        "routing a line overwrites the registers of another one"; Host("kernel", "arch::io_apics");
    "registers-on-two-pages" in "kernel/src/arch/ranges.rs":
        "address < PAGE_BYTES || !is_on_one_page" => "address < PAGE_BYTES";
        "the kernel faults at a device's registers, of which only one page is mapped"; Host("kernel", "arch::ranges");
    "forbidden-x2apic" in "kernel/src/arch/acpi/dmar.rs":
        ".is_some_and(|flags| flags & OPT_OUT != 0)" => ".is_some_and(|flags| flags & OPT_OUT > OPT_OUT)";
        "a board hangs in a mode that its firmware forbids"; Host("kernel", "arch::acpi");
    "initial-apic-number" in "kernel/src/arch/x86_64/apic.rs":
        "DESTINATION.store(number as u8, Ordering::Relaxed);" => "DESTINATION.store(cpu::initial_apic_id() as u8, Ordering::Relaxed);";
        "no interrupt of a device arrives if firmware has renumbered the core"; Machine("boot");
    "overlapping-memory" in "kernel/src/arch/ranges.rs":
        "        for &range in others.iter().flat_map(|ranges| &ranges.0) {" => "        for &range in others[..1].iter().flat_map(|ranges| &ranges.0) {";
        "pages that firmware's memory map also has as registers of devices are handed out"; Host("kernel", "arch::ranges");
    "memory-beyond-addresses" in "kernel/src/arch/ranges.rs":
        "        self.remove(range_of_entry(1 << address_bits, u64::MAX));\n" => "        let _ = address_bits;\n";
        "a page-table entry of the direct map has reserved bits"; Host("kernel", "arch::ranges");
    "exhausted-generator" in "kernel/src/arch/draw.rs":
        "(value, 1) => Some(value)," => "(value, 0..=1) => Some(value),";
        "keys are zero while RDRAND is exhausted"; Host("kernel", "arch::draw");
    "lazy-vectors" in "kernel/src/arch/x86_64/vector_registers.rs":
        "    load(&INITIAL.0);\n    vectors_deny();" => "    vectors_deny();";
        "while a thread that has not used vector registers yet runs, they hold another domain's data (LazyFP)"; Machine("processor");

    // Slices, registers, defences of the kernel, and time.
    "no-slices" in "kernel/src/scheduler/mod.rs":
        "        if self.slice_end.get().is_none_or(|end| end > now_ticks) {" => "        if self.slice_end.get().is_none_or(|end| end > now_ticks || end > 0) {";
        "one domain starves all others of its priority"; CONFORMANCE;
    "lowest-first" in "kernel/src/scheduler/mod.rs":
        "            .checked_ilog2()\n            .map(|priority| priority as u8)" => "            .checked_ilog2()\n            .map(|_| self.occupied.get().trailing_zeros() as u8)";
        "low priorities run before high ones"; CONFORMANCE;

    "lost-r9" in "kernel/src/arch/x86_64/entry.S":
        "    mov r9, [rax + {r9}]\n    mov r10, [rax + {r10}]\n    mov r12, [rax + {r12}]" => "    mov r10, [rax + {r10}]\n    mov r12, [rax + {r12}]";
        "word 3 of every message is wrong"; CONFORMANCE;
    "lost-r12" in "kernel/src/arch/x86_64/entry.S":
        "    mov r10, [rax + {r10}]\n    mov r12, [rax + {r12}]\n    mov r13, [rax + {r13}]\n    mov r14, [rax + {r14}]\n    mov r15, [rax + {r15}]\n    mov rsp, [rax + {rsp}]" => "    mov r10, [rax + {r10}]\n    mov r13, [rax + {r13}]\n    mov r14, [rax + {r14}]\n    mov r15, [rax + {r15}]\n    mov rsp, [rax + {rsp}]";
        "a thread returns from a call with another domain's R12"; CONFORMANCE;
    "lost-r13" in "kernel/src/arch/x86_64/entry.S":
        "    mov r12, [rax + {r12}]\n    mov r13, [rax + {r13}]\n    mov r14, [rax + {r14}]\n    mov r15, [rax + {r15}]\n    mov rsp, [rax + {rsp}]" => "    mov r12, [rax + {r12}]\n    mov r14, [rax + {r14}]\n    mov r15, [rax + {r15}]\n    mov rsp, [rax + {rsp}]";
        "a thread returns from a call with another domain's R13"; CONFORMANCE;
    "lost-bases" in "kernel/src/scheduler/loaded.rs":
        "        arch::save_segment_bases(&thread.context);\n" => "";
        "an FS or GS base that a thread sets itself is lost at the next switch and in every move"; Host("kernel", "scheduler::tests");
    "live-vectors" in "kernel/src/scheduler/loaded.rs":
        "        } else if self.vectors_live.take() {\n            arch::vectors_clear();\n        }" => "        }";
        "a thread that uses vector registers for the first time finds another domain's data in them"; CONFORMANCE;
    "umip" in "kernel/src/arch/x86_64/cpu.rs":
        "        (Features::UMIP, Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION),\n" => "";
        "SGDT and SIDT reveal the addresses of the kernel's tables"; CONFORMANCE;
    "smap" in "kernel/src/arch/x86_64/cpu.rs":
        "        (Features::SMAP, Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION),\n" => "";
        "the kernel can dereference a user's pointer"; Machine("processor");
    "smep" in "kernel/src/arch/x86_64/cpu.rs":
        "        (\n            Features::SMEP,\n            Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION,\n        ),\n" => "";
        "the kernel can execute a user's page"; Machine("processor");
    "count-zero" in "kernel/src/arch/x86_64/apic.rs":
        "counts.clamp(1, u128::from(u32::MAX)) as u32," => "counts.min(u128::from(u32::MAX)) as u32,";
        "arming the timer for a time that has passed disarms it, so that later deadlines never fire"; CONFORMANCE;
    "level-storm" in "kernel/src/arch/x86_64/entry.rs":
        "            interrupts::mask_level_line(vector);\n" => "";
        "a level-triggered line interrupts endlessly, before its driver can run"; CONFORMANCE;
    "nested-task" in "kernel/src/arch/x86_64/cpu.rs":
        "            | RFlags::ALIGNMENT_CHECK\n            | RFlags::NESTED_TASK," => "            | RFlags::ALIGNMENT_CHECK,";
        "IRET to the next thread faults, and that thread is blamed"; CONFORMANCE;
    "clock-sign" in "kernel/src/ipc/notify.rs":
        "i128::from(deadline) - i128::from(" => "i128::from(deadline) + i128::from(";
        "deadlines of a moved domain are wrong by twice its clock offset"; Host("kernel", "capture::tests");
    "early-deadline" in "kernel/src/scheduler/clock.rs":
        ".div_ceil(NS_PER_SECOND);" => " / NS_PER_SECOND;";
        "waits end one tick too early"; Host("kernel", "scheduler::clock");

    "deadline-before-time" in "kernel/src/ipc/notify.rs":
        "machine.max(0)" => "machine";
        "a wait for a deadline before the machine's start never ends"; Host("kernel", "ipc::tests::deadlines");
    "outrun-revocation" in "kernel/src/scheduler/mod.rs":
        "            Some(thread) if thread.is_revoking.take() => {" => "            Some(thread) if false && thread.is_revoking.take() => {";
        "a revocation never ends while threads of the same priority copy capabilities"; Host("kernel", "objects::tests::outrun");
    "slices-for-ever" in "kernel/src/scheduler/mod.rs":
        "            Some(thread) if thread.is_revoking.take() => {" => "            Some(thread) if thread.is_revoking.get() => {";
        "a thread that abandons a revocation halfway keeps the core"; Host("kernel", "objects::tests::outrun");
    "unpaid-slices" in "kernel/src/scheduler/mod.rs":
        "        if !is_unfinished && thread.is_overdue.take() {" => "        if !is_unfinished && thread.is_overdue.take() && false {";
        "a thread that revokes repeatedly runs for twice its slice each time"; Host("kernel", "objects::tests::outrun");
    "slices-handed-down" in "kernel/src/scheduler/mod.rs":
        "self.current.get().is_none() && thread.priority.get() >= self.slice_priority.get();" => "self.current.get().is_none();";
        "a client of a server with a higher priority gets the server's slices, and starves the other threads of its own priority"; Host("kernel", "scheduler::tests");
    "uncounted-links" in "kernel/src/memory/address_space.rs":
        "let (links, stop) = (middle.count(number), end.min(after(2)));" => "let (links, stop) = (512, end.min(after(2)));";
        "a mapping that was quick to create is slow to remove, and the removing thread gets new slices meanwhile"; Host("kernel", "objects::tests::outrun");
    "links-never-counted-down" in "kernel/src/memory/address_space.rs":
        "        middle.count_down(number, removed);\n" => "";
        "the link count of a page directory that is reused exceeds the number of its entries"; Host("kernel", "memory::address_space");
    "unseen-unlinking" in "kernel/src/paging/map.rs":
        "        mapping.domain.touch();\n        mapping.start()" => "        mapping.start()";
        "an abandoned removal of a mapping changes a frozen domain, but not its version number"; Host("kernel", "capture::tests::versions");
    "unfinished-revocation" in "kernel/src/syscalls/capability.rs":
        "    let outcome = revoke_in_steps(kernel, caller, call.slot);" => "    let outcome = Ok(revoke_in_steps(kernel, caller, call.slot)?);";
        "a thread whose slot is emptied halfway through its revocation keeps the core for another slice"; Host("kernel", "objects::tests::outrun");
    "denied-again" in "kernel/src/paging/exception.rs":
        "        DEVICE_NOT_AVAILABLE if !thread.uses_vectors.get() => {" => "        DEVICE_NOT_AVAILABLE => {";
        "a thread that uses registers disabled by the kernel faults forever without a fault message"; Host("kernel", "ipc::tests::faults");
    "short-renewal" in "kernel/src/scheduler/mod.rs":
        "                thread.slice_left.set(self.slice_ticks);\n" => "";
        "if a thread was preempted, its slices during a revocation are renewed only to the length that was left then, so that timer interrupts are frequent"; Host("kernel", "scheduler::tests");
    "unbegun-renewal" in "kernel/src/scheduler/mod.rs":
        "                self.begin_slice(thread, now_ticks);\n" => "";
        "a renewed slice ends at once, so that a revocation may never end"; Host("kernel", "objects::tests::outrun");
    "interrupted-revoker" in "kernel/src/scheduler/mod.rs":
        "        if left == 0 && !thread.is_revoking.get() {" => "        if left == 0 {";
        "a revocation may never end if an interrupt comes at the end of a slice"; Host("kernel", "scheduler::tests");
    "kept-renewal" in "kernel/src/scheduler/mod.rs":
        "            thread.is_revoking.set(false);\n" => "";
        "a thread that is stopped halfway through a revocation gets two slices when it is restarted"; Host("kernel", "scheduler::tests");
    "kept-debt" in "kernel/src/scheduler/mod.rs":
        "            thread.is_overdue.set(false);\n" => "";
        "a thread that abandoned a revocation loses the rest of its slice after its next one, however short that is"; Host("kernel", "scheduler::tests");
    "raised-in-its-queue" in "kernel/src/syscalls/thread.rs":
        "    if is_ready {" => "    if false && is_ready {";
        "a ready thread whose priority is raised keeps waiting in its old queue"; Host("kernel", "scheduler::tests");
}
