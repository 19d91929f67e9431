//! Copies of a captured domain's pages: [`Staging`].
//!
//! The kernel copies; nothing of the domain is mapped here, and nothing stops it from running or from giving a page up
//! meanwhile: such a page is absent, and that is all.

use abi::PAGE_BYTES;
use abi::register::{Access, ObjectId, PageCount, PageIndex};
use nomad_image::{CHUNK_PAGES_MAX, PAGE_BYTES as PAGE_LENGTH};
use runtime::capability::{Domain, Memory, WantedPages};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::machine::Machine;
use crate::page_set::{ChunkPages, PAGES_PER_WORD};
use crate::restore::scrap;

/// Which of a domain's Memories is read.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The domain.
    pub domain: Cap<Domain>,
    /// The Memory.
    pub memory: ObjectId,
    /// The token of its dirty log, in which the pages that are read are clean afterwards; zero leaves it alone.
    pub log: u64,
}

/// What was found of the pages of a chunk that were to be read. Those in no set are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Those that were copied.
    pub data: ChunkPages,
    /// Those that are full of zeros.
    pub zero: ChunkPages,
}

/// A Memory of this server's for the copies of one chunk.
#[derive(Debug)]
pub struct Staging {
    memory: Cap<Memory>,
    mapping: Option<Mapping>,
}

impl Staging {
    /// Room for a chunk.
    ///
    /// # Errors
    /// The pool is empty, or what the kernel says.
    pub fn new(machine: &Machine) -> Result<Staging, Error> {
        let pages = PageCount(CHUNK_PAGES_MAX as u64);
        let memory = machine.pool.create_populated_memory(pages)?;
        let mapping = Mapping::new(machine.own, memory, pages, Access::Read)
            .inspect_err(|_| scrap::destroy(memory))?;
        Ok(Staging {
            memory,
            mapping: Some(mapping),
        })
    }

    /// Copies pages of the chunk that begins at a page, one behind the other.
    ///
    /// # Errors
    /// What `DomainReadPages` says.
    pub fn read(
        &mut self,
        source: &Source,
        first_page: u64,
        wanted: &ChunkPages,
    ) -> Result<Content, Error> {
        let mut content = Content::default();
        let mut copies = 0;
        for (index, mask) in wanted.0.iter().enumerate() {
            let mut rest = WantedPages {
                memory: source.memory,
                log: source.log,
                first_page: PageIndex(first_page + index as u64 * PAGES_PER_WORD),
                mask: *mask,
            };
            while rest.mask != 0 {
                let copied = source
                    .domain
                    .read_pages(rest, self.memory, PageIndex(copies))?;
                content.data.0[index] |= copied.data;
                content.zero.0[index] |= copied.zero;
                copies += u64::from(copied.data.count_ones());
                rest.mask = copied.remaining;
            }
        }
        Ok(content)
    }

    /// The copy of this number.
    pub fn copy(&self, number: usize, into: &mut [u8; PAGE_LENGTH]) {
        if let Some(mapping) = &self.mapping {
            mapping.memory().read(number * PAGE_BYTES as usize, into);
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Unmapped before its Memory ends.
        self.mapping = None;
        scrap::destroy(self.memory);
    }
}
