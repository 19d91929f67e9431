//! A chunk: cells of one size, in a piece of memory that begins with this header.
//!
//! ```text
//! | next, previous | free | used | begun | cell 0 | cell 1 | ... |
//! ```
//!
//! Free cells are a list through themselves. Cells from `begun` on were never handed out, so that a new chunk costs nothing
//! for each of them. Chunks of a class with a free cell are a list; a full chunk is in none.

use core::mem;
use core::ptr::{self, NonNull};

use super::size_class::{CELL_ALIGN, SizeClass};

/// Bytes before the first cell.
pub const HEADER_BYTES: usize = mem::size_of::<Chunk>();

/// The header.
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
    /// Makes a chunk of this memory.
    ///
    /// # Safety
    /// The memory is writable, the caller's, aligned to its size, and at least the header's bytes.
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

    /// The chunk in which this cell lies.
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

    /// The chunk behind it in the list.
    pub fn next(&self) -> *mut Chunk {
        self.next
    }

    /// Hands out a cell.
    ///
    /// # Safety
    /// `chunk` is a chunk of this class, and not full.
    pub unsafe fn take(chunk: NonNull<Chunk>, class: SizeClass) -> NonNull<u8> {
        // SAFETY: The caller guarantees the chunk. Its free cells are nobody's, and those from `begun` on lie in it as long as
        // not all are in use.
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

    /// Takes a cell back.
    ///
    /// # Safety
    /// [`Chunk::take`] gave it out of this chunk, and nobody uses it any more.
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

    /// Puts a chunk at the head of a list.
    ///
    /// # Safety
    /// The list is one of chunks; this chunk is in none.
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

    /// Takes a chunk out of its list.
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
