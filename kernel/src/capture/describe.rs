//! The lists about a domain: its pool's objects, its mappings, its capabilities, those that its objects hold.
//!
//! Each call writes up to [`RECORDS_MAX`](abi::record::RECORDS_MAX) records into the data of the caller's message buffer and
//! returns where the next call begins. It looks at a bounded number of slots and objects; what it looks at is counted by its
//! [`Climber`]. A list of a domain that runs may change between two calls: freeze it first.

use abi::record::{CapabilityRecord, Held, List, RECORDS_MAX};
use abi::register::ObjectId;
use capabilities::{Capability, Place, Scan, SlotNumber, Storage};

use super::parent::{Climber, Parent};
use super::records::{self, Records};
use crate::ipc;
use crate::memory::{Frame, Ref, SlotStorage};
use crate::objects::{Domain, Object, Search};

/// What a call has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many records.
    pub count: u64,
    /// Where the next call begins; `u64::MAX` at the end.
    pub next: u64,
}

const END: u64 = u64::MAX;

/// Most capabilities that an object holds.
const HELD_MAX: usize = 2;

/// How many looks at a slot each of these takes as long as.
mod looks {
    /// Writing a record.
    pub const RECORD: u32 = 8;
    /// Making an identity, of which a record shows one, and one more if an object holds it.
    pub const IDENTITY: u32 = 4;
    /// Going to the next object, and seeing what it holds.
    pub const OBJECT: u32 = 4;
    /// Going to the next mapping: its index is a tree of up to 32 turns.
    pub const MAPPING: u32 = 12;
}

/// Where a list goes on after one call.
enum Rest {
    /// With the entry that has this number.
    From(u64),
    /// Nowhere: it is at its end.
    Nothing,
    /// Where this call began: it has not come to the end of its first entry.
    Same,
}

/// Writes records of a list from a cursor on: 0, or what the last call returned. None while it has not found the place in
/// the list, or the parent of the first entry there: the same again goes on.
pub fn describe(domain: Ref<Domain>, list: List, cursor: u64, buffer: Frame) -> Option<Page> {
    let mut records = Records::new(buffer);
    let climber = Climber::new(domain, list);
    let rest = match list {
        List::Objects => describe_objects(domain, cursor, &mut records)?,
        List::Mappings => describe_mappings(domain, cursor, climber, &mut records),
        List::Capabilities => describe_capabilities(domain, cursor, climber, &mut records),
        List::Held => describe_held(domain, cursor, climber, &mut records)?,
    };
    let next = match rest {
        Rest::From(next) => next,
        Rest::Nothing => END,
        Rest::Same => return None,
    };
    if !domain.is_quiescent() {
        // What is true of it now may not be true of it when the next call is made.
        domain.parent_search.last.set(None);
    }
    let count = records.count() as u64;
    Some(Page { count, next })
}

/// The pool itself, then what it made; the cursor is the next object's identity.
fn describe_objects(domain: Ref<Domain>, cursor: u64, records: &mut Records) -> Option<Rest> {
    let mut next = objects_from(domain, cursor)?;
    if cursor == 0 {
        records.write(&records::of_object(Object::Pool(domain.pool())).to_words());
    }
    while let Some(object) = next.filter(|_| records.have_room_for(1)) {
        records.write(&records::of_object(object).to_words());
        next = object.header().next.get();
    }
    Some(rest(next.map(|object| object.id().0)))
}

/// What objects hold; the cursor is the next object's identity.
fn describe_held(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Option<Rest> {
    let first = objects_from(domain, cursor)?;
    let mut next = first;
    while let Some(object) = next {
        if !records.have_room_for(HELD_MAX) || !climber.look(looks::OBJECT) {
            break;
        }
        if !describe_holder(object, &mut climber, records) {
            if next == first {
                return Some(Rest::Same);
            }
            break;
        }
        next = object.header().next.get();
    }
    Some(rest(next.map(|object| object.id().0)))
}

/// Writes what one object holds: all of it, or nothing when the call may not look at as much.
fn describe_holder(object: Object, climber: &mut Climber, records: &mut Records) -> bool {
    let serial = object.header().serial;
    let mut found = [None; HELD_MAX];
    for (record, (what, place)) in found.iter_mut().zip(held_by(object).into_iter().flatten()) {
        let Some(capability) = SlotStorage.slot(place).capability() else {
            continue;
        };
        let Parent::Slot(parent) = climber.parent(serial, Some(what), place) else {
            return false;
        };
        *record = Some(CapabilityRecord {
            slot: what as u64,
            holder: object.id().0,
            ..records::of_capability(capability, parent)
        });
    }
    for record in found.into_iter().flatten() {
        climber.look(looks::RECORD + 2 * looks::IDENTITY);
        records.write(&record.to_words());
    }
    true
}

/// In the order of addresses; the cursor is the next address.
fn describe_mappings(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Rest {
    for mapping in domain.mappings_from(cursor).take(RECORDS_MAX + 1) {
        let start = mapping.start();
        if !records.have_room_for(1)
            || !climber.look(looks::MAPPING + looks::RECORD + looks::IDENTITY)
        {
            return Rest::From(start);
        }
        match climber.parent(start, None, mapping.slot()) {
            Parent::Slot(parent) => {
                records.write(&records::of_mapping(mapping, parent).to_words());
            }
            Parent::Unfinished if records.count() == 0 => return Rest::Same,
            Parent::Unfinished => return Rest::From(start),
        }
    }
    Rest::Nothing
}

/// In the order of slots; the cursor is the next slot.
fn describe_capabilities(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Rest {
    let first = SlotNumber::new(u32::try_from(cursor).unwrap_or(u32::MAX));
    let mut next = first;
    while records.have_room_for(1) {
        let (slot, place) =
            match domain
                .table
                .next_occupied(&domain.directory, next, climber.looks_left())
            {
                Scan::Found { slot, place } => (slot, place),
                Scan::Unfinished { next } => return Rest::From(next.get().into()),
                Scan::End => return Rest::Nothing,
            };
        climber.look(slot.get() - next.get() + 1);
        if let Some(capability) = live_capability(place) {
            let number = u64::from(slot.get());
            match climber.parent(number, None, place) {
                Parent::Slot(parent) => {
                    climber.look(looks::RECORD + looks::IDENTITY);
                    let record = CapabilityRecord {
                        slot: number,
                        ..records::of_capability(capability, parent)
                    };
                    records.write(&record.to_words());
                }
                Parent::Unfinished if slot == first => return Rest::Same,
                Parent::Unfinished => return Rest::From(number),
            }
        }
        next = SlotNumber::new(slot.get() + 1);
    }
    Rest::From(next.get().into())
}

fn rest(next: Option<u64>) -> Rest {
    next.map_or(Rest::Nothing, Rest::From)
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

/// What is in an occupied slot of the table, unless it is the right to answer a call that awaits no answer any more: that is
/// worth as much as an empty slot, and not to be taken for the right to answer what the thread does now.
fn live_capability(place: Place) -> Option<Capability<Object>> {
    let capability = SlotStorage.slot(place).capability()?;
    let is_live = match capability.object {
        Object::Reply(caller) => ipc::awaits(caller, capability.badge.get()),
        _ => true,
    };
    is_live.then_some(capability)
}

/// The slots inside an object, and what they are for.
fn held_by(object: Object) -> [Option<(Held, Place)>; HELD_MAX] {
    match object {
        Object::Thread(thread) => [
            Some((Held::FaultEndpoint, thread.fault_endpoint())),
            Some((Held::BoundNotification, thread.bound_notification())),
        ],
        Object::Memory(memory) => [Some((Held::Pager, memory.pager())), None],
        _ => [None; HELD_MAX],
    }
}
