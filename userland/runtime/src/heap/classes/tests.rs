use super::*;
use crate::capability::Cap;
use crate::host::{DONE, with_kernel};
use abi::PAGE_BYTES;
use abi::register::{PageCount, Slot};
use std::vec;
use std::vec::Vec;

const HEAP_BYTES: usize = 8 << 20;

/// A heap in the host's memory, and the blocks allocated from it.
struct Fixture {
    heap: Heap,
    blocks: Vec<(NonNull<u8>, Layout, u8)>,
    random: u64,
    // This is the last field, so that it is dropped last.
    _memory: Vec<u128>,
}

impl Fixture {
    fn new(bytes: usize) -> Fixture {
        let mut memory = vec![0_u128; bytes / 16];
        let mut heap = Heap::empty();
        // SAFETY: The memory lives as long as the heap, and nothing else uses it.
        unsafe { heap.list.init(memory.as_mut_ptr().cast(), bytes) };
        heap.unit = Unit::of_growing_heap(bytes, bytes);
        heap.least_uncommitted = heap.uncommitted();
        Fixture {
            heap,
            blocks: Vec::new(),
            random: 1,
            _memory: memory,
        }
    }

    /// A number below `limit`.
    fn random(&mut self, limit: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % limit
    }

    /// Allocates and fills a block; returns whether there was room.
    fn take(&mut self, bytes: usize, align: usize) -> bool {
        let layout = Layout::from_size_align(bytes, align).unwrap();
        let Some(block) = self.heap.allocate(layout) else {
            return false;
        };
        assert!(block.addr().get().is_multiple_of(align));
        let mark = self.random(256) as u8;
        // SAFETY: The heap returned it for this layout.
        unsafe { block.write_bytes(mark, bytes) };
        self.blocks.push((block, layout, mark));
        true
    }

    /// Frees a block after checking its contents.
    fn free(&mut self, index: usize) {
        let (block, layout, mark) = self.blocks.swap_remove(index);
        // SAFETY: It was allocated with this layout, filled, and is freed once.
        unsafe {
            let bytes = core::slice::from_raw_parts(block.as_ptr(), layout.size());
            assert!(bytes.iter().all(|byte| *byte == mark), "{layout:?}");
            self.heap.deallocate(block, layout);
        }
    }

    fn free_all_in_any_order(&mut self) {
        while !self.blocks.is_empty() {
            let index = self.random(self.blocks.len());
            self.free(index);
        }
    }
}

#[test]
fn blocks_of_all_sizes_come_and_go_and_never_overlap() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let free = fixture.heap.free();
    for _ in 0..30_000 {
        if fixture.random(100) < 55 {
            let magnitude = 1 << fixture.random(14);
            let bytes = 1 + fixture.random(magnitude);
            let align = 1 << fixture.random(8);
            fixture.take(bytes, align);
        } else if !fixture.blocks.is_empty() {
            let index = fixture.random(fixture.blocks.len());
            fixture.free(index);
        }
    }
    assert!(fixture.blocks.len() > 1000);
    fixture.free_all_in_any_order();
    fixture.heap.release_unused();
    assert_eq!(
        (fixture.heap.free(), fixture.heap.cell_bytes_free),
        (free, 0)
    );
}

/// The list walks its holes at every call, so frequent operations must not call it.
#[test]
fn freeing_many_blocks_in_any_order_does_not_call_the_list_for_each() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for index in 0..20_000 {
        assert!(fixture.take(40 + index % 200, 8));
    }
    let (blocks, made) = (fixture.blocks.len(), fixture.heap.list_calls);
    fixture.free_all_in_any_order();
    let list_calls_to_free = fixture.heap.list_calls - made;
    assert!(
        list_calls_to_free <= made,
        "{list_calls_to_free} calls for {made} chunks"
    );
    assert!(20 * made < blocks, "{made} chunks of {blocks} blocks");
}

#[test]
fn memory_freed_by_one_size_serves_every_other_size() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for bytes in [16, 3000, 100, 4096, 64 << 10, 500] {
        let mut count = 0;
        while fixture.take(bytes, 8) {
            count += 1;
        }
        assert!(count * bytes > HEAP_BYTES / 4 * 3, "{count} of {bytes}");
        fixture.free_all_in_any_order();
    }
    assert!(fixture.take(HEAP_BYTES / 2, 4096));
}

#[test]
fn free_cells_count_as_free_and_as_committed() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let free = fixture.heap.free();
    for _ in 0..1000 {
        assert!(fixture.take(100, 8));
    }
    assert_eq!(
        fixture.heap.uncommitted(),
        fixture.heap.free() - fixture.heap.cell_bytes_free
    );
    while fixture.blocks.len() > 1 {
        fixture.free(0);
    }
    assert!(fixture.heap.uncommitted() < fixture.heap.free());
    assert!(fixture.heap.free() > free - 256);
    fixture.free(0);
    assert!(fixture.heap.uncommitted() < free, "a chunk is kept");
    assert_eq!(fixture.heap.free(), free);
    fixture.heap.release_unused();
    assert_eq!(fixture.heap.free(), free);
}

#[test]
fn one_block_that_comes_and_goes_keeps_its_chunk() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for _ in 0..100 {
        assert!(fixture.take(100, 8));
        fixture.free(0);
    }
    assert_eq!(fixture.heap.list_calls, 1);
}

#[test]
fn a_heap_without_memory_has_none() {
    let mut heap = Heap::empty();
    assert_eq!(heap.allocate(Layout::new::<u64>()), None);
    assert_eq!(heap.allocate(Layout::new::<[u64; 10_000]>()), None);
}

#[test]
fn the_low_water_mark_is_remembered() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let all = fixture.heap.uncommitted();
    assert_eq!(fixture.heap.least_uncommitted(), all);
    for _ in 0..4 {
        assert!(fixture.take(HEAP_BYTES / 8, 8));
    }
    let least = fixture.heap.uncommitted();
    assert!(least < all / 2 + HEAP_BYTES / 16);
    fixture.free_all_in_any_order();
    assert!(fixture.take(HEAP_BYTES / 8, 8));
    assert_eq!(fixture.heap.least_uncommitted(), least);
}

/// A fixture whose heap has nothing yet, of which these bytes are promised. The kernel must be there: the heap grows at once.
fn growing(promised: usize, bytes: usize) -> Fixture {
    let mut fixture = Fixture::new(bytes);
    let start = fixture._memory.as_mut_ptr().cast();
    let pages = |bytes: usize| PageCount(bytes as u64 / PAGE_BYTES);
    let memory = Cap::from_slot(Slot(7));
    fixture.heap = Heap::empty();
    // SAFETY: The memory lives as long as the heap, and all of it is present.
    unsafe {
        let growth = Growth::new(memory, pages(promised), pages(bytes));
        fixture.heap.init(start, growth);
    }
    fixture
}

#[test]
fn a_spent_heap_grows_in_place_until_its_memory_ends() {
    const BLOCK_BYTES: usize = 100 << 10;
    let ((), calls) = with_kernel(
        |_| DONE,
        || {
            let mut fixture = growing(1 << 20, HEAP_BYTES);
            let taken = (0..).take_while(|_| fixture.take(BLOCK_BYTES, 16)).count();
            assert_eq!(taken, HEAP_BYTES / BLOCK_BYTES);
            assert!(fixture.take(1000, 16), "the rest serves smaller blocks");
            fixture.free_all_in_any_order();
            fixture.heap.release_unused();
            assert_eq!(fixture.heap.free(), HEAP_BYTES);
        },
    );
    assert!(calls.len() < 25, "{} growths", calls.len());
}

#[test]
fn promised_memory_counts_as_free_before_the_heap_has_grown() {
    let ((), calls) = with_kernel(
        |_| DONE,
        || {
            let mut fixture = growing(HEAP_BYTES / 2, HEAP_BYTES);
            let promised = HEAP_BYTES / 2;
            let counts = |heap: &Heap| (heap.free(), heap.uncommitted(), heap.least_uncommitted());
            assert_eq!(counts(&fixture.heap), (promised, promised, promised));
            let block = promised / 8;
            assert!(fixture.take(block, 16) && fixture.take(block, 16));
            let left = promised - 2 * block;
            assert_eq!(counts(&fixture.heap), (left, left, left));
            fixture.free_all_in_any_order();
            assert_eq!(counts(&fixture.heap), (promised, promised, left));
        },
    );
    assert_eq!(calls.len(), 3);
}

#[test]
fn a_block_as_large_as_the_promise_fits_if_there_is_no_other_memory() {
    with_kernel(
        |_| DONE,
        || {
            let mut fixture = growing(HEAP_BYTES, HEAP_BYTES);
            let all = fixture.heap.free();
            assert!(fixture.take(all - 64, 16));
            assert!(!fixture.take(4096, 16));
        },
    );
}

#[test]
fn reserved_memory_is_not_free_and_survives_a_full_and_fragmented_heap() {
    with_kernel(
        |_| DONE,
        || {
            let mut fixture = growing(HEAP_BYTES, HEAP_BYTES);
            let all = fixture.heap.uncommitted();
            let bytes = HEAP_BYTES / 8;
            let mut reserve = fixture.heap.reserve(bytes).expect("it is promised");
            assert_eq!(fixture.heap.uncommitted(), all - bytes);
            assert_eq!(fixture.heap.least_uncommitted(), all - bytes);
            while fixture.take(17 << 10, 16) {}
            let mut parts: Vec<&mut [u8]> = (0..8)
                .map(|_| reserve.take(bytes / 8).expect("it is reserved"))
                .collect();
            for part in &mut parts {
                part.fill(0xa5);
            }
            assert!(reserve.take(1).is_none());
            fixture.free_all_in_any_order();
            assert!(
                parts
                    .iter()
                    .all(|part| part.iter().all(|byte| *byte == 0xa5))
            );
            assert!(fixture.heap.reserve(HEAP_BYTES).is_none());
        },
    );
}

#[test]
fn a_heap_whose_pool_is_empty_has_no_memory() {
    with_kernel(
        |_| Err(abi::Error::PoolEmpty),
        || {
            let mut fixture = growing(HEAP_BYTES, HEAP_BYTES);
            assert_eq!(fixture.heap.free(), 0);
            assert!(!fixture.take(16, 16));
        },
    );
}
