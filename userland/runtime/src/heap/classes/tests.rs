use super::*;
use std::vec;
use std::vec::Vec;

const HEAP_BYTES: usize = 8 << 20;

/// A heap in memory of the host's, and what was taken from it.
struct Fixture {
    heap: Heap,
    pieces: Vec<(NonNull<u8>, Layout, u8)>,
    random: u64,
    // Last, so that it goes last.
    _memory: Vec<u128>,
}

impl Fixture {
    fn new(bytes: usize) -> Fixture {
        let mut memory = vec![0_u128; bytes / 16];
        let mut heap = Heap::empty();
        // SAFETY: The memory lives as long as the heap, and nothing else uses it.
        unsafe { heap.init(memory.as_mut_ptr().cast(), bytes) };
        Fixture {
            heap,
            pieces: Vec::new(),
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

    /// Takes a piece and fills it; returns whether there was one.
    fn take(&mut self, bytes: usize, align: usize) -> bool {
        let layout = Layout::from_size_align(bytes, align).unwrap();
        let Some(piece) = self.heap.allocate(layout) else {
            return false;
        };
        assert!(piece.addr().get().is_multiple_of(align));
        let mark = self.random(256) as u8;
        // SAFETY: The heap gave it out with this layout.
        unsafe { piece.write_bytes(mark, bytes) };
        self.pieces.push((piece, layout, mark));
        true
    }

    /// Gives a piece back, which still holds what it was filled with.
    fn give_back(&mut self, index: usize) {
        let (piece, layout, mark) = self.pieces.swap_remove(index);
        // SAFETY: It was taken with this layout, filled, and is given back once.
        unsafe {
            let bytes = core::slice::from_raw_parts(piece.as_ptr(), layout.size());
            assert!(bytes.iter().all(|byte| *byte == mark), "{layout:?}");
            self.heap.deallocate(piece, layout);
        }
    }

    fn give_all_back_in_any_order(&mut self) {
        while !self.pieces.is_empty() {
            let index = self.random(self.pieces.len());
            self.give_back(index);
        }
    }
}

#[test]
fn pieces_of_all_sizes_come_and_go_and_never_overlap() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let free = fixture.heap.free();
    for _ in 0..30_000 {
        if fixture.random(100) < 55 {
            let magnitude = 1 << fixture.random(14);
            let bytes = 1 + fixture.random(magnitude);
            let align = 1 << fixture.random(8);
            fixture.take(bytes, align);
        } else if !fixture.pieces.is_empty() {
            let index = fixture.random(fixture.pieces.len());
            fixture.give_back(index);
        }
    }
    assert!(fixture.pieces.len() > 1000);
    fixture.give_all_back_in_any_order();
    fixture.heap.release_unused();
    assert_eq!(
        (fixture.heap.free(), fixture.heap.cell_bytes_free),
        (free, 0)
    );
}

/// The list walks its holes at every call: what there is much of must not call it.
#[test]
fn giving_much_back_in_any_order_does_not_ask_the_list_for_each_piece() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for index in 0..20_000 {
        assert!(fixture.take(40 + index % 200, 8));
    }
    let (pieces, made) = (fixture.pieces.len(), fixture.heap.list_calls);
    fixture.give_all_back_in_any_order();
    let given_back = fixture.heap.list_calls - made;
    assert!(given_back <= made, "{given_back} calls for {made} chunks");
    assert!(20 * made < pieces, "{made} chunks of {pieces} pieces");
}

#[test]
fn memory_of_one_size_serves_every_other_afterwards() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for bytes in [16, 3000, 100, 4096, 64 << 10, 500] {
        let mut count = 0;
        while fixture.take(bytes, 8) {
            count += 1;
        }
        assert!(count * bytes > HEAP_BYTES / 4 * 3, "{count} of {bytes}");
        fixture.give_all_back_in_any_order();
    }
    assert!(fixture.take(HEAP_BYTES / 2, 4096));
}

#[test]
fn what_chunks_bind_is_free_and_committed() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let free = fixture.heap.free();
    for _ in 0..1000 {
        assert!(fixture.take(100, 8));
    }
    assert_eq!(
        fixture.heap.uncommitted(),
        fixture.heap.free() - fixture.heap.cell_bytes_free
    );
    while fixture.pieces.len() > 1 {
        fixture.give_back(0);
    }
    assert!(fixture.heap.uncommitted() < fixture.heap.free());
    assert!(fixture.heap.free() > free - 256);
}

#[test]
fn one_piece_that_comes_and_goes_keeps_its_chunk() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    for _ in 0..100 {
        assert!(fixture.take(100, 8));
        fixture.give_back(0);
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
fn the_fewest_bytes_that_were_left_are_remembered() {
    let mut fixture = Fixture::new(HEAP_BYTES);
    let all = fixture.heap.uncommitted();
    assert_eq!(fixture.heap.least_uncommitted(), all);
    for _ in 0..4 {
        assert!(fixture.take(HEAP_BYTES / 8, 8));
    }
    let least = fixture.heap.uncommitted();
    assert!(least < all / 2 + HEAP_BYTES / 16);
    fixture.give_all_back_in_any_order();
    assert!(fixture.take(HEAP_BYTES / 8, 8));
    assert_eq!(fixture.heap.least_uncommitted(), least);
}
