//! Invariants of capabilities between system calls: the derivation of rights and badges, and the writers of Memories.

use std::collections::BTreeMap;

use abi::register::{Access, Slot};
use abi::{EndpointRights, MemoryRights, Rights};
use capabilities::{Climb, Place, Storage};

use super::all_objects;
use crate::kernel::Kernel;
use crate::memory::{Ref, SLOTS_PER_FRAME, SlotDirectory, SlotStorage};
use crate::objects::{Domain, MemoryObject, Object};

/// No capability has a right that its parent lacks, or replaces a badge that its parent has.
pub fn check_authority(kernel: &Kernel) {
    let domain = |object| match object {
        Object::Domain(domain) => Some(domain),
        _ => None,
    };
    for domain in all_objects(kernel).into_iter().filter_map(domain) {
        let slots = 0..domain.table.slot_count::<SlotDirectory>();
        // A domain that is being destroyed has returned some frames of its table.
        let is_there = |slot: &u32| slot / SLOTS_PER_FRAME >= domain.directory.first_index();
        for slot in slots.filter(is_there) {
            let place = domain.place(Slot(slot)).expect("a slot of the table");
            let Some(held) = SlotStorage.slot(place).capability() else {
                continue;
            };
            let parent = SlotStorage.slot(parent(place)).capability();
            let parent = parent.expect("a parent holds a capability");
            if let Object::Reply(thread) = held.object {
                assert_eq!(parent.object, Object::Thread(thread));
                assert!(Rights::from(EndpointRights::GRANT).contains(held.rights));
                continue;
            }
            assert_eq!(held.object, parent.object);
            assert!(
                parent.rights.contains(held.rights),
                "{held:?} of {parent:?}"
            );
            assert!(parent.badge.get() == 0 || parent.badge == held.badge);
        }
    }
}

/// The slot that a slot in a table was derived from.
fn parent(place: Place) -> Place {
    let mut at = place;
    loop {
        at = match capabilities::climb(&SlotStorage, at) {
            Climb::Parent(parent) => return parent,
            Climb::Sibling(sibling) => sibling,
            Climb::Root => panic!("a slot of a table is not an origin"),
        };
    }
}

/// Each Memory counts the slots and mappings through which other domains can write it.
pub fn check_writers(kernel: &Kernel) {
    let all = all_objects(kernel);
    let domains = all.iter().filter_map(|object| match object {
        Object::Domain(domain) => Some(*domain),
        _ => None,
    });
    let mut counted = BTreeMap::new();
    for (domain, memory) in
        domains.flat_map(|domain| written_in(domain).map(move |it| (domain, it)))
    {
        if memory.header.pool != domain.header.pool {
            *counted.entry(memory.address()).or_insert(0) += 1;
        }
    }
    for object in all {
        if let Object::Memory(memory) = object {
            let expected = counted.get(&memory.address()).copied();
            assert_eq!(memory.writers(), expected.unwrap_or(0));
        }
    }
}

/// The Memories that a domain's slots and mappings let it write, once per slot or mapping.
fn written_in(domain: Ref<Domain>) -> impl Iterator<Item = Ref<MemoryObject>> {
    // A domain that is being destroyed has lost some frames of its table.
    let is_there = move |number: &u32| number / SLOTS_PER_FRAME >= domain.directory.first_index();
    let numbers = (0..domain.table.slot_count::<SlotDirectory>()).filter(is_there);
    let slots = numbers.filter_map(move |number| {
        let place = domain.place(Slot(number)).ok()?;
        let held = SlotStorage.slot(place).capability()?;
        let may_write = held.rights.contains(MemoryRights::WRITE.into());
        match held.object {
            Object::Memory(memory) if may_write => Some(memory),
            _ => None,
        }
    });
    let mappings = domain.mappings().filter_map(|mapping| {
        let memory = mapping.memory.get()?;
        (mapping.access.get() == Access::ReadWrite).then_some(memory)
    });
    let mappings: Vec<_> = mappings.collect();
    slots.chain(mappings)
}
