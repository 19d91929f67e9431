//! Freezing a small and a large domain, which must cost the same.

use core::cell::Cell;

use guest_support::worker::map;
use runtime::abi::NO_DEADLINE;
use runtime::abi::calls::{DomainFreeze, DomainThaw};
use runtime::abi::register::{Access, PageCount};
use runtime::system_call::invoke;

use crate::bench::{Bench, Failure};
use crate::measure::sampled;
use crate::objects::Refusals;
use crate::scripts;
use crate::worker::{PLAYGROUND, Worker, start};

const THREADS: usize = 4;
const PRIORITY: u8 = 1;
/// The number of pages for tables.
const SPARE_PAGES: u64 = 256;

/// The freeze of a domain with four runnable threads and this many MiB.
pub fn freeze<const MIB: u64>(bench: &Bench) -> Result<u64, Failure> {
    let pages = MIB * 256;
    let worker = Worker::with_pages(bench, pages + SPARE_PAGES)?;
    let memory = worker.pool.create_populated_memory(PageCount(pages))?;
    map(worker.domain, memory, PLAYGROUND, pages, Access::ReadWrite)?;
    worker.start(scripts::spins, PRIORITY)?;
    for _ in 1..THREADS {
        start(worker.domain.create_thread()?, scripts::spins, PRIORITY)?;
    }
    let domain = worker.domain.slot();
    let refusals = Refusals::default();
    let freeze = DomainFreeze {
        domain,
        deadline: NO_DEADLINE,
        progress: 0,
    };
    let token = Cell::new(0);
    let value = sampled(
        |_| {
            let frozen = invoke(freeze);
            token.set(frozen.map_or(0, |(_, token)| token));
            refusals.note(frozen.map(|_| ()));
        },
        |_| {
            let token = token.get();
            refusals.note(invoke(DomainThaw { domain, token }));
        },
    );
    worker.end()?;
    refusals.or(value)
}
