//! The heap behind `alloc`, in the start page's Memory `heap`.
//!
//! ```text
//! alloc -> Heap --- small: a cell of its size class ---> Chunk (many cells of one size)
//!              \                                           | whole chunks
//!               ---- large ------------------------------> linked_list_allocator <--- more pages --- Growth
//! ```
//!
//! `linked_list_allocator` keeps its holes by address and walks them at every call. It serves large blocks and whole chunks,
//! which are few. Frequent small allocations cost a few instructions, in whatever order they are made and freed.
//!
//! A heap begins with 256 KiB. When it is spent it grows, in steps of at least a quarter, until its domain's pool is nearly spent. Then
//! allocations fail. The domain's creator has checked that the pool can pay for a part of that growth, which is promised, and counts as
//! free; memory beyond the promise does not, until the heap has grown by it. The heap never shrinks.

#[cfg(any(test, target_os = "caravan"))]
mod chunk;
#[cfg(any(test, target_os = "caravan"))]
mod classes;
#[cfg(any(test, target_os = "caravan"))]
mod growth;
#[cfg(any(test, target_os = "caravan"))]
mod reserve;
#[cfg(any(test, target_os = "caravan"))]
mod size_class;

use crate::Start;

#[cfg(target_os = "caravan")]
pub use reserve::Reserve;

#[cfg(target_os = "caravan")]
mod global {
    use core::alloc::{GlobalAlloc, Layout};
    use core::ptr::{self, NonNull};

    use spin::Mutex;

    use super::classes::Heap;

    /// The heap behind a lock that is never contended: one thread uses it.
    pub struct LockedHeap(pub Mutex<Heap>);

    #[global_allocator]
    pub static HEAP: LockedHeap = LockedHeap(Mutex::new(Heap::empty()));

    // SAFETY: The heap returns disjoint blocks of a range that it owns (see `super::install`), of the requested
    // layout.
    unsafe impl GlobalAlloc for LockedHeap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let block = self.0.lock().allocate(layout);
            block.map_or(ptr::null_mut(), NonNull::as_ptr)
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            if let Some(pointer) = NonNull::new(pointer) {
                // SAFETY: The caller received it from `alloc` with this layout.
                unsafe { self.0.lock().deallocate(pointer, layout) }
            }
        }
    }
}

/// Gives the heap the Memory `heap` of the start page. A domain without it has no heap.
///
/// # Safety
/// The Memory is mapped writable for the domain's life, and nothing else uses it. This must be the first call.
#[cfg(target_os = "caravan")]
pub(crate) unsafe fn install(start: Start) {
    use abi::PAGE_BYTES;
    use abi::register::PageCount;

    let promised = start.page().heap;
    let (Some(memory), Some(whole)) = (start.find("heap"), start.page().find("heap")) else {
        return;
    };
    let pages = |bytes| PageCount(bytes / PAGE_BYTES);
    let growth = growth::Growth::new(memory, pages(promised.bytes), pages(whole.bytes));
    // SAFETY: The caller guarantees the Memory, which begins there.
    unsafe {
        let mut heap = global::HEAP.0.lock();
        heap.init(whole.address as *mut u8, growth);
    }
}

/// The number of free bytes, with those that the heap is promised and has not yet grown by. They may be fragmented.
#[cfg(target_os = "caravan")]
pub fn free_bytes() -> usize {
    global::HEAP.0.lock().free()
}

/// The number of free bytes outside chunks, with those that the heap is promised and has not yet grown by. They serve blocks of any
/// size, but may be fragmented.
#[cfg(target_os = "caravan")]
pub fn uncommitted_bytes() -> usize {
    global::HEAP.0.lock().uncommitted()
}

/// The number of bytes that the heap is promised and has not yet grown by.
#[cfg(target_os = "caravan")]
pub fn promised_bytes() -> usize {
    global::HEAP.0.lock().promised()
}

/// The low-water mark of [`uncommitted_bytes`].
#[cfg(target_os = "caravan")]
pub fn least_uncommitted_bytes() -> usize {
    global::HEAP.0.lock().least_uncommitted()
}

/// Reserves this much memory for later: it is the domain's from now on, does not count as free any more, and is populated when it is taken.
/// Returns `None` if the domain has no heap, or the pool cannot pay for it.
#[cfg(target_os = "caravan")]
pub fn reserve(bytes: usize) -> Option<Reserve> {
    global::HEAP.0.lock().reserve(bytes)
}

/// The host has its own heap.
///
/// # Safety
/// No requirements.
#[cfg(not(target_os = "caravan"))]
pub(crate) unsafe fn install(_: Start) {}

/// Unknown on the host.
#[cfg(not(target_os = "caravan"))]
pub fn uncommitted_bytes() -> usize {
    usize::MAX
}

/// Unknown on the host.
#[cfg(not(target_os = "caravan"))]
pub fn free_bytes() -> usize {
    usize::MAX
}

/// Unknown on the host.
#[cfg(not(target_os = "caravan"))]
pub fn least_uncommitted_bytes() -> usize {
    usize::MAX
}

/// Unknown on the host.
#[cfg(not(target_os = "caravan"))]
pub fn promised_bytes() -> usize {
    0
}

/// The host has its own heap.
#[cfg(not(target_os = "caravan"))]
pub fn reserve(_: usize) -> Option<Reserve> {
    Some(Reserve)
}

/// The host's memory.
#[cfg(not(target_os = "caravan"))]
#[derive(Debug)]
pub struct Reserve;

#[cfg(not(target_os = "caravan"))]
impl Reserve {
    /// Allocates this many zeros.
    pub fn take(&mut self, bytes: usize) -> Option<&'static mut [u8]> {
        Some(alloc::vec![0; bytes].leak())
    }
}
