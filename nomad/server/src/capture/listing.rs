//! The kernel's complete lists about a domain.

use alloc::vec::Vec;

use abi::ObjectKind;
use abi::record::{CapabilityRecord, List, MappingRecord, ObjectRecord, RecordWords};
use abi::register::ObjectId;
use nomad_image::{Limits, Listing};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::budget::THREADS_MAX;

/// The lists about a domain.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The lists.
    pub listing: Listing,
    /// The domain's version before they were read.
    pub version: u64,
    /// Slots of its table.
    pub slot_count: u32,
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

    pub fn memories(&self) -> impl Iterator<Item = &ObjectRecord> {
        self.of_kind(ObjectKind::Memory)
    }

    pub fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = &ObjectRecord> {
        let objects = self.listing.objects_within();
        objects.filter(move |object| object.kind == kind as u64)
    }
}

/// The reason a domain was not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// A call of the kernel failed.
    Kernel(Error),
    /// There is more of something than may move.
    TooMany {
        /// The kind of thing.
        what: &'static str,
        /// The most that may move.
        most: u32,
    },
}

impl From<Error> for ListError {
    fn from(error: Error) -> ListError {
        ListError::Kernel(error)
    }
}

/// Reads all lists. The lists of a running domain may disagree.
///
/// # Errors
/// [`ListError`]. Reading stops as soon as a list is longer than that of any domain that may move.
pub fn read(domain: Cap<Domain>) -> Result<Read, ListError> {
    let limits = Limits::default();
    let capability = CapabilityRecord::from_words;
    let objects = Bounded("objects", limits.objects_max);
    let (objects, version) = objects.all(domain, List::Objects, ObjectRecord::from_words)?;
    let mappings = Bounded("mappings", limits.mappings_max);
    let (mappings, _) = mappings.all(domain, List::Mappings, MappingRecord::from_words)?;
    let capabilities = Bounded("capabilities", limits.capabilities_max);
    let (capabilities, _) = capabilities.all(domain, List::Capabilities, capability)?;
    let held = Bounded("capabilities in its objects", limits.capabilities_max);
    let (held, _) = held.all(domain, List::Held, capability)?;
    let own = first_of(&objects, ObjectKind::Domain);
    let pool = first_of(&objects, ObjectKind::Pool);
    let read = Read {
        version,
        slot_count: u32::try_from(own.size).unwrap_or(abi::SLOTS_MAX),
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
    if read.of_kind(ObjectKind::Thread).count() > most as usize {
        Err(ListError::TooMany { what, most })
    } else {
        Ok(read)
    }
}

/// The offset of the domain's time from the machine's.
///
/// # Errors
/// The error of the kernel.
pub fn clock_offset_ns(domain: Cap<Domain>) -> Result<i64, Error> {
    let mut cursor = 0;
    loop {
        let part = domain.describe(List::Objects, cursor)?;
        let objects: Vec<_> = part.records.iter().map(ObjectRecord::from_words).collect();
        let own = first_of(&objects, ObjectKind::Domain);
        match part.next {
            Some(next) if own.id == 0 => cursor = next,
            _ => return Ok(own.attribute.cast_signed()),
        }
    }
}

/// The first object of a kind; all zero if there is none.
fn first_of(objects: &[ObjectRecord], kind: ObjectKind) -> ObjectRecord {
    let of_kind = |object: &&ObjectRecord| object.kind == kind as u64;
    objects.iter().find(of_kind).copied().unwrap_or_default()
}

/// The kind of thing that is listed, and the most that may move.
struct Bounded(&'static str, u32);

impl Bounded {
    /// Reads a list; returns it, and the version before it was read.
    fn all<T>(
        self,
        domain: Cap<Domain>,
        list: List,
        from_words: fn(&RecordWords) -> T,
    ) -> Result<(Vec<T>, u64), ListError> {
        let Bounded(what, most) = self;
        let (mut found, mut version, mut cursor) = (Vec::new(), None, 0);
        loop {
            let part = domain.describe(list, cursor)?;
            let version = *version.get_or_insert(part.version);
            found.extend(part.records.iter().map(from_words));
            if found.len() > most as usize {
                return Err(ListError::TooMany { what, most });
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
    use runtime::host::{CallResult, DONE, with_kernel};

    use super::*;

    /// A domain whose list of objects never ends.
    fn endless(request: &Request) -> CallResult {
        match request {
            Request::DomainDescribe(describe) => Ok([1, describe.cursor + 1, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    #[test]
    fn reads_no_more_than_may_move() {
        let (read, _) = with_kernel(endless, || read(Cap::from_slot(Slot(8))));
        let what = "objects";
        let most = Limits::default().objects_max;
        assert_eq!(read.err(), Some(ListError::TooMany { what, most }));
    }
}
