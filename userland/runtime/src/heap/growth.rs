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
/// A growth also adds at least the heap's size divided by this.
const SHARE: u64 = 4;
/// That part is at most 1 MiB: a larger one would keep the domain busy for longer, be it in the pause of a move.
const SHARE_PAGES_MAX: u64 = 256;

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

    /// Populates pages for at least this many more bytes; returns the number of bytes added at the end. As long as promised pages suffice, it
    /// populates no others. If the Memory is too small or the pool cannot pay, the rest of the promised pages or of the Memory is populated
    /// instead, since together with the free end of the heap it may suffice. Returns `None` if that cannot suffice, or there is no rest.
    pub fn grow(&mut self, bytes: usize) -> Option<usize> {
        let needed = (bytes as u64).div_ceil(PAGE_BYTES);
        let (left, promised) = (self.page_count - self.populated, self.promised_left());
        let share = (self.populated / SHARE).min(SHARE_PAGES_MAX);
        let bound = if needed <= promised { promised } else { left };
        let ample = needed.max(PAGES_MIN).max(share).min(bound.max(needed));
        // `bytes` may include a page of overhead, and the end of the Memory is tried only if less than needed is left: an attempt that
        // the pool cannot pay takes all that it has.
        let may_suffice = |pages: u64| pages.saturating_add(self.populated) + 1 >= needed;
        let rest = if left < needed { left } else { 0 };
        let added = [ample, needed, promised, rest]
            .into_iter()
            .filter(|pages| (1..=left).contains(pages) && may_suffice(*pages))
            .find(|pages| {
                // A call that fails halfway leaves pages present, which the next call skips.
                let (first, count) = (PageIndex(self.populated), PageCount(*pages));
                self.memory.populate(first, count).is_ok()
            })?;
        self.populated += added;
        Some(bytes_of(added))
    }

    /// Cuts pages for this many bytes off the end of the Memory: they are no longer the heap's. They are absent if they were promised, and
    /// populated otherwise. Returns the first of them; `None` if the Memory is too small or the pool cannot pay.
    pub fn cut_off(&mut self, bytes: usize) -> Option<PageIndex> {
        let pages = (bytes as u64).div_ceil(PAGE_BYTES);
        let (left, promised) = (self.page_count - self.populated, self.promised_left());
        let page_count = self
            .page_count
            .checked_sub(pages)
            .filter(|_| pages <= left)?;
        let first = PageIndex(page_count);
        if promised < pages {
            self.memory.populate(first, PageCount(pages)).ok()?;
        }
        self.page_count = page_count;
        self.promised -= pages.min(promised);
        Some(first)
    }

    /// The heap's Memory.
    pub fn memory(&self) -> Cap<Memory> {
        self.memory
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
        let (added, _) = grow(growth(8192, 1 << 20), |_| DONE, &[1]);
        assert_eq!(added, [Some(256)], "a large heap grows by a mebibyte");
    }

    #[test]
    fn stops_growing_at_the_end_of_the_memory() {
        let (added, ranges) = grow(growth(256, 300), |_| DONE, &[302 * PAGE, 45 * PAGE, 1]);
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
                assert_eq!(growth.grow(1), Some(36 * PAGE), "no more than the promise");
                assert_eq!(growth.promised_bytes(), 0);
                assert_eq!(growth.grow(1), Some(64 * PAGE));
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

    /// Cuts off pages for each of these numbers of bytes; returns the first pages, what is left of the promise, and the populated ranges.
    fn cut_off(
        mut growth: Growth,
        kernel: fn(&Request) -> CallResult,
        bytes: &[usize],
    ) -> (Vec<Option<u64>>, usize, usize) {
        let ((firsts, promised), calls) = with_kernel(kernel, || {
            let firsts = bytes.iter().map(|bytes| growth.cut_off(*bytes));
            let firsts = firsts.map(|first| first.map(|first| first.0)).collect();
            (firsts, growth.promised_bytes() / PAGE)
        });
        (firsts, promised, calls.len())
    }

    #[test]
    fn pages_are_cut_off_the_end_as_a_part_of_the_promise() {
        let (firsts, promised, calls) = cut_off(promising(100, 200), |_| DONE, &[PAGE + 1, PAGE]);
        assert_eq!(
            (firsts, promised, calls),
            (Vec::from([Some(198), Some(197)]), 97, 0)
        );
    }

    #[test]
    fn pages_that_are_not_promised_are_populated_when_they_are_cut_off() {
        let (firsts, promised, calls) = cut_off(promising(2, 200), |_| DONE, &[3 * PAGE]);
        assert_eq!((firsts, promised, calls), (Vec::from([Some(197)]), 0, 1));
        let (firsts, promised, _) =
            cut_off(promising(2, 200), |_| Err(Error::PoolEmpty), &[3 * PAGE]);
        assert_eq!((firsts, promised), (Vec::from([None]), 2));
        let (firsts, ..) = cut_off(growth(150, 200), |_| DONE, &[51 * PAGE, usize::MAX]);
        assert_eq!(firsts, [None, None]);
    }
}
