//! A Memory that pages arrive for.

use abi::register::{Access, PageCount};
use abi::{PAGE_BYTES, register};
use nomad_image::{PAGE_BYTES as PAGE_LENGTH, PageChange, PageMap};
use runtime::capability::{Domain, Memory, Pool};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::page_set::PageSet;
use crate::restore::scrap;

/// A Memory of the domain that arrives, mapped here so that its pages can be written.
#[derive(Debug)]
pub struct Arriving {
    memory: Cap<Memory>,
    view: Mapping,
    /// Pages that hold something else than zeros.
    written: PageSet,
}

impl Arriving {
    /// Makes a Memory and maps it into `own`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(own: Cap<Domain>, pool: Cap<Pool>, pages: u64) -> Result<Arriving, Error> {
        let memory = pool.create_memory(PageCount(pages))?;
        let view = Mapping::new(own, memory, PageCount(pages), Access::ReadWrite)
            .inspect_err(|_| scrap::destroy(memory))?;
        Ok(Arriving {
            memory,
            view,
            written: PageSet::new(pages),
        })
    }

    /// The Memory.
    pub fn memory(&self) -> Cap<Memory> {
        self.memory
    }

    /// Does what a chunk says of its pages; those with data are populated, and written when they come.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn apply(&mut self, first_page: u64, map: &PageMap) -> Result<(), Error> {
        let at = |page: usize| first_page + page as u64;
        for (first, count) in map.runs(|change| change == PageChange::Absent) {
            self.memory
                .discard(register::PageCount(at(first)), PageCount(count as u64))?;
            (first..first + count).for_each(|page| self.written.remove(at(page)));
        }
        let is_there = |change| matches!(change, PageChange::Zero | PageChange::Data);
        for (first, count) in map.runs(is_there) {
            self.memory
                .populate(PageCount(at(first)), PageCount(count as u64))?;
        }
        for page in map.pages(PageChange::Zero).map(at) {
            if self.written.contains(page) {
                self.put(page, &[0; PAGE_LENGTH]);
                self.written.remove(page);
            }
        }
        map.pages(PageChange::Data)
            .for_each(|page| self.written.insert(at(page)));
        Ok(())
    }

    /// Writes a page that a chunk announced.
    pub fn put(&self, page: u64, bytes: &[u8; PAGE_LENGTH]) {
        self.view
            .memory()
            .write((page * PAGE_BYTES) as usize, bytes);
    }

    /// Takes its pager away, if it was given one: what a Memory holds does not end with the domain that it was derived in.
    pub fn take_pager(&self) {
        if let Err(error) = self.memory.set_pager(None) {
            log::warn!("taking a pager away: {error}");
        }
    }

    /// Ends it.
    pub fn destroy(self) {
        drop(self.view);
        scrap::destroy(self.memory);
    }
}
