//! A chunk: cells of one size in a block of memory that begins with this header.
//!
//! ```text
//! | next, previous | free | used | begun | cell 0 | cell 1 | ... |
//! ```
//!
//! Free cells form an intrusive list. Cells from `begun` on were never allocated, so creating a chunk costs nothing
//! per cell. The chunks of a class that have a free cell form a list; a full chunk is in no list.

use core::mem;
use core::ptr::{self, NonNull};

use super::size_class::{CELL_ALIGN, SizeClass};

/// Bytes before the first cell.
pub const HEADER_BYTES: usize = mem::size_of::<Chunk>();

/// The header of a chunk.
#[repr(C, align(16))]
pub struct Chunk {
    next: *mut Chunk,
    previous: *mut Chunk,
    free: *mut Free,
    used: u32,
    begun: u32,
}

/// A free cell.
struct Free {
    next: *mut Free,
}

const _: () = assert!(HEADER_BYTES.is_multiple_of(CELL_ALIGN));
const _: () = assert!(mem::size_of::<Free>() <= CELL_ALIGN);

impl Chunk {
    /// Creates a chunk in this memory.
    ///
    /// # Safety
    /// The memory is writable, owned by the caller, aligned to its size, and at least as large as the header.
    pub unsafe fn make(memory: NonNull<u8>) -> NonNull<Chunk> {
        let chunk = memory.cast::<Chunk>();
        // SAFETY: The caller guarantees the memory.
        unsafe {
            chunk.write(Chunk {
                next: ptr::null_mut(),
                previous: ptr::null_mut(),
                free: ptr::null_mut(),
                used: 0,
                begun: 0,
            });
        }
        chunk
    }

    /// The chunk of this cell.
    pub fn of_cell(cell: NonNull<u8>, chunk_bytes: usize) -> *mut Chunk {
        cell.as_ptr()
            .map_addr(|address| address & !(chunk_bytes - 1))
            .cast()
    }

    /// Whether no cell is in use.
    pub fn is_unused(&self) -> bool {
        self.used == 0
    }

    /// Whether all of `cells` are in use.
    pub fn is_full(&self, cells: usize) -> bool {
        self.used as usize == cells
    }

    /// The next chunk in the list.
    pub fn next(&self) -> *mut Chunk {
        self.next
    }

    /// Allocates a cell.
    ///
    /// # Safety
    /// `chunk` is a chunk of this class, and not full.
    pub unsafe fn take(chunk: NonNull<Chunk>, class: SizeClass) -> NonNull<u8> {
        // SAFETY: The caller guarantees the chunk. Its free cells are unused, and the cell at `begun` lies in it unless all
        // cells are in use.
        unsafe {
            let header = chunk.as_ptr();
            (*header).used += 1;
            if let Some(cell) = NonNull::new((*header).free) {
                (*header).free = cell.read().next;
                return cell.cast();
            }
            let offset = HEADER_BYTES + (*header).begun as usize * class.bytes();
            (*header).begun += 1;
            chunk.cast::<u8>().add(offset)
        }
    }

    /// Frees a cell.
    ///
    /// # Safety
    /// [`Chunk::take`] returned it from this chunk, and it is no longer used.
    pub unsafe fn give_back(chunk: *mut Chunk, cell: NonNull<u8>) {
        let cell = cell.cast::<Free>();
        // SAFETY: The caller guarantees both; a cell has room for the link.
        unsafe {
            cell.write(Free {
                next: (*chunk).free,
            });
            (*chunk).free = cell.as_ptr();
            (*chunk).used -= 1;
        }
    }

    /// Inserts a chunk at the head of a list.
    ///
    /// # Safety
    /// The list consists of chunks; this chunk is in none.
    pub unsafe fn link(head: &mut *mut Chunk, chunk: *mut Chunk) {
        // SAFETY: The caller guarantees that all of them are chunks.
        unsafe {
            (*chunk).next = *head;
            (*chunk).previous = ptr::null_mut();
            if let Some(next) = (*head).as_mut() {
                next.previous = chunk;
            }
        }
        *head = chunk;
    }

    /// Removes a chunk from its list.
    ///
    /// # Safety
    /// It is in the list of this head.
    pub unsafe fn unlink(head: &mut *mut Chunk, chunk: *mut Chunk) {
        // SAFETY: The caller guarantees that all of them are chunks.
        unsafe {
            let (next, previous) = ((*chunk).next, (*chunk).previous);
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => *head = next,
            }
        }
    }
}
