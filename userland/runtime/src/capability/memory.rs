//! What a Memory can do: get pages and lose them.

use abi::Error;
use abi::calls::{MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply};
use abi::register::{PageCount, Slot};

use super::{Cap, Endpoint, Memory};
use crate::system_call::invoke;

impl Cap<Memory> {
    /// Gives it zeroed pages where it has none.
    ///
    /// # Errors
    /// What `MemoryPopulate` says.
    pub fn populate(self, first_page: PageCount, page_count: PageCount) -> Result<(), Error> {
        invoke(MemoryPopulate {
            memory: self.slot(),
            first_page,
            page_count,
        })
    }

    /// Copies pages of `giver`, from `giver_page` on, into it.
    ///
    /// # Errors
    /// What `MemorySupply` says.
    pub fn supply(
        self,
        first_page: PageCount,
        page_count: PageCount,
        giver: Cap<Memory>,
        giver_page: PageCount,
    ) -> Result<(), Error> {
        invoke(MemorySupply {
            memory: self.slot(),
            first_page,
            page_count,
            giver: giver.slot(),
            giver_page,
        })
    }

    /// Takes pages away.
    ///
    /// # Errors
    /// What `MemoryDiscard` says.
    pub fn discard(self, first_page: PageCount, page_count: PageCount) -> Result<(), Error> {
        invoke(MemoryDiscard {
            memory: self.slot(),
            first_page,
            page_count,
        })
    }

    /// Sets or clears the endpoint that hears of absent pages.
    ///
    /// # Errors
    /// What `MemoryPager` says.
    pub fn set_pager(self, pager: Option<Cap<Endpoint>>) -> Result<(), Error> {
        invoke(MemoryPager {
            memory: self.slot(),
            pager: pager.map_or(Slot::NONE, Cap::slot),
        })
    }
}
