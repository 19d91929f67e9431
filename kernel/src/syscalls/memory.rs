//! Memories: populate, supply, discard, pager.
//!
//! Populate, supply and discard take a step, advance their argument registers by it, and restart.

use abi::calls::{MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply};
use abi::{EndpointRights, Error, MemoryRights, PAGES_PER_TABLE};
use capabilities::Storage;

use super::thread::{Source, hold};
use super::{CallResult, Outcome, lookup};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Attribute, MemoryObject, Thread};
use crate::paging;

/// The argument registers that hold a range's first page and its number of pages.
const RANGE: (usize, usize) = (1, 2);
/// The argument register of `MemorySupply` that holds the source's first page.
const SOURCE_PAGE: usize = 4;

pub fn populate(kernel: &Kernel, caller: Ref<Thread>, call: MemoryPopulate) -> CallResult {
    let memory = lookup::memory(caller, call.memory, MemoryRights::MANAGE)?;
    let (first, count) = (call.first_page.0, call.page_count.0);
    let done = paging::populate(kernel, memory, first, count)?;
    Ok(advance(caller, first, count, done))
}

pub fn supply(kernel: &Kernel, caller: Ref<Thread>, call: MemorySupply) -> CallResult {
    let memory = lookup::memory(caller, call.memory, MemoryRights::MANAGE)?;
    let source = lookup::memory(caller, call.source, MemoryRights::READ)?;
    let (first, count) = (call.first_page.0, call.page_count.0);
    let done = paging::supply(kernel, memory, first, count, source, call.source_page.0)?;
    caller.set_argument(SOURCE_PAGE, call.source_page.0 + done);
    Ok(advance(caller, first, count, done))
}

pub fn discard(kernel: &Kernel, caller: Ref<Thread>, call: MemoryDiscard) -> CallResult {
    let memory = lookup::memory(caller, call.memory, MemoryRights::MANAGE)?;
    let (first, count) = (call.first_page.0, call.page_count.0);
    if memory.attribute != Attribute::Ordinary {
        return Err(Error::WrongState);
    }
    if !memory.holds(first, count) {
        return Err(Error::ArgumentRange);
    }
    let step = count.min(PAGES_PER_TABLE - first % PAGES_PER_TABLE);
    if paging::discard(kernel, memory, first, step, paging::DISCARD_MAX) {
        memory.header.touch();
        return Ok(Outcome::Again);
    }
    Ok(advance(caller, first, count, step))
}

pub fn set_pager(kernel: &Kernel, caller: Ref<Thread>, call: MemoryPager) -> CallResult {
    let memory = lookup::memory(caller, call.memory, MemoryRights::MANAGE)?;
    match call.pager {
        Some(slot) => {
            lookup::endpoint(caller, slot, EndpointRights::SEND)?;
            hold_pager(kernel, memory, Source::in_table(caller, slot)?)?;
        }
        None if SlotStorage.slot(memory.pager()).is_empty() => {}
        None => kernel.empty_slot(memory.pager())?,
    }
    memory.header.touch();
    Ok(Outcome::DONE)
}

/// Sets a Memory's pager.
///
/// # Errors
/// As [`hold`].
pub fn hold_pager(
    kernel: &Kernel,
    memory: Ref<MemoryObject>,
    endpoint: Source,
) -> Result<(), Error> {
    hold(
        kernel,
        endpoint,
        memory.pager(),
        EndpointRights::SEND.into(),
    )?;
    memory.header.touch();
    Ok(())
}

/// Advances a range's arguments; the call is complete when nothing remains.
fn advance(caller: Ref<Thread>, first: u64, count: u64, done: u64) -> Outcome {
    if done == count {
        return Outcome::DONE;
    }
    caller.set_argument(RANGE.0, first + done);
    caller.set_argument(RANGE.1, count - done);
    Outcome::Again
}
