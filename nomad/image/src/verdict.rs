//! Verdicts: whether and how each thing that a domain holds can move with it.
//!
//! They are made twice: before anything moves (also for the operator, by `explain`), and again when the domain is frozen.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use abi::record::CapabilityRecord;
use abi::register::ObjectId;
use abi::{ObjectKind, Rights};
use identity::Name;
use serde::{Deserialize, Serialize};

use crate::foreign;
use crate::listing::kind_of;
use crate::{Attribute, Blob, Listing, OutsideKey, Role};

/// An object outside the domain that another machine can bind by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// The name.
    pub name: Name,
    /// The data that the other machine's service needs.
    pub binding: Blob,
}

/// The outside objects that have names.
pub type Names = BTreeMap<OutsideKey, NamedObject>;

/// The subject of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A slot of the domain's table.
    Slot(u32),
    /// A slot inside one of its objects.
    Held(#[serde(with = "identity::object_id")] ObjectId, Role),
    /// The mapping at this address.
    Mapping(u64),
    /// An object of its pool.
    Object(#[serde(with = "identity::object_id")] ObjectId),
}

/// The outcome of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Judgement {
    /// It is part of the domain and is created anew on the destination.
    Recreate,
    /// The destination has it under the same name.
    Rebind(Name),
    /// The domain cannot move while it holds this.
    Refuse(Refusal),
}

/// The reason a domain cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Contiguous memory, which a device may write.
    ContiguousMemory,
    /// A device's registers.
    DeviceMemory,
    /// An interrupt, I/O ports, or the hardware as a whole.
    Device,
    /// A pool or a domain within its pool: another domain, which this image cannot hold.
    ChildDomain,
    /// Another domain, a part of one, or its pool.
    OtherDomain,
    /// Memory that others write, or may write.
    SharedMemory,
    /// An endpoint or notification of something that stays behind.
    StaysBehind,
    /// The right to answer a caller that stays behind.
    AnswersOutsider,
    /// More rights over itself, or its pool, than a domain is given.
    BeyondGrant,
    /// A record of the kernel's that this server does not understand.
    UnknownRecord,
}

/// A judgement and its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// The subject.
    pub subject: Subject,
    /// The subject's kind, if known.
    #[serde(with = "foreign::kind_if_known")]
    pub kind: Option<ObjectKind>,
    /// The outcome.
    pub judgement: Judgement,
}

impl Verdict {
    /// The reason the domain cannot move, if this is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.judgement {
            Judgement::Refuse(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Judges everything that a domain holds.
pub fn judge(listing: &Listing, names: &Names) -> Vec<Verdict> {
    let objects = listing.objects_within().map(|object| Verdict {
        subject: Subject::Object(ObjectId(object.id)),
        kind: kind_of(object.kind),
        judgement: inside(listing, ObjectId(object.id)),
    });
    let mappings = listing.mappings.iter().map(|mapping| Verdict {
        subject: Subject::Mapping(mapping.address),
        kind: Some(ObjectKind::Memory),
        judgement: reference(
            listing,
            names,
            OutsideKey {
                object: ObjectId(mapping.memory),
                badge: 0,
            },
            Some(ObjectKind::Memory),
            Rights(0),
        ),
    });
    let slot = |record: &CapabilityRecord, subject| Verdict {
        subject,
        kind: kind_of(record.kind),
        judgement: reference(
            listing,
            names,
            OutsideKey {
                object: ObjectId(record.object),
                badge: record.badge,
            },
            kind_of(record.kind),
            Rights(record.rights as u16),
        ),
    };
    let table = listing
        .capabilities
        .iter()
        .map(|record| slot(record, Subject::Slot(record.slot as u32)));
    let held = listing
        .held
        .iter()
        .map(|record| match Role::from_number(record.slot) {
            Some(role) => slot(record, Subject::Held(ObjectId(record.holder), role)),
            None => Verdict {
                subject: Subject::Object(ObjectId(record.holder)),
                kind: None,
                judgement: Judgement::Refuse(Refusal::UnknownRecord),
            },
        });
    objects.chain(table).chain(held).chain(mappings).collect()
}

/// Judges a capability or mapping.
fn reference(
    listing: &Listing,
    names: &Names,
    key: OutsideKey,
    kind: Option<ObjectKind>,
    rights: Rights,
) -> Judgement {
    use ObjectKind::*;
    let Some(kind) = kind else {
        return Judgement::Refuse(Refusal::UnknownRecord);
    };
    if matches!(kind, Interrupt | IoPorts | Hardware) {
        return Judgement::Refuse(Refusal::Device);
    }
    if listing.owns(key.object) {
        return match kind.own_rights().contains(rights) {
            true => inside(listing, key.object),
            false => Judgement::Refuse(Refusal::BeyondGrant),
        };
    }
    if kind == Reply {
        return Judgement::Refuse(Refusal::AnswersOutsider);
    }
    match (names.get(&key), kind) {
        (Some(known), _) => Judgement::Rebind(known.name),
        (None, Memory) => Judgement::Refuse(Refusal::SharedMemory),
        (None, Endpoint | Notification) => Judgement::Refuse(Refusal::StaysBehind),
        (None, _) => Judgement::Refuse(Refusal::OtherDomain),
    }
}

/// Judges an object of the domain's own.
fn inside(listing: &Listing, id: ObjectId) -> Judgement {
    let Some(object) = listing.object(id) else {
        return Judgement::Recreate;
    };
    let attribute = Attribute::from_number(object.attribute);
    match (kind_of(object.kind), attribute) {
        (Some(ObjectKind::Memory), Some(Attribute::Ordinary)) if object.writers != 0 => {
            Judgement::Refuse(Refusal::SharedMemory)
        }
        (Some(ObjectKind::Memory), Some(Attribute::Ordinary)) => Judgement::Recreate,
        (Some(ObjectKind::Memory), Some(Attribute::Contiguous)) => {
            Judgement::Refuse(Refusal::ContiguousMemory)
        }
        (Some(ObjectKind::Memory), Some(Attribute::Device)) => {
            Judgement::Refuse(Refusal::DeviceMemory)
        }
        (Some(ObjectKind::Thread | ObjectKind::Endpoint | ObjectKind::Notification), _) => {
            Judgement::Recreate
        }
        (Some(ObjectKind::Pool | ObjectKind::Domain), _) => Judgement::Refuse(Refusal::ChildDomain),
        (Some(ObjectKind::Interrupt | ObjectKind::IoPorts), _) => {
            Judgement::Refuse(Refusal::Device)
        }
        _ => Judgement::Refuse(Refusal::UnknownRecord),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Refusal::ContiguousMemory => "contiguous memory, which a device may write",
            Refusal::DeviceMemory => "a device's registers",
            Refusal::Device => "a device of this machine",
            Refusal::ChildDomain => "a domain or pool of its own inside",
            Refusal::OtherDomain => "part of another domain",
            Refusal::SharedMemory => "memory that others write",
            Refusal::StaysBehind => "it belongs to something that stays behind",
            Refusal::AnswersOutsider => "it owes an answer to something that stays behind",
            Refusal::BeyondGrant => "more rights over itself than a domain is given",
            Refusal::UnknownRecord => "a kind that this server does not know",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Slot(slot) => write!(f, "slot {slot}"),
            Subject::Held(_, Role::Pager) => write!(f, "a pager"),
            Subject::Held(_, Role::FaultEndpoint) => write!(f, "a fault endpoint"),
            Subject::Held(_, Role::BoundNotification) => write!(f, "a bound notification"),
            Subject::Mapping(address) => write!(f, "mapping {address:#x}"),
            Subject::Object(id) => write!(f, "object {}", id.0),
        }
    }
}

/// One line of `explain`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        if let Some(kind) = self.kind {
            write!(f, ", {kind:?}")?;
        }
        match self.judgement {
            Judgement::Recreate => write!(f, ": recreate"),
            Judgement::Rebind(name) => write!(f, ": rebind to the destination's {name}"),
            Judgement::Refuse(refusal) => write!(f, ": refuse, {refusal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::samples::{listing, names};
    use abi::record::{MappingRecord, ObjectRecord};

    fn refusals(change: impl FnOnce(&mut Listing)) -> Vec<(Subject, Refusal)> {
        let mut listing = listing();
        change(&mut listing);
        let verdicts = judge(&listing, &names());
        verdicts
            .iter()
            .filter_map(|verdict| Some((verdict.subject, verdict.refusal()?)))
            .collect()
    }

    fn holding(kind: ObjectKind) -> Vec<(Subject, Refusal)> {
        refusals(|listing| {
            listing.capabilities.push(CapabilityRecord {
                slot: 20,
                kind: kind as u64,
                object: 555,
                ..CapabilityRecord::default()
            });
        })
    }

    #[test]
    fn a_domain_of_own_and_named_things_can_move() {
        assert_eq!(refusals(|_| ()), []);
    }

    #[test]
    fn refuses_things_that_no_other_machine_has() {
        let slot = Subject::Slot(20);
        for (kind, refusal) in [
            (ObjectKind::Interrupt, Refusal::Device),
            (ObjectKind::IoPorts, Refusal::Device),
            (ObjectKind::Hardware, Refusal::Device),
            (ObjectKind::Memory, Refusal::SharedMemory),
            (ObjectKind::Endpoint, Refusal::StaysBehind),
            (ObjectKind::Notification, Refusal::StaysBehind),
            (ObjectKind::Domain, Refusal::OtherDomain),
            (ObjectKind::Thread, Refusal::OtherDomain),
            (ObjectKind::Pool, Refusal::OtherDomain),
            (ObjectKind::Reply, Refusal::AnswersOutsider),
        ] {
            assert_eq!(holding(kind), [(slot, refusal)], "{kind:?}");
        }
    }

    #[test]
    fn refuses_pinned_memory_even_without_a_capability_for_it() {
        let object = ObjectRecord {
            id: 77,
            kind: ObjectKind::Memory as u64,
            attribute: 1,
            ..ObjectRecord::default()
        };
        let refused = refusals(|listing| listing.objects.push(object));
        assert_eq!(
            refused,
            [(Subject::Object(ObjectId(77)), Refusal::ContiguousMemory)]
        );
    }

    #[test]
    fn refuses_memory_of_its_own_that_others_may_write() {
        let id = ObjectId(listing_memory());
        let refused = refusals(|listing| {
            let memory = |object: &&mut ObjectRecord| object.id == id.0;
            let memory = listing.objects.iter_mut().find(memory);
            memory.expect("the sample has a Memory").writers = 1;
        });
        assert!(
            refused.contains(&(Subject::Object(id), Refusal::SharedMemory)),
            "{refused:?}"
        );
        let is_it = |(_, refusal): &(Subject, Refusal)| *refusal == Refusal::SharedMemory;
        assert!(refused.iter().all(is_it), "its slots and mappings too");
    }

    /// The id of the sample's Memory.
    fn listing_memory() -> u64 {
        let is_memory = |object: &&ObjectRecord| object.kind == ObjectKind::Memory as u64;
        let listing = listing();
        listing.objects.iter().find(is_memory).expect("a Memory").id
    }

    #[test]
    fn refuses_more_rights_over_itself_than_a_domain_is_given() {
        let subject = Subject::Slot(1);
        let refused = refusals(|listing| {
            let itself = |record: &&mut CapabilityRecord| record.slot == 1;
            let record = listing.capabilities.iter_mut().find(itself);
            let record = record.expect("the sample's first slot");
            assert_eq!(record.object, listing.domain.0);
            record.rights |= u64::from(abi::DomainRights::FREEZE.bits());
        });
        assert_eq!(refused, [(subject, Refusal::BeyondGrant)]);
    }

    #[test]
    fn refuses_a_mapping_of_memory_that_others_write_and_domains_within() {
        let mapping = MappingRecord {
            address: 0x60_0000,
            memory: 555,
            page_count: 1,
            ..MappingRecord::default()
        };
        let refused = refusals(|listing| listing.mappings.push(mapping));
        assert_eq!(
            refused,
            [(Subject::Mapping(0x60_0000), Refusal::SharedMemory)]
        );
        let pool = ObjectRecord {
            id: 78,
            kind: ObjectKind::Pool as u64,
            ..ObjectRecord::default()
        };
        let refused = refusals(|listing| listing.objects.push(pool));
        assert_eq!(
            refused,
            [(Subject::Object(ObjectId(78)), Refusal::ChildDomain)]
        );
    }

    #[test]
    fn explains_each_thing_in_one_line() {
        let lines: Vec<_> = judge(&listing(), &names())
            .iter()
            .map(Verdict::to_string)
            .collect();
        assert!(
            lines
                .iter()
                .any(|line| line == "slot 5, Endpoint: rebind to the destination's log"),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line == "slot 3, Endpoint: recreate"),
            "{lines:?}"
        );
    }
}
