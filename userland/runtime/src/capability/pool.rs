//! The operations on a Pool: creating objects that it pays for.

use abi::Error;
use abi::calls::{
    DestroyChild, DomainCreate, EndpointCreate, MemoryCreate, MemoryCreateContiguous,
    NotificationCreate, PoolReport, PoolSplit,
};
use abi::register::{ObjectId, PageCount, PageIndex};

use super::{Cap, Domain, Endpoint, Memory, Notification, Pool, created};
use crate::slots;
use crate::system_call::invoke;

/// The balance of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number of pages it has.
    pub total: PageCount,
    /// The number of pages spent or reserved for children.
    pub spent: PageCount,
}

/// The permitted placement of a contiguous Memory, by bus address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusRange {
    /// The alignment of its address, in pages: a power of two, at most 512.
    pub alignment: PageCount,
    /// The lowest address.
    pub from: u64,
    /// The highest address at which it may end.
    pub below: u64,
}

impl BusRange {
    /// Anywhere: for a device with 64-bit addresses.
    pub const ALL: BusRange = BusRange {
        alignment: PageCount(1),
        from: 0,
        below: u64::MAX,
    };

    /// For a device with 32-bit addresses.
    pub const BELOW_4_GIB: BusRange = BusRange {
        below: 1 << 32,
        ..BusRange::ALL
    };
}

impl Cap<Pool> {
    /// Splits off a child pool.
    ///
    /// # Errors
    /// The error of `PoolSplit`, or the lack of a free slot.
    pub fn split(self, pages: PageCount) -> Result<Cap<Pool>, Error> {
        created(|into| {
            invoke(PoolSplit {
                pool: self.slot(),
                pages,
                into,
            })
        })
    }

    /// Destroys a pool that was split off from this one, even if no capability to it is left.
    ///
    /// # Errors
    /// The error of `DestroyChild`.
    pub fn destroy_child(self, child: ObjectId) -> Result<(), Error> {
        invoke(DestroyChild {
            pool: self.slot(),
            child,
        })
    }

    /// Reads the pool's balance.
    ///
    /// # Errors
    /// The error of `PoolReport`.
    pub fn report(self) -> Result<Report, Error> {
        let (total, spent) = invoke(PoolReport { pool: self.slot() })?;
        Ok(Report {
            total: PageCount(total),
            spent: PageCount(spent),
        })
    }

    /// Creates the pool's one domain.
    ///
    /// # Errors
    /// The error of `DomainCreate`, or the lack of a free slot.
    pub fn create_domain(self) -> Result<Cap<Domain>, Error> {
        created(|into| {
            invoke(DomainCreate {
                pool: self.slot(),
                into,
            })
        })
    }

    /// Creates a Memory without pages.
    ///
    /// # Errors
    /// The error of `MemoryCreate`, or the lack of a free slot.
    pub fn create_memory(self, pages: PageCount) -> Result<Cap<Memory>, Error> {
        created(|into| {
            invoke(MemoryCreate {
                pool: self.slot(),
                pages,
                into,
            })
        })
    }

    /// Creates a Memory with all its pages, zeroed.
    ///
    /// # Errors
    /// As [`Cap::create_memory`], or the pool cannot pay for the pages; then no Memory is created.
    pub fn create_populated_memory(self, pages: PageCount) -> Result<Cap<Memory>, Error> {
        let memory = self.create_memory(pages)?;
        memory.populate(PageIndex(0), pages).inspect_err(|_| {
            // The Memory was just created with every right, so this cannot fail.
            let _ = memory.destroy();
        })?;
        Ok(memory)
    }

    /// Creates a physically contiguous Memory with all its pages, zeroed; also returns its bus address.
    ///
    /// # Errors
    /// The error of `MemoryCreateContiguous` or `MemoryPopulate`, or the lack of a free slot; then no Memory is created.
    pub fn create_contiguous_memory(
        self,
        pages: PageCount,
        within: BusRange,
    ) -> Result<(Cap<Memory>, u64), Error> {
        let (slot, bus_address) = slots::fill(|into| {
            invoke(MemoryCreateContiguous {
                pool: self.slot(),
                pages,
                into,
                alignment: within.alignment,
                from: within.from,
                below: within.below,
            })
        })?;
        let memory = Cap::<Memory>::from_slot(slot);
        memory.populate(PageIndex(0), pages).inspect_err(|_| {
            // The Memory was just created with every right, so this cannot fail.
            let _ = memory.destroy();
        })?;
        Ok((memory, bus_address))
    }

    /// Creates an endpoint.
    ///
    /// # Errors
    /// The error of `EndpointCreate`, or the lack of a free slot.
    pub fn create_endpoint(self) -> Result<Cap<Endpoint>, Error> {
        created(|into| {
            invoke(EndpointCreate {
                pool: self.slot(),
                into,
            })
        })
    }

    /// Creates a notification.
    ///
    /// # Errors
    /// The error of `NotificationCreate`, or the lack of a free slot.
    pub fn create_notification(self) -> Result<Cap<Notification>, Error> {
        created(|into| {
            invoke(NotificationCreate {
                pool: self.slot(),
                into,
            })
        })
    }
}
