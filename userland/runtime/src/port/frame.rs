//! A queued frame in its slot: [`Frame`].

use super::layout::FRAME_BYTES_MIN;
use crate::shared::SharedMemory;

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

    /// Copies the frame into other shared memory, for example a device's buffer, which has room for it
    /// and seven more bytes.
    pub fn copy_to_shared(&self, into: SharedMemory<'_>) {
        into.copy_from(self.bytes, self.length);
    }
}
