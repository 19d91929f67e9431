//! The mapping of a Memory into a domain: [`Mapping`].
//!
//! A mapping holds a capability. It is derived from the capability through which the mapping was created: one to the Memory,
//! or for a capture one to the Domain. Revoking that capability removes the mapping.

use core::cell::Cell;

use abi::register::Access;
use abi::{MAP_STEP_BYTES, PAGE_BYTES, USER_END};
use capabilities::{Place, Slot};

use super::{Domain, MemoryObject, Object};
use crate::collections::{IndexElement, IndexLink};
use crate::memory::{Holder, LinkRights, Ref, place_of};

/// A range of a Memory's pages at a range of a domain's addresses.
pub struct Mapping {
    slot: Slot<Object>,
    pub domain: Ref<Domain>,
    /// The Memory; none while the record is free.
    pub memory: Cell<Option<Ref<MemoryObject>>>,
    address: Cell<u64>,
    /// The first page, a multiple of 512.
    pub first_page: Cell<u64>,
    pub page_count: Cell<u64>,
    pub access: Cell<Access>,
    /// Whether it was created through a capability for the Memory's domain, to inspect that domain. An access to an absent
    /// page is then a fault, not a message to the domain's pager.
    pub is_capture: Cell<bool>,
    /// Set while it is being removed: there are no links below this address, and no new links are created.
    pub unlinked_to: Cell<Option<u64>>,
    /// The next of all records of the domain, free or not.
    pub next_record: Cell<Option<Ref<Mapping>>>,
    /// The next free record, if this one is free.
    pub next_free: Cell<Option<Ref<Mapping>>>,
    /// Its neighbours in the Memory's list.
    pub previous_in_memory: Cell<Option<Ref<Mapping>>>,
    /// See `previous_in_memory`.
    pub next_in_memory: Cell<Option<Ref<Mapping>>>,
    key: Cell<u32>,
    in_domain: IndexLink<Mapping>,
}

impl IndexElement for Mapping {
    type Key = u32;

    fn key(&self) -> u32 {
        self.key.get()
    }

    fn index_link(&self) -> &IndexLink<Mapping> {
        &self.in_domain
    }
}

/// The number of bits of a key's fraction.
const FRACTION_BITS: u32 = 27;

/// The key of an address among a domain's mappings: the number of its 2 MiB step as a floating-point number, first the
/// exponent, then the fraction. Keys have the order of the addresses. Most mappings are at low addresses, whose keys differ
/// in the first bits.
pub fn key_of(address: u64) -> u32 {
    let step = (address.min(USER_END) / MAP_STEP_BYTES) as u32;
    let Some(exponent) = step.checked_ilog2() else {
        return 0;
    };
    let fraction = step << (FRACTION_BITS - exponent) & ((1 << FRACTION_BITS) - 1);
    (exponent + 1) << FRACTION_BITS | fraction
}

const _: () = assert!((USER_END / MAP_STEP_BYTES).ilog2() < FRACTION_BITS);

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
            is_capture: Cell::new(false),
            unlinked_to: Cell::new(None),
            next_record: Cell::new(None),
            next_free: Cell::new(None),
            previous_in_memory: Cell::new(None),
            next_in_memory: Cell::new(None),
            key: Cell::new(0),
            in_domain: IndexLink::unlinked(),
        }
    }

    /// The slot of its capability.
    pub fn slot(&self) -> Place {
        place_of(&self.slot)
    }

    /// The first address, a multiple of 2 MiB.
    pub fn start(&self) -> u64 {
        self.address.get()
    }

    /// Sets the first address. The mapping must not be in an index.
    pub fn set_start(&self, address: u64) {
        self.address.set(address);
        self.key.set(key_of(address));
    }

    /// The end of its address range.
    pub fn end(&self) -> u64 {
        self.address.get() + (self.page_count.get() * PAGE_BYTES).next_multiple_of(MAP_STEP_BYTES)
    }

    /// Whether an address lies in one of its pages.
    pub fn contains(&self, address: u64) -> bool {
        let start = self.address.get();
        address >= start && (address - start) / PAGE_BYTES < self.page_count.get()
    }

    /// The address of a page, if it is one of this mapping's.
    pub fn address_of(&self, page: u64) -> Option<u64> {
        let index = page.checked_sub(self.first_page.get())?;
        (index < self.page_count.get()).then(|| self.address.get() + index * PAGE_BYTES)
    }

    /// The Memory's page at an address that it contains.
    pub fn page_at(&self, address: u64) -> u64 {
        self.first_page.get() + (address - self.address.get()) / PAGE_BYTES
    }

    /// Whether it lets a domain other than the Memory's own write.
    pub fn writes_from_outside(&self, memory: &MemoryObject) -> bool {
        self.access.get() == Access::ReadWrite && memory.is_foreign_to(self.domain)
    }

    pub fn link_rights(&self) -> LinkRights {
        let access = self.access.get();
        LinkRights {
            write: access == Access::ReadWrite,
            execute: access == Access::ReadExecute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_addresses() {
        let steps = (0..1000).chain((10..26).flat_map(|bit| (1 << bit) - 2..(1 << bit) + 3));
        let addresses: Vec<u64> = steps.map(|step| step * MAP_STEP_BYTES).collect();
        for pair in addresses.windows(2).filter(|pair| pair[0] < pair[1]) {
            assert!(key_of(pair[0]) < key_of(pair[1]), "{pair:x?}");
            assert_eq!(key_of(pair[0]), key_of(pair[0] + MAP_STEP_BYTES - 1));
        }
        assert!(key_of(USER_END - 1) < key_of(USER_END));
        assert_eq!(key_of(USER_END), key_of(u64::MAX));
    }
}
