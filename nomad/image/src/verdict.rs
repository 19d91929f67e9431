//! Verdicts: whether and how each thing that a domain holds can move with it.
//!
//! A domain is judged twice: before anything moves (also for the operator, by `explain`), and again when it is frozen.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use abi::record::{CapabilityRecord, MappingRecord};
use abi::register::ObjectId;
use abi::{ObjectKind, Rights};
use identity::Name;
use serde::{Deserialize, Serialize};

use crate::foreign;
use crate::listing::{ObjectIndex, kind_of};
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
    /// A pool or a domain inside the domain's pool: it belongs to another domain, which this image cannot hold.
    ChildDomain,
    /// Another domain, a part of one, or its pool.
    OtherDomain,
    /// Memory that others write, or may write.
    SharedMemory,
    /// An endpoint or notification of something that stays behind.
    StaysBehind,
    /// The right to reply to a caller that stays behind.
    RepliesToOutsider,
    /// More rights to itself or its pool than a domain is given.
    BeyondGrant,
    /// A kernel record that this server does not understand.
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
    /// The reason the domain cannot move, if this verdict is a refusal.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.judgement {
            Judgement::Refuse(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Judges everything that a domain holds.
pub fn judge(listing: &Listing, names: &Names) -> Vec<Verdict> {
    let index = &listing.index();
    let objects = listing.objects_within().map(|object| Verdict {
        subject: Subject::Object(ObjectId(object.id)),
        kind: kind_of(object.kind),
        judgement: inside(index, ObjectId(object.id)),
    });
    let table = listing
        .capabilities
        .iter()
        .map(|record| capability(index, names, Subject::Slot(record.slot as u32), record));
    let held = listing.held.iter().map(|record| held(index, names, record));
    let mappings = listing
        .mappings
        .iter()
        .map(|record| mapping(index, names, record));
    objects.chain(table).chain(held).chain(mappings).collect()
}

fn capability(
    index: &ObjectIndex<'_>,
    names: &Names,
    subject: Subject,
    record: &CapabilityRecord,
) -> Verdict {
    let key = OutsideKey {
        object: ObjectId(record.object),
        badge: record.badge,
    };
    let kind = kind_of(record.kind);
    Verdict {
        subject,
        kind,
        judgement: reference(index, names, key, kind, Rights(record.rights as u16)),
    }
}

/// Judges a capability that an object holds.
fn held(index: &ObjectIndex<'_>, names: &Names, record: &CapabilityRecord) -> Verdict {
    let holder = ObjectId(record.holder);
    match Role::from_number(record.slot) {
        Some(role) => capability(index, names, Subject::Held(holder, role), record),
        None => Verdict {
            subject: Subject::Object(holder),
            kind: None,
            judgement: Judgement::Refuse(Refusal::UnknownRecord),
        },
    }
}

fn mapping(index: &ObjectIndex<'_>, names: &Names, record: &MappingRecord) -> Verdict {
    let key = OutsideKey {
        object: ObjectId(record.memory),
        badge: 0,
    };
    let kind = Some(ObjectKind::Memory);
    Verdict {
        subject: Subject::Mapping(record.address),
        kind,
        judgement: reference(index, names, key, kind, Rights(0)),
    }
}

/// Judges a capability or mapping.
fn reference(
    index: &ObjectIndex<'_>,
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
    if index.owns(key.object) {
        return if kind.own_rights().contains(rights) {
            inside(index, key.object)
        } else {
            Judgement::Refuse(Refusal::BeyondGrant)
        };
    }
    if kind == Reply {
        return Judgement::Refuse(Refusal::RepliesToOutsider);
    }
    match (names.get(&key), kind) {
        (Some(known), _) => Judgement::Rebind(known.name),
        (None, Memory) => Judgement::Refuse(Refusal::SharedMemory),
        (None, Endpoint | Notification) => Judgement::Refuse(Refusal::StaysBehind),
        (None, _) => Judgement::Refuse(Refusal::OtherDomain),
    }
}

/// Judges an object of the domain's own.
fn inside(index: &ObjectIndex<'_>, id: ObjectId) -> Judgement {
    let Some(object) = index.object(id) else {
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
            Refusal::ChildDomain => "a domain or pool within its own pool",
            Refusal::OtherDomain => "part of another domain",
            Refusal::SharedMemory => "memory that others write",
            Refusal::StaysBehind => "it belongs to something that stays behind",
            Refusal::RepliesToOutsider => "it owes a reply to something that stays behind",
            Refusal::BeyondGrant => "more rights to itself than a domain is given",
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
mod tests;
