//! Faults that a thread of another domain handles.

use guest_support::worker::map;
use runtime::abi::register::{Access, PageCount};

use crate::bench::{Bench, Failure};
use crate::measure::SAMPLES;
use crate::scripts::{self, slots};
use crate::worker::{PLAYGROUND, PRIORITY, Worker};

/// A page fault, whose handler maps a page.
pub fn page(bench: &Bench) -> Result<u64, Failure> {
    let (faulting, handler) = pair(bench)?;
    let memory = faulting.pool.create_populated_memory(PageCount(1))?;
    handler.give(memory, slots::MEMORY)?;
    handler.give(faulting.domain, slots::DOMAIN)?;
    faulting.give(faulting.domain, slots::DOMAIN)?;
    handler.start(scripts::maps_where_touched, PRIORITY)?;
    faulting.start(scripts::touches_unmapped, PRIORITY)?;
    let median = faulting.median(bench)?;
    end(faulting, handler)?;
    Ok(median)
}

/// An access to a Memory's absent page, which its pager populates; this includes zeroing the page.
pub fn absent_page(bench: &Bench) -> Result<u64, Failure> {
    let (faulting, handler) = pair(bench)?;
    let pages = SAMPLES as u64;
    let memory = faulting.pool.create_memory(PageCount(pages))?;
    map(
        faulting.domain,
        memory,
        PLAYGROUND,
        pages,
        Access::ReadWrite,
    )?;
    // The pager also receives thread faults.
    let endpoint = handler.pool.create_endpoint()?;
    memory.set_pager(Some(endpoint))?;
    handler.domain.remove(slots::ENDPOINT)?;
    handler.give(endpoint, slots::ENDPOINT)?;
    handler.give(memory, slots::MEMORY)?;
    faulting.give(memory, slots::MEMORY)?;
    handler.start(scripts::serves_as_pager, PRIORITY)?;
    faulting.start(scripts::touches_absent, PRIORITY)?;
    let median = faulting.median(bench)?;
    end(faulting, handler)?;
    Ok(median)
}

/// The time from one exception of a thread to the next. The handler lets the thread retry its instruction.
pub fn exception(bench: &Bench) -> Result<u64, Failure> {
    let (faulting, handler) = pair(bench)?;
    handler.start(scripts::handles_exceptions, PRIORITY)?;
    faulting.start(scripts::raises, PRIORITY)?;
    let median = handler.median(bench)?;
    end(faulting, handler)?;
    Ok(median)
}

/// Two workers: the second handles the first's faults.
fn pair(bench: &Bench) -> Result<(Worker, Worker), Failure> {
    let faulting = Worker::new(bench)?;
    let handler = Worker::new(bench)?;
    let endpoint = handler.pool.create_endpoint()?;
    faulting.thread.set_fault_endpoint(Some(endpoint))?;
    handler.give(endpoint, slots::ENDPOINT)?;
    Ok((faulting, handler))
}

fn end(faulting: Worker, handler: Worker) -> Result<(), Failure> {
    for worker in [faulting, handler] {
        worker.check_plain()?;
        worker.end()?;
    }
    Ok(())
}
