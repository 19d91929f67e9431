//! A domain's heap: [`HeapMemory`].

use abi::kind::MemoryRights;
use abi::register::{Access, PageCount};
use abi::{Error, MEMORY_PAGES_MAX, PAGES_PER_TABLE};
use runtime::Cap;
use runtime::capability::{Memory, Pool, Report};

use crate::grant::{Grant, Place};
use crate::handle::Handle;
use crate::layout::HEAP;

/// The pages that a growing heap never takes from its domain's pool: they are for page tables, slots and threads.
const HEAP_LEAVES: u64 = 64;

/// A domain's heap: a Memory whose pages are absent until the domain needs them.
pub(super) struct HeapMemory {
    memory: Handle<Memory>,
    place: Place,
    promised: PageCount,
}

impl HeapMemory {
    /// Creates a heap as large as the pool can pay for, with this many promised pages; `None` for no pages. The heap is mapped when the
    /// domain gets the capability that [`HeapMemory::grant`] returns.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub(super) fn create(
        pool: Cap<Pool>,
        promised: PageCount,
    ) -> Result<Option<HeapMemory>, Error> {
        if promised.0 == 0 {
            return Ok(None);
        }
        let pages = heap_pages_max(pool.report()?, promised);
        let memory = Handle::new(pool.create_memory(pages)?);
        let place = Place {
            address: HEAP,
            pages,
            access: Access::ReadWrite,
        };
        Ok(Some(HeapMemory {
            memory,
            place,
            promised,
        }))
    }

    /// Checks that the pool can pay for the promised pages, when the domain's other objects have been created.
    ///
    /// # Errors
    /// [`Error::PoolEmpty`], or the kernel's refusal of a report.
    pub(super) fn check(&self, pool: Cap<Pool>) -> Result<(), Error> {
        let can_pay = can_pay(pool.report()?, self.promised);
        can_pay.then_some(()).ok_or(Error::PoolEmpty)
    }

    /// The capability with which the domain populates the other pages, so that the heap grows.
    pub(super) fn grant(&self) -> Grant<'static> {
        Grant {
            place: Some(self.place),
            ..Grant::new("heap", *self.memory, MemoryRights::MANAGE)
        }
    }
}

/// The largest heap that a pool can pay for, its leaf tables included, but at least `heap`.
fn heap_pages_max(report: Report, heap: PageCount) -> PageCount {
    let free = free_pages(report).saturating_sub(HEAP_LEAVES);
    let most = free - free.div_ceil(PAGES_PER_TABLE + 1);
    PageCount(most.min(MEMORY_PAGES_MAX).max(heap.0))
}

fn free_pages(report: Report) -> u64 {
    report.total.0.saturating_sub(report.spent.0)
}

/// Whether a pool can pay for this many pages of a heap, for the tables of the Memory and of its mapping, and for the pages that a heap
/// leaves.
fn can_pay(report: Report, pages: PageCount) -> bool {
    let leaves = pages.0.div_ceil(PAGES_PER_TABLE);
    let directories = 2 * leaves.div_ceil(PAGES_PER_TABLE);
    let needed = pages.0.saturating_add(leaves + directories + HEAP_LEAVES);
    needed <= free_pages(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages_max(total: u64, spent: u64, heap: u64) -> u64 {
        let report = Report {
            total: PageCount(total),
            spent: PageCount(spent),
        };
        heap_pages_max(report, PageCount(heap)).0
    }

    #[test]
    fn a_heap_with_its_tables_never_takes_the_last_pages_of_its_pool() {
        for free in [65, 300, 513 + 64, 514 + 64, 5000, 1 << 20] {
            let heap = pages_max(100 + free, 100, 1);
            let tables = heap.div_ceil(PAGES_PER_TABLE);
            assert!(heap + tables + HEAP_LEAVES <= free.max(66), "{free}");
            let more = heap + 1;
            let is_largest = more + more.div_ceil(PAGES_PER_TABLE) + HEAP_LEAVES >= free;
            assert!(is_largest, "{heap} of {free}");
        }
    }

    #[test]
    fn a_heap_is_promised_only_what_its_pool_can_pay_for_with_the_tables() {
        let can_pay = |spent, pages| {
            let report = Report {
                total: PageCount(2000),
                spent: PageCount(spent),
            };
            super::can_pay(report, PageCount(pages))
        };
        let needed = 1000 + 2 + 2 + HEAP_LEAVES;
        assert!(can_pay(2000 - needed, 1000));
        assert!(!can_pay(2001 - needed, 1000));
        assert!(!can_pay(2001, 1) && !can_pay(0, u64::MAX));
    }

    #[test]
    fn a_heap_is_never_smaller_than_the_manifest_asks() {
        assert_eq!(pages_max(100, 100, 256), 256);
        assert_eq!(pages_max(1000, 900, 256), 256);
        assert_eq!(pages_max(u64::MAX, 0, 256), MEMORY_PAGES_MAX);
    }
}
