//! I/O ports.

use crate::arch::IoWidth;
use x86_64::instructions::port::Port;

/// Reads a port. The caller has checked the capability to it.
pub fn io_read(port: u16, width: IoWidth) -> u32 {
    // SAFETY: the holder of the capability to the ports is responsible for the device's effects on memory.
    unsafe {
        match width {
            IoWidth::Byte => Port::<u8>::new(port).read().into(),
            IoWidth::Word => Port::<u16>::new(port).read().into(),
            IoWidth::Long => Port::<u32>::new(port).read(),
        }
    }
}

/// Writes a port; the value is truncated to the width.
pub fn io_write(port: u16, width: IoWidth, value: u32) {
    // SAFETY: as for `io_read`.
    unsafe {
        match width {
            IoWidth::Byte => Port::<u8>::new(port).write(value as u8),
            IoWidth::Word => Port::<u16>::new(port).write(value as u16),
            IoWidth::Long => Port::<u32>::new(port).write(value),
        }
    }
}

/// Reads one byte.
pub(super) fn read_byte(port: u16) -> u8 {
    io_read(port, IoWidth::Byte) as u8
}

/// Writes one byte.
pub(super) fn write_byte(port: u16, value: u8) {
    io_write(port, IoWidth::Byte, value.into());
}
