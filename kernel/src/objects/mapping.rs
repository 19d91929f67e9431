//! A Memory in a domain: [`Mapping`].
//!
//! A mapping holds a capability, derived from the one it was made through (a Memory's, or for a capture a
//! Domain's): when that is revoked, the mapping goes.

use core::cell::Cell;

use abi::register::Access;
use abi::{MAP_STEP_BYTES, PAGE_BYTES};
use capabilities::{Place, Slot};

use super::{Domain, MemoryObject, Object};
use crate::memory::{Holder, LinkRights, Ref, place_of};

/// A range of a Memory's pages at a range of a domain's addresses.
pub struct Mapping {
    slot: Slot<Object>,
    /// The domain.
    pub domain: Ref<Domain>,
    /// The Memory; none while the record is free.
    pub memory: Cell<Option<Ref<MemoryObject>>>,
    /// The first address, a multiple of 2 MiB.
    pub address: Cell<u64>,
    /// The Memory's page there, a multiple of 512.
    pub first_page: Cell<u64>,
    /// How many pages.
    pub page_count: Cell<u64>,
    /// How.
    pub access: Cell<Access>,
    /// The next mapping of the domain; of a free record, the next free one.
    pub next_in_domain: Cell<Option<Ref<Mapping>>>,
    /// The next mapping of the Memory.
    pub next_in_memory: Cell<Option<Ref<Mapping>>>,
}

impl Mapping {
    /// A free record.
    pub fn free(domain: Ref<Domain>, this: Ref<Mapping>) -> Mapping {
        Mapping {
            slot: Slot::empty(Holder::Mapping(this).pack()),
            domain,
            memory: Cell::new(None),
            address: Cell::new(0),
            first_page: Cell::new(0),
            page_count: Cell::new(0),
            access: Cell::new(Access::Read),
            next_in_domain: Cell::new(None),
            next_in_memory: Cell::new(None),
        }
    }

    /// The slot that holds what it was made through.
    pub fn slot(&self) -> Place {
        place_of(&self.slot)
    }

    /// The first address behind it.
    pub fn end(&self) -> u64 {
        self.address.get() + (self.page_count.get() * PAGE_BYTES).next_multiple_of(MAP_STEP_BYTES)
    }

    /// Whether an address lies in one of its pages.
    pub fn contains(&self, address: u64) -> bool {
        let start = self.address.get();
        address >= start && (address - start) / PAGE_BYTES < self.page_count.get()
    }

    /// The Memory's page at an address that it contains.
    pub fn page_at(&self, address: u64) -> u64 {
        self.first_page.get() + (address - self.address.get()) / PAGE_BYTES
    }

    /// What its links allow.
    pub fn link_rights(&self) -> LinkRights {
        let access = self.access.get();
        LinkRights {
            write: access == Access::ReadWrite,
            execute: access == Access::ReadExecute,
        }
    }
}
