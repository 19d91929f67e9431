//! Faults in the code for objects, memory and accounting.

use super::{CONFORMANCE, DEVICES, LONG, MATRIX, RANDOM, RELEASED, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    "uncharged-pages" in "kernel/src/objects/pool.rs":
        "        self.used.set(used - pages);" => "        self.used.set(used - pages.min(1));";
        "a pool is not credited for the pages of its destroyed children"; RANDOM;
    "lost-frame" in "kernel/src/memory/allocator.rs":
        "        self.free.set(self.free.get() + 1);" => "";
        "every destroyed object leaks its memory"; RANDOM;
    "two-domains" in "kernel/src/objects/domain/lifecycle.rs":
        "    if pool.domain.get().is_some() {\n        return Err(Error::InUse);\n    }\n" => "";
        "a second domain replaces the first in its pool"; Host("kernel", "syscalls::tests");
    "overlap" in "kernel/src/paging/map.rs":
        "request.address < mapping.end()" => "request.address < mapping.start()";
        "two mappings overlap"; TLB;
    "supply-bounds" in "kernel/src/paging/pages.rs":
        "    if !source.holds(source_page, count) {\n        return Err(Error::ArgumentRange);\n    }\n" => "";
        "a page beyond the source's end is reported as absent"; MATRIX;
    "directory-bounds" in "kernel/src/memory/page_tables.rs":
        "self.directories.get((page / PAGES_PER_DIRECTORY) as usize)" => "Some(&self.directories[(page / PAGES_PER_DIRECTORY) as usize])";
        "an empty range at the end of the largest Memory panics the kernel"; MATRIX;
    "half-destroyed" in "kernel/src/syscalls/device.rs":
        "        && !memory.is_present(made);" => "        ;";
        "a device's Memory can be filled during its destruction, which panics the kernel"; DEVICES;
    "half-destroyed-run" in "kernel/src/paging/pages.rs":
        "    check_alive(Object::Memory(memory))?;\n    if count == 0 {" => "    if count == 0 {";
        "a contiguous Memory gets frames at other bus addresses than those that its device uses"; Host("kernel", "objects::tests::contiguous");
    "supplied-to-the-end" in "kernel/src/paging/pages.rs":
        "    check_alive(Object::Memory(memory))?;\n    if source" => "    if source";
        "a Memory can be filled as fast as its destruction empties it"; Host("kernel", "objects::tests::outrun");
    "started-to-the-end" in "kernel/src/syscalls/thread.rs":
        "    check_alive(Object::Thread(thread))?;\n    thread.stopped" => "    thread.stopped";
        "a thread makes calls as fast as its destruction removes their reply rights"; Host("kernel", "objects::tests::outrun");
    "written-to-the-end" in "kernel/src/syscalls/thread.rs":
        "    check_alive(Object::Thread(thread))?;\n    let buffer" => "    let buffer";
        "writing the state of a thread that is being destroyed starts it"; Host("kernel", "objects::tests::outrun");
    "zeroed-pages" in "kernel/src/paging/pages.rs":
        "insert_page(kernel, memory, leaf, page, Frame::zero)?;" => "insert_page(kernel, memory, leaf, page, |_| ())?;";
        "a fresh page contains another domain's data"; TLB;

    "populate-device" in "kernel/src/paging/pages.rs":
        "    if !matches!(\n        memory.attribute,\n        Attribute::Ordinary | Attribute::Contiguous\n    ) {" => "    if memory.attribute == Attribute::Archive {";
        "RAM is inserted among a device's registers, and the next step of creating that Memory panics the kernel"; DEVICES;
    "device-at-once" in "kernel/src/syscalls/device.rs":
        "const DEVICE_PAGES_MAX: u64 = 16 * 512;" => "const DEVICE_PAGES_MAX: u64 = 1024 * 512;";
        "the first step of creating a device's Memory creates 1,024 tables with interrupts disabled, which takes a million instructions"; DEVICES;
    "wide-memory" in "kernel/src/objects/memory/lifecycle.rs":
        "    if pages == 0 || pages > abi::MEMORY_PAGES_MAX {" => "    if pages == 0 {";
        "a page number beyond the last page directory panics the kernel"; TLB;
    "zeroed-run" in "kernel/src/memory/table.rs":
        "            Frame::containing(PhysAddr::new(entry & ADDRESS)).zero();\n" => "";
        "contiguous memory contains another domain's data"; CONFORMANCE;
    "origin-early" in "capabilities/src/revocation.rs":
        "    Ok(role == Role::Copy || euler_tour::is_leaf(storage, place))" => "    Ok(role == Role::Copy || role == Role::Origin)";
        "an object is destroyed before the objects created from it"; Host("capabilities", "");
    "moved-uncounted" in "capabilities/src/derivation.rs":
        "if storage.slot(from).holder() != storage.slot(to).holder() {" => "if storage.slot(from).holder() == storage.slot(to).holder() {";
        "moving a capability within one table changes the version number of the domain whose Memory it can write"; Host("capabilities", "");
    "one-frame" in "capabilities/src/table.rs":
        "        self.frame_count.get()\n    }\n\n    /// The number of slots" => "        1\n    }\n\n    /// The number of slots";
        "a table releases only its first frame"; Host("capabilities", "");
    "one-slot-more" in "capabilities/src/table.rs":
        "        if slot.0 >= slot_count {" => "        if slot.0 > slot_count {";
        "the slot after the end of a table can be used"; Host("capabilities", "");

    "own-pool" in "kernel/src/objects/pool.rs":
        "core::iter::successors(Some(self), |pool| pool.header.pool).any(|pool| pool == ancestor)" => "self == ancestor";
        "a thread destroys a pool two levels above its own, and runs on in freed memory"; Host("kernel", "objects::tests::self_destruction");
    "held-by-interrupt" in "kernel/src/objects/interrupt.rs":
        "    let _ = kernel.empty_slot(interrupt.notification());\n" => "";
        "a revocation follows a link into a reused frame"; RELEASED;
    "held-by-memory" in "kernel/src/objects/memory/lifecycle.rs":
        "    let _ = kernel.empty_slot(memory.pager());\n" => "";
        "a revocation follows a link into a reused frame"; RELEASED;
    "held-for-faults" in "kernel/src/objects/thread.rs":
        "[thread.fault_endpoint(), thread.bound_notification()]" => "[thread.bound_notification()]";
        "a revocation follows a link into a reused frame"; RELEASED;
    "held-by-binding" in "kernel/src/objects/thread.rs":
        "[thread.fault_endpoint(), thread.bound_notification()]" => "[thread.fault_endpoint()]";
        "a revocation follows a link into a reused frame"; RELEASED;
    "detached-slots" in "kernel/src/memory/slots.rs":
        "        let frame = self.table.target(u64::from(index))?;" => "        let frame = self.table.target(u64::from(index)).expect(\"a frame\");";
        "naming a slot whose frame was released panics the kernel"; Host("kernel", "objects::tests::ending");
    "copied-at-the-end" in "kernel/src/objects/create.rs":
        "    if object.header().is_being_destroyed() {" => "    if false && object.header().is_being_destroyed() {";
        "a destruction never ends while others copy capabilities"; Host("kernel", "objects::tests::outrun");
    "held-bookmark" in "kernel/src/objects/domain/lifecycle.rs":
        "    let _ = kernel.empty_slot(domain.parent_search.bookmark());\n" => "";
        "a revocation follows a link into a reused frame"; Host("kernel", "capture::tests::derivation");
    "bookmarked-object" in "kernel/src/objects/pool.rs":
        "        if self.bookmark.get() == Some(object) {" => "        if false && self.bookmark.get() == Some(object) {";
        "an interrupted search of a pool continues from a reused frame"; LONG;
    "empty-promise" in "userland/root/src/spawn/heap.rs":
        "    needed <= free_pages(report)" => "    needed > 0";
        "a domain starts with a heap that its pool cannot pay for, and ends when it needs it"; Host("root", "spawn::heap");
    "uncounted-promise" in "userland/runtime/src/heap/classes.rs":
        "        self.list.free() + self.promised()" => "        self.list.free()";
        "a program takes a heap that can still grow for full, and refuses to start"; Host("runtime", "heap");
    "lost-end" in "userland/runtime/src/heap/growth.rs":
        "[ample, needed, promised, rest]" => "[ample, needed]";
        "a block that fits into the promised memory is refused, since the heap's free end is not counted"; Host("runtime", "heap");
    "reserve-in-heap" in "userland/runtime/src/heap/growth.rs":
        "        self.page_count = page_count;\n" => "";
        "clients fill the heap of a store until the buffers of the next connection end it"; Host("runtime", "heap");
    "growth-by-little" in "userland/apps/kv/src/buffer.rs":
        "length.max(self.charged + self.charged / 4)" => "length";
        "a client makes the store copy a large request once for each of its small arguments"; Host("kv", "buffer");
}
