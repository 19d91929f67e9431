//! Reads the data of PVH, `hvm_start_info`, which Xen defined and QEMU uses.
//!
//! ```text
//!   0  u32 magic, u32 version, u32 flags, u32 modules
//!  16  u64 address of the modules (each u64 address, u64 size, u64 command line, u64 0)
//!  24  u64 address of the command line
//!  32  u64 address of the RSDP
//!  40  u64 address of the memory map (each u64 address, u64 size, u32 kind, u32 0), u32 its entries, u32 0
//! ```

use super::handover::{Handover, MemoryKind, loader_bytes, loader_text};
use crate::arch::{PhysAddr, PhysRange};

const MAGIC: u32 = 0x336e_c578;
const BYTES: usize = 56;
const MODULE_BYTES: usize = 32;
const MEMORY_BYTES: usize = 24;
/// The maximum number of bytes of a command line that are read. It is more than can be stored, so that a longer command line is cut
/// between words, and the cut is logged.
const TEXT_BYTES_MAX: usize = 4096;

/// The memory map was added in version 1.
const VERSION_MIN: u32 = 1;

/// Reads QEMU's data.
pub(super) fn read(address: PhysAddr) -> Handover {
    let information = loader_bytes(address, BYTES);
    assert_eq!(
        word(information, 0),
        MAGIC,
        "no hvm_start_info at {address:?}"
    );
    let version = word(information, 4);
    assert!(
        version >= VERSION_MIN,
        "PVH without a memory map: version {version}"
    );

    let mut handover = Handover::default();
    let (map, entries) = (pointer(information, 40), word(information, 48));
    let map = map.expect("PVH with a memory map");
    for entry in loader_bytes(map, entries as usize * MEMORY_BYTES).chunks_exact(MEMORY_BYTES) {
        let kind = MemoryKind::from_number(word(entry, 16));
        handover.add_memory(long(entry, 0), long(entry, 8), kind);
    }
    if let Some(module) = pointer(information, 16).filter(|_| word(information, 12) > 0) {
        let module = loader_bytes(module, MODULE_BYTES);
        let start = PhysAddr::new(long(module, 0));
        handover.archive = PhysRange::new(start, start + long(module, 8));
    }
    if let Some(text) = pointer(information, 24) {
        handover.set_command_line(loader_text(text, TEXT_BYTES_MAX));
    }
    handover.rsdp = pointer(information, 32);
    handover
}

fn pointer(bytes: &[u8], offset: usize) -> Option<PhysAddr> {
    let address = PhysAddr::new(long(bytes, offset));
    (!address.is_null()).then_some(address)
}

fn long(bytes: &[u8], offset: usize) -> u64 {
    u64::from(word(bytes, offset)) | u64::from(word(bytes, offset + 4)) << 32
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(value)
}
