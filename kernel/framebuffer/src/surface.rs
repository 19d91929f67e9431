//! The memory that is drawn to: [`Surface`].

/// A framebuffer's memory. It is only written: reading a graphics card's memory is slow.
pub trait Surface {
    /// Writes bytes at an offset. They are within the [`Geometry::bytes`](crate::Geometry::bytes) of the painter's geometry.
    fn write(&mut self, offset: usize, bytes: &[u8]);
}

/// A function that writes to any other memory.
impl<F: FnMut(usize, &[u8])> Surface for F {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self(offset, bytes);
    }
}

/// Ordinary memory.
impl Surface for [u8] {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}
