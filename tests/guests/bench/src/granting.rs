//! Moving the pages of a retired domain to another Memory.

use core::cell::RefCell;

use runtime::Cap;
use runtime::abi::NO_DEADLINE;
use runtime::abi::calls::DomainGrantPages;
use runtime::abi::register::{ObjectId, PageCount, PageIndex};
use runtime::capability::{Domain, Pool};
use runtime::system_call::invoke;

use crate::bench::{Bench, Failure};
use crate::measure::sampled;
use crate::objects::Refusals;

/// The number of pages: those of a leaf table.
const PAGES: PageCount = PageCount(512);
/// The number of pages for the domain, tables and records.
const SPARE_PAGES: u64 = 64;

/// Moving 512 pages.
pub fn grant_pages(bench: &Bench) -> Result<u64, Failure> {
    let target = bench.pool.create_memory(PAGES)?;
    let source = RefCell::new(Source::new(bench)?);
    let refusals = Refusals::default();
    let value = sampled(
        |_| {
            let source = source.borrow();
            refusals.note(invoke(DomainGrantPages {
                domain: source.domain.slot(),
                memory: source.memory,
                target: target.slot(),
                first_page: PageIndex(0),
                page_count: PAGES,
                progress: 0,
            }));
        },
        |_| {
            refusals.note(target.discard(PageIndex(0), PAGES));
            let mut source = source.borrow_mut();
            refusals.note(source.pool.destroy());
            if let Ok(next) = Source::new(bench) {
                *source = next;
            }
        },
    );
    source.into_inner().pool.destroy()?;
    target.destroy()?;
    refusals.or(value)
}

/// A retired domain with a Memory.
struct Source {
    pool: Cap<Pool>,
    domain: Cap<Domain>,
    memory: ObjectId,
}

impl Source {
    fn new(bench: &Bench) -> Result<Source, Failure> {
        let pool = bench.scratch_pool(PAGES.0 + SPARE_PAGES)?;
        let domain = pool.create_domain()?;
        let memory = pool.create_populated_memory(PAGES)?;
        let id = bench.domain.identify(memory.slot())?;
        let freeze = domain.freeze(NO_DEADLINE)?;
        domain.retire(freeze.version, freeze.token)?;
        Ok(Source {
            pool,
            domain,
            memory: id,
        })
    }
}
