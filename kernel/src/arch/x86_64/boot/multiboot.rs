//! Reads the data of multiboot2, the protocol of GRUB.

use super::super::memory::direct_map;
use super::handover::{Handover, MemoryKind, loader_address};
use crate::arch::{PhysAddr, PhysRange};
use multiboot2::BootInformation;

/// The offset of the root pointer in its tag, after the tag's type and size.
const RSDP_OFFSET: u64 = 8;

/// Reads GRUB's data.
pub(super) fn read(address: PhysAddr) -> Handover {
    // SAFETY: `entry.S` checked that a multiboot2 loader left the information, and the early tables map it.
    let information = unsafe { BootInformation::load(direct_map(address).cast()) };
    let information = information.expect("complete multiboot2 information");

    let mut handover = Handover::default();
    let map = information
        .memory_map_tag()
        .expect("multiboot2 with a memory map");
    for area in map.memory_areas() {
        let kind = MemoryKind::from_number(u32::from(area.typ()));
        handover.add_memory(area.start_address(), area.size(), kind);
    }
    if let Some(module) = information.module_tags().next() {
        let [start, end] = [module.start_address(), module.end_address()];
        handover.archive = PhysRange::new(PhysAddr::new(start.into()), PhysAddr::new(end.into()));
    }
    if let Some(text) = information.command_line_tag() {
        handover.set_command_line(text.cmdline().unwrap_or_default());
    }
    // The tags hold copies of the root pointer, so the whole information is reserved.
    let copies = [
        information.rsdp_v2_tag().map(loader_address),
        information.rsdp_v1_tag().map(loader_address),
    ];
    handover.rsdp = copies
        .into_iter()
        .flatten()
        .next()
        .map(|tag| tag + RSDP_OFFSET);
    handover.reserved = PhysRange::new(address, address + information.total_size() as u64);
    handover
}
