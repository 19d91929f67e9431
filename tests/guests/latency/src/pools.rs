//! Long kernel operations on large pools and on deeply nested pools.

use alloc::vec::Vec;

use runtime::Error;
use runtime::abi::POOL_DEPTH_MAX;
use runtime::abi::calls::{CapabilityCopy, CapabilityDelete, Destroy, EndpointCreate, Yield};
use runtime::abi::record::List;
use runtime::abi::register::{PageCount, PageIndex};
use runtime::system_call::invoke;

use crate::actors::Actors;
use crate::stage::{Stage, copy, describe, scratch};

const OBJECTS: u32 = 3000;
/// The number of copies of a pool's capability, each a copy of the one before.
const COPIES: u32 = 1500;
/// In [`nested`]: the number of pages for the threads in the innermost pool. Each pool around it has a few pages more than the
/// next one inside.
const PAGES_INSIDE: u64 = 1200;
const THREADS: usize = 256;
/// The number of pages of a pool with a domain of one thread.
const PAGES_TRAPPED: u64 = 24;

/// A search among many objects, and their destruction.
pub fn objects(stage: &Stage) -> Result<(), Error> {
    let pages = u64::from(OBJECTS) + 64;
    let pool = stage.split(pages)?;
    let domain = pool.create_domain()?;
    for _ in 0..OBJECTS {
        let (pool, into) = (pool.slot(), scratch(0));
        invoke(EndpointCreate { pool, into })?;
        invoke(CapabilityDelete { slot: into })?;
    }
    pool.create_populated_memory(PageCount(1))?;
    let memory = describe(domain, List::Objects)?;
    domain.present_pages(memory, PageIndex(0), PageCount(1))?;
    pool.destroy()
}

/// Destroys a pool whose capabilities form a chain, through the first of them. Does the same to a second such pool, through the
/// last of them.
pub fn chain(stage: &Stage) -> Result<(), Error> {
    for invoked in [0, COPIES - 1] {
        let pool = stage.split(64)?;
        copy(pool.slot(), 0..1)?;
        for index in 1..COPIES {
            let (from, to) = (scratch(index - 1), scratch(index));
            invoke(CapabilityCopy { from, to })?;
        }
        let object = scratch(invoked);
        invoke(Destroy { object })?;
        pool.forget();
    }
    Ok(())
}

/// Destroys pools nested as deep as possible, each with a domain whose thread has trapped; nobody has received the fault
/// messages. The outermost pool is destroyed through its own capability the first time, and through its parent's the second
/// time.
pub fn trapped(stage: &Stage) -> Result<(), Error> {
    let endpoint = stage.pool.create_endpoint()?;
    for by_parent in [false, true] {
        let outermost = stage.split(u64::from(POOL_DEPTH_MAX) * PAGES_TRAPPED)?;
        let mut all = Vec::new();
        let mut pool = outermost;
        for depth in 1..=POOL_DEPTH_MAX {
            let actors = Actors::in_pool(pool, 1)?;
            actors.start_trapped(endpoint)?;
            all.push(actors);
            if depth < POOL_DEPTH_MAX {
                let deeper = u64::from(POOL_DEPTH_MAX - depth);
                pool = pool.split(PageCount(deeper * PAGES_TRAPPED))?;
            }
        }
        stage.pause()?;
        if by_parent {
            let id = stage.domain.identify(outermost.slot())?;
            stage.pool.destroy_child(id)?;
        } else {
            outermost.destroy()?;
        }
        all.into_iter().for_each(Actors::forget);
    }
    endpoint.destroy()
}

/// Pools nested as deep as possible, with threads that run in the innermost.
pub fn nested(stage: &Stage) -> Result<(), Error> {
    let outermost = stage.split(PAGES_INSIDE + u64::from(POOL_DEPTH_MAX) * 4)?;
    let mut pool = outermost;
    // The actors' own pool is the last.
    for depth in 2..POOL_DEPTH_MAX {
        let pages = PAGES_INSIDE + u64::from(POOL_DEPTH_MAX - depth) * 4;
        pool = pool.split(PageCount(pages))?;
    }
    let actors = Actors::new(pool, THREADS)?;
    actors.start_at(Yield {}, 0)?;
    stage.pause()?;
    outermost.destroy()?;
    actors.forget();
    Ok(())
}
