//! Size classes: the arithmetic from an allocation's size to its cell.
//!
//! Cells are multiples of 16 bytes up to 128, then there are four sizes per doubling. So a cell up to 128 bytes wastes at most 15
//! bytes, and a larger one at most a fifth.

use core::alloc::Layout;

use super::chunk;

/// The alignment of cells, and the maximum alignment of their contents.
pub const CELL_ALIGN: usize = 16;
/// Up to this size, classes are [`CELL_ALIGN`] apart.
const FINE_BYTES_MAX: usize = 128;
const FINE_CLASSES: usize = FINE_BYTES_MAX / CELL_ALIGN;
/// The number of classes per doubling above that size.
const STEPS: usize = 4;
/// The limits of [`Unit`].
const UNIT_BYTES_MIN: usize = 256;
const UNIT_BYTES_MAX: usize = 64 << 10;
/// The number of units in a heap of 512 KiB to 128 MiB that does not grow. It limits the number of large blocks.
const UNITS: usize = 2048;
/// A chunk is at least as large as this many cells.
const CHUNK_CELLS_MIN: usize = 8;

/// The number of classes in the largest heap.
pub const CLASSES: usize =
    FINE_CLASSES + STEPS * (UNIT_BYTES_MAX.ilog2() - FINE_BYTES_MAX.ilog2()) as usize;

/// The largest small allocation in bytes, a power of two. A larger heap has a larger unit, so that it does not have more large
/// blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit(usize);

/// The index of a cell size, from the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeClass(usize);

impl Unit {
    /// The smallest unit, of a heap without memory.
    pub const MIN: Unit = Unit(UNIT_BYTES_MIN);

    /// The unit of a heap of this size.
    pub fn of_heap(bytes: usize) -> Unit {
        let share = (bytes / UNITS).clamp(UNIT_BYTES_MIN, UNIT_BYTES_MAX);
        Unit(1 << share.ilog2())
    }

    /// The unit of a heap that begins with `bytes` and may grow to `bytes_max`. A heap's unit never changes, so a size between
    /// the two determines it: about their geometric mean.
    pub fn of_growing_heap(bytes: usize, bytes_max: usize) -> Unit {
        let growth = bytes_max.max(bytes) / bytes.max(1);
        Unit::of_heap(bytes.saturating_mul(growth.isqrt().max(1)))
    }

    /// The class of an allocation; `None` for one that is large or has an unusual alignment.
    pub fn class_of(self, layout: Layout) -> Option<SizeClass> {
        let is_small = layout.size() <= self.0 && layout.align() <= CELL_ALIGN;
        is_small.then(|| SizeClass::of_bytes(layout.size()))
    }

    /// The layout of a chunk of this class. Its size, a power of two, is also its alignment, so that the chunk's address follows
    /// from a cell's.
    pub fn chunk(self, class: SizeClass) -> Layout {
        let cells = (CHUNK_CELLS_MIN * class.bytes()).next_power_of_two();
        let bytes = cells.max(self.0);
        Layout::from_size_align(bytes, bytes).expect("a small power of two")
    }

    /// The number of cells in a chunk of this class.
    pub fn cells(self, class: SizeClass) -> usize {
        (self.chunk(class).size() - chunk::HEADER_BYTES) / class.bytes()
    }
}

impl SizeClass {
    fn of_bytes(bytes: usize) -> SizeClass {
        if bytes <= FINE_BYTES_MAX {
            return SizeClass(bytes.max(1).div_ceil(CELL_ALIGN) - 1);
        }
        // The size is above this power of two and at most the next.
        let power = (bytes - 1).ilog2();
        let step = (bytes - 1 - (1 << power)) >> (power - STEPS.ilog2());
        let doublings = (power - FINE_BYTES_MAX.ilog2()) as usize;
        SizeClass(FINE_CLASSES + STEPS * doublings + step)
    }

    /// The index of the class in a table of [`CLASSES`].
    pub fn index(self) -> usize {
        self.0
    }

    /// The class at this index.
    pub fn at(index: usize) -> SizeClass {
        SizeClass(index)
    }

    /// The size of a cell.
    pub fn bytes(self) -> usize {
        let Some(coarse) = self.0.checked_sub(FINE_CLASSES) else {
            return (self.0 + 1) * CELL_ALIGN;
        };
        let power = FINE_BYTES_MAX << (coarse / STEPS);
        power + (coarse % STEPS + 1) * power / STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_cell_that_fits() {
        for bytes in 0..=UNIT_BYTES_MAX {
            let class = SizeClass::of_bytes(bytes);
            assert!(class.index() < CLASSES);
            assert!(class.bytes() >= bytes && class.bytes().is_multiple_of(CELL_ALIGN));
            let smaller = class.index().checked_sub(1).map(SizeClass::at);
            assert!(smaller.is_none_or(|smaller| smaller.bytes() < bytes));
        }
    }

    #[test]
    fn at_most_a_fifth_of_a_cell_is_wasted_above_the_smallest() {
        for bytes in FINE_BYTES_MAX..=UNIT_BYTES_MAX {
            let cell = SizeClass::of_bytes(bytes).bytes();
            assert!(5 * (cell - bytes) <= cell, "{bytes} in {cell}");
        }
    }

    #[test]
    fn chunks_hold_cells_and_are_a_small_part_of_the_heap() {
        for heap in [1, 100 << 10, 1 << 20, 40 << 20, 1 << 30] {
            let unit = Unit::of_heap(heap);
            for class in (0..CLASSES).map(SizeClass::at) {
                if class.bytes() > unit.0 {
                    break;
                }
                assert!(unit.cells(class) + 1 >= CHUNK_CELLS_MIN);
                let limit = heap.max(UNITS * UNIT_BYTES_MIN) / UNITS * 8;
                assert!(unit.chunk(class).size() <= limit);
            }
        }
    }

    #[test]
    fn the_unit_of_a_heap_that_may_grow_is_between_its_sizes() {
        let [small, large] = [1 << 20, 64 << 20];
        assert_eq!(Unit::of_growing_heap(small, small), Unit::of_heap(small));
        assert_eq!(Unit::of_growing_heap(large, small), Unit::of_heap(large));
        assert_eq!(
            Unit::of_growing_heap(small, large),
            Unit::of_heap(8 * small)
        );
        assert_eq!(Unit::of_growing_heap(0, large), Unit::MIN);
    }

    #[test]
    fn large_or_unusually_aligned_allocations_have_no_class() {
        let unit = Unit::of_heap(40 << 20);
        let class = |bytes, align| unit.class_of(Layout::from_size_align(bytes, align).unwrap());
        assert!(class(16 << 10, 16).is_some());
        assert_eq!(class((16 << 10) + 1, 16), None);
        assert_eq!(class(64, 32), None);
    }
}
