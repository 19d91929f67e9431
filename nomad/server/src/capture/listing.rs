//! The kernel's lists about a domain, read whole.

use alloc::vec::Vec;

use abi::ObjectKind;
use abi::record::{CapabilityRecord, List, MappingRecord, ObjectRecord, RecordWords};
use abi::register::ObjectId;
use nomad_image::{Limits, Listing};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::budget::THREADS_MAX;

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

/// Why a domain was not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// The kernel said no.
    Kernel(Error),
    /// There is more of something than a move takes.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it takes.
        most: u32,
    },
}

impl From<Error> for Unlisted {
    fn from(error: Error) -> Unlisted {
        Unlisted::Kernel(error)
    }
}

/// Reads all lists. Of a domain that runs they need not agree with each other.
///
/// # Errors
/// [`Unlisted`]: no more is read of a domain that is too large than of the largest that may move.
pub fn read(domain: Cap<Domain>) -> Result<Read, Unlisted> {
    let limits = Limits::default();
    let capability = CapabilityRecord::from_words;
    let (objects, version) = Wanted("objects", limits.objects_max).all(
        domain,
        List::Objects,
        ObjectRecord::from_words,
    )?;
    let (mappings, _) = Wanted("mappings", limits.mappings_max).all(
        domain,
        List::Mappings,
        MappingRecord::from_words,
    )?;
    let (capabilities, _) = Wanted("capabilities", limits.capabilities_max).all(
        domain,
        List::Capabilities,
        capability,
    )?;
    let (held, _) = Wanted("capabilities in its objects", limits.capabilities_max).all(
        domain,
        List::Held,
        capability,
    )?;
    let first = |kind: ObjectKind| {
        let of_kind = |object: &&ObjectRecord| object.kind == kind as u64;
        objects.iter().find(of_kind).copied().unwrap_or_default()
    };
    let (own, pool) = (first(ObjectKind::Domain), first(ObjectKind::Pool));
    let read = Read {
        version,
        slot_count: u32::try_from(own.size).unwrap_or(abi::SLOTS_MAX),
        clock_offset_ns: own.attribute.cast_signed(),
        listing: Listing {
            domain: ObjectId(own.id),
            pool: ObjectId(pool.id),
            objects,
            mappings,
            capabilities,
            held,
        },
    };
    let (what, most) = ("threads", THREADS_MAX);
    match read.of_kind(ObjectKind::Thread).count() > most as usize {
        true => Err(Unlisted::TooMany { what, most }),
        false => Ok(read),
    }
}

/// What is listed, and how many of them at most.
struct Wanted(&'static str, u32);

impl Wanted {
    /// Reads a list; returns it, and the version before it was read.
    fn all<T>(
        self,
        domain: Cap<Domain>,
        list: List,
        from_words: fn(&RecordWords) -> T,
    ) -> Result<(Vec<T>, u64), Unlisted> {
        let Wanted(what, most) = self;
        let (mut found, mut version, mut cursor) = (Vec::new(), None, 0);
        loop {
            let part = domain.describe(list, cursor)?;
            let version = *version.get_or_insert(part.version);
            found.extend(part.records.iter().map(from_words));
            if found.len() > most as usize {
                return Err(Unlisted::TooMany { what, most });
            }
            match part.next {
                Some(next) => cursor = next,
                None => return Ok((found, version)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::Slot;
    use runtime::host::{Answer, DONE, with_kernel};

    use super::*;

    /// A domain with one object after another, for ever.
    fn endless(request: &Request) -> Answer {
        match request {
            Request::DomainDescribe(describe) => Ok([1, describe.cursor + 1, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    #[test]
    fn no_more_is_read_than_may_move() {
        let (read, _) = with_kernel(endless, || read(Cap::from_slot(Slot(8))));
        let what = "objects";
        let most = Limits::default().objects_max;
        assert_eq!(read.err(), Some(Unlisted::TooMany { what, most }));
    }
}
