//! Memory that a domain reserves when it starts, and that is populated when it is first needed: [`Reserve`].
//!
//! The pages are the last ones of the heap's Memory, and the pool can pay for them: they were a part of the heap's promise. So what takes
//! them later does not depend on what else the domain has allocated meanwhile, nor on how fragmented its heap is.

use core::slice;

use abi::PAGE_BYTES;
use abi::register::{PageCount, PageIndex};

use crate::capability::{Cap, Memory};

const PAGE: usize = PAGE_BYTES as usize;

/// Reserved memory.
#[derive(Debug)]
pub struct Reserve {
    memory: Cap<Memory>,
    /// The address of the reserved bytes, and the page there.
    start: *mut u8,
    first: PageIndex,
    bytes: usize,
    taken: usize,
}

impl Reserve {
    /// Creates a reserve of this many bytes, from this page of a Memory on that is mapped at `memory_start`.
    ///
    /// # Safety
    /// Those pages are mapped writable for the domain's life, and nothing else uses them.
    pub(super) unsafe fn new(
        memory: Cap<Memory>,
        memory_start: *mut u8,
        first: PageIndex,
        bytes: usize,
    ) -> Reserve {
        Reserve {
            memory,
            start: memory_start.wrapping_add(first.0 as usize * PAGE),
            first,
            bytes,
            taken: 0,
        }
    }

    /// Populates and takes the next bytes, which are zeros. Returns `None` if as many are not left, or the domain's creator has not kept
    /// its promise.
    pub fn take(&mut self, bytes: usize) -> Option<&'static mut [u8]> {
        let end = self
            .taken
            .checked_add(bytes)
            .filter(|end| *end <= self.bytes)?;
        let (page, end_page) = (self.taken / PAGE, end.div_ceil(PAGE));
        let first = PageIndex(self.first.0 + page as u64);
        let count = PageCount((end_page - page) as u64);
        self.memory.populate(first, count).ok()?;
        let start = self.start.wrapping_add(self.taken);
        self.taken = end;
        // SAFETY: The caller of `new` guarantees the pages, which are present now and were zero. No other part contains these bytes.
        Some(unsafe { slice::from_raw_parts_mut(start, bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{CallResult, DONE, with_kernel};
    use abi::register::Slot;
    use abi::{Error, Request};
    use std::vec;
    use std::vec::Vec;

    /// Takes these numbers of bytes from a reserve of three pages from page 2 on; returns the offsets of the parts, and the populated
    /// ranges.
    fn take(
        kernel: fn(&Request) -> CallResult,
        bytes: &[usize],
    ) -> (Vec<Option<usize>>, Vec<(u64, u64)>) {
        let pages = vec![0_u8; 5 * PAGE].leak();
        let start = pages.as_mut_ptr();
        let (offsets, calls) = with_kernel(kernel, || {
            // SAFETY: The pages live for ever, and nothing else uses them.
            let mut reserve =
                unsafe { Reserve::new(Cap::from_slot(Slot(7)), start, PageIndex(2), 3 * PAGE) };
            let parts = bytes.iter().map(|bytes| reserve.take(*bytes));
            let offsets =
                parts.map(|part| part.map(|part| part.as_ptr() as usize - start as usize));
            offsets.collect()
        });
        let ranges = calls.iter().map(|call| match call {
            Request::MemoryPopulate(call) => (call.first_page.0, call.page_count.0),
            other => panic!("{other:?}"),
        });
        (offsets, ranges.collect())
    }

    #[test]
    fn parts_follow_each_other_and_their_pages_are_populated_when_they_are_taken() {
        let (offsets, ranges) = take(|_| DONE, &[PAGE, 10, PAGE, 2 * PAGE]);
        let expected = [Some(2 * PAGE), Some(3 * PAGE), Some(3 * PAGE + 10), None];
        assert_eq!(offsets, expected);
        assert_eq!(ranges, [(2, 1), (3, 1), (3, 2)]);
    }

    #[test]
    fn nothing_is_taken_from_a_pool_that_cannot_pay() {
        let (offsets, _) = take(|_| Err(Error::PoolEmpty), &[1, 1]);
        assert_eq!(offsets, [None, None]);
    }
}
