//! From a listing to a description: object ids become positions, outsiders become names.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::record::{CapabilityRecord, MappingRecord, ObjectRecord};
use abi::register::{Access, ObjectId, Register};
use abi::{ObjectKind, Rights};

use crate::listing::{ObjectIndex, kind_of};
use crate::{
    Attribute, Capability, Clock, Description, Export, HeldCapability, Identity, Listing, Mapping,
    Names, Numbering, Object, OutsideKey, Outsider, Role, Target, ThreadImage, Verdict, judge,
};

/// The reason a domain cannot be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescribeError {
    /// Something that the domain holds cannot move.
    Refused(Verdict),
    /// The state of a listed thread is missing.
    NoState(ObjectId),
    /// The kernel's records contradict each other or are of another version.
    BadRecord(ObjectId),
}

/// The parts of a domain besides its listing.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Its identity.
    pub identity: Identity,
    /// Its clock.
    pub clock: Clock,
    /// The minimum number of slots in its table.
    pub slot_count: u32,
    /// The notification with which services wake it.
    pub wake: Option<ObjectId>,
    /// Its threads' states.
    pub threads: BTreeMap<ObjectId, ThreadImage>,
    /// Its services' exports.
    pub exports: Vec<Export>,
}

/// Describes a frozen domain.
///
/// # Errors
/// The first refusal of [`judge`], a missing thread state, or a bad record.
pub fn describe(
    listing: &Listing,
    names: &Names,
    numbering: &mut Numbering,
    parts: Parts,
) -> Result<Description, DescribeError> {
    let mut verdicts = judge(listing, names).into_iter();
    if let Some(refused) = verdicts.find(|verdict| verdict.refusal().is_some()) {
        return Err(DescribeError::Refused(refused));
    }
    listing.objects_within().for_each(|object| {
        numbering.object(ObjectId(object.id));
    });
    let index = listing.index();
    let mut resolver = Resolver {
        listing,
        index: &index,
        numbering,
    };
    let mappings = resolver.mappings()?;
    let capabilities = resolver.capabilities()?;
    let held = resolver.all_held()?;
    let objects = numbering
        .objects()
        .iter()
        .map(|id| object(&index, &parts, *id))
        .collect::<Result<_, _>>()?;
    let wake = parts.wake.filter(|id| index.object(*id).is_some());
    let wake = wake.map(|id| numbering.object(id));
    Ok(Description {
        identity: parts.identity,
        wake,
        clock: parts.clock,
        slot_count: slot_count(&capabilities).max(parts.slot_count),
        objects,
        outsiders: outsiders(listing, names, numbering)?,
        mappings,
        capabilities,
        held,
        exports: parts.exports,
    })
}

/// Turns references by object id into references by position.
struct Resolver<'a> {
    listing: &'a Listing,
    index: &'a ObjectIndex<'a>,
    numbering: &'a mut Numbering,
}

impl Resolver<'_> {
    fn mappings(&mut self) -> Result<Vec<Mapping>, DescribeError> {
        let records = self.listing.mappings.iter();
        records.map(|record| self.mapping(record)).collect()
    }

    /// The capabilities of the table, by slot.
    fn capabilities(&mut self) -> Result<Vec<Capability>, DescribeError> {
        let records = self.listing.capabilities.iter();
        let mut capabilities = records
            .map(|record| self.capability(record))
            .collect::<Result<Vec<_>, _>>()?;
        capabilities.sort_unstable_by_key(|capability| capability.slot);
        Ok(capabilities)
    }

    fn all_held(&mut self) -> Result<Vec<HeldCapability>, DescribeError> {
        let records = self.listing.held.iter();
        records.map(|record| self.held(record)).collect()
    }

    fn target(&mut self, id: ObjectId, badge: u64, kind: ObjectKind) -> Target {
        if id == self.listing.domain {
            Target::Domain
        } else if id == self.listing.pool {
            Target::Pool
        } else if kind == ObjectKind::Reply {
            Target::Reply(self.numbering.object(id))
        } else if self.index.owns(id) {
            Target::Inside(self.numbering.object(id))
        } else {
            let key = OutsideKey { object: id, badge };
            Target::Outside(self.numbering.outsider(key))
        }
    }

    fn mapping(&mut self, record: &MappingRecord) -> Result<Mapping, DescribeError> {
        let id = ObjectId(record.memory);
        Ok(Mapping {
            address: record.address,
            memory: self.target(id, 0, ObjectKind::Memory),
            first_page: record.first_page,
            page_count: record.page_count,
            access: Access::from_register(record.access)
                .map_err(|_| DescribeError::BadRecord(id))?,
            parent: parent(record.parent, id)?,
        })
    }

    fn capability(&mut self, record: &CapabilityRecord) -> Result<Capability, DescribeError> {
        let bad = DescribeError::BadRecord(ObjectId(record.object));
        Ok(Capability {
            slot: u32::try_from(record.slot).map_err(|_| bad)?,
            target: self.reference(record)?,
            rights: rights(record)?,
            badge: record.badge,
            parent: parent(record.parent, ObjectId(record.object))?,
        })
    }

    fn held(&mut self, record: &CapabilityRecord) -> Result<HeldCapability, DescribeError> {
        let bad = DescribeError::BadRecord(ObjectId(record.holder));
        Ok(HeldCapability {
            holder: self.numbering.object(ObjectId(record.holder)),
            role: Role::from_number(record.slot).ok_or(bad)?,
            target: self.reference(record)?,
            rights: rights(record)?,
            badge: record.badge,
            parent: parent(record.parent, ObjectId(record.holder))?,
        })
    }

    fn reference(&mut self, record: &CapabilityRecord) -> Result<Target, DescribeError> {
        let id = ObjectId(record.object);
        kind_of(record.kind)
            .map(|kind| self.target(id, record.badge, kind))
            .ok_or(DescribeError::BadRecord(id))
    }
}

/// The slot in a record's word for a parent: the word minus one, or `None` for zero.
fn parent(word: u64, id: ObjectId) -> Result<Option<u32>, DescribeError> {
    let slot = word.checked_sub(1).map(u32::try_from).transpose();
    slot.map_err(|_| DescribeError::BadRecord(id))
}

fn rights(record: &CapabilityRecord) -> Result<Rights, DescribeError> {
    u16::try_from(record.rights)
        .map(Rights)
        .map_err(|_| DescribeError::BadRecord(ObjectId(record.object)))
}

/// The number of slots that the capabilities need.
fn slot_count(capabilities: &[Capability]) -> u32 {
    capabilities
        .last()
        .map_or(0, |last| last.slot.saturating_add(1))
}

fn object(index: &ObjectIndex<'_>, parts: &Parts, id: ObjectId) -> Result<Object, DescribeError> {
    let Some(record) = index.object(id) else {
        return Ok(Object::Gone);
    };
    let bad = DescribeError::BadRecord(id);
    match kind_of(record.kind).ok_or(bad)? {
        ObjectKind::Memory => memory(record).ok_or(bad),
        ObjectKind::Thread => parts
            .threads
            .get(&id)
            .cloned()
            .map(Object::Thread)
            .ok_or(DescribeError::NoState(id)),
        ObjectKind::Endpoint => Ok(Object::Endpoint),
        ObjectKind::Notification => Ok(Object::Notification { flags: record.size }),
        _ => Err(bad),
    }
}

fn memory(record: &ObjectRecord) -> Option<Object> {
    let attribute = Attribute::from_number(record.attribute)?;
    Some(Object::Memory {
        pages: record.size,
        attribute,
    })
}

fn outsiders(
    listing: &Listing,
    names: &Names,
    numbering: &Numbering,
) -> Result<Vec<Outsider>, DescribeError> {
    let kinds = listing.outsiders();
    let outsider = |key: &OutsideKey| {
        let known = names.get(key)?;
        // An outsider keeps its position even if nothing refers to it any longer. Then its kind does not matter, and is
        // recorded as an endpoint.
        let kind = kinds
            .iter()
            .find(|(outsider, _)| outsider == key)
            .map_or(ObjectKind::Endpoint, |(_, kind)| *kind);
        Some(Outsider {
            name: known.name,
            kind,
            binding: known.binding.clone(),
        })
    };
    numbering
        .outsiders()
        .iter()
        .map(|key| outsider(key).ok_or(DescribeError::BadRecord(key.object)))
        .collect()
}

#[cfg(test)]
mod tests;
