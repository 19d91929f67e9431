//! A queued frame in its slot: [`Frame`], and one whose head was checked: [`HeldFrame`].

use super::layout::FRAME_BYTES_MIN;
use crate::shared::SharedMemory;

/// The bytes of a [`HeldFrame`] that are held: the headers of Ethernet, and of IPv4 or ARP.
pub const HEAD_BYTES: usize = 64;

/// A frame in its slot. Its length is valid; its bytes may change at any time, since the producer can write them.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: SharedMemory<'a>,
    length: usize,
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`, which has room for the longest one.
    pub(super) fn new(bytes: SharedMemory<'a>, length: usize) -> Frame<'a> {
        Frame { bytes, length }
    }

    /// The length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The Ethernet header: destination, source and EtherType.
    pub fn header(&self) -> [u8; FRAME_BYTES_MIN] {
        let mut header = [0; FRAME_BYTES_MIN];
        self.bytes.read(0, &mut header);
        header
    }

    /// Copies the frame, or as much of its beginning as fits.
    pub fn copy_to(&self, into: &mut [u8]) {
        let bytes = into.len().min(self.length);
        self.bytes.read(0, &mut into[..bytes]);
    }

    /// Copies the part of the frame from this offset.
    pub(super) fn copy_part_to(&self, offset: usize, into: &mut [u8]) {
        assert!(offset + into.len() <= self.length);
        self.bytes.read(offset, into);
    }

    /// Copies the frame into other shared memory, for example a device's buffer, which has room for it.
    pub fn copy_to_shared(&self, into: SharedMemory<'_>) {
        into.copy_from(self.bytes, self.length);
    }

    /// Copies the head out of the producer's reach.
    pub fn hold(self) -> HeldFrame<'a> {
        let mut head = [0; HEAD_BYTES];
        self.copy_to(&mut head);
        HeldFrame { frame: self, head }
    }
}

/// A frame whose first [`HEAD_BYTES`] can no longer change: what was checked there is what is sent.
#[derive(Clone, Copy, Debug)]
pub struct HeldFrame<'a> {
    frame: Frame<'a>,
    head: [u8; HEAD_BYTES],
}

impl HeldFrame<'_> {
    /// The length of the whole frame in bytes.
    pub fn length(&self) -> usize {
        self.frame.length
    }

    /// The head, or the whole frame if that is shorter.
    pub fn head(&self) -> &[u8] {
        &self.head[..self.length().min(HEAD_BYTES)]
    }

    /// Copies the frame into a buffer of its length.
    pub fn copy_to(&self, into: &mut [u8]) {
        self.frame.copy_to(into);
        let head = self.head();
        into[..head.len()].copy_from_slice(head);
    }

    /// Copies the frame into other shared memory, which has room for it.
    pub fn copy_to_shared(&self, into: SharedMemory<'_>) {
        self.frame.copy_to_shared(into);
        into.write(0, self.head());
    }
}
