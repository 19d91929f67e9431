//! Memory that other domains read and write at the same time.
//!
//! Nothing but atomics is ever borrowed from it: bytes are copied in and out by string instructions, and words are atomics. So a
//! concurrent write by the other side changes a value and is never undefined behaviour. No value read from it is trusted.

use core::arch::asm;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

use abi::start_page::Range;

/// The number of bytes copied at once.
const WORD_BYTES: usize = 8;

/// A range of shared memory, valid for `'a`. An offset beyond its end panics: offsets come from the caller, never from the
/// other side.
#[derive(Clone, Copy, Debug)]
pub struct SharedMemory<'a> {
    start: *mut u8,
    bytes: usize,
    life: PhantomData<&'a AtomicU8>,
}

// SAFETY: Every access is atomic, or by `copy`, which tolerates concurrent accesses.
unsafe impl Send for SharedMemory<'_> {}
// SAFETY: Every access is atomic, or by `copy`, which tolerates concurrent accesses.
unsafe impl Sync for SharedMemory<'_> {}

impl<'a> SharedMemory<'a> {
    /// The shared memory at this range.
    ///
    /// # Safety
    /// It is mapped for `'a`, begins at a multiple of eight, and the only references into it are to atomics. It
    /// may be mapped read-only, if nothing is written through this value.
    pub unsafe fn from_range(range: Range) -> SharedMemory<'a> {
        SharedMemory {
            start: range.start as *mut u8,
            bytes: range.bytes as usize,
            life: PhantomData,
        }
    }

    /// The size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The address in this domain.
    pub fn address(&self) -> u64 {
        self.start as u64
    }

    /// A part of it, at an offset that is a multiple of eight.
    #[inline]
    pub fn part(&self, offset: usize, bytes: usize) -> SharedMemory<'a> {
        assert!(
            offset.is_multiple_of(8) && offset <= self.bytes && bytes <= self.bytes - offset,
            "{bytes} bytes at {offset} of {}",
            self.bytes
        );
        SharedMemory {
            start: self.start.wrapping_add(offset),
            bytes,
            life: PhantomData,
        }
    }

    /// The 32-bit word at `offset`.
    #[inline]
    pub fn word32(&self, offset: usize) -> &'a AtomicU32 {
        let pointer = self.pointer::<AtomicU32>(offset);
        // SAFETY: It is in range and aligned, and all access to the range is atomic or by `copy`.
        unsafe { &*pointer }
    }

    /// The 64-bit word at `offset`.
    #[inline]
    pub fn word64(&self, offset: usize) -> &'a AtomicU64 {
        let pointer = self.pointer::<AtomicU64>(offset);
        // SAFETY: It is in range and aligned, and all access to the range is atomic or by `copy`.
        unsafe { &*pointer }
    }

    /// Copies bytes out.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        self.check(offset, into.len());
        // SAFETY: The bytes are in range, and nothing else refers to `into`.
        unsafe { copy(into.as_mut_ptr(), self.byte(offset), into.len()) }
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, from: &[u8]) {
        self.check(offset, from.len());
        // SAFETY: The bytes are in range, and only atomics refer to them.
        unsafe { copy(self.byte(offset), from.as_ptr(), from.len()) }
    }

    /// Copies `bytes` from the beginning of another range to the beginning of this one.
    pub fn copy_from(&self, other: SharedMemory<'_>, bytes: usize) {
        self.check(0, bytes);
        other.check(0, bytes);
        // SAFETY: The bytes are in both ranges, and only atomics refer to them.
        unsafe { copy(self.start, other.start, bytes) }
    }

    fn byte(&self, offset: usize) -> *mut u8 {
        self.start.wrapping_add(offset)
    }

    fn check(&self, offset: usize, bytes: usize) {
        let end = offset.checked_add(bytes);
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "{bytes} bytes at {offset} of {}",
            self.bytes
        );
    }

    #[inline]
    fn pointer<T>(&self, offset: usize) -> *const T {
        assert!(
            offset.is_multiple_of(align_of::<T>())
                && offset
                    .checked_add(size_of::<T>())
                    .is_some_and(|end| end <= self.bytes),
            "offset {offset} of {}",
            self.bytes
        );
        self.start.wrapping_add(offset).cast_const().cast()
    }
}

/// Copies bytes that others may read and write meanwhile. They see each change at some time, in any order.
///
/// The processor's own instruction is used because it is the fastest copy of many bytes, and because the compiler cannot
/// assume anything about memory that an instruction of this kind reads: a concurrent write is not a data race of the program.
///
/// # Safety
/// Both ranges are mapped, and `to` is writable. They are equal or do not overlap.
unsafe fn copy(to: *mut u8, from: *const u8, bytes: usize) {
    // SAFETY: The caller guarantees the ranges. The direction flag is clear in all Rust code.
    unsafe {
        asm!(
            "rep movsq",
            "mov ecx, {rest:e}",
            "rep movsb",
            rest = in(reg) bytes % WORD_BYTES,
            inout("rcx") bytes / WORD_BYTES => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::host::shared_memory;
    use core::sync::atomic::Ordering;

    #[test]
    fn copies_any_length_at_any_offset() {
        let memory = shared_memory(64);
        let pattern: [u8; 32] = core::array::from_fn(|index| index as u8 + 1);
        for offset in 0..9 {
            for length in 0..=32 {
                let mut read = [0; 32];
                memory.write(offset, &[0; 40]);
                memory.write(offset, &pattern[..length]);
                memory.read(offset, &mut read);
                assert_eq!(read[..length], pattern[..length]);
                assert!(read[length..].iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn copies_between_ranges_to_the_last_byte() {
        let (from, to) = (shared_memory(20), shared_memory(24));
        from.write(0, &[7; 20]);
        to.copy_from(from, 19);
        let mut read = [0; 24];
        to.read(0, &mut read);
        assert_eq!(read, *b"\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\0\0\0\0\0");
    }

    #[test]
    fn a_part_begins_at_its_offset() {
        let memory = shared_memory(64);
        memory.part(16, 8).word64(0).store(5, Ordering::Relaxed);
        assert_eq!(memory.word64(16).load(Ordering::Relaxed), 5);
    }
}
