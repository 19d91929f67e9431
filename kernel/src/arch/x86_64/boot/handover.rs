//! The loader's data, in the same form for every loader: [`Handover`].

use super::super::cpu;
use super::super::memory::{DIRECT_MAP, direct_map};
use crate::arch::ranges::{self, Ranges};
use crate::arch::{
    BootInformation, COMMAND_LINE_BYTES_MAX, CpuInformation, Framebuffer, PhysAddr, PhysRange,
    PlatformInformation,
};
use crate::log;
use heapless::String;

/// The end of the memory mapped by the early page tables.
pub(super) const EARLY_LIMIT: PhysAddr = PhysAddr::new(4 << 30);

/// The start of free memory. Memory below it is kept for firmware, and for starting further cores.
const FREE_FROM: PhysAddr = PhysAddr::new(1 << 20);

/// The difference between virtual and physical address of the kernel's image.
pub(super) const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// The loader's data.
#[derive(Default)]
pub(super) struct Handover {
    /// RAM not used by firmware. From [`Handover::reserve`] on, it has neither of the next two.
    pub(super) memory: Ranges,
    /// RAM used by firmware.
    pub(super) firmware_memory: Ranges,
    /// Addresses that firmware states not to be RAM.
    pub(super) not_ram: Ranges,
    /// The part of `memory` that is still free.
    pub(super) free: Ranges,
    /// The boot archive.
    pub(super) archive: PhysRange,
    /// Other memory that must not be overwritten.
    pub(super) reserved: PhysRange,
    /// The ACPI root pointer.
    pub(super) rsdp: Option<PhysAddr>,
    /// The command line.
    pub(super) command_line: String<COMMAND_LINE_BYTES_MAX>,
    /// The screen.
    pub(super) framebuffer: Option<Framebuffer>,
}

/// The kinds of memory in a firmware's map, with the same numbers in PVH and multiboot2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MemoryKind {
    Free,
    Firmware,
    NotRam,
}

impl MemoryKind {
    /// The kind with this number: 1 is RAM, 3 and 4 hold ACPI's data, 5 is defective.
    pub(super) fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Free,
            3..=5 => Self::Firmware,
            _ => Self::NotRam,
        }
    }
}

impl Handover {
    /// Adds an entry of the firmware's memory map.
    pub(super) fn add_memory(&mut self, start: u64, byte_count: u64, kind: MemoryKind) {
        let range = ranges::range_of_entry(start, byte_count);
        let list = match kind {
            MemoryKind::Free => &mut self.memory,
            MemoryKind::Firmware => &mut self.firmware_memory,
            MemoryKind::NotRam => &mut self.not_ram,
        };
        if !list.add(range) {
            log!("too many ranges of memory: {range:?} is not used");
        }
    }

    /// Stores the words of the command line, as many as fit.
    pub(super) fn set_command_line(&mut self, text: &str) {
        for word in text.split_ascii_whitespace() {
            let line = &mut self.command_line;
            let length = line.len();
            let separator = if length == 0 { "" } else { " " };
            if line.push_str(separator).is_err() || line.push_str(word).is_err() {
                line.truncate(length);
                log!("the command line is too long: `{word}` and what follows are ignored");
                return;
            }
        }
    }

    /// Removes from `memory` what it cannot have, and computes `free`: whole pages of `memory` that neither the image, the archive nor anything reserved occupies.
    pub(super) fn reserve(&mut self) {
        let archive = self.archive;
        assert!(
            archive.start.is_aligned(4096_u64),
            "the loader put the archive at {:?}, not on a page",
            archive.start
        );
        self.memory = self.memory.whole_pages();
        let others = [&self.firmware_memory, &self.not_ram];
        self.memory
            .keep_usable(others, cpu::physical_address_bits());
        self.free = self.memory.clone();
        for taken in [
            PhysRange::new(PhysAddr::zero(), FREE_FROM),
            image(),
            archive,
            self.reserved,
        ] {
            self.free.remove_pages(taken);
        }
    }

    /// The information for the kernel.
    pub(super) fn into_information(
        self,
        cpu: CpuInformation,
        platform: PlatformInformation,
    ) -> BootInformation {
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
            framebuffer: self.framebuffer,
            command_line: self.command_line,
            platform,
            cpu,
        }
    }
}

/// The range of the kernel's image, with the boot code before it.
pub(super) fn image() -> PhysRange {
    unsafe extern "C" {
        static __boot_start: u8;
        static __kernel_end: u8;
    }
    let start = (&raw const __boot_start).addr() as u64;
    let end = (&raw const __kernel_end).addr() as u64 - KERNEL_BASE;
    PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))
}

/// Bytes that a loader or firmware left in memory; `None` if the early page tables do not map all of them.
pub(super) fn read_loader_bytes(address: u64, byte_count: usize) -> Option<&'static [u8]> {
    let end = address.checked_add(byte_count as u64)?;
    (end <= EARLY_LIMIT.as_u64()).then(|| {
        let start = direct_map(PhysAddr::new(address));
        // SAFETY: the early tables map the first 4 GiB, and nothing writes there while the loader's data is being read.
        unsafe { core::slice::from_raw_parts(start, byte_count) }
    })
}

/// Bytes that a loader left in memory.
///
/// # Panics
/// If the early page tables do not map all of them: the kernel cannot start without them.
pub(super) fn loader_bytes(address: PhysAddr, byte_count: usize) -> &'static [u8] {
    let bytes = read_loader_bytes(address.as_u64(), byte_count);
    bytes.unwrap_or_else(|| {
        panic!("the loader left {byte_count} bytes at {address:?}, beyond 4 GiB")
    })
}

/// A text that a loader left, up to its terminating zero or to the first bytes that are not UTF-8.
pub(super) fn loader_text(address: PhysAddr, bytes_max: usize) -> &'static str {
    let bytes = loader_bytes(address, bytes_max);
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = text.utf8_chunks().next();
    text.map_or("", |chunk| chunk.valid())
}

/// The physical address of the loader's data behind a reference.
pub(super) fn loader_address<T: ?Sized>(data: &T) -> PhysAddr {
    PhysAddr::new((&raw const *data).addr() as u64 - DIRECT_MAP.as_u64())
}
