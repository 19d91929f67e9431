//! The ring of a frozen domain's port, whose waiting frames travel with it: [`Ring`].

use alloc::vec::Vec;

use abi::record::MappingRecord;
use abi::register::ObjectId;
use nomad_image::{
    Description, MemoryKey, Name, Numbering, PAGE_BYTES, PageChange, PageMap, Writer,
};
use runtime::capability::Domain;
use runtime::port::PORT_PAGES;
use runtime::{Cap, Error};

use crate::capture::captured::View;
use crate::capture::listing::Read;
use crate::capture::queue;

/// A port's ring, seen.
pub struct Ring {
    key: MemoryKey,
    memory: ObjectId,
    view: View,
}

/// What says whether a domain has a ring, and which.
pub struct Whose<'a> {
    /// This server's domain.
    pub own: Cap<Domain>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The lists of it.
    pub read: &'a Read,
    /// Its description.
    pub description: &'a Description,
    /// The positions of its objects and outsiders.
    pub numbering: &'a Numbering,
}

impl Ring {
    /// The domain's, if it has one mapped: the one that was found before, or a new view.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn find(whose: &Whose<'_>, found: Option<Ring>) -> Result<Option<Ring>, Error> {
        let Whose {
            own,
            domain,
            read,
            description,
            numbering,
        } = *whose;
        let is_port = |name: &Name| name.as_str() == queue::PORT;
        let mut outsiders = description.outsiders.iter();
        let Some(position) = outsiders.position(|outsider| is_port(&outsider.name)) else {
            return Ok(None);
        };
        let memory = numbering.outsiders()[position].object;
        let mapped = |mapping: &&MappingRecord| mapping.memory == memory.0;
        let Some(mapping) = read.listing.mappings.iter().find(mapped) else {
            return Ok(None);
        };
        if mapping.first_page != 0 || mapping.page_count != PORT_PAGES {
            return Ok(None);
        }
        let key = MemoryKey::Outside(position as u32);
        if let Some(found) = found.filter(|found| found.key == key && found.memory == memory) {
            return Ok(Some(found));
        }
        let view = View::new(own, domain, memory, PORT_PAGES)?;
        Ok(Some(Ring { key, memory, view }))
    }

    /// Says that there is such a Memory.
    pub fn announce(&self, writer: &mut Writer, out: &mut Vec<u8>) {
        writer.memory(0, self.key, PORT_PAGES, out);
    }

    /// Sends the pages in use.
    pub fn send(&self, writer: &mut Writer, out: &mut Vec<u8>) {
        let pages = queue::pages_in_use(self.view.memory());
        let Some(mut map) = PageMap::try_new(PORT_PAGES as usize) else {
            return;
        };
        pages
            .iter()
            .for_each(|page| map.set(*page as usize, PageChange::Data));
        writer.chunk(0, self.key, 0, &map, out);
        let mut bytes = [0; PAGE_BYTES];
        for page in pages {
            self.view.read(page, &mut bytes);
            writer.page(&bytes, out);
        }
    }
}
