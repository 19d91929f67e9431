//! The heap behind `alloc`: the start page's heap range, which may grow.
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
//! A heap that is spent grows, in steps of at least a quarter, until its domain's pool is nearly spent. Then allocations
//! fail. The heap never shrinks. The numbers of free bytes below do not include the memory by which the heap may still grow.

#[cfg(any(test, target_os = "caravan"))]
mod chunk;
#[cfg(any(test, target_os = "caravan"))]
mod classes;
#[cfg(any(test, target_os = "caravan"))]
mod growth;
#[cfg(any(test, target_os = "caravan"))]
mod size_class;

use crate::Start;

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

/// Sets the heap's range from the start page. The heap can grow if the range lies at the start of a Memory named `heap`.
///
/// # Safety
/// The range is mapped writable for the domain's life and used by nothing else, as is the Memory. This must be the first call.
#[cfg(target_os = "caravan")]
pub(crate) unsafe fn install(start: Start) {
    use abi::PAGE_BYTES;
    use abi::register::PageCount;

    let range = start.page().heap;
    if range.bytes == 0 {
        return;
    }
    let whole = start
        .page()
        .find("heap")
        .filter(|whole| whole.address == range.start && whole.bytes >= range.bytes);
    let growth = whole.and_then(|whole| {
        let memory = start.find("heap")?;
        let pages = |bytes| PageCount(bytes / PAGE_BYTES);
        Some(growth::Growth::new(
            memory,
            pages(range.bytes),
            pages(whole.bytes),
        ))
    });
    let bytes_max = whole.map_or(range.bytes, |whole| whole.bytes);
    // SAFETY: The caller guarantees the range and the Memory.
    unsafe {
        global::HEAP.0.lock().init(
            range.start as *mut u8,
            range.bytes as usize,
            growth,
            bytes_max as usize,
        );
    }
}

/// The number of free bytes. They may be fragmented.
#[cfg(target_os = "caravan")]
pub fn free_bytes() -> usize {
    global::HEAP.0.lock().free()
}

/// The number of free bytes outside chunks. They serve blocks of any size, but may be fragmented.
#[cfg(target_os = "caravan")]
pub fn uncommitted_bytes() -> usize {
    global::HEAP.0.lock().uncommitted()
}

/// The low-water mark of [`uncommitted_bytes`].
#[cfg(target_os = "caravan")]
pub fn least_uncommitted_bytes() -> usize {
    global::HEAP.0.lock().least_uncommitted()
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
