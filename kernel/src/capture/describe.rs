//! The lists about a domain: its pool's objects, its mappings, its capabilities, those that its objects hold.
//!
//! Each call writes up to [`RECORDS_MAX`] records into the data of the caller's message buffer and says where the
//! next one begins. A list of a domain that runs may change between two calls: freeze it first.

use abi::message::DATA_OFFSET;
use abi::record::{
    CapabilityRecord, Held, List, MappingRecord, ObjectRecord, RECORD_WORDS, RECORDS_MAX,
    RecordWords,
};
use abi::register::{ObjectId, Slot};
use capabilities::{Capability, Place, Scan, SlotNumber, Storage};

use crate::ipc;
use crate::memory::{Frame, Holder, Ref, SLOTS_PER_FRAME, SlotDirectory, SlotStorage};
use crate::objects::{Attribute, Domain, Mapping, Object, Search};

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

/// Objects that one call looks at for what they hold.
const OBJECTS_SEARCHED: usize = 256;

/// Most capabilities that an object holds.
const HELD_MAX: usize = 2;

/// Older siblings that are passed on the way to a parent; a parent further away is not reported.
const SIBLINGS_PASSED: u32 = 1024;

/// Writes records of a list from a cursor on: 0, or what the last call returned. None while it has not found the place in
/// the list: the same again goes on.
pub fn describe(domain: Ref<Domain>, list: List, cursor: u64, buffer: Frame) -> Option<Page> {
    match list {
        List::Objects => describe_objects(domain, cursor, buffer),
        List::Mappings => Some(describe_mappings(domain, cursor, buffer)),
        List::Capabilities => Some(describe_capabilities(domain, cursor, buffer)),
        List::Held => describe_held(domain, cursor, buffer),
    }
}

/// The pool itself, then what it made; the cursor is the next object's identity.
fn describe_objects(domain: Ref<Domain>, cursor: u64, buffer: Frame) -> Option<Page> {
    let mut records = Records::new(buffer);
    let mut next = objects_from(domain, cursor)?;
    if cursor == 0 {
        records.write(&object_record(Object::Pool(domain.pool())).to_words());
    }
    while let Some(object) = next.filter(|_| records.have_room_for(1)) {
        records.write(&object_record(object).to_words());
        next = object.header().next.get();
    }
    Some(records.page(next.map(|object| object.id().0)))
}

/// What objects hold; the cursor is the next object's identity.
fn describe_held(domain: Ref<Domain>, cursor: u64, buffer: Frame) -> Option<Page> {
    let mut records = Records::new(buffer);
    let mut next = objects_from(domain, cursor)?;
    for _ in 0..OBJECTS_SEARCHED {
        let Some(object) = next.filter(|_| records.have_room_for(HELD_MAX)) else {
            break;
        };
        for record in held_by(object) {
            records.write(&record.to_words());
        }
        next = object.header().next.get();
    }
    Some(records.page(next.map(|object| object.id().0)))
}

/// In the order of addresses; the cursor is the next address.
fn describe_mappings(domain: Ref<Domain>, cursor: u64, buffer: Frame) -> Page {
    let mut records = Records::new(buffer);
    let mut rest = domain.mappings_from(cursor);
    for mapping in rest.by_ref().take(RECORDS_MAX) {
        records.write(&mapping_record(mapping).to_words());
    }
    records.page(rest.next().map(|mapping| mapping.start()))
}

/// The first object of the domain's pool from this identity on, if there is one; nothing while the search is not at its
/// end.
fn objects_from(domain: Ref<Domain>, id: u64) -> Option<Option<Object>> {
    match domain.pool().seek(ObjectId(id)) {
        Search::Found(object) => Some(Some(object)),
        Search::Absent => Some(None),
        Search::Unfinished => None,
    }
}

fn describe_capabilities(domain: Ref<Domain>, cursor: u64, buffer: Frame) -> Page {
    let mut records = Records::new(buffer);
    let mut next = SlotNumber::new(u32::try_from(cursor).unwrap_or(u32::MAX));
    let stop = next.get().saturating_add(SLOTS_SEARCHED);
    while next.get() < stop && records.have_room_for(1) {
        let scan = domain
            .table
            .next_occupied(&domain.directory, next, stop - next.get());
        next = match scan {
            Scan::Found { slot, place } => {
                if let Some(record) = slot_record(domain, slot, place) {
                    records.write(&record.to_words());
                }
                SlotNumber::new(slot.get() + 1)
            }
            Scan::Unfinished { next } => next,
            Scan::End => return records.page(None),
        };
    }
    records.page(Some(u64::from(next.get())))
}

/// What is in an occupied slot of the table, unless it is stale.
fn slot_record(domain: Ref<Domain>, slot: SlotNumber, place: Place) -> Option<CapabilityRecord> {
    let capability = SlotStorage.slot(place).capability()?;
    let record = CapabilityRecord {
        slot: u64::from(slot.get()),
        parent: parent_slot(domain, place).map_or(0, |parent| u64::from(parent) + 1),
        ..capability_record(capability)
    };
    (!is_stale(capability)).then_some(record)
}

/// Whether it is the right to answer a call that awaits no answer any more: worth as much as an empty slot, and not to be
/// taken for the right to answer what the thread does now.
fn is_stale(capability: Capability<Object>) -> bool {
    match capability.object {
        Object::Reply(caller) => !ipc::awaits(caller, capability.badge.get()),
        _ => false,
    }
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
                Attribute::Contiguous => 1,
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
        address: mapping.start(),
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

/// What an object holds: up to [`HELD_MAX`] capabilities.
fn held_by(object: Object) -> impl Iterator<Item = CapabilityRecord> {
    let places = match object {
        Object::Thread(thread) => [
            Some((Held::FaultEndpoint, thread.fault_endpoint())),
            Some((Held::BoundNotification, thread.bound_notification())),
        ],
        Object::Memory(memory) => [Some((Held::Pager, memory.pager())), None],
        _ => [None; HELD_MAX],
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

/// The records of one answer.
struct Records {
    buffer: Frame,
    count: usize,
}

impl Records {
    fn new(buffer: Frame) -> Records {
        Records { buffer, count: 0 }
    }

    fn have_room_for(&self, more: usize) -> bool {
        self.count + more <= RECORDS_MAX
    }

    fn write(&mut self, words: &RecordWords) {
        let first = self.count * RECORD_WORDS;
        for (index, word) in words.iter().enumerate() {
            let offset = DATA_OFFSET + (first + index) as u64 * 8;
            self.buffer.write_word(offset, *word);
        }
        self.count += 1;
    }

    fn page(&self, next: Option<u64>) -> Page {
        Page {
            count: self.count as u64,
            next: next.unwrap_or(END),
        }
    }
}
