//! The heap: size classes in front of a free-list allocator.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use linked_list_allocator::Heap as List;

use super::chunk::Chunk;
use super::growth::Growth;
use super::reserve::Reserve;
use super::size_class::{CLASSES, SizeClass, Unit};

/// The maximum size of a hole that the list may leave on either side of an aligned block.
const LIST_OVERHEAD: usize = 64;

/// The heap.
pub struct Heap {
    /// Allocates large blocks and chunks.
    list: List,
    /// For each class, the chunks that have a free cell.
    chunks: [*mut Chunk; CLASSES],
    unit: Unit,
    /// Bytes of chunks that are in no used cell. So the free bytes of the heap do not depend on how its cells are spread over chunks,
    /// nor on which unused chunks it keeps.
    cell_bytes_free: usize,
    least_uncommitted: usize,
    /// The address of the heap's Memory.
    start: *mut u8,
    /// The source of more memory; `None` in a heap without memory.
    growth: Option<Growth>,
    #[cfg(test)]
    list_calls: usize,
}

// SAFETY: The heap owns its chunks exclusively, so they move between threads with it.
unsafe impl Send for Heap {}

impl Heap {
    /// Creates a heap without memory.
    pub const fn empty() -> Heap {
        Heap {
            list: List::empty(),
            chunks: [ptr::null_mut(); CLASSES],
            unit: Unit::MIN,
            cell_bytes_free: 0,
            least_uncommitted: 0,
            start: ptr::null_mut(),
            growth: None,
            #[cfg(test)]
            list_calls: 0,
        }
    }

    /// Sets the heap's memory, which begins at `start` and is populated by `growth`.
    ///
    /// # Safety
    /// Memory that `growth` adds is writable and exclusively the heap's for the heap's life. The first begins at `start`, and each
    /// other one where the heap ends. This must be the first call.
    pub unsafe fn init(&mut self, start: *mut u8, mut growth: Growth) {
        let (promised, bytes_max) = growth.sizes();
        // Without a first page the heap stays empty, and allocations fail.
        if let Some(bytes) = growth.grow(1) {
            // SAFETY: The caller guarantees the range.
            unsafe { self.list.init(start, bytes) }
            self.start = start;
            self.unit = Unit::of_growing_heap(promised, bytes_max);
            self.growth = Some(growth);
            self.least_uncommitted = self.uncommitted();
        }
    }

    /// The number of free bytes, with those that are promised. They may be fragmented.
    pub fn free(&self) -> usize {
        self.uncommitted() + self.cell_bytes_free
    }

    /// The number of free bytes outside chunks, with those that are promised. They may be fragmented.
    pub fn uncommitted(&self) -> usize {
        self.list.free() + self.promised()
    }

    /// Takes memory from the end of what the heap may grow to, to be populated later; `None` if there is not as much.
    pub fn reserve(&mut self, bytes: usize) -> Option<Reserve> {
        let growth = self.growth.as_mut()?;
        let (memory, first) = (growth.memory(), growth.cut_off(bytes)?);
        self.note_low_water();
        // SAFETY: The caller of `init` guarantees that the Memory, whose pages these are, is mapped there. The heap will not grow into them.
        Some(unsafe { Reserve::new(memory, self.start, first, bytes) })
    }

    /// The number of bytes that are promised and not populated yet.
    pub fn promised(&self) -> usize {
        self.growth.as_ref().map_or(0, Growth::promised_bytes)
    }

    /// The low-water mark of [`Heap::uncommitted`].
    pub fn least_uncommitted(&self) -> usize {
        self.least_uncommitted
    }

    /// Allocates a block of this layout; `None` if there is no room.
    pub fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        match self.unit.class_of(layout) {
            Some(class) => self.take_cell(class),
            None => self.take_block(layout),
        }
    }

    /// Frees a block.
    ///
    /// # Safety
    /// [`Heap::allocate`] returned it for this layout, and it is no longer used.
    pub unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        match self.unit.class_of(layout) {
            // SAFETY: A layout always has the same class, so this is one of its cells.
            Some(class) => unsafe { self.free_cell(block, class) },
            // SAFETY: It came from the list.
            None => unsafe { self.free_block(block, layout) },
        }
    }

    fn take_cell(&mut self, class: SizeClass) -> Option<NonNull<u8>> {
        let chunk = match NonNull::new(self.chunks[class.index()]) {
            Some(chunk) => chunk,
            None => self.make_chunk(class)?,
        };
        self.cell_bytes_free -= class.bytes();
        // SAFETY: Chunks in the list of a class are of this class and not full.
        unsafe {
            let cell = Chunk::take(chunk, class);
            if chunk.as_ref().is_full(self.unit.cells(class)) {
                Chunk::unlink(&mut self.chunks[class.index()], chunk.as_ptr());
            }
            Some(cell)
        }
    }

    /// # Safety
    /// As [`Heap::deallocate`], for a cell of this class.
    unsafe fn free_cell(&mut self, cell: NonNull<u8>, class: SizeClass) {
        let chunk = Chunk::of_cell(cell, self.unit.chunk(class).size());
        let head = &mut self.chunks[class.index()];
        self.cell_bytes_free += class.bytes();
        // SAFETY: The caller guarantees the cell, whose chunk is in the list if and only if it is not full.
        unsafe {
            let was_full = (*chunk).is_full(self.unit.cells(class));
            Chunk::give_back(chunk, cell);
            if was_full {
                Chunk::link(head, chunk);
            }
            // The last chunk is kept, so that a caller that allocates and frees one cell repeatedly does not create chunks.
            let is_last = *head == chunk && (*chunk).next().is_null();
            if (*chunk).is_unused() && !is_last {
                self.release(chunk, class);
            }
        }
    }

    fn make_chunk(&mut self, class: SizeClass) -> Option<NonNull<Chunk>> {
        let memory = self.take_block(self.unit.chunk(class))?;
        self.cell_bytes_free += self.unit.chunk(class).size();
        // SAFETY: The block is new, and has the layout of a chunk of this class. It is in no list yet.
        unsafe {
            let chunk = Chunk::make(memory);
            Chunk::link(&mut self.chunks[class.index()], chunk.as_ptr());
            Some(chunk)
        }
    }

    /// # Safety
    /// It is an unused chunk of this class.
    unsafe fn release(&mut self, chunk: *mut Chunk, class: SizeClass) {
        self.cell_bytes_free -= self.unit.chunk(class).size();
        // SAFETY: The caller guarantees the chunk; being unused, it is in its class's list and none of its cells is in use.
        unsafe {
            Chunk::unlink(&mut self.chunks[class.index()], chunk);
            let block = NonNull::new_unchecked(chunk).cast();
            self.free_block(block, self.unit.chunk(class));
        }
    }

    fn take_block(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.take_from_list(layout);
        // Unused chunks that are kept may make room.
        let block = block.or_else(|| self.release_unused().then(|| self.take_from_list(layout))?);
        block.or_else(|| self.grow(layout).then(|| self.take_from_list(layout))?)
    }

    /// Adds memory for a block of this layout; returns whether it succeeded.
    fn grow(&mut self, layout: Layout) -> bool {
        let bytes = layout.size().saturating_add(layout.align());
        let bytes = bytes.saturating_add(LIST_OVERHEAD);
        let added = self.growth.as_mut().and_then(|growth| growth.grow(bytes));
        let Some(added) = added else {
            return false;
        };
        // SAFETY: The caller of `init` guarantees that the memory that `growth` adds follows the heap's.
        unsafe { self.list.extend(added) };
        true
    }

    fn take_from_list(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        #[cfg(test)]
        (self.list_calls += 1);
        let block = self.list.allocate_first_fit(layout).ok();
        self.note_low_water();
        block
    }

    fn note_low_water(&mut self) {
        self.least_uncommitted = self.least_uncommitted.min(self.uncommitted());
    }

    /// # Safety
    /// The list returned it for this layout, and it is no longer used.
    unsafe fn free_block(&mut self, block: NonNull<u8>, layout: Layout) {
        #[cfg(test)]
        (self.list_calls += 1);
        // SAFETY: The caller guarantees the block.
        unsafe { self.list.deallocate(block, layout) }
    }

    /// Frees unused chunks to the list; returns whether there were any. A class has at most one, which is alone in the class's
    /// list.
    fn release_unused(&mut self) -> bool {
        let mut has_released = false;
        for class in (0..CLASSES).map(SizeClass::at) {
            let chunk = self.chunks[class.index()];
            // SAFETY: A class's list holds only chunks of that class.
            unsafe {
                if chunk.as_ref().is_some_and(Chunk::is_unused) {
                    self.release(chunk, class);
                    has_released = true;
                }
            }
        }
        has_released
    }
}

#[cfg(test)]
mod tests;
