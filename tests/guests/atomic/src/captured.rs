//! A frozen domain as data: [`Captured`], read through its Domain capability and nothing else.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use runtime::abi::calls::PageSet;
use runtime::abi::record::{CapabilityRecord, List, MappingRecord, ObjectRecord, RecordWords};
use runtime::abi::register::{ObjectId, PageCount};
use runtime::abi::thread_state::ThreadState;
use runtime::abi::{ObjectKind, PAGE_BYTES};
use runtime::capability::Domain;
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

/// A page and what is in it.
pub type Page = (PageCount, Vec<u8>);

/// An object of the domain's pool.
pub enum Object {
    /// The pool itself.
    Pool,
    /// The domain itself.
    Domain,
    /// A thread.
    Thread(Box<ThreadState>),
    /// A Memory: how many pages it can hold, and those that it has.
    Memory(PageCount, Vec<Page>),
    /// An endpoint.
    Endpoint,
    /// A notification, with its flags.
    Notification(u64),
}

/// All there is to a frozen domain.
pub struct Captured {
    /// Its objects, in the order of creation.
    pub objects: Vec<(ObjectId, Object)>,
    /// Its mappings.
    pub mappings: Vec<MappingRecord>,
    /// Its capabilities, in the order of slots.
    pub capabilities: Vec<CapabilityRecord>,
    /// The capabilities inside its objects.
    pub held: Vec<CapabilityRecord>,
    /// Its version.
    pub version: u64,
}

impl Captured {
    /// Reads a frozen domain, through mappings in the reader's own domain.
    pub fn read(domain: Cap<Domain>, own: Cap<Domain>) -> Result<Captured, Error> {
        let mut objects = Vec::new();
        for record in list(domain, List::Objects)? {
            let record = ObjectRecord::from_words(&record);
            objects.push((ObjectId(record.id), object(domain, own, &record)?));
        }
        let mappings = list(domain, List::Mappings)?;
        let capabilities = list(domain, List::Capabilities)?;
        let held = list(domain, List::Held)?;
        Ok(Captured {
            objects,
            mappings: mappings.iter().map(MappingRecord::from_words).collect(),
            capabilities: capabilities
                .iter()
                .map(CapabilityRecord::from_words)
                .collect(),
            held: held.iter().map(CapabilityRecord::from_words).collect(),
            version: domain.describe(List::Objects, 0)?.version,
        })
    }

    /// The threads' states.
    pub fn threads(&self) -> impl Iterator<Item = &ThreadState> {
        self.objects.iter().filter_map(|(_, object)| match object {
            Object::Thread(state) => Some(state.as_ref()),
            _ => None,
        })
    }
}

fn list(domain: Cap<Domain>, list: List) -> Result<Vec<RecordWords>, Error> {
    let mut all = Vec::new();
    let mut cursor = Some(0);
    while let Some(at) = cursor {
        let some = domain.describe(list, at)?;
        all.extend_from_slice(&some.records);
        cursor = some.next;
    }
    Ok(all)
}

fn object(domain: Cap<Domain>, own: Cap<Domain>, record: &ObjectRecord) -> Result<Object, Error> {
    let kind = u8::try_from(record.kind)
        .ok()
        .and_then(ObjectKind::from_number);
    Ok(match kind {
        Some(ObjectKind::Pool) => Object::Pool,
        Some(ObjectKind::Domain) => Object::Domain,
        Some(ObjectKind::Thread) => {
            Object::Thread(Box::new(domain.read_thread(ObjectId(record.id))?))
        }
        Some(ObjectKind::Memory) => {
            let pages = pages(domain, own, record)?;
            Object::Memory(PageCount(record.size), pages)
        }
        Some(ObjectKind::Endpoint) => Object::Endpoint,
        Some(ObjectKind::Notification) => Object::Notification(record.size),
        _ => return Err(Error::WrongKind),
    })
}

/// The pages that a Memory has. Subjects' Memories are small: one bitmap covers all of one.
fn pages(domain: Cap<Domain>, own: Cap<Domain>, record: &ObjectRecord) -> Result<Vec<Page>, Error> {
    let (id, count) = (ObjectId(record.id), PageCount(record.size));
    let present = domain.pages(id, PageCount(0), count, PageSet::Present)?;
    let mapping = Mapping::with(own, count, |address| domain.map_captured(id, own, address))?;
    let read = |page: PageCount| {
        let mut bytes = vec![0; PAGE_BYTES as usize];
        mapping
            .memory()
            .read((page.0 * PAGE_BYTES) as usize, &mut bytes);
        (page, bytes)
    };
    Ok(present.pages().map(read).collect())
}
