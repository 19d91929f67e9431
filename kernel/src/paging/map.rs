//! A Memory appears in a domain, and disappears.
//!
//! Mapping links the leaf tables that exist; those made later are linked by the first fault there.

use abi::register::Access;
use abi::{Error, MAP_STEP_BYTES, PAGES_PER_TABLE, USER_END};
use capabilities::{Capability, Place};

use crate::kernel::{Kernel, slot_error};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Domain, Mapping, MemoryObject, Object, Step, check_lasting};

/// Links made when a Memory is mapped; the first fault makes each further one.
const LINKS_AT_ONCE: u64 = 64;

/// Places that one step of taking a mapping away looks at.
const UNLINKED_PER_STEP: u64 = 128;

/// What to map where.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// The Memory.
    pub memory: Ref<MemoryObject>,
    /// The slot of the capability that allows it: the mapping goes when that is revoked.
    pub through: Place,
    /// Where.
    pub address: u64,
    /// The first page.
    pub first_page: u64,
    /// How many pages.
    pub page_count: u64,
    /// How.
    pub access: Access,
    /// Whether `through` is a capability for the Memory's domain.
    pub is_capture: bool,
}

impl MapRequest {
    /// Whether the range is one that can be mapped: since whole leaf tables are linked, it begins at one and either
    /// ends at one or with the Memory.
    fn check(&self) -> Result<(), Error> {
        let aligned_end = self.page_count.is_multiple_of(PAGES_PER_TABLE)
            || self.first_page + self.page_count == self.memory.page_count;
        let aligned_start = self.address.is_multiple_of(MAP_STEP_BYTES)
            && self.first_page.is_multiple_of(PAGES_PER_TABLE);
        if !aligned_start || !aligned_end {
            return Err(Error::Misaligned);
        }
        let inside = self.memory.holds(self.first_page, self.page_count) && self.page_count != 0;
        let end =
            self.address + self.page_count.next_multiple_of(PAGES_PER_TABLE) * abi::PAGE_BYTES;
        if !inside || self.address == 0 || end > USER_END {
            return Err(Error::ArgumentRange);
        }
        Ok(())
    }

    fn end(&self) -> u64 {
        self.address + self.page_count.next_multiple_of(PAGES_PER_TABLE) * abi::PAGE_BYTES
    }
}

/// Maps pages of a Memory into a domain.
///
/// # Errors
/// [`Error::Misaligned`], [`Error::ArgumentRange`]; [`Error::Overlap`] with another mapping; [`Error::PoolEmpty`] or
/// [`Error::TableFull`] when the domain's pool cannot keep the record; [`Error::Gone`] for a Memory that is being destroyed.
pub fn map(kernel: &Kernel, domain: Ref<Domain>, request: MapRequest) -> Result<(), Error> {
    request.check()?;
    // A debugger sees what is left of a domain that was frozen in the middle of a destruction.
    if !request.is_capture {
        check_lasting(Object::Memory(request.memory))?;
    }
    // Mappings do not overlap each other: if any reaches into the range, the last one that begins before its end does.
    let before_end = domain.mapping_below(request.end() - 1);
    if before_end.is_some_and(|mapping| request.address < mapping.end()) {
        return Err(Error::Overlap);
    }
    if domain.free_mapping().is_none() {
        domain.grow_mappings(|| kernel.take_frame(domain.pool()))?;
    }
    let mapping = domain.free_mapping().ok_or(Error::TableFull)?;
    let object = Object::Memory(request.memory);
    let capability = Capability::new(object, abi::Rights(0));
    capabilities::derive(&SlotStorage, request.through, mapping.slot(), capability)
        .map_err(slot_error)?;
    fill(mapping, request);
    domain.add_mapping(mapping);
    domain.touch();
    link_present(kernel, mapping);
    Ok(())
}

/// Links the leaf table of an address in a mapping, if there is one and it is not linked yet.
///
/// # Errors
/// [`Error::PoolEmpty`] if the domain cannot pay for the tables above; [`Error::NotThere`] for a mapping that is being taken
/// away.
pub fn link_at(kernel: &Kernel, mapping: Ref<Mapping>, address: u64) -> Result<(), Error> {
    let domain = mapping.domain;
    let memory = mapping.memory.get().ok_or(Error::NotThere)?;
    if mapping.unlinked_to.get().is_some() {
        return Err(Error::NotThere);
    }
    let start = address & !(MAP_STEP_BYTES - 1);
    let Some(leaf) = memory.leaf(mapping.page_at(start)) else {
        return Ok(());
    };
    if domain.space.is_linked(start) {
        return Ok(());
    }
    domain.space.link(start, leaf, mapping.link_rights(), || {
        kernel.take_frame(domain.pool())
    })
}

/// Takes some of a mapping's links away; from the first step on it gets no new ones. When it is done, its slot can be emptied.
pub fn unlink_step(mapping: Ref<Mapping>) -> Step {
    let (space, end) = (&mapping.domain.space, mapping.end());
    let from = mapping.unlinked_to.get().unwrap_or_else(|| {
        // Its domain faults there from now on, also if nobody goes on.
        mapping.domain.touch();
        mapping.start()
    });
    let next = space.unlink(from, end, UNLINKED_PER_STEP);
    mapping.unlinked_to.set(Some(next));
    if next < end { Step::More } else { Step::Done }
}

/// The slot of a mapping without links was emptied: its record is free.
pub fn remove_mapping(mapping: Ref<Mapping>) {
    let (domain, end) = (mapping.domain, mapping.end());
    assert!(
        mapping.unlinked_to.get().is_some_and(|to| to >= end),
        "the links of a mapping go before its slot is emptied"
    );
    if let Some(memory) = mapping.memory.get() {
        memory.remove_mapping(mapping);
    }
    domain.remove_mapping(mapping);
    domain.touch();
}

fn fill(mapping: Ref<Mapping>, request: MapRequest) {
    mapping.set_start(request.address);
    mapping.first_page.set(request.first_page);
    mapping.page_count.set(request.page_count);
    mapping.access.set(request.access);
    mapping.is_capture.set(request.is_capture);
    mapping.memory.set(Some(request.memory));
    request.memory.add_mapping(mapping);
}

fn link_present(kernel: &Kernel, mapping: Ref<Mapping>) {
    let addresses = (mapping.start()..mapping.end()).step_by(MAP_STEP_BYTES as usize);
    for address in addresses.take(LINKS_AT_ONCE as usize) {
        // When the pool is empty, the first fault there says so to the one who touches it.
        if link_at(kernel, mapping, address).is_err() {
            return;
        }
    }
}
