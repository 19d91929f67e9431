//! Copies of a captured domain's pages: [`Staging`].
//!
//! The kernel makes the copies, so none of the domain's memory is mapped here. The domain may discard a page meanwhile,
//! if it runs. Such a page is then absent.

use abi::PAGE_BYTES;
use abi::register::{Access, ObjectId, PageCount, PageIndex};
use nomad_image::{CHUNK_PAGES_MAX, PAGE_BYTES as PAGE_LENGTH};
use runtime::capability::{Domain, Memory, WantedPages};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::machine::Machine;
use crate::owned::destroy_or_forget;
use nomad_shell::page_set::{ChunkPages, PAGES_PER_WORD};
use nomad_shell::page_state::Content;

/// The Memory that is read.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub domain: Cap<Domain>,
    pub memory: ObjectId,
    /// The token of its dirty log. Pages that are read become clean in that log. Zero leaves the log unchanged.
    pub log: u64,
}

/// A Memory of this server that holds the copies of one chunk.
#[derive(Debug)]
pub struct Staging {
    memory: Cap<Memory>,
    mapping: Option<Mapping>,
}

impl Staging {
    /// Makes a Memory for the copies of one chunk.
    ///
    /// # Errors
    /// The error of the kernel, such as that the pool is empty.
    pub fn new(machine: &Machine) -> Result<Staging, Error> {
        let pages = PageCount(CHUNK_PAGES_MAX as u64);
        let memory = machine.pool.create_populated_memory(pages)?;
        let mapping = Mapping::new(machine.own, memory, pages, Access::Read)
            .inspect_err(|_| destroy_or_forget(memory))?;
        Ok(Staging {
            memory,
            mapping: Some(mapping),
        })
    }

    /// Copies pages of the chunk that begins at `first_page`, one after the other.
    ///
    /// # Errors
    /// The error of `DomainReadPages`.
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

    /// Reads the copy of this number.
    pub fn copy(&self, number: usize, into: &mut [u8; PAGE_LENGTH]) {
        if let Some(mapping) = &self.mapping {
            mapping.memory().read(number * PAGE_BYTES as usize, into);
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The mapping is removed before its Memory is destroyed.
        self.mapping = None;
        destroy_or_forget(self.memory);
    }
}
