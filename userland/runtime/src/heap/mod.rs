//! The heap: the start page's heap range, behind `alloc`.
//!
//! ```text
//! alloc -> Heap --- small: a cell of its size class ---> Chunk (many cells of one size)
//!              \                                           | whole chunks
//!               ---- large ------------------------------> linked_list_allocator
//! ```
//!
//! The list below keeps its holes by address and walks them at every call. It serves large blocks and whole chunks, which are
//! few; frequent small allocations cost a few instructions, in whatever order they are made and freed.

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

    /// The heap behind a lock that is never contended: there is one thread.
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

/// Sets the heap's range.
///
/// # Safety
/// The range is mapped writable for the domain's life and used by nothing else. This is the first call.
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

/// The number of free bytes. They may be fragmented.
#[cfg(target_os = "none")]
pub fn free_bytes() -> usize {
    global::HEAP.0.lock().free()
}

/// The number of free bytes outside chunks, which serve any size. They may be fragmented.
#[cfg(target_os = "none")]
pub fn uncommitted_bytes() -> usize {
    global::HEAP.0.lock().uncommitted()
}

/// The low-water mark of [`uncommitted_bytes`].
#[cfg(target_os = "none")]
pub fn least_uncommitted_bytes() -> usize {
    global::HEAP.0.lock().least_uncommitted()
}

/// The host has its own heap.
///
/// # Safety
/// No requirements.
#[cfg(not(target_os = "none"))]
pub(crate) unsafe fn install(_: Range) {}

/// Unknown on the host.
#[cfg(not(target_os = "none"))]
pub fn uncommitted_bytes() -> usize {
    usize::MAX
}

/// Unknown on the host.
#[cfg(not(target_os = "none"))]
pub fn free_bytes() -> usize {
    usize::MAX
}

/// Unknown on the host.
#[cfg(not(target_os = "none"))]
pub fn least_uncommitted_bytes() -> usize {
    usize::MAX
}
