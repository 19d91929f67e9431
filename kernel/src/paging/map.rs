//! Mapping a Memory into a domain, and unmapping it.
//!
//! Mapping links the existing leaf tables. A leaf table that is created later is linked by the first fault in its range.

use abi::register::Access;
use abi::{Error, MAP_STEP_BYTES, PAGES_PER_TABLE, USER_END};
use capabilities::{Capability, Place};

use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Domain, Mapping, MemoryObject, Object, Step, check_alive, slot_error};

/// The maximum number of links that mapping a Memory creates. Each further link is created by the first fault in its range.
const LINKS_AT_ONCE: u64 = 64;

/// The maximum number of entries that one step of unmapping examines.
const UNLINKED_PER_STEP: u64 = 128;

/// The arguments of [`map`].
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    pub memory: Ref<MemoryObject>,
    /// The slot of the capability that permits the mapping: revoking that capability removes the mapping.
    pub through: Place,
    pub address: u64,
    pub first_page: u64,
    pub page_count: u64,
    pub access: Access,
    /// Whether `through` is a capability for the Memory's domain.
    pub is_capture: bool,
}

impl MapRequest {
    /// Checks that the range can be mapped. Whole leaf tables are linked, so the range must begin at the start of a leaf
    /// table, and end at the end of a leaf table or of the Memory.
    fn check(&self) -> Result<(), Error> {
        let aligned_end = self.page_count.is_multiple_of(PAGES_PER_TABLE)
            || self.first_page + self.page_count == self.memory.page_count;
        let aligned_start = self.address.is_multiple_of(MAP_STEP_BYTES)
            && self.first_page.is_multiple_of(PAGES_PER_TABLE);
        if !aligned_start || !aligned_end {
            return Err(Error::Misaligned);
        }
        let inside = self.memory.holds(self.first_page, self.page_count) && self.page_count != 0;
        if !inside || self.address == 0 || self.end() > USER_END {
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
/// [`Error::TableFull`] when there is no room for the record; [`Error::Gone`] for a Memory that is being destroyed.
pub fn map(kernel: &Kernel, domain: Ref<Domain>, request: MapRequest) -> Result<(), Error> {
    request.check()?;
    // A debugger may inspect the remaining parts of a domain that was frozen in the middle of a destruction.
    if !request.is_capture {
        check_alive(Object::Memory(request.memory))?;
    }
    // Mappings do not overlap each other. So if any mapping overlaps the range, the last one that begins before the range's
    // end does.
    let before_end = domain.mapping_below(request.end() - 1);
    if before_end.is_some_and(|mapping| request.address < mapping.end()) {
        return Err(Error::Overlap);
    }
    // Checked before a frame is charged, so that a refusal costs nothing.
    capabilities::check_derivable(&SlotStorage, request.through).map_err(slot_error)?;
    if domain.free_mapping().is_none() {
        domain.grow_mappings(|| kernel.take_frame(domain.pool()))?;
    }
    let mapping = domain.free_mapping().ok_or(Error::TableFull)?;
    let object = Object::Memory(request.memory);
    let capability = Capability::new(object, abi::Rights(0));
    capabilities::derive(&SlotStorage, request.through, mapping.slot(), capability)
        .expect("the source was checked, and a free record's slot is empty");
    fill(mapping, request);
    domain.add_mapping(mapping);
    domain.touch();
    link_present(kernel, mapping);
    Ok(())
}

/// Links the leaf table of an address in a mapping, if it exists and is not linked yet.
///
/// # Errors
/// [`Error::PoolEmpty`] if the domain cannot pay for the tables above; [`Error::NotThere`] for a mapping that is being
/// removed.
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

/// Removes some of a mapping's links. From the first step on it gets no new links; after the last step its slot can be emptied.
pub fn unlink_step(mapping: Ref<Mapping>) -> Step {
    let (space, end) = (&mapping.domain.space, mapping.end());
    let from = mapping.unlinked_to.get().unwrap_or_else(|| {
        // From now on its domain faults there, even if no further step follows.
        mapping.domain.touch();
        mapping.start()
    });
    let next = space.unlink(from, end, UNLINKED_PER_STEP, |address| {
        // The link's mark would be lost, and with it the pages that were written through it.
        if let Some(memory) = mapping.memory.get() {
            memory.mark_used(mapping.page_at(address));
        }
    });
    mapping.unlinked_to.set(Some(next));
    if next < end { Step::More } else { Step::Done }
}

/// Frees the record of a mapping without links, whose slot was emptied.
pub fn remove_mapping(mapping: Ref<Mapping>) {
    let (domain, end) = (mapping.domain, mapping.end());
    assert!(
        mapping.unlinked_to.get().is_some_and(|to| to >= end),
        "the links of a mapping are removed before its slot is emptied"
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
        // The pool is empty. The first access to the rest of the mapping faults, and tries again.
        if link_at(kernel, mapping, address).is_err() {
            return;
        }
    }
}
