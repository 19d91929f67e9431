//! Memory that a card reads and writes.

use runtime::shared::SharedMemory;

/// The bus address of memory, for a card. Without an IOMMU it is the physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DmaAddress(u64);

impl DmaAddress {
    /// The address of memory that the kernel allocated for DMA.
    pub const fn new(address: u64) -> DmaAddress {
        DmaAddress(address)
    }

    /// The number for a register or a descriptor.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The address this many bytes further on.
    pub const fn after(self, bytes: usize) -> DmaAddress {
        DmaAddress(self.0 + bytes as u64)
    }
}

/// A contiguous range of memory, for the driver and for the card.
#[derive(Clone, Copy, Debug)]
pub struct DmaMemory {
    memory: SharedMemory<'static>,
    address: DmaAddress,
}

impl DmaMemory {
    /// The memory that the card finds at this address.
    pub fn new(memory: SharedMemory<'static>, address: DmaAddress) -> DmaMemory {
        DmaMemory { memory, address }
    }

    /// The driver's view.
    pub fn memory(&self) -> SharedMemory<'static> {
        self.memory
    }

    /// The card's view.
    pub fn address(&self) -> DmaAddress {
        self.address
    }

    /// A part of it, at an offset that is a multiple of eight.
    pub fn part(&self, offset: usize, bytes: usize) -> DmaMemory {
        DmaMemory {
            memory: self.memory.part(offset, bytes),
            address: self.address.after(offset),
        }
    }
}
