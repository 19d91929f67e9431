//! Reads and writes of a card's registers, each as wide as the register.

#![allow(unsafe_code)]

use runtime::clock;
use runtime::shared::SharedMemory;

use crate::dma::DmaAddress;

/// A card's 32-bit registers, mapped or simulated, and the passing of time.
pub trait Registers {
    /// Reads the register at `offset`.
    fn read(&self, offset: usize) -> u32;
    /// Writes the register at `offset`.
    fn write(&self, offset: usize, value: u32);
    /// Lets time pass, at least this much.
    fn wait_us(&self, microseconds: u64);

    /// Changes bits of a register.
    fn change(&self, offset: usize, clear: u32, set: u32) {
        self.write(offset, self.read(offset) & !clear | set);
    }

    /// Writes an address to two registers, the lower half first.
    fn write_address(&self, offset: usize, address: DmaAddress) {
        self.write(offset, address.get() as u32);
        self.write(offset + 4, (address.get() >> 32) as u32);
    }

    /// Waits until these bits of a register have this value; returns whether they had it within the time.
    fn wait_until(&self, offset: usize, bits: u32, value: u32, microseconds: u64) -> bool {
        const STEP_US: u64 = 10;
        for _ in 0..=microseconds / STEP_US {
            if self.read(offset) & bits == value {
                return true;
            }
            self.wait_us(STEP_US);
        }
        false
    }
}

/// A card's registers of which some are narrower.
pub trait NarrowRegisters: Registers {
    /// Reads the 8-bit register at `offset`.
    fn read_byte(&self, offset: usize) -> u8;
    /// Writes the 8-bit register at `offset`.
    fn write_byte(&self, offset: usize, value: u8);
    /// Reads the 16-bit register at `offset`.
    fn read_half(&self, offset: usize) -> u16;
    /// Writes the 16-bit register at `offset`.
    fn write_half(&self, offset: usize, value: u16);
}

/// A mapped block of registers.
#[derive(Clone, Copy, Debug)]
pub struct MappedRegisters {
    memory: SharedMemory<'static>,
}

/// An integer as wide as a register.
pub trait Number: Copy {}

impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}

impl MappedRegisters {
    /// The registers in this memory, which belongs to a device and is mapped uncached.
    pub fn new(memory: SharedMemory<'static>) -> MappedRegisters {
        MappedRegisters { memory }
    }

    /// Reads the register at `offset`, of any width.
    pub fn load<T: Number>(&self, offset: usize) -> T {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` checked that it is mapped and aligned; any bits are a valid integer.
        unsafe { pointer.read_volatile() }
    }

    /// Writes the register at `offset`, of any width.
    pub fn store<T: Number>(&self, offset: usize, value: T) {
        let pointer = self.pointer::<T>(offset);
        // SAFETY: `pointer` checked that it is mapped and aligned. The card's reaction can affect only the
        // memory that it may reach, which the driver chooses.
        unsafe { pointer.write_volatile(value) }
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

impl Registers for MappedRegisters {
    fn read(&self, offset: usize) -> u32 {
        self.load(offset)
    }

    fn write(&self, offset: usize, value: u32) {
        self.store(offset, value);
    }

    /// Busy-waits. Cards need this only while they are set up.
    fn wait_us(&self, microseconds: u64) {
        let end = clock::now_ns().saturating_add(microseconds * 1000);
        while clock::now_ns() < end {
            core::hint::spin_loop();
        }
    }
}

impl NarrowRegisters for MappedRegisters {
    fn read_byte(&self, offset: usize) -> u8 {
        self.load(offset)
    }

    fn write_byte(&self, offset: usize, value: u8) {
        self.store(offset, value);
    }

    fn read_half(&self, offset: usize) -> u16 {
        self.load(offset)
    }

    fn write_half(&self, offset: usize, value: u16) {
        self.store(offset, value);
    }
}
