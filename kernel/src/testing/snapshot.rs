//! Snapshots of the kernel's objects as lines of text. With them a test proves that nothing has changed, or shows the
//! difference.

use abi::register::Slot;
use capabilities::{Place, Storage};

use crate::kernel::Kernel;
use crate::memory::{FRAME_BYTES, Frame, Ref, SlotDirectory, SlotStorage};
use crate::objects::tests::checker::{all_objects, objects};
use crate::objects::{Domain, MemoryObject, Object, Pool, Thread};

/// One line per fact.
pub type Snapshot = Vec<String>;

/// Every fact about every object, except RAX and RIP of the thread `except`: a refused call changes those.
pub fn of_kernel(kernel: &Kernel, except: Ref<Thread>) -> Snapshot {
    let mut lines = vec![pool_line(kernel.root_pool)];
    for object in all_objects(kernel) {
        push_object(&mut lines, object, Some(except));
    }
    lines
}

/// Every fact about a domain that `DomainDescribe`, `DomainReadThread` and the pages of its Memories show. The domain's
/// version has to rise when any of these facts changes.
pub fn of_domain(domain: Ref<Domain>) -> Snapshot {
    let mut lines = Snapshot::new();
    for object in objects(domain.pool()) {
        push_object(&mut lines, object, None);
    }
    lines
}

/// The lines that only one of two snapshots has.
pub fn difference(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    gone.map(|line| format!("- {line}"))
        .chain(new.map(|line| format!("+ {line}")))
        .collect()
}

fn push_object(lines: &mut Snapshot, object: Object, except: Option<Ref<Thread>>) {
    lines.push(format!("{:?} {:?}", object.kind(), object.id()));
    match object {
        Object::Pool(pool) => lines.push(pool_line(pool)),
        Object::Domain(domain) => push_domain(lines, domain),
        Object::Thread(thread) => push_thread(lines, thread, except == Some(thread)),
        Object::Memory(memory) => push_memory(lines, memory),
        Object::Notification(notification) => {
            let bound = notification.bound.get().map(|thread| thread.header.id());
            let flags = notification.flags.get();
            lines.push(format!(
                "{:?} flags {flags:#x} bound {bound:?}",
                object.id()
            ));
        }
        Object::Interrupt(interrupt) => {
            let held = capability(interrupt.notification());
            let flags = interrupt.flags.get();
            lines.push(format!(
                "{:?} flags {flags:#x} raises {held:?}",
                object.id()
            ));
        }
        Object::Endpoint(_) | Object::IoPorts(_) | Object::Hardware(_) | Object::Reply(_) => {}
    }
}

fn pool_line(pool: Ref<Pool>) -> String {
    let (id, used, limit) = (pool.header.id(), pool.used(), pool.limit);
    format!("{id:?} has spent {used} of {limit}")
}

fn push_domain(lines: &mut Snapshot, domain: Ref<Domain>) {
    let id = domain.header.id();
    let slots = domain.table.slot_count::<SlotDirectory>();
    let (state, clock) = (domain.state(), domain.clock_offset.get());
    lines.push(format!(
        "{id:?} is {state:?} with {slots} slots and a clock off by {clock}"
    ));
    for slot in 0..slots {
        let place = domain.place(Slot(slot)).expect("a slot of the table");
        if let Some(held) = capability(place) {
            lines.push(format!("{id:?} slot {slot} holds {held}"));
        }
    }
    for mapping in domain.mappings() {
        let memory = mapping.memory.get().map(|memory| memory.header.id());
        let (start, access) = (mapping.start(), mapping.access.get());
        let (first, count) = (mapping.first_page.get(), mapping.page_count.get());
        let through = capability(mapping.slot());
        lines.push(format!(
            "{id:?} maps {start:#x}: {count} pages of {memory:?} from {first}, {access:?}, through {through:?}"
        ));
    }
}

fn push_thread(lines: &mut Snapshot, thread: Ref<Thread>, hide_status: bool) {
    let id = thread.header.id();
    let context = thread.context.clone();
    if hide_status {
        context.rax.set(0);
        context.rip.set(0);
    }
    lines.push(format!("{id:?} registers {context:?}"));
    let (phase, stopped) = (thread.phase.get(), thread.stopped.get());
    let (priority, buffer) = (thread.priority.get(), thread.message_buffer.get());
    lines.push(format!(
        "{id:?} {phase:?}, stopped {stopped}, priority {priority}, buffer {buffer:#x}"
    ));
    let (call, has_right) = (thread.call_number.get(), thread.has_reply_right.get());
    lines.push(format!("{id:?} call {call}, reply right {has_right}"));
    let faults = capability(thread.fault_endpoint());
    let bound = capability(thread.bound_notification());
    lines.push(format!(
        "{id:?} faults go to {faults:?}, bound to {bound:?}"
    ));
}

fn push_memory(lines: &mut Snapshot, memory: Ref<MemoryObject>) {
    let (id, pages) = (memory.header.id(), memory.page_count);
    let (attribute, present) = (memory.attribute, memory.present.get());
    let (pager, writers) = (capability(memory.pager()), memory.writers());
    lines.push(format!(
        "{id:?} {attribute:?}, {present} of {pages} pages, {writers} writers, pager {pager:?}"
    ));
    if memory.attribute == crate::objects::Attribute::Device {
        return;
    }
    for page in 0..pages {
        if let Some(frame) = memory.frame(page) {
            lines.push(format!("{id:?} page {page}: {:#x}", checksum(frame)));
        }
    }
}

/// FNV-1a over the words of a page.
fn checksum(frame: Frame) -> u64 {
    (0..FRAME_BYTES)
        .step_by(8)
        .fold(0xcbf2_9ce4_8422_2325, |sum, offset| {
            (sum ^ frame.read_word(offset)).wrapping_mul(0x100_0000_01b3)
        })
}

fn capability(place: Place) -> Option<String> {
    let held = SlotStorage.slot(place).capability()?;
    let (kind, id) = (held.object.kind(), held.object.id());
    let (rights, badge) = (held.rights.0, held.badge.get());
    Some(format!(
        "{kind:?} {id:?}, rights {rights:#x}, badge {badge}"
    ))
}
