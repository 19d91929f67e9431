//! What the loader handed over, whichever it was: [`Handover`].

use super::super::memory::{DIRECT_MAP, direct_map};
use crate::arch::ranges::Ranges;
use crate::arch::{BootInformation, CpuInformation, Framebuffer, PhysAddr, PhysRange};
use crate::log;
use heapless::String;

/// What the early page tables map.
pub(super) const EARLY_LIMIT: PhysAddr = PhysAddr::new(4 << 30);

/// Free memory begins here. What is below is left to firmware and to the starting of further cores.
const FREE_FROM: PhysAddr = PhysAddr::new(1 << 20);

/// The kernel's image in physical memory is at its virtual address less this.
pub(super) const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// What the loader handed over.
#[derive(Default)]
pub(super) struct Handover {
    /// RAM that firmware does not use.
    pub(super) memory: Ranges,
    /// RAM that firmware keeps.
    pub(super) firmware_memory: Ranges,
    /// What of `memory` is still free.
    pub(super) free: Ranges,
    /// The boot archive.
    pub(super) archive: PhysRange,
    /// Anything else that must stay as it is.
    pub(super) kept: PhysRange,
    /// The ACPI root pointer.
    pub(super) rsdp: Option<PhysAddr>,
    /// The command line.
    pub(super) command_line: String<1024>,
    /// The screen.
    pub(super) framebuffer: Option<Framebuffer>,
}

/// The kinds of memory in a firmware's map, numbered alike by PVH and multiboot2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MemoryKind {
    Free,
    Firmware,
    NoRam,
}

impl MemoryKind {
    /// From the number in the map: 1 is RAM, 3 and 4 hold ACPI's data, 5 is defective.
    pub(super) fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Free,
            3..=5 => Self::Firmware,
            _ => Self::NoRam,
        }
    }
}

impl Handover {
    /// Adds an entry of the firmware's memory map.
    pub(super) fn add_memory(&mut self, start: u64, byte_count: u64, kind: MemoryKind) {
        let Ok(start) = PhysAddr::try_new(start) else {
            return;
        };
        let end = PhysAddr::new_truncate(start.as_u64().saturating_add(byte_count));
        let list = match kind {
            MemoryKind::Free => &mut self.memory,
            MemoryKind::Firmware => &mut self.firmware_memory,
            MemoryKind::NoRam => return,
        };
        if !list.add(PhysRange::new(start, end)) {
            log!("too many ranges of memory: {start:?} to {end:?} is not used");
        }
    }

    /// Takes the command line, as much as there is room for.
    pub(super) fn set_command_line(&mut self, text: &str) {
        for character in text.chars() {
            if self.command_line.push(character).is_err() {
                log!("the command line is too long: its end is cut off");
                return;
            }
        }
    }

    /// Works out what is free.
    pub(super) fn reserve(&mut self) {
        let archive = self.archive;
        assert!(
            archive.start.is_aligned(4096_u64),
            "the loader put the archive at {:?}, not on a page",
            archive.start
        );
        self.memory = self.memory.whole_pages();
        self.free = self.memory.clone();
        for taken in [
            PhysRange::new(PhysAddr::zero(), FREE_FROM),
            image(),
            archive,
            self.kept,
        ] {
            self.free.remove_pages(taken);
        }
    }

    /// What the kernel gets to know.
    pub(super) fn into_information(self, cpu: CpuInformation) -> BootInformation {
        let mut ram = self.memory;
        for &range in &self.firmware_memory.0 {
            if !ram.add(range) {
                log!("too many ranges of memory: {range:?} is not known as RAM");
            }
        }
        BootInformation {
            memory: self.free.0,
            ram: ram.0,
            archive: self.archive,
            rsdp: self.rsdp,
            command_line: self.command_line,
            framebuffer: self.framebuffer,
            cpu,
        }
    }
}

/// Where the kernel's image is, with the boot code before it.
pub(super) fn image() -> PhysRange {
    unsafe extern "C" {
        static __boot_start: u8;
        static __kernel_end: u8;
    }
    let start = (&raw const __boot_start).addr() as u64;
    let end = (&raw const __kernel_end).addr() as u64 - KERNEL_BASE;
    PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))
}

/// Bytes that a loader or firmware left in memory; none if the early page tables do not map all of them.
pub(super) fn read_left_bytes(address: u64, byte_count: usize) -> Option<&'static [u8]> {
    let end = address.checked_add(byte_count as u64)?;
    (end <= EARLY_LIMIT.as_u64()).then(|| {
        let start = direct_map(PhysAddr::new(address));
        // SAFETY: the early tables map the first 4 GiB, and nobody writes there while the loader's data is being read.
        unsafe { core::slice::from_raw_parts(start, byte_count) }
    })
}

/// Bytes that a loader left in memory.
///
/// # Panics
/// If the early page tables do not map all of them: nothing can be started from what it left.
pub(super) fn left_bytes(address: PhysAddr, byte_count: usize) -> &'static [u8] {
    let bytes = read_left_bytes(address.as_u64(), byte_count);
    bytes.unwrap_or_else(|| {
        panic!("the loader left {byte_count} bytes at {address:?}, beyond 4 GiB")
    })
}

/// A text that a loader left, up to its terminating zero; what is no UTF-8 is left out.
pub(super) fn left_text(address: PhysAddr, bytes_max: usize) -> &'static str {
    let bytes = left_bytes(address, bytes_max);
    let length = bytes.iter().position(|&byte| byte == 0);
    core::str::from_utf8(&bytes[..length.unwrap_or(bytes_max)]).unwrap_or_default()
}

/// The physical address behind a reference to what a loader left.
pub(super) fn left_address<T: ?Sized>(left: &T) -> PhysAddr {
    PhysAddr::new((&raw const *left).addr() as u64 - DIRECT_MAP.as_u64())
}
