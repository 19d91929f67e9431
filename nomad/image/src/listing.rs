//! The kernel's lists of a domain, and the numbering of its objects in an image.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use abi::ObjectKind;
use abi::record::{CapabilityRecord, MappingRecord, ObjectRecord};
use abi::register::ObjectId;

/// Identifies something outside a domain. Services may share an endpoint and distinguish their clients by badge, so both
/// object and badge are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutsideKey {
    /// The object.
    pub object: ObjectId,
    /// The capability's badge, or zero.
    pub badge: u64,
}

/// The four lists of `DomainDescribe`, in the machine's own object ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The domain itself.
    pub domain: ObjectId,
    /// Its pool.
    pub pool: ObjectId,
    /// The objects of its pool.
    pub objects: Vec<ObjectRecord>,
    /// Its address space.
    pub mappings: Vec<MappingRecord>,
    /// Its table.
    pub capabilities: Vec<CapabilityRecord>,
    /// The capabilities inside its objects.
    pub held: Vec<CapabilityRecord>,
}

impl Listing {
    /// The objects of the pool, except the domain and the pool themselves.
    pub fn objects_within(&self) -> impl Iterator<Item = &ObjectRecord> {
        let own = [self.domain.0, self.pool.0];
        self.objects
            .iter()
            .filter(move |object| !own.contains(&object.id))
    }

    /// The things outside its pool that the domain refers to, each once, and their kinds. Reply rights are not included:
    /// their targets have no names.
    pub fn outsiders(&self) -> Vec<(OutsideKey, ObjectKind)> {
        let memory = ObjectKind::Memory as u64;
        let mapped = self
            .mappings
            .iter()
            .map(|mapping| (mapping.memory, 0, memory));
        let slots = self.capabilities.iter().chain(&self.held);
        let slots = slots.map(|slot| (slot.object, slot.badge, slot.kind));
        let index = self.index();
        let mut known = BTreeSet::new();
        let mut outsiders = Vec::new();
        for (object, badge, kind) in slots.chain(mapped) {
            let object = ObjectId(object);
            let key = OutsideKey { object, badge };
            let Some(kind) = kind_of(kind) else { continue };
            if kind != ObjectKind::Reply && !index.owns(object) && known.insert(key) {
                outsiders.push((key, kind));
            }
        }
        outsiders
    }

    /// An index of the objects, for many lookups.
    pub(crate) fn index(&self) -> ObjectIndex<'_> {
        let mut within: Vec<&ObjectRecord> = self.objects_within().collect();
        within.sort_by_key(|object| object.id);
        ObjectIndex {
            own: [self.domain, self.pool],
            within,
        }
    }
}

/// The objects of a listing, sorted. A domain may have thousands of objects, and of capabilities to them, and each is looked
/// up while the domain is paused.
#[derive(Clone, Debug)]
pub(crate) struct ObjectIndex<'a> {
    /// The domain and its pool.
    own: [ObjectId; 2],
    /// The other objects of the pool, by id.
    within: Vec<&'a ObjectRecord>,
}

impl ObjectIndex<'_> {
    /// The record of an object of the domain's pool, except the domain and the pool themselves.
    pub(crate) fn object(&self, id: ObjectId) -> Option<&ObjectRecord> {
        let found = self.within.binary_search_by_key(&id.0, |object| object.id);
        found.ok().map(|index| self.within[index])
    }

    /// Whether an object is the domain, its pool, or in its pool.
    pub(crate) fn owns(&self, id: ObjectId) -> bool {
        self.own.contains(&id) || self.object(id).is_some()
    }
}

/// The kind that a record's word names.
pub(crate) fn kind_of(word: u64) -> Option<ObjectKind> {
    ObjectKind::from_number(u8::try_from(word).ok()?)
}

/// Positions for a domain's objects that stay the same through all rounds: an object that ends keeps its position, and
/// a new object gets the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    objects: Vec<ObjectId>,
    outsiders: Vec<OutsideKey>,
}

impl Numbering {
    /// The position of an object of the domain.
    pub fn object(&mut self, id: ObjectId) -> u32 {
        position(&mut self.objects, id)
    }

    /// The position of an outsider.
    pub fn outsider(&mut self, key: OutsideKey) -> u32 {
        position(&mut self.outsiders, key)
    }

    /// Every object that has a position, in the order of positions.
    pub fn objects(&self) -> &[ObjectId] {
        &self.objects
    }

    /// Every outsider that has a position, in the order of positions.
    pub fn outsiders(&self) -> &[OutsideKey] {
        &self.outsiders
    }
}

fn position<T: PartialEq>(ids: &mut Vec<T>, id: T) -> u32 {
    let position = ids
        .iter()
        .position(|known| *known == id)
        .unwrap_or_else(|| {
            ids.push(id);
            ids.len() - 1
        });
    position as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_each_object_of_the_pool_in_whatever_order_the_kernel_lists_them() {
        let object = |id| ObjectRecord {
            id,
            ..ObjectRecord::default()
        };
        let listing = Listing {
            domain: ObjectId(7),
            pool: ObjectId(2),
            objects: [9, 7, 1, 30, 2, 8].map(object).into(),
            ..Listing::default()
        };
        let index = listing.index();
        for id in (0..40).map(ObjectId) {
            let mut within = listing.objects_within();
            assert_eq!(index.object(id), within.find(|it| it.id == id.0), "{id:?}");
            assert_eq!(index.owns(id), [1, 2, 7, 8, 9, 30].contains(&id.0));
        }
    }
}
