//! The growth of the heap: [`Growth`] populates further pages of the heap's Memory.
//!
//! ```text
//! Memory `heap`:  | populated: the heap | promised | further pages, as long as the pool has some |
//! ```
//!
//! The domain's creator makes the Memory as large as the domain's pool can pay for, maps all of it, and populates none of it. So growing
//! is one system call, the heap stays contiguous, and a domain that moves has one Memory and one mapping for its heap, however often it
//! grew. The creator has checked that the pool can pay for the promised pages.

use abi::PAGE_BYTES;
use abi::register::{PageCount, PageIndex};

use crate::capability::{Cap, Memory};

/// The minimum growth: 256 KiB. Only a Memory, a pool or a promise that is nearly spent causes a smaller one.
const PAGES_MIN: u64 = 64;
/// A growth also adds at least the heap's size divided by this, so the number of growths is logarithmic in the heap's size.
const SHARE: u64 = 4;

/// The heap's Memory, and how far it is populated.
#[derive(Debug)]
pub struct Growth {
    memory: Cap<Memory>,
    populated: u64,
    promised: u64,
    page_count: u64,
}

impl Growth {
    /// Creates the growth of a heap in this Memory of `page_count` pages. None of them is present, and the first `promised` are
    /// promised.
    pub fn new(memory: Cap<Memory>, promised: PageCount, page_count: PageCount) -> Growth {
        Growth {
            memory,
            populated: 0,
            promised: promised.0.min(page_count.0),
            page_count: page_count.0,
        }
    }

    /// Bytes of the promised part of the Memory, and of all of it.
    pub fn sizes(&self) -> (usize, usize) {
        (bytes_of(self.promised), bytes_of(self.page_count))
    }

    /// Bytes that are promised and not yet populated.
    pub fn promised_bytes(&self) -> usize {
        bytes_of(self.promised_left())
    }

    fn promised_left(&self) -> u64 {
        self.promised.saturating_sub(self.populated)
    }

    /// Populates pages for at least this many more bytes; returns the number of bytes added at the end. If the Memory is too small or
    /// the pool cannot pay, the rest of the promised pages is populated instead: together with the free end of the heap they may
    /// suffice. Returns `None` if no promised page is left either.
    pub fn grow(&mut self, bytes: usize) -> Option<usize> {
        let needed = (bytes as u64).div_ceil(PAGE_BYTES);
        let left = self.page_count - self.populated;
        let ample = needed.max(PAGES_MIN).max(self.populated / SHARE);
        let added = [ample.min(left.max(needed)), needed, self.promised_left()]
            .into_iter()
            .filter(|pages| (1..=left).contains(pages))
            .find(|pages| {
                // A call that fails halfway leaves pages present, which the next call skips.
                let (first, count) = (PageIndex(self.populated), PageCount(*pages));
                self.memory.populate(first, count).is_ok()
            })?;
        self.populated += added;
        Some(bytes_of(added))
    }
}

fn bytes_of(pages: u64) -> usize {
    (pages * PAGE_BYTES) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{CallResult, DONE, with_kernel};
    use abi::register::Slot;
    use abi::{Error, Request};
    use std::vec::Vec;

    const PAGE: usize = PAGE_BYTES as usize;

    /// A growth of which `populated` pages, all that are promised, are present.
    fn growth(populated: u64, page_count: u64) -> Growth {
        Growth {
            populated,
            ..promising(populated, page_count)
        }
    }

    fn promising(promised: u64, page_count: u64) -> Growth {
        let memory = Cap::from_slot(Slot(7));
        Growth::new(memory, PageCount(promised), PageCount(page_count))
    }

    /// Grows once for each of these numbers of bytes; returns the added pages and the populated ranges.
    fn grow(
        mut growth: Growth,
        kernel: fn(&Request) -> CallResult,
        bytes: &[usize],
    ) -> (Vec<Option<usize>>, Vec<(u64, u64)>) {
        let (added, calls) = with_kernel(kernel, || {
            let added = bytes.iter().map(|bytes| growth.grow(*bytes));
            added.map(|added| Some(added? / PAGE)).collect()
        });
        let ranges = calls.iter().map(|call| match call {
            Request::MemoryPopulate(call) => (call.first_page.0, call.page_count.0),
            other => panic!("{other:?}"),
        });
        (added, ranges.collect())
    }

    #[test]
    fn grows_by_the_needed_pages_and_by_at_least_a_quarter() {
        let (added, ranges) = grow(growth(256, 4096), |_| DONE, &[1, 100 * PAGE + 1, 1]);
        assert_eq!(added, [Some(64), Some(101), Some(105)]);
        assert_eq!(ranges, [(256, 64), (320, 101), (421, 105)]);
    }

    #[test]
    fn stops_growing_at_the_end_of_the_memory() {
        let (added, ranges) = grow(growth(256, 300), |_| DONE, &[45 * PAGE, PAGE, 1]);
        assert_eq!(added, [None, Some(44), None]);
        assert_eq!(ranges, [(256, 44)]);
    }

    #[test]
    fn takes_only_the_needed_pages_from_a_pool_that_is_nearly_spent() {
        let nearly_spent = |request: &Request| match request {
            Request::MemoryPopulate(call) if call.page_count.0 <= 2 => DONE,
            _ => Err(Error::PoolEmpty),
        };
        let (added, ranges) = grow(growth(256, 4096), nearly_spent, &[2 * PAGE, 3 * PAGE]);
        assert_eq!(added, [Some(2), None]);
        assert_eq!(ranges, [(256, 64), (256, 2), (258, 64), (258, 3)]);
    }

    #[test]
    fn begins_with_the_smallest_growth_whatever_is_promised() {
        let (added, ranges) = grow(promising(4096, 8192), |_| DONE, &[1, 1]);
        assert_eq!(added, [Some(64), Some(64)]);
        assert_eq!(ranges, [(0, 64), (64, 64)]);
    }

    #[test]
    fn promised_pages_are_counted_until_they_are_populated() {
        let ((), _) = with_kernel(
            |_| DONE,
            || {
                let mut growth = promising(100, 4096);
                assert_eq!(growth.promised_bytes(), 100 * PAGE);
                assert_eq!(growth.grow(1), Some(64 * PAGE));
                assert_eq!(growth.promised_bytes(), 36 * PAGE);
                assert_eq!(growth.grow(1), Some(64 * PAGE));
                assert_eq!(growth.promised_bytes(), 0);
            },
        );
    }

    #[test]
    fn the_promised_pages_are_added_if_the_memory_or_the_pool_has_no_more() {
        let (added, ranges) = grow(promising(100, 100), |_| DONE, &[PAGE, 40 * PAGE, 1]);
        assert_eq!(added, [Some(64), Some(36), None]);
        assert_eq!(ranges, [(0, 64), (64, 36)]);
        let promise_only = |request: &Request| match request {
            Request::MemoryPopulate(call) if call.first_page.0 + call.page_count.0 <= 100 => DONE,
            _ => Err(Error::PoolEmpty),
        };
        let (added, _) = grow(promising(100, 4096), promise_only, &[PAGE, 40 * PAGE, 1]);
        assert_eq!(added, [Some(64), Some(36), None]);
    }
}
