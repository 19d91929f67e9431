//! Reading and writing a card's registers: each access as wide as the register, and never left out.

#![allow(unsafe_code)]

use runtime::shared::SharedMemory;

/// Some registers that are mapped.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    memory: SharedMemory<'static>,
}

/// A number that is as wide as a register.
pub trait Number: Copy {}

impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}

impl Registers {
    /// The registers in this memory, which is a device's and mapped uncached.
    pub fn new(memory: SharedMemory<'static>) -> Registers {
        Registers { memory }
    }

    /// Reads the register at `offset`.
    pub fn read<T: Number>(&self, offset: usize) -> T {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` found it mapped and aligned; any bits are a number.
        unsafe { pointer.read_volatile() }
    }

    /// Writes the register at `offset`.
    pub fn write<T: Number>(&self, offset: usize, value: T) {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` found it mapped and aligned. What the card does with the number is a matter of the
        // memory that it may reach, which is of the driver's own choice.
        unsafe { pointer.write_volatile(value) }
    }

    /// Writes two registers that hold the halves of an address.
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
