//! A frozen domain as data: [`Captured`], read through its Domain capability alone.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use runtime::abi::record::{CapabilityRecord, List, MappingRecord, ObjectRecord, RecordWords};
use runtime::abi::register::{ObjectId, PageCount, PageIndex};
use runtime::abi::thread_state::ThreadState;
use runtime::abi::{ObjectKind, PAGE_BYTES};
use runtime::capability::{Domain, WantedPages};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::subject::Lender;

/// The content of a page of zeros.
static ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];

/// A page and its content; `None` if it is all zeros.
pub type Page = (PageIndex, Option<Vec<u8>>);

/// An object of the domain's pool.
pub enum Object {
    /// The pool itself.
    Pool,
    /// The domain itself, with the size of its table.
    Domain(u64),
    /// A thread.
    Thread(Box<ThreadState>),
    /// A Memory: its size, and its present pages.
    Memory(PageCount, Vec<Page>),
    /// An endpoint.
    Endpoint,
    /// A notification, with its flags.
    Notification(u64),
}

/// The whole state of a frozen domain.
pub struct Captured {
    /// The domain's objects, in the order of creation.
    pub objects: Vec<(ObjectId, Object)>,
    /// The mappings.
    pub mappings: Vec<MappingRecord>,
    /// The capabilities in the domain's table, in the order of slots.
    pub capabilities: Vec<CapabilityRecord>,
    /// The capabilities that the objects hold.
    pub held: Vec<CapabilityRecord>,
    /// The domain's version.
    pub version: u64,
}

impl Captured {
    /// Reads a frozen domain.
    pub fn read(domain: Cap<Domain>, lender: &Lender) -> Result<Captured, Error> {
        let mut objects = Vec::new();
        for record in list(domain, List::Objects)? {
            let record = ObjectRecord::from_words(&record);
            objects.push((ObjectId(record.id), object(domain, lender, &record)?));
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

fn object(domain: Cap<Domain>, lender: &Lender, record: &ObjectRecord) -> Result<Object, Error> {
    let kind = u8::try_from(record.kind)
        .ok()
        .and_then(ObjectKind::from_number);
    Ok(match kind {
        Some(ObjectKind::Pool) => Object::Pool,
        Some(ObjectKind::Domain) => Object::Domain(record.size),
        Some(ObjectKind::Thread) => {
            Object::Thread(Box::new(domain.read_thread(ObjectId(record.id))?))
        }
        Some(ObjectKind::Memory) => {
            let pages = pages(domain, lender, record)?;
            Object::Memory(PageCount(record.size), pages)
        }
        Some(ObjectKind::Endpoint) => Object::Endpoint,
        Some(ObjectKind::Notification) => Object::Notification(record.size),
        _ => return Err(Error::WrongKind),
    })
}

/// Copies the present pages of a Memory. A mapping of them, such as a debugger uses, must show the same content.
fn pages(domain: Cap<Domain>, lender: &Lender, record: &ObjectRecord) -> Result<Vec<Page>, Error> {
    let (memory, count) = (ObjectId(record.id), PageCount(record.size));
    let mut pages = Vec::new();
    for first in (0..count.0).step_by(u64::BITS as usize) {
        let rest = (count.0 - first).min(u64::BITS.into());
        let wanted = WantedPages {
            memory,
            log: 0,
            first_page: PageIndex(first),
            mask: u64::MAX >> (u64::from(u64::BITS) - rest),
        };
        copy_pages(domain, lender, wanted, &mut pages)?;
    }
    let own = lender.domain;
    let view = Mapping::with(own, count, |address| {
        domain.map_captured(memory, own, address)
    })?;
    let mut bytes = vec![0; PAGE_BYTES as usize];
    let mut shows = |page: &Page| {
        view.memory()
            .read((page.0.0 * PAGE_BYTES) as usize, &mut bytes);
        bytes == page.1.as_deref().unwrap_or(&ZEROS)
    };
    let is_whole = pages.len() as u64 == record.present;
    (is_whole && pages.iter().all(&mut shows))
        .then_some(pages)
        .ok_or(Error::PageAbsent)
}

fn copy_pages(
    domain: Cap<Domain>,
    lender: &Lender,
    mut wanted: WantedPages,
    pages: &mut Vec<Page>,
) -> Result<(), Error> {
    while wanted.mask != 0 {
        let copied = domain.read_pages(wanted, lender.staging, PageIndex(0))?;
        let mut copies = 0;
        for bit in 0..u64::BITS {
            let is_in = |mask: u64| mask >> bit & 1 != 0;
            let page = PageIndex(wanted.first_page.0 + u64::from(bit));
            if is_in(copied.data) {
                let mut bytes = vec![0; PAGE_BYTES as usize];
                lender.copies.read(copies * PAGE_BYTES as usize, &mut bytes);
                copies += 1;
                pages.push((page, Some(bytes)));
            } else if is_in(copied.zero) {
                pages.push((page, None));
            }
        }
        wanted.mask = copied.remaining;
    }
    Ok(())
}
