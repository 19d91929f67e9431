//! Objects, memory and who pays.

use super::{CONFORMANCE, DEVICES, LONG, MATRIX, RANDOM, RELEASED, TLB};
use crate::mutations::Finder::Host;
use crate::mutations::Mutation;

mutations! {
    "uncharged-pages" in "kernel/src/objects/pool.rs":
        "        self.used.set(used - pages);" => "        self.used.set(used - pages.min(1));";
        "a pool never gets back what its children had"; RANDOM;
    "lost-frame" in "kernel/src/memory/allocator.rs":
        "        self.free.set(self.free.get() + 1);" => "";
        "memory is lost with everything that ends"; RANDOM;
    "two-domains" in "kernel/src/objects/domain/lifecycle.rs":
        "    if pool.domain.get().is_some() {\n        return Err(Error::InUse);\n    }\n" => "";
        "a second domain takes the place of the first in its pool"; Host("kernel", "syscalls::tests");
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
        "    check_alive(Object::Memory(memory))?;\n    if count == 0 {" => "    if count == 0 {";
        "a driver gives a device addresses at which its Memory is not"; Host("kernel", "objects::tests::contiguous");
    "supplied-to-the-end" in "kernel/src/paging/pages.rs":
        "    check_alive(Object::Memory(memory))?;\n    if giver" => "    if giver";
        "a Memory is filled as fast as its destruction empties it"; Host("kernel", "objects::tests::outrun");
    "started-to-the-end" in "kernel/src/syscalls/thread.rs":
        "    check_alive(Object::Thread(thread))?;\n    thread.stopped" => "    thread.stopped";
        "a thread makes calls as fast as its destruction takes away the rights to answer them"; Host("kernel", "objects::tests::outrun");
    "written-to-the-end" in "kernel/src/syscalls/thread.rs":
        "    check_alive(Object::Thread(thread))?;\n    let buffer" => "    let buffer";
        "a thread that is being destroyed is started by writing it"; Host("kernel", "objects::tests::outrun");
    "zeroed-pages" in "kernel/src/paging/pages.rs":
        "insert_page(kernel, memory, leaf, page, Frame::zero)?;" => "insert_page(kernel, memory, leaf, page, |_| ())?;";
        "a fresh page shows what another domain left"; TLB;

    "populate-device" in "kernel/src/paging/pages.rs":
        "    if !matches!(\n        memory.attribute,\n        Attribute::Ordinary | Attribute::Contiguous\n    ) {" => "    if memory.attribute == Attribute::Archive {";
        "RAM is put among a device's registers, and the next step of making that Memory stops the machine"; DEVICES;
    "device-at-once" in "kernel/src/syscalls/device.rs":
        "const DEVICE_PAGES_MAX: u64 = 16 * 512;" => "const DEVICE_PAGES_MAX: u64 = 1024 * 512;";
        "the first step makes 1,024 tables with interrupts off: a million instructions"; DEVICES;
    "wide-memory" in "kernel/src/objects/memory/lifecycle.rs":
        "    if pages == 0 || pages > abi::MEMORY_PAGES_MAX {" => "    if pages == 0 {";
        "a page beyond the directories stops the machine"; TLB;
    "zeroed-run" in "kernel/src/memory/table.rs":
        "            Frame::containing(PhysAddr::new(entry & ADDRESS)).zero();\n" => "";
        "contiguous memory shows what another domain left"; CONFORMANCE;
    "origin-early" in "capabilities/src/revocation.rs":
        "    Ok(role == Role::Copy || euler_tour::is_leaf(storage, place))" => "    Ok(role == Role::Copy || role == Role::Origin)";
        "an object ends before what was made of it"; Host("capabilities", "");
    "moved-uncounted" in "capabilities/src/derivation.rs":
        "if storage.slot(from).holder() != storage.slot(to).holder() {" => "if storage.slot(from).holder() == storage.slot(to).holder() {";
        "a domain that moves a capability in its own table changes the version of the domain whose Memory it writes"; Host("capabilities", "");
    "one-frame" in "capabilities/src/table.rs":
        "        self.frame_count.get()\n    }\n\n    /// The number of slots" => "        1\n    }\n\n    /// The number of slots";
        "a table gives back its first frame only"; Host("capabilities", "");
    "one-slot-more" in "capabilities/src/table.rs":
        "        if slot.0 >= slot_count {" => "        if slot.0 > slot_count {";
        "the slot behind the table is used"; Host("capabilities", "");

    "own-pool" in "kernel/src/objects/pool.rs":
        "core::iter::successors(Some(self), |pool| pool.header.pool).any(|pool| pool == ancestor)" => "self == ancestor";
        "a thread ends a pool two levels above its own, and runs on in freed memory"; Host("kernel", "objects::tests::oneself");
    "held-by-interrupt" in "kernel/src/objects/interrupt.rs":
        "    let _ = kernel.empty_slot(interrupt.notification());\n" => "";
        "a revocation follows a link into a frame that has another use"; RELEASED;
    "held-by-memory" in "kernel/src/objects/memory/lifecycle.rs":
        "    let _ = kernel.empty_slot(memory.pager());\n" => "";
        "a revocation follows a link into a frame that has another use"; RELEASED;
    "held-for-faults" in "kernel/src/objects/thread.rs":
        "[thread.fault_endpoint(), thread.bound_notification()]" => "[thread.bound_notification()]";
        "a revocation follows a link into a frame that has another use"; RELEASED;
    "held-by-binding" in "kernel/src/objects/thread.rs":
        "[thread.fault_endpoint(), thread.bound_notification()]" => "[thread.fault_endpoint()]";
        "a revocation follows a link into a frame that has another use"; RELEASED;
    "detached-slots" in "kernel/src/memory/slots.rs":
        "        let frame = self.table.target(u64::from(index))?;" => "        let frame = self.table.target(u64::from(index)).expect(\"a frame\");";
        "a number of a slot whose frame is gone stops the machine"; Host("kernel", "objects::tests::ending");
    "copied-at-the-end" in "kernel/src/objects/create.rs":
        "    if object.header().is_being_destroyed() {" => "    if false && object.header().is_being_destroyed() {";
        "a destruction does not end while others copy"; Host("kernel", "objects::tests::outrun");
    "held-bookmark" in "kernel/src/objects/domain/lifecycle.rs":
        "    let _ = kernel.empty_slot(domain.parent_search.bookmark());\n" => "";
        "a revocation follows a link into a frame that has another use"; Host("kernel", "capture::tests::derivation");
    "bookmarked-object" in "kernel/src/objects/pool.rs":
        "        if self.bookmark.get() == Some(object) {" => "        if false && self.bookmark.get() == Some(object) {";
        "a search goes on from a frame that has another use"; LONG;
}
