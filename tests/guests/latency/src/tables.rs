//! Long kernel operations on large tables of capabilities and mappings.

use runtime::Error;
use runtime::abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityMove, CapabilityRevoke, DomainDescribe,
};
use runtime::abi::kind::MemoryRights;
use runtime::abi::record::List;
use runtime::abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use runtime::abi::{MessageInfo, SLOTS_MAX};
use runtime::system_call::invoke;

use crate::actors::{FIRST_SLOT, call_with_new_buffer, cast, start_at};
use crate::messages::{call, receive};
use crate::nest::Nest;
use crate::stage::{MAP_STEP, PLAYGROUND, Stage, copy, describe, scratch};

const COPIES: u32 = 1500;
/// The number of reply rights in the last frame of a table.
const REPLIES: usize = 32;
/// The number of filled slots: more than one step of a destruction empties.
const SLOTS_FILLED: u32 = 64 * 20;
/// The number of mapping records, which fill 25 frames of 21 records each.
const MAPPINGS: u64 = 525;

/// Copies as siblings: moved, described, revoked, and destroyed with their object.
pub fn copies(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(64)?;
    let slot = pool.create_endpoint()?.slot();
    copy(slot, 0..COPIES)?;
    describe(stage.domain, List::Capabilities)?;
    let (from, to) = (scratch(0), scratch(COPIES));
    invoke(CapabilityMove { from, to })?;
    invoke(CapabilityMove { from: to, to: from })?;
    // The children of a deleted capability become children of its parent.
    copy(scratch(0), COPIES..2 * COPIES)?;
    invoke(CapabilityDelete { slot: scratch(0) })?;
    invoke(CapabilityRevoke { slot })?;
    copy(slot, 0..COPIES)?;
    pool.destroy()
}

/// Copies as a chain, as long as possible.
pub fn chain(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(64)?;
    let slot = pool.create_endpoint()?.slot();
    copy(slot, 0..1)?;
    let mut length = 1;
    while length < COPIES {
        let (from, to) = (scratch(length - 1), scratch(length));
        match invoke(CapabilityCopy { from, to }) {
            Ok(()) => length += 1,
            Err(Error::TableFull) => break,
            Err(error) => return Err(error),
        }
    }
    copy(scratch(length - 2), length..COPIES)?;
    describe(stage.domain, List::Capabilities)?;
    // Again, in one call, with a message buffer that is used for the first time.
    let first_copies = DomainDescribe {
        domain: Slot(FIRST_SLOT),
        list: List::Capabilities,
        cursor: scratch(0).0.into(),
    };
    call_with_new_buffer(stage, stage.domain, first_copies)?;
    invoke(CapabilityRevoke { slot })?;
    pool.destroy()
}

/// The largest table, of a domain that is destroyed.
pub fn full_table(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(1024)?;
    let domain = pool.create_domain()?;
    let endpoint = pool.create_endpoint()?;
    domain.grow(SLOTS_MAX)?;
    let rights = endpoint.inspect()?.rights;
    for slot in SLOTS_MAX - SLOTS_FILLED..SLOTS_MAX {
        domain.install(endpoint.erase(), Slot(slot), rights, 0)?;
    }
    describe(domain, List::Capabilities)?;
    domain.destroy()?;
    pool.destroy()
}

/// The largest table. Its last slots take longest to empty: they hold capabilities to write a Memory, whose loss is counted
/// in many domains, and reply rights to waiting threads.
pub fn replies(stage: &Stage) -> Result<(), Error> {
    let nest = Nest::new(stage, 16)?;
    let memory = nest.innermost.create_memory(PageCount(1))?;
    let endpoint = stage.pool.create_endpoint()?;
    let [callers, ending] = [cast(stage, REPLIES)?, cast(stage, REPLIES)?];
    callers.give(endpoint, FIRST_SLOT)?;
    ending.give(endpoint, FIRST_SLOT)?;
    ending.domain.grow(SLOTS_MAX)?;
    let first_reply = SLOTS_MAX - REPLIES as u32;
    for slot in first_reply - SLOTS_FILLED..first_reply {
        ending
            .domain
            .install(memory.erase(), Slot(slot), memory.inspect()?.rights, 0)?;
    }
    for (thread, slot) in ending.threads.iter().zip(first_reply..) {
        start_at(*thread, &receive(Slot(slot)), 0)?;
    }
    stage.pause()?;
    callers.start_at(call(MessageInfo::EMPTY), 0)?;
    stage.pause()?;
    let held = ending
        .domain
        .describe(List::Capabilities, first_reply.into())?;
    if held.records.is_empty() {
        return Err(Error::EmptySlot);
    }
    ending.domain.destroy()?;
    ending.end()?;
    callers.end()?;
    endpoint.destroy()?;
    nest.end()
}

/// Capabilities to write a Memory of the innermost of nested pools, in the largest table. The table's domain is in the
/// innermost of other nested pools, so that each step of its destruction descends through all of these pools.
pub fn deep(stage: &Stage) -> Result<(), Error> {
    let written = Nest::new(stage, 16)?;
    let memory = written.innermost.create_memory(PageCount(1))?;
    let rights = memory.inspect()?.rights;
    let ending = Nest::new(stage, 1024)?;
    ending.domain.grow(SLOTS_MAX)?;
    for slot in SLOTS_MAX - SLOTS_FILLED..SLOTS_MAX {
        ending
            .domain
            .install(memory.erase(), Slot(slot), rights, 0)?;
    }
    ending.end()?;
    written.end()
}

/// The maximum number of mappings: a domain has no records for more.
pub fn mappings(stage: &Stage) -> Result<(), Error> {
    let pool = stage.split(1024)?;
    let domain = pool.create_domain()?;
    let memory = stage.pool.create_populated_memory(PageCount(1))?;
    let page = PageCount(1);
    let at = |index| UserAddress(PLAYGROUND + index * MAP_STEP);
    for index in 0..MAPPINGS {
        domain.map(memory, at(index), PageIndex(0), page, Access::Read)?;
    }
    describe(domain, List::Mappings)?;
    for index in (0..MAPPINGS).step_by(2) {
        domain.unmap(at(index))?;
    }
    // Another capability, whose revocation removes only its own mapping.
    let other = memory.mint(MemoryRights::READ, 0)?;
    domain.map(other, at(0), PageIndex(0), page, Access::Read)?;
    other.revoke()?;
    other.delete()?;
    memory.revoke()?;
    memory.destroy()?;
    pool.destroy()
}
