//! The lists about a domain: its pool's objects, its mappings, its capabilities, those that its objects hold.
//!
//! Each call writes up to [`RECORDS_MAX`] records into the data of the caller's message buffer and says where the
//! next one begins. A list of a domain that runs may change between two calls: freeze it first.

use abi::message::DATA_OFFSET;
use abi::record::{
    CapabilityRecord, Held, List, MappingRecord, ObjectRecord, RECORD_WORDS, RECORDS_MAX,
    RecordWords,
};
use abi::register::Slot;
use capabilities::{Capability, Place, Scan, SlotNumber, Storage};

use crate::ipc;
use crate::memory::{Frame, Holder, Ref, SLOTS_PER_FRAME, SlotDirectory, SlotStorage};
use crate::objects::{Attribute, Domain, Mapping, Object};

/// What a call has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many records.
    pub count: u64,
    /// Where the next call begins; `u64::MAX` at the end.
    pub next: u64,
}

const END: u64 = u64::MAX;

/// Slots that one call looks at.
const SLOTS_SEARCHED: u32 = 1024;

/// Older siblings that are passed on the way to a parent; a parent further away is not reported.
const SIBLINGS_PASSED: u32 = 1024;

/// Writes records of a list from a cursor on: 0, or what the last call returned.
pub fn describe(domain: Ref<Domain>, list: List, cursor: u64, buffer: Frame) -> Page {
    match list {
        List::Objects => describe_all(
            objects(domain).map(|object| object_record(object).to_words()),
            cursor,
            buffer,
        ),
        List::Mappings => describe_all(
            domain
                .mappings()
                .map(|mapping| mapping_record(mapping).to_words()),
            cursor,
            buffer,
        ),
        List::Capabilities => describe_capabilities(domain, cursor, buffer),
        List::Held => describe_all(held(domain).map(|record| record.to_words()), cursor, buffer),
    }
}

fn describe_all(records: impl Iterator<Item = RecordWords>, cursor: u64, buffer: Frame) -> Page {
    let mut rest = records.skip(usize::try_from(cursor).unwrap_or(usize::MAX));
    let mut count = 0;
    for words in rest.by_ref().take(RECORDS_MAX) {
        write_record(buffer, count, &words);
        count += 1;
    }
    let more = rest.next().is_some();
    Page {
        count,
        next: if more { cursor + count } else { END },
    }
}

fn describe_capabilities(domain: Ref<Domain>, cursor: u64, buffer: Frame) -> Page {
    let mut count = 0;
    let mut next = SlotNumber::new(u32::try_from(cursor).unwrap_or(u32::MAX));
    while count < RECORDS_MAX as u64 {
        match domain
            .table
            .next_occupied(&domain.directory, next, SLOTS_SEARCHED)
        {
            Scan::Found { slot, place } => {
                next = SlotNumber::new(slot.get() + 1);
                let capability = SlotStorage
                    .slot(place)
                    .capability()
                    .expect("the scan found it occupied");
                if is_stale(capability) {
                    continue;
                }
                let record = CapabilityRecord {
                    slot: u64::from(slot.get()),
                    parent: parent_slot(domain, place).map_or(0, |parent| u64::from(parent) + 1),
                    ..capability_record(capability)
                };
                write_record(buffer, count, &record.to_words());
                count += 1;
            }
            Scan::Unfinished { next } => {
                return Page {
                    count,
                    next: u64::from(next.get()),
                };
            }
            Scan::End => return Page { count, next: END },
        }
    }
    Page {
        count,
        next: u64::from(next.get()),
    }
}

/// Whether it is the right to answer a call that awaits no answer any more: worth as much as an empty slot, and not to be
/// taken for the right to answer what the thread does now.
fn is_stale(capability: Capability<Object>) -> bool {
    match capability.object {
        Object::Reply(caller) => !ipc::awaits(caller, capability.badge.get()),
        _ => false,
    }
}

fn objects(domain: Ref<Domain>) -> impl Iterator<Item = Object> {
    let made = core::iter::successors(domain.pool().first(), |object| object.header().next.get());
    core::iter::once(Object::Pool(domain.pool())).chain(made)
}

fn object_record(object: Object) -> ObjectRecord {
    let mut record = ObjectRecord {
        id: object.id().0,
        kind: object.kind() as u64,
        ..ObjectRecord::default()
    };
    match object {
        Object::Memory(memory) => {
            record.size = memory.page_count;
            record.present = memory.present.get();
            record.attribute = match memory.attribute {
                Attribute::Ordinary => 0,
                Attribute::Contiguous { .. } => 1,
                Attribute::Device | Attribute::Archive => 2,
            };
        }
        Object::Domain(domain) => {
            record.size = u64::from(domain.table.slot_count::<SlotDirectory>());
            record.attribute = domain.clock_offset.get().cast_unsigned();
        }
        Object::Pool(pool) => record.size = pool.limit,
        Object::Notification(notification) => record.size = notification.flags.get(),
        _ => {}
    }
    record
}

fn mapping_record(mapping: Ref<Mapping>) -> MappingRecord {
    MappingRecord {
        address: mapping.address.get(),
        memory: mapping.memory.get().map_or(0, |memory| memory.header.id.0),
        first_page: mapping.first_page.get(),
        page_count: mapping.page_count.get(),
        access: mapping.access.get() as u64,
    }
}

fn capability_record(capability: Capability<Object>) -> CapabilityRecord {
    CapabilityRecord {
        kind: capability.object.kind() as u64,
        object: capability.object.id().0,
        rights: u64::from(capability.rights.0),
        badge: capability.badge.get(),
        ..CapabilityRecord::default()
    }
}

fn held(domain: Ref<Domain>) -> impl Iterator<Item = CapabilityRecord> {
    objects(domain).flat_map(|object| {
        let places = match object {
            Object::Thread(thread) => [
                Some((Held::FaultEndpoint, thread.fault_endpoint())),
                Some((Held::BoundNotification, thread.bound_notification())),
            ],
            Object::Memory(memory) => [Some((Held::Pager, memory.pager())), None],
            _ => [None, None],
        };
        places
            .into_iter()
            .flatten()
            .filter_map(move |(what, place)| {
                let capability = SlotStorage.slot(place).capability()?;
                Some(CapabilityRecord {
                    slot: what as u64,
                    holder: object.id().0,
                    ..capability_record(capability)
                })
            })
    })
}

/// The slot of the same table that a capability was derived from.
fn parent_slot(domain: Ref<Domain>, place: Place) -> Option<u32> {
    let capabilities::Climb::Parent(parent) =
        capabilities::climb(&SlotStorage, place, SIBLINGS_PASSED)
    else {
        return None;
    };
    let in_table = Holder::unpack(SlotStorage.slot(parent).holder()) == Holder::Table(domain);
    if in_table {
        slot_number(domain, parent)
    } else {
        None
    }
}

fn slot_number(domain: Ref<Domain>, place: Place) -> Option<u32> {
    let first_of = |index: u32| {
        domain
            .place(Slot(index * SLOTS_PER_FRAME))
            .map_or(0, Place::get)
    };
    let lines = u64::from(SLOTS_PER_FRAME);
    let index = (0..domain.table.frame_count())
        .find(|index| place.get() / lines == first_of(*index) / lines)?;
    Some(index * SLOTS_PER_FRAME + (place.get() % lines) as u32)
}

fn write_record(buffer: Frame, index: u64, words: &RecordWords) {
    for (word, value) in words.iter().enumerate() {
        buffer.write_word(
            DATA_OFFSET + (index * RECORD_WORDS as u64 + word as u64) * 8,
            *value,
        );
    }
}
