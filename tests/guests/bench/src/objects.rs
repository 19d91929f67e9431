//! Creating and destroying objects, capabilities and mappings, all by the main thread.

use core::cell::Cell;

use runtime::Cap;
use runtime::Error;
use runtime::abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityMint, CapabilityMove, CapabilityRevoke, Destroy,
    DomainMap, DomainUnmap, EndpointCreate, MemoryCreate, MemoryPopulate, Null, PoolSplit,
    ThreadCreate,
};
use runtime::abi::kind::EndpointRights;
use runtime::abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use runtime::capability::{Endpoint, Pool};
use runtime::system_call::invoke;

use crate::bench::{Bench, Failure, SCRATCH, scratch};
use crate::measure::{SAMPLES, sampled, ticks};
use crate::worker::PLAYGROUND;

/// The number of pages for a measurement that creates an object per sample.
const PAGES: u64 = 4 * SAMPLES as u64;
/// The number of copies revoked, or objects destroyed, at once.
const MANY: u32 = 1000;
/// The number of samples of such an operation.
const REPEATS: usize = 5;

/// Keeps the first refusal, so that the measured code need not check for one.
#[derive(Default)]
pub struct Refusals(Cell<Option<Error>>);

impl Refusals {
    /// Keeps a refusal, if it is the first.
    pub fn note<T>(&self, result: Result<T, Error>) {
        if let Err(error) = result {
            self.0.set(self.0.get().or(Some(error)));
        }
    }

    /// The value, unless a call was refused during its measurement.
    pub fn or(self, value: u64) -> Result<u64, Failure> {
        match self.0.get() {
            None => Ok(value),
            Some(error) => Err(error.into()),
        }
    }
}

/// Measures in a pool that is destroyed afterwards, which empties the scratch slots.
fn in_pool(
    bench: &Bench,
    measure: impl FnOnce(Cap<Pool>, &Refusals) -> Result<u64, Failure>,
) -> Result<u64, Failure> {
    let pool = bench.scratch_pool(PAGES + u64::from(MANY))?;
    let refusals = Refusals::default();
    let value = measure(pool, &refusals)?;
    pool.destroy()?;
    refusals.or(value)
}

/// A system call that does nothing.
pub fn null(_: &Bench) -> Result<u64, Failure> {
    let refusals = Refusals::default();
    let value = sampled(|_| refusals.note(invoke(Null {})), |_| {});
    refusals.or(value)
}

/// Creating an endpoint.
pub fn create_endpoint(bench: &Bench) -> Result<u64, Failure> {
    in_pool(bench, |pool, refusals| {
        let pool = pool.slot();
        let create = |index| {
            let into = scratch(index);
            refusals.note(invoke(EndpointCreate { pool, into }));
        };
        Ok(sampled(create, |_| {}))
    })
}

/// Creating a stopped thread.
pub fn create_thread(bench: &Bench) -> Result<u64, Failure> {
    in_pool(bench, |pool, refusals| {
        let domain = pool.create_domain()?.slot();
        let create = |index| {
            let into = scratch(index);
            refusals.note(invoke(ThreadCreate { domain, into }));
        };
        Ok(sampled(create, |_| {}))
    })
}

/// Creating a Memory with one page, zeroed.
pub fn create_memory_page(bench: &Bench) -> Result<u64, Failure> {
    in_pool(bench, |pool, refusals| {
        let (pool, pages) = (pool.slot(), PageCount(1));
        let create = |index| {
            let (into, memory) = (scratch(index), scratch(index));
            refusals.note(invoke(MemoryCreate { pool, pages, into }));
            let first_page = PageIndex(0);
            refusals.note(invoke(MemoryPopulate {
                memory,
                first_page,
                page_count: pages,
            }));
        };
        Ok(sampled(create, |_| {}))
    })
}

/// Measures an operation on an endpoint in the first scratch slot.
fn with_endpoint(bench: &Bench, operation: impl FnOnce(&Refusals) -> u64) -> Result<u64, Failure> {
    in_pool(bench, |pool, refusals| {
        let into = SCRATCH;
        let pool = pool.slot();
        invoke(EndpointCreate { pool, into })?;
        Ok(operation(refusals))
    })
}

const FROM: Slot = SCRATCH;
const TO: Slot = Slot(SCRATCH.0 + 1);

/// Copying a capability.
pub fn copy(bench: &Bench) -> Result<u64, Failure> {
    with_endpoint(bench, |refusals| {
        let copy = |_| refusals.note(invoke(CapabilityCopy { from: FROM, to: TO }));
        let delete = |_| refusals.note(invoke(CapabilityDelete { slot: TO }));
        sampled(copy, delete)
    })
}

/// Minting a copy with fewer rights and a badge.
pub fn mint(bench: &Bench) -> Result<u64, Failure> {
    let call = CapabilityMint {
        from: FROM,
        to: TO,
        rights: EndpointRights::SEND.into(),
        badge: 7,
    };
    with_endpoint(bench, |refusals| {
        let mint = |_| refusals.note(invoke(call));
        let delete = |_| refusals.note(invoke(CapabilityDelete { slot: TO }));
        sampled(mint, delete)
    })
}

/// Moving a capability to another slot.
pub fn move_to(bench: &Bench) -> Result<u64, Failure> {
    with_endpoint(bench, |refusals| {
        let forth = |_| refusals.note(invoke(CapabilityMove { from: FROM, to: TO }));
        let back = |_| refusals.note(invoke(CapabilityMove { from: TO, to: FROM }));
        sampled(forth, back)
    })
}

/// Deleting a copy.
pub fn delete(bench: &Bench) -> Result<u64, Failure> {
    with_endpoint(bench, |refusals| {
        let copy = |_| refusals.note(invoke(CapabilityCopy { from: FROM, to: TO }));
        let delete = |_| refusals.note(invoke(CapabilityDelete { slot: TO }));
        copy(0);
        sampled(delete, copy)
    })
}

/// Revoking a thousand copies.
pub fn revoke_many(bench: &Bench) -> Result<u64, Failure> {
    in_pool(bench, |pool, _| {
        let endpoint: Cap<Endpoint> = pool.create_endpoint()?;
        let from = endpoint.slot();
        let copies = || {
            (0..MANY).try_for_each(|index| {
                let to = scratch(index);
                invoke(CapabilityCopy { from, to })
            })
        };
        median_of(copies, || invoke(CapabilityRevoke { slot: from }))
    })
}

/// Destroying a pool with a thousand endpoints.
pub fn destroy_endpoints(bench: &Bench) -> Result<u64, Failure> {
    let make = |pool: Slot| {
        (0..MANY).try_for_each(|index| {
            let into = scratch(index);
            invoke(EndpointCreate { pool, into })
        })
    };
    destroy_pool(bench, make)
}

/// Destroying a pool with a Memory of a thousand pages.
pub fn destroy_pages(bench: &Bench) -> Result<u64, Failure> {
    destroy_pool(bench, |pool| {
        let memory = Cap::<Pool>::from_slot(pool).create_memory(PageCount(MANY.into()))?;
        memory.populate(PageIndex(0), PageCount(MANY.into()))
    })
}

fn destroy_pool(bench: &Bench, make: impl Fn(Slot) -> Result<(), Error>) -> Result<u64, Failure> {
    let object = scratch(MANY);
    let prepare = || {
        invoke(PoolSplit {
            pool: bench.pool.slot(),
            pages: PageCount(u64::from(MANY) + 16),
            into: object,
        })?;
        make(object)
    };
    median_of(prepare, || invoke(Destroy { object }))
}

/// The median of a few samples of a long operation.
fn median_of(
    prepare: impl Fn() -> Result<(), Error>,
    operation: impl Fn() -> Result<(), Error>,
) -> Result<u64, Failure> {
    let mut samples = [0; REPEATS];
    for sample in &mut samples {
        prepare()?;
        let start = ticks();
        operation()?;
        *sample = ticks().wrapping_sub(start);
    }
    samples.sort_unstable();
    Ok(samples[REPEATS / 2].into())
}

/// Mapping one page.
pub fn map_page(bench: &Bench) -> Result<u64, Failure> {
    mapping(bench, |map, unmap| sampled(|_| map(), |_| unmap()))
}

/// Unmapping one page.
pub fn unmap_page(bench: &Bench) -> Result<u64, Failure> {
    mapping(bench, |map, unmap| {
        map();
        sampled(|_| unmap(), |_| map())
    })
}

#[inline(always)]
fn mapping(
    bench: &Bench,
    measure: impl FnOnce(&dyn Fn(), &dyn Fn()) -> u64,
) -> Result<u64, Failure> {
    in_pool(bench, |pool, refusals| {
        let memory = pool.create_populated_memory(PageCount(1))?.slot();
        let domain = pool.create_domain()?.slot();
        let address = UserAddress(PLAYGROUND);
        let map = || {
            refusals.note(invoke(DomainMap {
                domain,
                memory,
                address,
                first_page: PageIndex(0),
                page_count: PageCount(1),
                access: Access::ReadWrite,
            }))
        };
        let unmap = || refusals.note(invoke(DomainUnmap { domain, address }));
        Ok(measure(&map, &unmap))
    })
}
