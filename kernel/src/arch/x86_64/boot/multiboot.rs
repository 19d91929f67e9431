//! Reads the data of multiboot2, the protocol of GRUB.

use super::super::cpu;
use super::super::memory::direct_map;
use super::handover::{Handover, MemoryKind, loader_address};
use crate::arch::{Framebuffer, PhysAddr, PhysRange, framebuffer_tag};
use crate::log;
use multiboot2::{BootInformation, TagType};

/// The offset of the root pointer in its tag, after the tag's type and size.
const RSDP_OFFSET: u64 = 8;

/// GRUB's framebuffer. It is read first, so that a panic about missing data can be shown on it.
pub(super) fn framebuffer(address: PhysAddr) -> Option<Framebuffer> {
    let information = load(address);
    let mut tags = information.tags();
    let tag = tags.find(|tag| tag.header().typ == TagType::Framebuffer)?;
    let mut map = Handover::default();
    add_memory(&information, &mut map);
    let memory = [&map.memory, &map.firmware_memory];
    let framebuffer = framebuffer_tag::read(tag.payload());
    let checked = framebuffer.and_then(|framebuffer| {
        framebuffer_tag::check(&framebuffer, memory, cpu::physical_address_bits())?;
        Ok(framebuffer)
    });
    let checked =
        checked.inspect_err(|problem| log!("the loader's framebuffer is not used: {problem}"));
    checked.ok()
}

/// Reads GRUB's data.
pub(super) fn read(address: PhysAddr) -> Handover {
    let information = load(address);
    let mut handover = Handover::default();
    assert!(
        add_memory(&information, &mut handover),
        "multiboot2 without a memory map"
    );
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

/// Adds the memory map; returns whether there is one.
fn add_memory(information: &BootInformation<'_>, handover: &mut Handover) -> bool {
    let Some(map) = information.memory_map_tag() else {
        return false;
    };
    for area in map.memory_areas() {
        let kind = MemoryKind::from_number(u32::from(area.typ()));
        handover.add_memory(area.start_address(), area.size(), kind);
    }
    true
}

fn load(address: PhysAddr) -> BootInformation<'static> {
    // SAFETY: `entry.S` checked that a multiboot2 loader left it, and the early tables map it.
    let information = unsafe { BootInformation::load(direct_map(address).cast()) };
    information.expect("complete multiboot2 information")
}
