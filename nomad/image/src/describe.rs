//! From a listing to a description: object ids become positions, outsiders become names.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::record::{CapabilityRecord, Held, MappingRecord, ObjectRecord};
use abi::register::{Access, ObjectId, Register};
use abi::{ObjectKind, Rights};

use crate::listing::kind_of;
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
    /// Its time.
    pub clock: Clock,
    /// The fewest slots that its table has.
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
    if let Some(refused) = judge(listing, names)
        .into_iter()
        .find(|verdict| verdict.refusal().is_some())
    {
        return Err(DescribeError::Refused(refused));
    }
    listing.objects_within().for_each(|object| {
        numbering.object(ObjectId(object.id));
    });
    let mut resolver = Resolver { listing, numbering };
    let mappings = listing
        .mappings
        .iter()
        .map(|record| resolver.mapping(record))
        .collect::<Result<_, _>>()?;
    let mut capabilities = listing
        .capabilities
        .iter()
        .map(|record| resolver.capability(record))
        .collect::<Result<Vec<_>, _>>()?;
    capabilities.sort_unstable_by_key(|capability| capability.slot);
    let held = listing
        .held
        .iter()
        .map(|record| resolver.held(record))
        .collect::<Result<_, _>>()?;
    let objects = numbering
        .objects()
        .iter()
        .map(|id| object(listing, &parts, *id))
        .collect::<Result<_, _>>()?;
    let wake = parts.wake.filter(|id| listing.object(*id).is_some());
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
    numbering: &'a mut Numbering,
}

impl Resolver<'_> {
    fn target(&mut self, id: ObjectId, badge: u64, kind: ObjectKind) -> Target {
        if id == self.listing.domain {
            Target::Domain
        } else if id == self.listing.pool {
            Target::Pool
        } else if kind == ObjectKind::Reply {
            Target::Reply(self.numbering.object(id))
        } else if self.listing.owns(id) {
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

fn object(listing: &Listing, parts: &Parts, id: ObjectId) -> Result<Object, DescribeError> {
    let Some(record) = listing.object(id) else {
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
        // An outsider that is no longer referred to keeps its position; its kind does not matter, an endpoint is cheap.
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

impl Role {
    /// The role that a held slot's number names.
    pub fn from_number(number: u64) -> Option<Role> {
        let roles = [Role::Pager, Role::FaultEndpoint, Role::BoundNotification];
        roles.into_iter().find(|role| role.held() as u64 == number)
    }

    /// The kernel's number for it.
    pub fn held(self) -> Held {
        match self {
            Role::Pager => Held::Pager,
            Role::FaultEndpoint => Held::FaultEndpoint,
            Role::BoundNotification => Held::BoundNotification,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{listing, names, parts};
    use crate::{Judgement, Limits, Refusal, Subject};
    use abi::kind::EndpointRights;

    fn described(listing: &Listing) -> Result<Description, DescribeError> {
        describe(listing, &names(), &mut Numbering::default(), parts())
    }

    #[test]
    fn its_descriptions_pass_the_check() {
        let description = described(&listing()).expect("describes");
        assert_eq!(description.check(&Limits::default()), Ok(()));
        let read = Description::from_bytes(&description.to_bytes(), &Limits::default());
        assert_eq!(read, Ok(description));
    }

    #[test]
    fn object_ids_become_positions_and_outsiders_names() {
        let description = described(&listing()).expect("describes");
        let target = |slot| {
            description
                .capabilities
                .iter()
                .find(|c| c.slot == slot)
                .expect("slot")
                .target
        };
        assert_eq!(target(1), Target::Domain);
        assert_eq!(target(2), Target::Pool);
        assert!(
            matches!(target(3), Target::Inside(index) if description.objects[index as usize] == Object::Endpoint)
        );
        assert!(matches!(target(6), Target::Reply(_)));
        let Target::Outside(log) = target(5) else {
            panic!("outside")
        };
        assert_eq!(description.outsiders[log as usize].name.as_str(), "log");
        assert_eq!(description.held.len(), 1);
        assert_eq!(description.mappings[0].parent, Some(7));
        assert_eq!(description.held[0].parent, Some(8));
    }

    #[test]
    fn positions_survive_the_end_of_an_object_and_the_creation_of_another() {
        let mut numbering = Numbering::default();
        let mut listing = listing();
        let first = describe(&listing, &names(), &mut numbering, parts()).expect("describes");
        let endpoint = first
            .objects
            .iter()
            .position(|object| *object == Object::Endpoint)
            .expect("there");
        listing
            .objects
            .retain(|object| object.kind != ObjectKind::Endpoint as u64);
        listing.capabilities.retain(|slot| slot.object != 12);
        listing.objects.push(ObjectRecord {
            id: 99,
            kind: ObjectKind::Endpoint as u64,
            ..ObjectRecord::default()
        });
        let second = describe(&listing, &names(), &mut numbering, parts()).expect("describes");
        assert_eq!(second.objects[endpoint], Object::Gone);
        assert_eq!(second.objects.last(), Some(&Object::Endpoint));
        assert_eq!(second.check(&Limits::default()), Ok(()));
    }

    #[test]
    fn names_the_slot_that_pins_a_domain() {
        let mut listing = listing();
        listing.capabilities.push(CapabilityRecord {
            slot: 30,
            kind: ObjectKind::Endpoint as u64,
            object: 555,
            rights: EndpointRights::SEND.bits().into(),
            ..CapabilityRecord::default()
        });
        let Err(DescribeError::Refused(verdict)) = described(&listing) else {
            panic!("refused")
        };
        assert_eq!(verdict.subject, Subject::Slot(30));
        assert_eq!(verdict.judgement, Judgement::Refuse(Refusal::StaysBehind));
    }

    #[test]
    fn refuses_a_thread_without_a_state() {
        let parts = Parts {
            threads: BTreeMap::new(),
            ..parts()
        };
        let result = describe(&listing(), &names(), &mut Numbering::default(), parts);
        assert_eq!(result, Err(DescribeError::NoState(ObjectId(11))));
    }
}
