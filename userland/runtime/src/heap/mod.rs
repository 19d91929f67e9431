//! The heap: the range that the start page names, behind `alloc`.
//!
//! ```text
//! alloc -> Heap --- small: a cell of its size class ---> Chunk (many cells of one size)
//!              \                                           | whole chunks
//!               ---- large ------------------------------> linked_list_allocator
//! ```
//!
//! The list below keeps its holes by address and walks them at every call. It serves what is large and whole chunks, which are
//! few; what there is much of costs a few instructions, in whatever order it comes and goes.

#[cfg(any(test, target_os = "none"))]
mod chunk;
#[cfg(any(test, target_os = "none"))]
mod classes;
#[cfg(any(test, target_os = "none"))]
mod size_class;

use abi::start_page::Range;

#[cfg(target_os = "none")]
mod global {
    use core::alloc::{GlobalAlloc, Layout};
    use core::ptr::{self, NonNull};

    use spin::Mutex;

    use super::classes::Heap;

    /// The heap behind a lock that nobody ever waits for: there is one thread.
    pub struct LockedHeap(pub Mutex<Heap>);

    #[global_allocator]
    pub static HEAP: LockedHeap = LockedHeap(Mutex::new(Heap::empty()));

    // SAFETY: The heap hands out disjoint pieces of a range that is its own (see `super::install`), of the
    // layout asked for.
    unsafe impl GlobalAlloc for LockedHeap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let piece = self.0.lock().allocate(layout);
            piece.map_or(ptr::null_mut(), NonNull::as_ptr)
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            if let Some(pointer) = NonNull::new(pointer) {
                // SAFETY: The caller got it from `alloc` with this layout.
                unsafe { self.0.lock().deallocate(pointer, layout) }
            }
        }
    }
}

/// Gives the range to the heap.
///
/// # Safety
/// The range is mapped writable for the domain's life and nothing else uses it. This is the first call.
#[cfg(target_os = "none")]
pub(crate) unsafe fn install(range: Range) {
    if range.bytes > 0 {
        // SAFETY: The caller guarantees the range.
        unsafe {
            global::HEAP
                .0
                .lock()
                .init(range.start as *mut u8, range.bytes as usize);
        }
    }
}

/// How many bytes of the heap are not in use. They may lie in pieces.
#[cfg(target_os = "none")]
pub fn free_bytes() -> usize {
    global::HEAP.0.lock().free()
}

/// How many of them are in no chunk of cells, so that they serve any size. They may lie in pieces.
#[cfg(target_os = "none")]
pub fn uncommitted_bytes() -> usize {
    global::HEAP.0.lock().uncommitted()
}

/// The fewest of these that there ever were.
#[cfg(target_os = "none")]
pub fn least_uncommitted_bytes() -> usize {
    global::HEAP.0.lock().least_uncommitted()
}

/// A host has its own heap.
///
/// # Safety
/// Nothing is asked.
#[cfg(not(target_os = "none"))]
pub(crate) unsafe fn install(_: Range) {}

/// A host's heap does not tell.
#[cfg(not(target_os = "none"))]
pub fn uncommitted_bytes() -> usize {
    usize::MAX
}

/// A host's heap does not tell.
#[cfg(not(target_os = "none"))]
pub fn free_bytes() -> usize {
    usize::MAX
}

/// A host's heap does not tell.
#[cfg(not(target_os = "none"))]
pub fn least_uncommitted_bytes() -> usize {
    usize::MAX
}
