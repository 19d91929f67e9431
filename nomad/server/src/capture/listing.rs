//! The kernel's lists about a domain, read whole.

use alloc::vec::Vec;

use abi::ObjectKind;
use abi::record::{CapabilityRecord, List, MappingRecord, ObjectRecord, RecordWords};
use abi::register::ObjectId;
use nomad_image::{Limits, Listing};
use runtime::capability::Domain;
use runtime::{Cap, Error};

/// A domain as the kernel lists it.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The lists.
    pub listing: Listing,
    /// The version before they were read.
    pub version: u64,
    /// Slots of its table.
    pub slot_count: u32,
    /// Its time is the machine's plus this.
    pub clock_offset_ns: i64,
}

impl Read {
    /// Pages of its Memories, absent ones included.
    pub fn pages(&self) -> u64 {
        self.memories().map(|memory| memory.size).sum()
    }

    /// Pages that are present.
    pub fn present_pages(&self) -> u64 {
        self.memories().map(|memory| memory.present).sum()
    }

    /// Its Memories.
    pub fn memories(&self) -> impl Iterator<Item = &ObjectRecord> {
        self.of_kind(ObjectKind::Memory)
    }

    /// Its objects of a kind.
    pub fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = &ObjectRecord> {
        let objects = self.listing.objects_within();
        objects.filter(move |object| object.kind == kind as u64)
    }
}

/// Reads all lists. Of a domain that runs they need not agree with each other.
///
/// # Errors
/// What `DomainDescribe` says; [`Error::ArgumentRange`] if there is more than an image can hold.
pub fn read(domain: Cap<Domain>) -> Result<Read, Error> {
    let limits = Limits::default();
    let (objects, version) = all(domain, List::Objects, limits.objects_max)?;
    let (mappings, _) = all(domain, List::Mappings, limits.mappings_max)?;
    let (capabilities, _) = all(domain, List::Capabilities, limits.capabilities_max)?;
    let (held, _) = all(domain, List::Held, limits.capabilities_max)?;
    let objects: Vec<_> = objects.iter().map(ObjectRecord::from_words).collect();
    let first = |kind: ObjectKind| {
        let of_kind = |object: &&ObjectRecord| object.kind == kind as u64;
        objects.iter().find(of_kind).copied().unwrap_or_default()
    };
    let (own, pool) = (first(ObjectKind::Domain), first(ObjectKind::Pool));
    Ok(Read {
        version,
        slot_count: u32::try_from(own.size).unwrap_or(abi::SLOTS_MAX),
        clock_offset_ns: own.attribute.cast_signed(),
        listing: Listing {
            domain: ObjectId(own.id),
            pool: ObjectId(pool.id),
            objects,
            mappings: mappings.iter().map(MappingRecord::from_words).collect(),
            capabilities: capabilities
                .iter()
                .map(CapabilityRecord::from_words)
                .collect(),
            held: held.iter().map(CapabilityRecord::from_words).collect(),
        },
    })
}

fn all(domain: Cap<Domain>, list: List, most: u32) -> Result<(Vec<RecordWords>, u64), Error> {
    let first = domain.describe(list, 0)?;
    let version = first.version;
    let mut words = first.records.to_vec();
    let mut next = first.next;
    while let Some(cursor) = next {
        let more = domain.describe(list, cursor)?;
        words.extend_from_slice(&more.records);
        next = more.next;
        if words.len() > most as usize {
            return Err(Error::ArgumentRange);
        }
    }
    Ok((words, version))
}
