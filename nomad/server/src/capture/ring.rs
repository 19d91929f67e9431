//! The ring of a frozen domain's port, whose waiting frames travel with it: [`Ring`].

use alloc::vec::Vec;

use abi::record::MappingRecord;
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
    view: View,
}

impl Ring {
    /// The domain's, if it has one mapped. `own` is this server's domain.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn find(
        own: Cap<Domain>,
        domain: Cap<Domain>,
        read: &Read,
        description: &Description,
        numbering: &Numbering,
    ) -> Result<Option<Ring>, Error> {
        let is_port = |name: &Name| name.as_str() == queue::PORT;
        let mut outsiders = description.outsiders.iter();
        let Some(position) = outsiders.position(|outsider| is_port(&outsider.name)) else {
            return Ok(None);
        };
        let id = numbering.outsiders()[position].object;
        let mapped = |mapping: &&MappingRecord| mapping.memory == id.0;
        let Some(mapping) = read.listing.mappings.iter().find(mapped) else {
            return Ok(None);
        };
        if mapping.first_page != 0 || mapping.page_count != PORT_PAGES {
            return Ok(None);
        }
        let key = MemoryKey::Outside(position as u32);
        let view = View::new(own, domain, id, PORT_PAGES)?;
        Ok(Some(Ring { key, view }))
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
