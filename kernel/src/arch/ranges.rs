//! Lists of ranges of memory: [`Ranges`], ascending, disjoint and not adjacent.
//!
//! A list has a fixed capacity. [`Ranges::remove`] describes what a full one loses.

use super::{PhysAddr, PhysRange, RANGES_MAX};
use heapless::Vec;

/// Bytes in a page.
pub(super) const PAGE_BYTES: u64 = 4096;

/// The address of a device's registers as firmware states it; `None` if it has more than this many bits, or its page is RAM. The
/// registers are within one page, since one is mapped, and never in the first one, since some firmware writes zero for "none".
pub(super) fn device_address(
    address: u64,
    byte_count: u64,
    memory: [&Ranges; 2],
    address_bits: u32,
) -> Option<PhysAddr> {
    let is_on_one_page = address % PAGE_BYTES + byte_count <= PAGE_BYTES;
    if address >> address_bits != 0 || address < PAGE_BYTES || !is_on_one_page {
        return None;
    }
    let address = PhysAddr::try_new(address).ok()?;
    let start = address.align_down(PAGE_BYTES);
    let page = PhysRange::new(start, start + PAGE_BYTES);
    let is_ram = memory
        .iter()
        .any(|ranges| ranges.overlapping(&page).is_some());
    (!is_ram).then_some(address)
}

/// The range of an entry of firmware's memory map, without what is beyond the last page that an address can have.
pub(super) fn range_of_entry(start: u64, byte_count: u64) -> PhysRange {
    const END: u64 = (1 << 52) - PAGE_BYTES;
    let end = start.saturating_add(byte_count).min(END);
    PhysRange::new(PhysAddr::new(start.min(END)), PhysAddr::new(end))
}

/// A list of ranges, ascending, disjoint and not adjacent.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges(pub(super) Vec<PhysRange, RANGES_MAX>);

impl Ranges {
    /// Adds a range, merged with those that it overlaps or touches. Returns `false` if the list is full.
    pub(super) fn add(&mut self, range: PhysRange) -> bool {
        if range.is_empty() {
            return true;
        }
        let mut joined = range;
        self.0.retain(|other| {
            let touches = other.start <= joined.end && joined.start <= other.end;
            if touches {
                joined.start = joined.start.min(other.start);
                joined.end = joined.end.max(other.end);
            }
            !touches
        });
        let index = self.0.partition_point(|other| other.start < joined.start);
        self.0.insert(index, joined).is_ok()
    }

    /// A range of the list that overlaps this one.
    pub(super) fn overlapping(&self, range: &PhysRange) -> Option<&PhysRange> {
        self.0.iter().find(|known| known.overlaps(range))
    }

    /// Removes a range. If that splits a range of the list and the list is full, the smaller part is lost.
    pub(super) fn remove(&mut self, taken: PhysRange) {
        let mut index = 0;
        while let Some(&range) = self.0.get(index) {
            if !range.overlaps(&taken) {
                index += 1;
                continue;
            }
            let mut parts = [
                PhysRange::new(range.start, taken.start.max(range.start)),
                PhysRange::new(taken.end.min(range.end), range.end),
            ];
            parts.sort_unstable_by_key(|part| part.byte_count());
            let [smaller, larger] = parts;
            self.0.remove(index);
            for part in [larger, smaller] {
                self.add(part);
            }
        }
    }

    /// Removes every page that a range overlaps.
    pub(super) fn remove_pages(&mut self, taken: PhysRange) {
        if !taken.is_empty() {
            let start = taken.start.align_down(PAGE_BYTES);
            self.remove(PhysRange::new(start, taken.end.align_up(PAGE_BYTES)));
        }
    }

    /// Removes every page that one of `others` overlaps, and what has addresses of more than this many bits.
    pub(super) fn keep_usable(&mut self, others: [&Ranges; 2], address_bits: u32) {
        for &range in others.iter().flat_map(|ranges| &ranges.0) {
            self.remove_pages(range);
        }
        self.remove(range_of_entry(1 << address_bits, u64::MAX));
    }

    /// The whole pages in these ranges.
    pub(super) fn whole_pages(&self) -> Self {
        let mut pages = Self::default();
        for range in &self.0 {
            let start = range.start.align_up(PAGE_BYTES);
            let end = range.end.align_down(PAGE_BYTES);
            if start < end {
                // It fits: there are no more ranges than before.
                pages.add(PhysRange::new(start, end));
            }
        }
        pages
    }

    /// Removes and returns the last page below a limit.
    pub(super) fn take_page_below(&mut self, limit: PhysAddr) -> Option<PhysAddr> {
        let range = self
            .0
            .iter()
            .rev()
            .find(|range| range.start + PAGE_BYTES <= limit)?;
        let page = range.end.min(limit) - PAGE_BYTES;
        self.remove(PhysRange::new(page, page + PAGE_BYTES));
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))
    }

    fn list(pairs: &[(u64, u64)]) -> Ranges {
        let mut ranges = Ranges::default();
        for &(start, end) in pairs {
            assert!(ranges.add(range(start, end)));
        }
        ranges
    }

    fn pairs(ranges: &Ranges) -> std::vec::Vec<(u64, u64)> {
        let pair = |range: &PhysRange| (range.start.as_u64(), range.end.as_u64());
        ranges.0.iter().map(pair).collect()
    }

    #[test]
    fn registers_are_neither_in_memory_nor_beyond_the_processors_addresses() {
        let (memory, firmware) = (list(&[(0, 0x9_f000)]), list(&[(0x10_0800, 0x20_0000)]));
        let at = |address| device_address(address, 8, [&memory, &firmware], 40);
        for address in [0xfed0_0000, 0xa_0000, 0xf_fff8, (1 << 40) - 8] {
            assert_eq!(at(address), Some(PhysAddr::new(address)), "{address:#x}");
        }
        // The third one is in the page in which memory begins.
        for address in [0x9_eff8, 0x1f_fff8, 0x10_0000, 1 << 40, 1 << 52, u64::MAX] {
            assert_eq!(at(address), None, "{address:#x}");
        }
    }

    #[test]
    fn registers_are_on_one_page_and_not_on_the_first() {
        let memory = Ranges::default();
        let at = |address, bytes| device_address(address, bytes, [&memory, &memory], 40);
        for address in [0, 0x10, 0xff8] {
            assert_eq!(at(address, 8), None, "{address:#x}");
        }
        assert!(at(0x1000, 0x1000).is_some() && at(0x1f00, 0x100).is_some());
        assert!(at(0x1008, 0x1000).is_none() && at(0x1ff8, 0x20).is_none());
    }

    #[test]
    fn sorts_and_joins_added_ranges() {
        let ranges = list(&[(50, 60), (10, 20), (20, 30), (55, 70), (5, 5), (40, 41)]);
        assert_eq!(pairs(&ranges), [(10, 30), (40, 41), (50, 70)]);
        let all = list(&[(10, 20), (30, 40), (0, 100)]);
        assert_eq!(pairs(&all), [(0, 100)]);
    }

    #[test]
    fn removes_the_middle_or_an_end_of_a_range_and_parts_of_several() {
        let mut ranges = list(&[(0, 100), (200, 300)]);
        ranges.remove(range(40, 50));
        ranges.remove(range(0, 10));
        ranges.remove(range(90, 210));
        ranges.remove(range(150, 160));
        assert_eq!(pairs(&ranges), [(10, 40), (50, 90), (210, 300)]);
    }

    #[test]
    fn removes_every_page_that_a_range_is_on() {
        let mut ranges = list(&[(0, 0x10000)]);
        ranges.remove_pages(range(0x1fff, 0x3001));
        ranges.remove_pages(range(0x8800, 0x8800));
        assert_eq!(pairs(&ranges), [(0, 0x1000), (0x4000, 0x10000)]);
    }

    #[test]
    fn memory_that_another_entry_has_or_no_address_reaches_is_not_usable() {
        let mut memory = list(&[(0x1000, 0x10_0000), (1 << 39, 1 << 41)]);
        let firmware = list(&[(0x4000, 0x5000)]);
        let others = list(&[(0x8800, 0x8801), (0xf_0000, 0x20_0000)]);
        memory.keep_usable([&firmware, &others], 40);
        let expected = [
            (0x1000, 0x4000),
            (0x5000, 0x8000),
            (0x9000, 0xf_0000),
            (1 << 39, 1 << 40),
        ];
        assert_eq!(pairs(&memory), expected);
    }

    #[test]
    fn an_entry_of_the_memory_map_ends_with_the_last_page_that_has_an_address() {
        const END: u64 = (1 << 52) - PAGE_BYTES;
        for (start, byte_count, expected) in [
            (0x1000, 0x2000, (0x1000, 0x3000)),
            (0x1000, u64::MAX, (0x1000, END)),
            (0x1000, 1 << 53, (0x1000, END)),
            (u64::MAX, u64::MAX, (END, END)),
        ] {
            let range = range_of_entry(start, byte_count);
            assert_eq!((range.start.as_u64(), range.end.as_u64()), expected);
        }
        let mut memory = list(&[(0x1000, 0x4000), (1 << 51, END)]);
        let mut everything = Ranges::default();
        assert!(everything.add(range_of_entry(0x2000, u64::MAX)));
        memory.keep_usable([&everything, &everything], 52);
        assert_eq!(pairs(&memory), [(0x1000, 0x2000)]);
    }

    #[test]
    fn a_full_list_loses_the_smaller_part() {
        let mut ranges = Ranges::default();
        for index in 0..RANGES_MAX as u64 {
            assert!(ranges.add(range(index * 100, index * 100 + 50)));
        }
        assert!(!ranges.add(range(1_000_000, 1_000_001)));
        ranges.remove(range(10, 11));
        assert_eq!(pairs(&ranges)[0], (11, 50));
        assert_eq!(ranges.0.len(), RANGES_MAX);
    }

    #[test]
    fn keeps_whole_pages_only() {
        let ranges = list(&[(1, 4096), (5000, 3 * 4096 + 1), (0x10000, 0x11000)]);
        assert_eq!(
            pairs(&ranges.whole_pages()),
            [(8192, 12288), (0x10000, 0x11000)]
        );
    }

    #[test]
    fn takes_pages_from_below_the_limit() {
        let mut ranges = list(&[(0x1000, 0x3000), (0x8000, 0xa000)]);
        let mut take = || {
            ranges
                .take_page_below(PhysAddr::new(0x9000))
                .map(|page| page.as_u64())
        };
        assert_eq!(take(), Some(0x8000));
        assert_eq!(take(), Some(0x2000));
        assert_eq!(take(), Some(0x1000));
        assert_eq!(take(), None);
        assert_eq!(pairs(&ranges), [(0x9000, 0xa000)]);
    }
}
