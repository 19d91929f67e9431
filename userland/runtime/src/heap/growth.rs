//! The growth of the heap: [`Growth`] populates further pages of the heap's Memory.
//!
//! ```text
//! Memory `heap`:  | populated: the heap | absent: the pages that the heap may still grow by |
//! ```
//!
//! The domain's creator makes the Memory as large as the domain's pool can pay for, maps all of it, and populates its first
//! pages. So growing is one system call, the heap stays contiguous, and a domain that moves has one Memory and one mapping
//! for its heap, however often it grew.

use abi::PAGE_BYTES;
use abi::register::{PageCount, PageIndex};

use crate::capability::{Cap, Memory};

/// The minimum growth: 256 KiB. Only a Memory or a pool that is nearly spent causes a smaller one.
const PAGES_MIN: u64 = 64;
/// A growth also adds at least the heap's size divided by this, so the number of growths is logarithmic in the heap's size.
const SHARE: u64 = 4;

/// The heap's Memory, and how far it is populated.
#[derive(Debug)]
pub struct Growth {
    memory: Cap<Memory>,
    populated: u64,
    page_count: u64,
}

impl Growth {
    /// Creates the growth of a heap in this Memory of `page_count` pages. The first `populated` pages are present.
    pub fn new(memory: Cap<Memory>, populated: PageCount, page_count: PageCount) -> Growth {
        Growth {
            memory,
            populated: populated.0,
            page_count: page_count.0,
        }
    }

    /// Populates pages for at least this many more bytes; returns the number of bytes added at the end. Returns `None` if the
    /// Memory is too small or the pool cannot pay.
    pub fn grow(&mut self, bytes: usize) -> Option<usize> {
        let needed = (bytes as u64).div_ceil(PAGE_BYTES);
        let left = self.page_count - self.populated;
        if needed > left {
            return None;
        }
        let ample = needed.max(PAGES_MIN).max(self.populated / SHARE).min(left);
        let added = [ample, needed].into_iter().find(|pages| {
            // A call that fails halfway leaves pages present, which the next call skips.
            let (first, count) = (PageIndex(self.populated), PageCount(*pages));
            self.memory.populate(first, count).is_ok()
        })?;
        self.populated += added;
        Some((added * PAGE_BYTES) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{CallResult, DONE, with_kernel};
    use abi::register::Slot;
    use abi::{Error, Request};
    use std::vec::Vec;

    const PAGE: usize = PAGE_BYTES as usize;

    fn growth(populated: u64, page_count: u64) -> Growth {
        let memory = Cap::from_slot(Slot(7));
        Growth::new(memory, PageCount(populated), PageCount(page_count))
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
}
