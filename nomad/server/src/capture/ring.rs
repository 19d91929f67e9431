//! The ring of a frozen domain's port, whose waiting frames move with the domain: [`Ring`].

use alloc::vec::Vec;

use abi::record::MappingRecord;
use abi::register::ObjectId;
use identity::Name;
use nomad_image::{
    Announcement, Description, MemoryKey, Numbering, PAGE_BYTES, PageChange, PageMap, Writer,
};
use runtime::capability::Domain;
use runtime::port::PORT_PAGES;
use runtime::{Cap, Error};

use crate::capture::listing::Read;
use crate::capture::queue;
use crate::capture::staging::{Source, Staging};
use nomad_shell::page_set::ChunkPages;

/// A port's ring, which the domain has mapped and another domain owns.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    key: MemoryKey,
    source: Source,
}

/// The data by which a domain's ring is found.
pub struct RingQuery<'a> {
    pub domain: Cap<Domain>,
    pub read: &'a Read,
    pub description: &'a Description,
    /// The positions of its objects and outsiders.
    pub numbering: &'a Numbering,
}

impl Ring {
    /// The domain's ring, if it has one mapped.
    pub fn find(query: &RingQuery<'_>) -> Option<Ring> {
        let RingQuery {
            domain,
            read,
            description,
            numbering,
        } = *query;
        let is_port = |name: &Name| name.as_str() == queue::PORT;
        let mut outsiders = description.outsiders.iter();
        let position = outsiders.position(|outsider| is_port(&outsider.name))?;
        let memory: ObjectId = numbering.outsiders()[position].object;
        let mapped = |mapping: &&MappingRecord| mapping.memory == memory.0;
        let mapping = read.listing.mappings.iter().find(mapped)?;
        let is_whole = mapping.first_page == 0 && mapping.page_count == PORT_PAGES;
        is_whole.then_some(Ring {
            key: MemoryKey::Outside(position as u32),
            source: Source {
                domain,
                memory,
                log: 0,
            },
        })
    }

    /// Announces its Memory.
    pub fn announce(&self, writer: &mut Writer, out: &mut Vec<u8>) {
        writer.memory(0, &Announcement::empty(self.key, PORT_PAGES), out);
    }

    /// Sends the pages in use.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn send(
        &self,
        staging: &mut Staging,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut bytes = [0; PAGE_BYTES];
        let header = staging.read(&self.source, 0, &ChunkPages::of([0]))?;
        if header.data.contains(0) {
            staging.copy(0, &mut bytes);
        }
        let pages = queue::pages_in_use(&bytes);
        let content = staging.read(&self.source, 0, &ChunkPages::of(pages.iter().copied()))?;
        let Some(mut map) = PageMap::try_new(PORT_PAGES as usize) else {
            return Ok(());
        };
        pages
            .iter()
            .for_each(|page| map.set(*page as usize, PageChange::Data));
        writer.chunk(0, self.key, 0, &map, out);
        let mut copies = 0;
        for page in pages {
            bytes.fill(0);
            if content.data.contains(page as usize) {
                staging.copy(copies, &mut bytes);
                copies += 1;
            }
            writer.page(&bytes, out);
        }
        Ok(())
    }
}
