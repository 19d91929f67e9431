//! The lists about a domain: its pool's objects, its mappings, its capabilities, and the capabilities that its objects hold.
//!
//! Each call writes up to [`RECORDS_MAX`](abi::record::RECORDS_MAX) records into the data of the caller's message buffer and
//! returns the cursor for the next call. The budget of a call's [`Climber`] limits its work. A list of a running domain may
//! change between two calls, so a caller that needs consistent lists freezes the domain first.

use abi::record::{CURSOR_END, CapabilityRecord, Held, List, RECORDS_MAX};
use abi::register::ObjectId;
use capabilities::{Capability, Place, Scan, SlotNumber, Storage};

use super::parent::{Climber, Parent};
use super::records::{self, Records};
use crate::ipc;
use crate::memory::{Frame, Ref, SlotStorage};
use crate::objects::{Domain, Object, Search};

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of records written.
    pub count: u64,
    /// The cursor for the next call; [`CURSOR_END`] at the end.
    pub next: u64,
}

/// The largest number of capabilities that an object holds.
const HELD_MAX: usize = 2;

/// The costs of other work in the climber's budget, whose unit is one slot read.
mod cost {
    /// Writing a record.
    pub const RECORD: u32 = 8;
    /// Computing an identity. A record has one, or two if an object holds the capability.
    pub const IDENTITY: u32 = 4;
    /// Advancing to the next object, and finding the capabilities it holds.
    pub const OBJECT: u32 = 4;
    /// Advancing to the next mapping: the index is a tree up to 32 levels deep.
    pub const MAPPING: u32 = 12;
}

/// The point where the next call resumes a list.
enum Resume {
    /// At the entry with this number.
    At(u64),
    /// The list is complete.
    End,
    /// At the cursor of this call, which has not found the first entry or its parent yet.
    Same,
}

/// Writes records of a list from a cursor on. The cursor is 0, or the one that the previous call returned. Returns `None` if
/// the search for the first entry, or for its parent, has used up the budget. Repeating the call continues that search.
pub fn describe(domain: Ref<Domain>, list: List, cursor: u64, buffer: Frame) -> Option<Batch> {
    let mut records = Records::new(buffer);
    let climber = Climber::new(domain, list);
    let resume = match list {
        List::Objects => describe_objects(domain, cursor, &mut records),
        List::Mappings => describe_mappings(domain, cursor, climber, &mut records),
        List::Capabilities => describe_capabilities(domain, cursor, climber, &mut records),
        List::Held => describe_held(domain, cursor, climber, &mut records),
    };
    let next = match resume {
        Resume::At(next) => next,
        Resume::End => CURSOR_END,
        Resume::Same => return None,
    };
    if !domain.is_quiescent() {
        // A running domain may have changed before the next call.
        domain.parent_search.last.set(None);
    }
    let count = records.count() as u64;
    Some(Batch { count, next })
}

/// The pool itself, then the objects created from it. The cursor is the next object's identity.
fn describe_objects(domain: Ref<Domain>, cursor: u64, records: &mut Records) -> Resume {
    let search = domain.pool().seek(ObjectId(cursor));
    if search == Search::Unfinished {
        return Resume::Same;
    }
    let mut next = search.found();
    if cursor == 0 {
        records.write(&records::of_object(Object::Pool(domain.pool())).to_words());
    }
    while let Some(object) = next.filter(|_| records.have_room_for(1)) {
        records.write(&records::of_object(object).to_words());
        next = object.header().next.get();
    }
    resume_at(next.map(|object| object.id().0))
}

/// The capabilities held by objects. The cursor is the identity of the next object.
fn describe_held(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Resume {
    let search = domain.pool().seek(ObjectId(cursor));
    if search == Search::Unfinished {
        return Resume::Same;
    }
    let first = search.found();
    let mut next = first;
    while let Some(object) = next {
        if !records.have_room_for(HELD_MAX) || !climber.spend(cost::OBJECT) {
            break;
        }
        if !describe_holder(object, &mut climber, records) {
            if next == first {
                return Resume::Same;
            }
            break;
        }
        next = object.header().next.get();
    }
    resume_at(next.map(|object| object.id().0))
}

/// Writes all capabilities held by one object, or none if the budget does not suffice.
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
        climber.spend(cost::RECORD + 2 * cost::IDENTITY);
        records.write(&record.to_words());
    }
    true
}

/// The mappings in the order of addresses. The cursor is the next address.
fn describe_mappings(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Resume {
    for mapping in domain.mappings_from(cursor).take(RECORDS_MAX + 1) {
        let start = mapping.start();
        if !records.have_room_for(1)
            || !climber.spend(cost::MAPPING + cost::RECORD + cost::IDENTITY)
        {
            return Resume::At(start);
        }
        match climber.parent(start, None, mapping.slot()) {
            Parent::Slot(parent) => {
                records.write(&records::of_mapping(mapping, parent).to_words());
            }
            Parent::Unfinished if records.count() == 0 => return Resume::Same,
            Parent::Unfinished => return Resume::At(start),
        }
    }
    Resume::End
}

/// The capabilities in the order of slots. The cursor is the next slot.
fn describe_capabilities(
    domain: Ref<Domain>,
    cursor: u64,
    mut climber: Climber,
    records: &mut Records,
) -> Resume {
    let first = SlotNumber::new(u32::try_from(cursor).unwrap_or(u32::MAX));
    let mut next = first;
    while records.have_room_for(1) {
        let table = &domain.table;
        let scan = table.next_occupied(&domain.directory, next, climber.budget_left());
        let (slot, place) = match scan {
            Scan::Found { slot, place } => (slot, place),
            Scan::Unfinished { next } => return Resume::At(next.get().into()),
            Scan::End => return Resume::End,
        };
        climber.spend(slot.get() - next.get() + 1);
        if let Some(capability) = live_capability(place) {
            let number = u64::from(slot.get());
            match climber.parent(number, None, place) {
                Parent::Slot(parent) => {
                    climber.spend(cost::RECORD + cost::IDENTITY);
                    let record = CapabilityRecord {
                        slot: number,
                        ..records::of_capability(capability, parent)
                    };
                    records.write(&record.to_words());
                }
                Parent::Unfinished if slot == first => return Resume::Same,
                Parent::Unfinished => return Resume::At(number),
            }
        }
        next = SlotNumber::new(slot.get() + 1);
    }
    Resume::At(next.get().into())
}

fn resume_at(next: Option<u64>) -> Resume {
    next.map_or(Resume::End, Resume::At)
}

/// The capability in an occupied slot of the table, unless it is a stale reply right. Such a right is equivalent to an empty
/// slot, and must not be taken for the right to reply to the thread's current call.
fn live_capability(place: Place) -> Option<Capability<Object>> {
    let capability = SlotStorage.slot(place).capability()?;
    let is_live = match capability.object {
        Object::Reply(caller) => ipc::awaits(caller, capability.badge.get()),
        _ => true,
    };
    is_live.then_some(capability)
}

/// The slots inside an object, and their roles.
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
