//! Memory that other domains read and write at the same time.
//!
//! Nothing is ever borrowed from it: bytes are copied in and out, eight at a time where they are aligned, with
//! relaxed atomics, so that a concurrent write by the other side changes a value and is never undefined behaviour. No value
//! read from it is trusted.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use abi::start_page::Range;

/// The number of bytes copied at once where they are aligned.
const WORD_BYTES: usize = 8;

/// A range of shared memory, valid for `'a`. An offset beyond its end panics: offsets come from the caller, never from the
/// other side.
#[derive(Clone, Copy, Debug)]
pub struct SharedMemory<'a> {
    start: *mut u8,
    bytes: usize,
    life: PhantomData<&'a AtomicU8>,
}

// SAFETY: Every access is atomic.
unsafe impl Send for SharedMemory<'_> {}
// SAFETY: Every access is atomic.
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
    pub fn word32(&self, offset: usize) -> &'a AtomicU32 {
        let pointer = self.pointer::<AtomicU32>(offset);
        // SAFETY: It is in range and aligned, and all access to the range is atomic.
        unsafe { &*pointer }
    }

    /// The 64-bit word at `offset`.
    pub fn word64(&self, offset: usize) -> &'a AtomicU64 {
        let pointer = self.pointer::<AtomicU64>(offset);
        // SAFETY: It is in range and aligned, and all access to the range is atomic.
        unsafe { &*pointer }
    }

    /// Copies bytes out.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let mut words = self.words(offset, into.len() / WORD_BYTES).iter();
        let (head, tail) = into.split_at_mut(words.len() * WORD_BYTES);
        for (chunk, word) in head.chunks_exact_mut(WORD_BYTES).zip(&mut words) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let rest = self.bytes_at(offset + head.len(), tail.len());
        for (byte, shared) in tail.iter_mut().zip(rest) {
            *byte = shared.load(Ordering::Relaxed);
        }
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let words = self.words(offset, from.len() / WORD_BYTES);
        let (head, tail) = from.split_at(words.len() * WORD_BYTES);
        for (chunk, word) in head.as_chunks::<WORD_BYTES>().0.iter().zip(words) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
        let rest = self.bytes_at(offset + head.len(), tail.len());
        for (byte, shared) in tail.iter().zip(rest) {
            shared.store(*byte, Ordering::Relaxed);
        }
    }

    /// Copies `bytes` from the beginning of another range to the beginning of this one, rounded up to a multiple of eight
    /// where both ranges have the room.
    pub fn copy_from(&self, other: SharedMemory<'_>, bytes: usize) {
        let most = (self.bytes / WORD_BYTES).min(other.bytes / WORD_BYTES);
        let count = bytes.div_ceil(WORD_BYTES).min(most);
        for (to, from) in self.words(0, count).iter().zip(other.words(0, count)) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let rest = bytes.saturating_sub(count * WORD_BYTES);
        let ends = self.bytes_at(count * WORD_BYTES, rest).iter();
        for (to, from) in ends.zip(other.bytes_at(count * WORD_BYTES, rest)) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// `count` words from `offset` on; no words if the offset is not aligned. One check of the range serves a whole copy.
    fn words(&self, offset: usize, count: usize) -> &'a [AtomicU64] {
        if count == 0 || !offset.is_multiple_of(WORD_BYTES) {
            return &[];
        }
        self.check(offset, count * WORD_BYTES);
        let pointer = self.start.wrapping_add(offset).cast_const().cast();
        // SAFETY: They are in range and aligned, and all access to the range is atomic.
        unsafe { core::slice::from_raw_parts(pointer, count) }
    }

    /// `count` bytes from `offset` on.
    fn bytes_at(&self, offset: usize, count: usize) -> &'a [AtomicU8] {
        if count == 0 {
            return &[];
        }
        self.check(offset, count);
        let pointer = self.start.wrapping_add(offset).cast_const().cast();
        // SAFETY: They are in range, and all access to the range is atomic.
        unsafe { core::slice::from_raw_parts(pointer, count) }
    }

    fn check(&self, offset: usize, bytes: usize) {
        let end = offset.checked_add(bytes);
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "{bytes} bytes at {offset} of {}",
            self.bytes
        );
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shared_memory;

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
