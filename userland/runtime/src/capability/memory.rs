//! The operations on a Memory: populate, supply and discard pages, and set the pager.

use abi::Error;
use abi::calls::{MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply};
use abi::register::{PageCount, PageIndex};

use super::{Cap, Endpoint, Memory};
use crate::system_call::invoke;

impl Cap<Memory> {
    /// Populates absent pages with zeros.
    ///
    /// # Errors
    /// The error of `MemoryPopulate`.
    pub fn populate(self, first_page: PageIndex, page_count: PageCount) -> Result<(), Error> {
        invoke(MemoryPopulate {
            memory: self.slot(),
            first_page,
            page_count,
        })
    }

    /// Copies `page_count` pages of `source`, from `source_page` on, to `first_page` and the following pages of this Memory.
    /// Present pages are overwritten.
    ///
    /// # Errors
    /// The error of `MemorySupply`.
    pub fn supply(
        self,
        first_page: PageIndex,
        page_count: PageCount,
        source: Cap<Memory>,
        source_page: PageIndex,
    ) -> Result<(), Error> {
        invoke(MemorySupply {
            memory: self.slot(),
            first_page,
            page_count,
            source: source.slot(),
            source_page,
        })
    }

    /// Removes pages, which are absent afterwards.
    ///
    /// # Errors
    /// The error of `MemoryDiscard`.
    pub fn discard(self, first_page: PageIndex, page_count: PageCount) -> Result<(), Error> {
        invoke(MemoryDiscard {
            memory: self.slot(),
            first_page,
            page_count,
        })
    }

    /// Sets or clears the endpoint that receives faults on absent pages.
    ///
    /// # Errors
    /// The error of `MemoryPager`.
    pub fn set_pager(self, pager: Option<Cap<Endpoint>>) -> Result<(), Error> {
        invoke(MemoryPager {
            memory: self.slot(),
            pager: pager.map(Cap::slot),
        })
    }
}
