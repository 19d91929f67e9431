//! Compares a rebuilt domain, as the kernel lists it, with its description: [`difference`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::record::{CapabilityRecord, MappingRecord, ObjectRecord};
use abi::register::{ObjectId, Register};
use abi::{ObjectKind, Rights};

use crate::listing::kind_of;
use crate::{
    Attribute, Capability, Description, HeldCapability, Listing, Mapping, Object, OutsideKey, Role,
    Target, ThreadImage,
};

/// A rebuilt domain, with its objects in the order of the description.
#[derive(Clone, Debug)]
pub struct Built<'a> {
    /// The kernel's lists of the domain.
    pub listing: &'a Listing,
    /// The number of slots of its table.
    pub slot_count: u32,
    /// Its threads' states.
    pub threads: &'a BTreeMap<ObjectId, ThreadImage>,
    /// Its objects by position; `None` for those that are gone.
    pub objects: &'a [Option<ObjectId>],
    /// The outside things that it refers to, by position.
    pub outsiders: &'a [OutsideKey],
}

/// The first difference from the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The object at this position.
    Object(u32),
    /// This word of the state of the thread at this position.
    Thread(u32, usize),
    /// The pool has more objects.
    MoreObjects,
    /// The table has fewer slots.
    Slots,
    /// The capability in this slot.
    Slot(u32),
    /// A capability that the object at this position of the description holds; none if the description has no such
    /// capability.
    Held(Option<u32>),
    /// The mapping at this address.
    Mapping(u64),
}

/// The first difference between a rebuilt domain and its description. Badges assigned by this machine's services may
/// differ, and rights to services' objects may be fewer.
pub fn difference(description: &Description, built: &Built<'_>) -> Option<Difference> {
    let checks = [
        Built::in_objects,
        Built::in_table,
        Built::in_held,
        Built::in_mappings,
    ];
    checks
        .into_iter()
        .find_map(|check| check(built, description))
}

impl Built<'_> {
    fn in_objects(&self, description: &Description) -> Option<Difference> {
        let within: BTreeMap<u64, &ObjectRecord> = self
            .listing
            .objects_within()
            .map(|record| (record.id, record))
            .collect();
        let described = &description.objects;
        for (position, object) in described.iter().enumerate() {
            let id = self.objects.get(position).copied().flatten();
            let record = id.and_then(|id| within.get(&id.0).copied());
            let position = position as u32;
            if !self.matches_object(object, record) {
                return Some(Difference::Object(position));
            }
            let word = self.unequal_word(object, record);
            if let Some(word) = word {
                return Some(Difference::Thread(position, word));
            }
        }
        let count = described.iter().filter(|it| **it != Object::Gone).count();
        (within.len() != count).then_some(Difference::MoreObjects)
    }

    fn matches_object(&self, described: &Object, record: Option<&ObjectRecord>) -> bool {
        let Some(record) = record else {
            return *described == Object::Gone;
        };
        let is_kind = described
            .kind()
            .is_some_and(|kind| kind as u64 == record.kind);
        is_kind
            && match described {
                Object::Gone => false,
                Object::Memory { pages, attribute } => {
                    record.size == *pages
                        && Attribute::from_number(record.attribute) == Some(*attribute)
                }
                Object::Thread(_) | Object::Endpoint => true,
                Object::Notification { flags } => record.size == *flags,
            }
    }

    /// The first word in which a thread's state differs from its description.
    fn unequal_word(&self, described: &Object, record: Option<&ObjectRecord>) -> Option<usize> {
        let (Object::Thread(state), Some(record)) = (described, record) else {
            return None;
        };
        let Some(found) = self.threads.get(&ObjectId(record.id)) else {
            return Some(0);
        };
        let (state, found) = (state.0.to_bytes(), found.0.to_bytes());
        let mut words = state.chunks(8).zip(found.chunks(8));
        words.position(|(word, found)| word != found)
    }

    fn in_table(&self, description: &Description) -> Option<Difference> {
        if self.slot_count < description.slot_count {
            return Some(Difference::Slots);
        }
        let records = sorted(&self.listing.capabilities, |record| record.slot);
        let described = sorted(&description.capabilities, |it| u64::from(it.slot));
        first_unequal(&records, &described, |record, it| {
            self.matches_capability(record, it)
        })
        .map(|(record, it)| {
            let slot = it.map(|it| it.slot);
            Difference::Slot(
                slot.or(record.map(|record| record.slot as u32))
                    .unwrap_or(0),
            )
        })
    }

    fn matches_capability(&self, record: &CapabilityRecord, described: &Capability) -> bool {
        let Capability {
            slot,
            target,
            rights,
            badge,
            parent,
        } = *described;
        record.slot == u64::from(slot)
            && self.matches_reference(record, target, rights, badge, parent)
    }

    fn in_held(&self, description: &Description) -> Option<Difference> {
        let holder = |position: u32| self.object(position).map_or(0, |id| id.0);
        let key = |it: &HeldCapability| (holder(it.holder), it.role.held() as u64);
        let records = sorted(&self.listing.held, |record| (record.holder, record.slot));
        let described = sorted(&description.held, key);
        let is_held = |record: &CapabilityRecord, it: &HeldCapability| {
            (record.holder, record.slot) == key(it)
                && Role::from_number(record.slot) == Some(it.role)
                && self.matches_reference(record, it.target, it.rights, it.badge, it.parent)
        };
        first_unequal(&records, &described, is_held)
            .map(|(_, it)| Difference::Held(it.map(|it| it.holder)))
    }

    fn in_mappings(&self, description: &Description) -> Option<Difference> {
        let records = sorted(&self.listing.mappings, |record| record.address);
        let described = sorted(&description.mappings, |mapping| mapping.address);
        first_unequal(&records, &described, |record, it| {
            self.matches_mapping(record, it)
        })
        .map(|(record, it)| {
            let address = it.map(|it| it.address);
            Difference::Mapping(address.or(record.map(|it| it.address)).unwrap_or(0))
        })
    }

    fn matches_mapping(&self, record: &MappingRecord, described: &Mapping) -> bool {
        let Mapping {
            address,
            memory,
            first_page,
            page_count,
            access,
            parent,
        } = *described;
        record.address == address
            && self.id_of(memory) == Some(ObjectId(record.memory))
            && (record.first_page, record.page_count) == (first_page, page_count)
            && record.access == access.to_register()
            && record.parent == word_of(parent)
    }

    fn matches_reference(
        &self,
        record: &CapabilityRecord,
        target: Target,
        rights: Rights,
        badge: u64,
        parent: Option<u32>,
    ) -> bool {
        let has_rights = Rights(record.rights as u16);
        let is_reply = kind_of(record.kind) == Some(ObjectKind::Reply);
        let is_right = match target {
            Target::Outside(position) => {
                let key = self.outsiders.get(position as usize);
                key.is_some_and(|key| key.badge == record.badge) && rights.contains(has_rights)
            }
            // The badge of a reply right is the number of a call. Each machine numbers its own calls.
            Target::Reply(_) => has_rights == rights,
            _ => has_rights == rights && record.badge == badge,
        };
        is_right
            && is_reply == matches!(target, Target::Reply(_))
            && self.id_of(target) == Some(ObjectId(record.object))
            && record.parent == word_of(parent)
    }

    fn id_of(&self, target: Target) -> Option<ObjectId> {
        match target {
            Target::Domain => Some(self.listing.domain),
            Target::Pool => Some(self.listing.pool),
            Target::Inside(position) | Target::Reply(position) => self.object(position),
            Target::Outside(position) => Some(self.outsiders.get(position as usize)?.object),
        }
    }

    fn object(&self, position: u32) -> Option<ObjectId> {
        self.objects.get(position as usize).copied().flatten()
    }
}

/// A record's word for a parent: the slot plus one, or zero for none.
fn word_of(parent: Option<u32>) -> u64 {
    parent.map_or(0, |slot| u64::from(slot) + 1)
}

fn sorted<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> Vec<&T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_unstable_by_key(|item| key(item));
    sorted
}

/// The first unequal pair; an item that only one side has is paired with `None`.
fn first_unequal<'a, A, B>(
    some: &[&'a A],
    others: &[&'a B],
    are_equal: impl Fn(&A, &B) -> bool,
) -> Option<(Option<&'a A>, Option<&'a B>)> {
    (0..some.len().max(others.len()))
        .map(|index| (some.get(index).copied(), others.get(index).copied()))
        .find(|pair| !matches!(pair, (Some(one), Some(other)) if are_equal(one, other)))
}

#[cfg(test)]
mod tests;
