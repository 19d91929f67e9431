//! The heap: size classes in front of a list of holes.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use linked_list_allocator::Heap as List;

use super::chunk::Chunk;
use super::size_class::{CLASSES, SizeClass, Unit};

/// The heap.
pub struct Heap {
    /// What is large, and chunks.
    list: List,
    /// Of each class, the chunks that have a free cell.
    chunks: [*mut Chunk; CLASSES],
    unit: Unit,
    /// Bytes of cells that nobody has.
    cell_bytes_free: usize,
    least_uncommitted: usize,
    #[cfg(test)]
    list_calls: usize,
}

// SAFETY: The chunks are the heap's own, and go where it goes.
unsafe impl Send for Heap {}

impl Heap {
    /// A heap without memory.
    pub const fn empty() -> Heap {
        Heap {
            list: List::empty(),
            chunks: [ptr::null_mut(); CLASSES],
            unit: Unit::MIN,
            cell_bytes_free: 0,
            least_uncommitted: 0,
            #[cfg(test)]
            list_calls: 0,
        }
    }

    /// Gives it its memory.
    ///
    /// # Safety
    /// The range is writable and nobody else's for the heap's life. This is the first call.
    pub unsafe fn init(&mut self, start: *mut u8, bytes: usize) {
        self.unit = Unit::of_heap(bytes);
        // SAFETY: The caller guarantees the range.
        unsafe { self.list.init(start, bytes) }
        self.least_uncommitted = self.list.free();
    }

    /// How many bytes are not in use. They may lie in pieces.
    pub fn free(&self) -> usize {
        self.list.free() + self.cell_bytes_free
    }

    /// How many of them are in no chunk. They may lie in pieces.
    pub fn uncommitted(&self) -> usize {
        self.list.free()
    }

    /// The fewest of them that there ever were.
    pub fn least_uncommitted(&self) -> usize {
        self.least_uncommitted
    }

    /// A piece of this layout; `None` if there is none.
    pub fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        match self.unit.class_of(layout) {
            Some(class) => self.take_cell(class),
            None => self.take_piece(layout),
        }
    }

    /// Takes a piece back.
    ///
    /// # Safety
    /// [`Heap::allocate`] gave it out with this layout, and nobody uses it any more.
    pub unsafe fn deallocate(&mut self, piece: NonNull<u8>, layout: Layout) {
        match self.unit.class_of(layout) {
            // SAFETY: A layout always has the same class, so that this is one of its cells.
            Some(class) => unsafe { self.give_cell_back(piece, class) },
            // SAFETY: It came from the list.
            None => unsafe { self.give_piece_back(piece, layout) },
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
    /// As [`Heap::deallocate`], of a cell of this class.
    unsafe fn give_cell_back(&mut self, cell: NonNull<u8>, class: SizeClass) {
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
            // The last one is kept: who takes and gives back one cell again and again does not make chunks.
            let is_last = *head == chunk && (*chunk).next().is_null();
            if (*chunk).is_unused() && !is_last {
                self.release(chunk, class);
            }
        }
    }

    fn make_chunk(&mut self, class: SizeClass) -> Option<NonNull<Chunk>> {
        let memory = self.take_piece(self.unit.chunk(class))?;
        self.cell_bytes_free += self.unit.cells(class) * class.bytes();
        // SAFETY: The piece is new, and laid out as a chunk of this class is. It is in no list yet.
        unsafe {
            let chunk = Chunk::make(memory);
            Chunk::link(&mut self.chunks[class.index()], chunk.as_ptr());
            Some(chunk)
        }
    }

    /// # Safety
    /// It is an unused chunk of this class.
    unsafe fn release(&mut self, chunk: *mut Chunk, class: SizeClass) {
        self.cell_bytes_free -= self.unit.cells(class) * class.bytes();
        // SAFETY: The caller guarantees the chunk; as it is unused, it is in its class's list and nobody has a cell.
        unsafe {
            Chunk::unlink(&mut self.chunks[class.index()], chunk);
            let piece = NonNull::new_unchecked(chunk).cast();
            self.give_piece_back(piece, self.unit.chunk(class));
        }
    }

    fn take_piece(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let piece = self.take_from_list(layout);
        // Chunks that are kept unused may be what is missing.
        piece.or_else(|| self.release_unused().then(|| self.take_from_list(layout))?)
    }

    fn take_from_list(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        #[cfg(test)]
        (self.list_calls += 1);
        let piece = self.list.allocate_first_fit(layout).ok();
        self.least_uncommitted = self.least_uncommitted.min(self.list.free());
        piece
    }

    /// # Safety
    /// The list gave it out with this layout, and nobody uses it any more.
    unsafe fn give_piece_back(&mut self, piece: NonNull<u8>, layout: Layout) {
        #[cfg(test)]
        (self.list_calls += 1);
        // SAFETY: The caller guarantees it.
        unsafe { self.list.deallocate(piece, layout) }
    }

    /// Gives unused chunks back to the list; returns whether there was any. A class keeps one at most, and alone in its list.
    fn release_unused(&mut self) -> bool {
        let mut is_any = false;
        for class in (0..CLASSES).map(SizeClass::at) {
            let chunk = self.chunks[class.index()];
            // SAFETY: What a list holds are chunks of its class.
            unsafe {
                if chunk.as_ref().is_some_and(Chunk::is_unused) {
                    self.release(chunk, class);
                    is_any = true;
                }
            }
        }
        is_any
    }
}

#[cfg(test)]
mod tests;
