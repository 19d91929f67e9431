//! The growth of the heap: [`Growth`] populates further pages of the heap's Memory.
//!
//! ```text
//! Memory `heap`:  | populated: the heap | absent: the pages the heap may still grow by |
//! ```
//!
//! The domain's creator makes the Memory as large as the domain's pool can pay for, maps all of it, and populates its first
//! pages. So growing is one system call, the heap stays contiguous, and a domain that moves has one Memory and one mapping
//! for it, however often it grew.

use abi::PAGE_BYTES;
use abi::register::{PageCount, PageIndex};

use crate::capability::{Cap, Memory};

/// The smallest growth, unless less is left: 256 KiB.
const PAGES_MIN: u64 = 64;
/// A growth is at least this part of the heap, so that their number grows with the logarithm of the heap's size.
const SHARE: u64 = 4;

/// The heap's Memory, and how far it is populated.
#[derive(Debug)]
pub struct Growth {
    memory: Cap<Memory>,
    populated: u64,
    page_count: u64,
}

impl Growth {
    /// The heap is at the start of this Memory, of `page_count` pages, of which the first `populated` are present.
    pub fn new(memory: Cap<Memory>, populated: PageCount, page_count: PageCount) -> Growth {
        Growth {
            memory,
            populated: populated.0,
            page_count: page_count.0,
        }
    }

    /// Populates pages for at least this many more bytes; returns the number of bytes added at the end. `None` if the Memory
    /// is too small or the pool cannot pay.
    pub fn grow(&mut self, bytes: usize) -> Option<usize> {
        let needed = (bytes as u64).div_ceil(PAGE_BYTES);
        let left = self.page_count - self.populated;
        if needed > left {
            return None;
        }
        let ample = needed.max(PAGES_MIN).max(self.populated / SHARE).min(left);
        let added = [ample, needed].into_iter().find(|pages| {
            // A call that fails halfway leaves pages that the next one finds present.
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
    use crate::host::{Answer, DONE, with_kernel};
    use abi::register::Slot;
    use abi::{Error, Request};
    use std::vec::Vec;

    const PAGE: usize = PAGE_BYTES as usize;

    fn growth(populated: u64, page_count: u64) -> Growth {
        let memory = Cap::from_slot(Slot(7));
        Growth::new(memory, PageCount(populated), PageCount(page_count))
    }

    /// Grows by these bytes, one after the other; returns the added pages and the populated ranges.
    fn grow(
        mut growth: Growth,
        answer: fn(&Request) -> Answer,
        bytes: &[usize],
    ) -> (Vec<Option<usize>>, Vec<(u64, u64)>) {
        let (added, calls) = with_kernel(answer, || {
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
    fn grows_by_what_is_needed_and_by_a_quarter_at_least() {
        let (added, ranges) = grow(growth(256, 4096), |_| DONE, &[1, 100 * PAGE + 1, 1]);
        assert_eq!(added, [Some(64), Some(101), Some(105)]);
        assert_eq!(ranges, [(256, 64), (320, 101), (421, 105)]);
    }

    #[test]
    fn ends_with_the_memory() {
        let (added, ranges) = grow(growth(256, 300), |_| DONE, &[45 * PAGE, PAGE, 1]);
        assert_eq!(added, [None, Some(44), None]);
        assert_eq!(ranges, [(256, 44)]);
    }

    #[test]
    fn takes_only_what_is_needed_from_a_pool_that_is_nearly_spent() {
        let nearly_spent = |request: &Request| match request {
            Request::MemoryPopulate(call) if call.page_count.0 <= 2 => DONE,
            _ => Err(Error::PoolEmpty),
        };
        let (added, ranges) = grow(growth(256, 4096), nearly_spent, &[2 * PAGE, 3 * PAGE]);
        assert_eq!(added, [Some(2), None]);
        assert_eq!(ranges, [(256, 64), (256, 2), (258, 64), (258, 3)]);
    }
}
