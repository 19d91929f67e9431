//! Memories mapped into this domain's own address space.
//!
//! The runtime allocates addresses from a region that domain creators do not use, so that mappings overlap neither each other
//! nor the program's own memory.

use abi::register::{Access, PageCount, PageIndex, UserAddress};
use abi::start_page::Range;
use abi::{Error, MAP_STEP_BYTES, PAGE_BYTES};
use spin::Mutex;

use crate::capability::{Cap, Domain, Memory};
use crate::shared::SharedMemory;

/// The start of the region for a domain's own mappings: 16 TiB. The creator's mappings are below.
pub const REGION_START: u64 = 1 << 44;
/// The end of the region.
pub const REGION_END: u64 = 1 << 45;

/// A mapping, unmapped when it is dropped.
#[derive(Debug)]
pub struct Mapping {
    domain: Cap<Domain>,
    range: Range,
}

impl Mapping {
    /// Maps the first pages of a Memory into `domain`, which is this domain itself.
    ///
    /// # Errors
    /// [`Error::ArgumentRange`] if no addresses are free, or the error of `DomainMap`.
    pub fn new(
        domain: Cap<Domain>,
        memory: Cap<Memory>,
        page_count: PageCount,
        access: Access,
    ) -> Result<Mapping, Error> {
        Mapping::with(domain, page_count, |address| {
            domain.map(memory, address, PageIndex(0), page_count, access)
        })
    }

    /// Allocates addresses for `page_count` pages and calls `map` to map memory there into `domain`, which is this domain itself.
    /// An access to a page that `map` leaves out is a fault.
    ///
    /// # Errors
    /// [`Error::ArgumentRange`] if no addresses are free, or the error of `map`.
    pub fn with(
        domain: Cap<Domain>,
        page_count: PageCount,
        map: impl FnOnce(UserAddress) -> Result<(), Error>,
    ) -> Result<Mapping, Error> {
        let bytes = page_count
            .0
            .checked_mul(PAGE_BYTES)
            .ok_or(Error::ArgumentRange)?;
        let start = REGION.lock().take(bytes).ok_or(Error::ArgumentRange)?;
        let range = Range { start, bytes };
        map(UserAddress(start)).inspect_err(|_| REGION.lock().give_back(range))?;
        Ok(Mapping { domain, range })
    }

    /// The mapped range.
    pub fn range(&self) -> Range {
        self.range
    }

    /// The mapped memory, which others may write too.
    pub fn memory(&self) -> SharedMemory<'_> {
        // SAFETY: The range begins at a page boundary. Its addresses are only this mapping's until `self` is dropped, and this module
        // creates no other references into them.
        unsafe { SharedMemory::from_range(self.range) }
    }

    /// Keeps the memory mapped for ever.
    pub fn leak(self) -> SharedMemory<'static> {
        let range = self.range;
        core::mem::forget(self);
        // SAFETY: It stays mapped, since `self` is not dropped.
        unsafe { SharedMemory::from_range(range) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // If unmapping fails, the addresses stay allocated, so that nothing else is mapped there.
        if self.domain.unmap(UserAddress(self.range.start)).is_ok() {
            REGION.lock().give_back(self.range);
        }
    }
}

static REGION: Mutex<Region> = Mutex::new(Region::new());

/// The maximum number of free ranges remembered for reuse.
const HOLES_MAX: usize = 16;

/// Allocates the addresses of all later mappings from this range, which is backed by memory.
#[cfg(not(target_os = "caravan"))]
pub(crate) fn open(range: Range) {
    let start = range.start.next_multiple_of(MAP_STEP_BYTES);
    *REGION.lock() = Region::of(start, range.start + range.bytes);
}

/// The free addresses: those from `next` to `end`, and a few holes below.
struct Region {
    next: u64,
    end: u64,
    holes: heapless::Vec<Range, HOLES_MAX>,
}

impl Region {
    const fn new() -> Region {
        Region::of(REGION_START, REGION_END)
    }

    const fn of(start: u64, end: u64) -> Region {
        Region {
            next: start,
            end,
            holes: heapless::Vec::new(),
        }
    }

    fn take(&mut self, bytes: u64) -> Option<u64> {
        let bytes = bytes.max(1).checked_next_multiple_of(MAP_STEP_BYTES)?;
        if let Some(index) = self.holes.iter().position(|hole| hole.bytes >= bytes) {
            let hole = &mut self.holes[index];
            let start = hole.start;
            hole.start += bytes;
            hole.bytes -= bytes;
            if hole.bytes == 0 {
                self.holes.swap_remove(index);
            }
            return Some(start);
        }
        let start = self.next;
        let end = start.checked_add(bytes).filter(|end| *end <= self.end)?;
        self.next = end;
        Some(start)
    }

    /// Frees a range. Holes beyond the maximum are not reused: addresses are plentiful.
    fn give_back(&mut self, range: Range) {
        let bytes = range.bytes.max(1).next_multiple_of(MAP_STEP_BYTES);
        if range.start + bytes == self.next {
            self.next = range.start;
            return;
        }
        let _ = self.holes.push(Range { bytes, ..range });
    }
}

#[cfg(test)]
mod tests {
    use abi::register::Slot;

    use super::*;
    use crate::host::{DONE, with_kernel};

    #[test]
    fn mappings_on_the_host_are_backed_by_memory() {
        let map = || {
            let (own, memory) = (Cap::from_slot(Slot(1)), Cap::from_slot(Slot(2)));
            Mapping::new(own, memory, PageCount(3), Access::ReadWrite).expect("maps")
        };
        let ((), _) = with_kernel(
            |_| DONE,
            || {
                let (first, second) = (map(), map());
                let last = 3 * PAGE_BYTES as usize - 1;
                first.memory().write(last, &[1]);
                second.memory().write(last, &[2]);
                let mut byte = [0];
                first.memory().read(last, &mut byte);
                assert_eq!(byte, [1]);
            },
        );
    }

    #[test]
    fn ranges_never_overlap_and_are_reused() {
        let mut region = Region::new();
        let first = region.take(1).unwrap();
        let second = region.take(3 * MAP_STEP_BYTES).unwrap();
        let third = region.take(PAGE_BYTES).unwrap();
        assert_eq!(second, first + MAP_STEP_BYTES);
        assert_eq!(third, second + 3 * MAP_STEP_BYTES);
        region.give_back(Range {
            start: second,
            bytes: 3 * MAP_STEP_BYTES,
        });
        assert_eq!(region.take(2 * MAP_STEP_BYTES), Some(second));
        assert_eq!(region.take(1), Some(second + 2 * MAP_STEP_BYTES));
        assert_eq!(region.take(1), Some(third + MAP_STEP_BYTES));
    }

    #[test]
    fn the_region_has_an_end() {
        let mut region = Region::new();
        assert_eq!(region.take(REGION_END), None);
        assert_eq!(region.take(u64::MAX), None);
        assert!(region.take(REGION_END - REGION_START).is_some());
        assert_eq!(region.take(1), None);
    }
}
