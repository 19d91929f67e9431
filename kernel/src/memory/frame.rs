//! One page of RAM: [`Frame`], and its bytes.

use core::ptr;

use super::FRAME_BYTES;
use crate::arch::{PhysAddr, direct_map};

/// A readable and writable page of RAM. A `Frame` can be copied, since it does not own the page: the owner is an
/// [`super::OwnedFrame`] or a table's entry. A copy is not used after that owner has released the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame(PhysAddr);

impl Frame {
    /// The frame of this address, which must be RAM.
    #[inline]
    pub(super) fn containing(address: PhysAddr) -> Frame {
        Frame(address.align_down(FRAME_BYTES))
    }

    /// Its physical address.
    pub fn address(self) -> PhysAddr {
        self.0
    }

    /// The frame `count` frames later.
    pub(super) fn plus(self, count: u64) -> Frame {
        Frame(self.0 + count * FRAME_BYTES)
    }

    #[inline]
    pub(super) fn pointer(self) -> *mut u8 {
        direct_map(self.0)
    }

    /// Fills it with zeros.
    pub fn zero(self) {
        // SAFETY: a frame is a whole page of RAM in the direct map; no reference into it is alive while its use changes.
        unsafe { ptr::write_bytes(self.pointer(), 0, FRAME_BYTES as usize) }
    }

    /// Copies another frame's bytes into this one.
    pub fn copy_from(self, other: Frame) {
        if self != other {
            // SAFETY: both are whole pages of RAM in the direct map, and different ones. User code on another core may write
            // to them meanwhile, since the kernel lock does not stop it. So nothing relies on the bytes.
            unsafe {
                ptr::copy_nonoverlapping(other.pointer(), self.pointer(), FRAME_BYTES as usize)
            }
        }
    }

    /// Whether it is all zeros. User code may write to it meanwhile, so nothing may rely on the result.
    pub fn is_zero(self) -> bool {
        const WORDS_AT_ONCE: u64 = 8;
        let line = |offset: u64| {
            (0..WORDS_AT_ONCE).fold(0, |all, word| all | self.read_word(offset + word * 8))
        };
        (0..FRAME_BYTES)
            .step_by(WORDS_AT_ONCE as usize * 8)
            .all(|offset| line(offset) == 0)
    }

    /// Reads a word of a user's page. The value is not trusted.
    ///
    /// # Panics
    /// If the word does not lie inside the frame at a multiple of eight.
    pub fn read_word(self, offset: u64) -> u64 {
        // SAFETY: `word_at` points to an aligned word inside the frame. The read is volatile, since user code may write the
        // word at any time.
        unsafe { ptr::read_volatile(self.word_at(offset)) }
    }

    /// Writes a word of a user's page.
    ///
    /// # Panics
    /// If the word does not lie inside the frame at a multiple of eight.
    pub fn write_word(self, offset: u64, value: u64) {
        // SAFETY: as in `read_word`.
        unsafe { ptr::write_volatile(self.word_at(offset), value) }
    }

    /// Reads bytes of a user's page.
    ///
    /// # Panics
    /// If they do not lie inside the frame.
    pub fn read_bytes(self, offset: u64, bytes: &mut [u8]) {
        self.check_range(offset, bytes.len());
        // SAFETY: the range lies inside the frame, and `bytes` is the caller's own, not in a user's page.
        unsafe {
            ptr::copy_nonoverlapping(
                self.pointer().add(offset as usize),
                bytes.as_mut_ptr(),
                bytes.len(),
            )
        }
    }

    /// Writes bytes of a user's page.
    ///
    /// # Panics
    /// If they do not lie inside the frame.
    pub fn write_bytes(self, offset: u64, bytes: &[u8]) {
        self.check_range(offset, bytes.len());
        // SAFETY: as in `read_bytes`.
        unsafe {
            ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.pointer().add(offset as usize),
                bytes.len(),
            )
        }
    }

    fn word_at(self, offset: u64) -> *mut u64 {
        assert!(
            offset.is_multiple_of(8) && offset < FRAME_BYTES,
            "a word at {offset:#x} is not inside a frame"
        );
        // SAFETY: the offset was just checked to be inside the frame.
        unsafe { self.pointer().add(offset as usize).cast() }
    }

    fn check_range(self, offset: u64, length: usize) {
        assert!(
            offset + length as u64 <= FRAME_BYTES,
            "{length} bytes at {offset:#x} are not inside a frame"
        );
    }
}
