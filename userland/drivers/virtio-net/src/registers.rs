//! The offsets and bits of the NIC's registers. Section numbers refer to virtio 1.2.

use nic::{DmaAddress, MappedRegisters, NarrowRegisters};
use runtime::shared::SharedMemory;

/// The common registers (4.1.4.3).
pub const DEVICE_FEATURE_SELECT: usize = 0x00;
pub const DEVICE_FEATURE: usize = 0x04;
pub const DRIVER_FEATURE_SELECT: usize = 0x08;
pub const DRIVER_FEATURE: usize = 0x0c;
pub const CONFIGURATION_VECTOR: usize = 0x10;
pub const STATUS: usize = 0x14;
/// It changes whenever a register specific to network devices does (4.1.4.3.1).
pub const GENERATION: usize = 0x15;
pub const QUEUE_SELECT: usize = 0x16;
pub const QUEUE_SIZE: usize = 0x18;
pub const QUEUE_VECTOR: usize = 0x1a;
pub const QUEUE_ENABLE: usize = 0x1c;
pub const QUEUE_NOTIFY: usize = 0x1e;
pub const QUEUE_DESCRIPTORS: usize = 0x20;
pub const QUEUE_DRIVER: usize = 0x28;
pub const QUEUE_DEVICE: usize = 0x30;
pub const COMMON_BYTES: usize = 0x38;

/// The bits of the status (2.1).
pub const STATUS_ACKNOWLEDGE: u8 = 1;
pub const STATUS_DRIVER: u8 = 2;
pub const STATUS_RUNNING: u8 = 4;
pub const STATUS_FEATURES: u8 = 8;
/// The NIC has met an error from which it does not recover by itself.
pub const STATUS_NEEDS_RESET: u8 = 0x40;

/// The registers specific to network devices (5.1.4): the address, the state of the link, and the MTU.
pub const MAC: usize = 0;
pub const MAC_BYTES: usize = 6;
pub const LINK: usize = 6;
pub const LINK_IS_UP: u16 = 1;
pub const MTU: usize = 10;

/// A block of registers.
#[derive(Clone, Copy, Debug)]
pub struct Block<R> {
    /// The registers.
    pub registers: R,
    /// The end of the last one.
    pub bytes: usize,
}

impl Block<MappedRegisters> {
    /// The registers in this memory.
    pub fn new(memory: SharedMemory<'static>) -> Self {
        Block {
            registers: MappedRegisters::new(memory),
            bytes: memory.bytes(),
        }
    }
}

impl<R> Block<R> {
    /// Whether it has a register of this size there.
    pub fn has(&self, offset: usize, bytes: usize) -> bool {
        let end = offset.checked_add(bytes);
        end.is_some_and(|end| end <= self.bytes)
    }
}

/// Writes an address to two registers of half its width.
pub fn write_address(registers: &impl NarrowRegisters, offset: usize, address: DmaAddress) {
    registers.write(offset, address.get() as u32);
    registers.write(offset + 4, (address.get() >> 32) as u32);
}
