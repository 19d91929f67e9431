//! Volatile reads and writes of a NIC's registers, each as wide as the register.

#![allow(unsafe_code)]

use runtime::shared::SharedMemory;

/// A mapped block of registers.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    memory: SharedMemory<'static>,
}

/// An integer as wide as a register.
pub trait Number: Copy {}

impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}

impl Registers {
    /// The registers in this memory, which belongs to a device and is mapped uncached.
    pub fn new(memory: SharedMemory<'static>) -> Registers {
        Registers { memory }
    }

    /// Reads the register at `offset`.
    pub fn read<T: Number>(&self, offset: usize) -> T {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` checked that it is mapped and aligned; any bits are a valid integer.
        unsafe { pointer.read_volatile() }
    }

    /// Writes the register at `offset`.
    pub fn write<T: Number>(&self, offset: usize, value: T) {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` checked that it is mapped and aligned. The NIC's reaction can affect only the
        // memory that it may reach, which the driver chooses.
        unsafe { pointer.write_volatile(value) }
    }

    /// Writes an address to two registers of half its width.
    pub fn write_address(&self, offset: usize, address: u64) {
        self.write(offset, address as u32);
        self.write(offset + 4, (address >> 32) as u32);
    }

    fn pointer<T>(&self, offset: usize) -> *mut T {
        let end = offset + size_of::<T>();
        assert!(
            offset.is_multiple_of(align_of::<T>()) && end <= self.memory.bytes(),
            "no register at {offset}"
        );
        (self.memory.address() as *mut u8)
            .wrapping_add(offset)
            .cast()
    }
}
